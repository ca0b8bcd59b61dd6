/* Adds a typed input for a camera, with search in the list of its connection, to RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const TYPES = ['msg', 'str', 'flow', 'global', 'jsonata', 'env'];
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /** Describes the camera with this id, by what is known of its connection. */
  function describe(known, id) {
    if (!known) return '';
    if (known.isAsked) return _('clip-provider.camera.asking');
    if (known.error) {
      const { words, detail } = clips.explain(known.error);
      return detail ? `${words}. ${detail}` : words;
    }
    const number = known.cameras.length;
    if (id === '') return _('clip-provider.camera.search', { number });
    const found = known.cameras.find((camera) => camera.id === id);
    if (found) return [found.name, clips.cameraState(found)].filter(Boolean).join(', ');
    return clips.isEnv(id) ? '' : _('clip-provider.camera.unknown', { number });
  }

  /**
   * Turns `#node-input-<name>` into a typed input whose type `str` is a camera: searched for by name in the list of the
   * connection chosen in `#node-input-connection`, or simply typed.
   */
  function cameraField(node, name) {
    const label = _('clip-provider.camera.label');
    clips.typedInput(node, name, TYPES, {
      str: { value: 'str', label, icon: 'fa fa-video-camera', hasValue: true },
    });
    const field = $(`#node-input-${name}`);
    const container = field.next('.red-ui-typedInput-container');
    const input = container.find('input.red-ui-typedInput-input');
    const connection = $('#node-input-connection');
    const row = field.closest('.form-row').addClass('video-clips-camera');
    const list = clips.cameraList(input, `node-input-${name}-list`, choose);
    const note = $('<div class="video-clips-hint">');
    const words = $('<span role="status">').attr('id', `node-input-${name}-note`).appendTo(note);
    const refresh = $('<button type="button" class="red-ui-button red-ui-button-small">').appendTo(note);
    refresh.append(
      '<i class="fa fa-refresh" aria-hidden="true"></i> ',
      $('<span>').text(_('clip-provider.camera.refresh')),
    );
    row.append(list.element.hide(), note);

    const isCamera = () => field.typedInput('type') === 'str';
    const value = () => String(input.val()).trim();
    let isOpen = false;
    let filter = '';
    let wasCamera = isCamera();
    /** A camera, and what anything else was last. Nobody has a camera with the name of a message property. */
    const texts = new Map([
      [true, ''],
      [false, node._def.defaults[name].value],
    ]);

    function ask(options = {}) {
      if (isCamera()) clips.askCameras(connection.val(), options, () => document.contains(input[0]) && draw());
      draw();
    }

    function draw() {
      const known = clips.knownCameras(connection.val());
      clips.showIf(note, isCamera() && clips.providerOf(connection.val()) !== undefined);
      note.toggleClass('video-clips-problem', Boolean(known?.error));
      words.text(isCamera() ? describe(known, value()) : '');
      clips.showIf(refresh, known !== undefined && !known.isAsked);
      if (!isOpen) return;
      const { left, top } = container.position();
      list.element.css({ left, top: top + container.outerHeight(), width: container.outerWidth() });
      list.show(known?.cameras || [], filter, value());
    }

    /** `text`: what to search for. */
    function open(text) {
      filter = text;
      isOpen = true;
      ask();
    }

    function close() {
      isOpen = false;
      if (isCamera()) list.hide();
    }

    function choose(id) {
      if (id !== undefined) field.typedInput('value', id);
      close();
      draw();
    }

    /** What a key does; `false` where it is not for the list. */
    function press(key) {
      if (!isOpen) return key === 'ArrowDown' ? open('') : false;
      if (key === 'ArrowDown') return list.move(1);
      if (key === 'ArrowUp') return list.move(-1);
      if (key === 'Escape') return close();
      return key === 'Enter' ? choose(list.active()) : false;
    }

    input.on('keydown', (event) => {
      if (!isCamera() || press(event.key) === false) return;
      event.preventDefault();
      event.stopPropagation();
    });
    input.on('input', () => isCamera() && open(value()));
    input.on('click', () => isCamera() && !isOpen && open(''));
    input.on('blur', close);
    refresh.on('click', () => ask({ refresh: true }));

    /** A combobox, or whatever the editor makes of the other types. */
    function become() {
      const combobox = {
        role: 'combobox',
        'aria-label': label,
        'aria-autocomplete': 'list',
        'aria-controls': `node-input-${name}-list`,
        'aria-describedby': `node-input-${name}-note`,
        'aria-expanded': 'false',
        placeholder: _('clip-provider.camera.placeholder'),
      };
      for (const [attribute, text] of Object.entries(combobox)) input.attr(attribute, isCamera() ? text : null);
      list.element.hide();
      isOpen = false;
      draw();
    }

    /** The editor itself keeps the text when another type is chosen. */
    function changed() {
      if (isCamera() === wasCamera) return become();
      texts.set(wasCamera, value());
      wasCamera = isCamera();
      field.typedInput('value', texts.get(wasCamera));
      become();
    }

    field.on('change', changed);
    connection.on('change', () => {
      become();
      // One that runs is asked for the name of the camera; to others, nobody logs in unasked.
      if (value() !== '' && clips.isDeployed(connection.val())) ask();
    });
    become();
  }

  Object.assign(clips, { cameraField, describeCamera: describe });
})();
