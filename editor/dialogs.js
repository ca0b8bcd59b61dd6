/* Functions that all dialogs of this package share, as RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const CORE_TYPES = ['msg', 'flow', 'global', 'str', 'num', 'bool', 'json', 'bin', 'date', 'jsonata', 'env'];
  /** Sources of an instant. */
  const INSTANT_TYPES = ['msg', 'flow', 'global', 'jsonata', 'str', 'num', 'date'];
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /**
   * To be called first in oneditprepare. Properties that the flow lacks (written by hand, or by an older version) take
   * their default, and values that a control cannot show by itself, such as `${NAME}` in a checkbox, are shown as
   * they are: closing the dialog unchanged must not change the node.
   */
  function prepare(node) {
    const prefix = clips.inputPrefix(node);
    for (const [name, definition] of Object.entries(node._def.defaults)) {
      if (node[name] === undefined && definition.value !== undefined) {
        node[name] = JSON.parse(JSON.stringify(definition.value));
      }
      const input = $(`#${prefix}-${name}`);
      input.closest('form').data('videoClipsNode', node.id);
      if (!definition.type) writeInput(input, node[name]);
    }
    if (node._def.credentials) fillCredentials(node);
  }

  /**
   * The editor takes "not stored" and "empty" for two things, and would see a change where there is none. Only for
   * credentials that came from the runtime (`_` is their copy): imported ones still have to be sent.
   */
  function fillCredentials(node) {
    if (!node.credentials || !node.credentials._) return;
    for (const [name, { type }] of Object.entries(node._def.credentials)) {
      const [key, empty] = type === 'password' ? [`has_${name}`, false] : [name, ''];
      for (const values of [node.credentials, node.credentials._]) {
        if (values[key] === undefined) values[key] = empty;
      }
    }
  }

  function writeInput(input, value) {
    if (input.attr('type') === 'checkbox') {
      if (typeof value === 'string' && value !== '') input.attr('type', 'text').val(value);
      else input.prop('checked', !!value);
    } else if (input.is('select')) {
      offerValue(input, value);
      input.val(value);
    } else {
      input.val(value);
    }
  }

  /** Where there is no connection yet, the editor offers only to add one, and calls that what is chosen. */
  function nameNone(select) {
    const only = select.find('option[value="_ADD_"]');
    if (select.find('option').length === 1) only.text(_('clip-provider.none'));
  }

  /** Shows the choice of a connection only where it counts. */
  function connectionChoice(isRequired = false) {
    const type = $('#node-input-connectionType');
    if (!isRequired) nameNone($('#node-input-connection'));
    const show = () => clips.showIf($('.video-clips [data-connection="node"]'), type.val() !== 'msg');
    type.on('change', show);
    show();
  }

  function offerValue(select, value, text) {
    const known = select.find('option').filter((index, option) => option.value === String(value));
    if (known.length === 0)
      $('<option>')
        .attr('value', value)
        .text(text || value)
        .appendTo(select);
  }

  /** To be called in oneditsave: inputs give text, flows keep numbers. */
  function saveNumbers(node, names) {
    for (const name of names) {
      const input = $(`#${clips.inputPrefix(node)}-${name}`);
      const text = String(input.val()).trim();
      input.val(text);
      if (String(node[name]) !== text) node[name] = clips.isNumeric(text) ? Number(text) : text;
    }
  }

  /** What jQuery's `toggle` does, without its question for the style of each element: that costs a pass over the page. */
  const showIf = (elements, isShown) => elements.css('display', isShown ? '' : 'none');

  /** Turns `#node-input-<name>` and `#node-input-<name>Type` into a typed input. `own`: what stands for a type, by its name. */
  function typedInput(node, name, types, own = {}) {
    const type = node[`${name}Type`];
    const all = CORE_TYPES.includes(type) && !types.includes(type) ? [...types, type] : types;
    const input = $(`#node-input-${name}`);
    const typeField = $(`#node-input-${name}Type`);
    aside(input.closest('.form-row')[0], () =>
      input.typedInput({
        types: all.map((each) => own[each] || (each === 'date' ? nowType(type === 'date' ? node[name] : '') : each)),
        typeField,
      }),
    );
    const label = `node-input-${name}-label`;
    $(`label[for="node-input-${name}"]`).attr('id', label);
    const container = input.next('.red-ui-typedInput-container');
    container.find('input.red-ui-typedInput-input').on('input blur', ({ type: event }) => {
      input.data('videoClipsTyped', true);
      if (event === 'blur' && input.val() === '') input.trigger('change');
    });
    container.find('input').attr('aria-labelledby', label);
    // Many of these buttons show no more than an icon.
    container.find('button').each((index, button) => {
      const id = `node-input-${name}-button-${index}`;
      $(button).attr({ id, 'aria-labelledby': `${label} ${id}` });
    });
  }

  /** Out of the document, a widget's questions for styles cost nothing: in it, each is a pass over the page. */
  function aside(row, build) {
    const [parent, next] = [row.parentNode, row.nextSibling];
    row.remove();
    build();
    parent.insertBefore(row, next);
  }

  /** The core type `date`, without its choice of formats: here an instant is an instant. A stored format is kept. */
  function nowType(format) {
    const now = _('clip-provider.now');
    const stored = format ? [{ value: format, label: `${now} (${format})` }] : [];
    return { value: 'date', label: now, icon: 'fa fa-clock-o', options: [{ value: '', label: now }, ...stored] };
  }

  Object.assign(clips, { INSTANT_TYPES, connectionChoice, prepare, offerValue, saveNumbers, showIf, typedInput });
})();
