/* Draws forms from the field lists of providers, ours and those of other packages, as part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const FIELD_ICONS = { text: 'fa-pencil', url: 'fa-globe', number: 'fa-hashtag', select: 'fa-list-ul' };
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);
  const fieldHint = (id, field) => _(`hints.${id}.${field.name}`, { defaultValue: field.hint || '' });
  const choiceLabel = (id, field, choice) =>
    _(`choices.${id}.${field.name}.${choice.value || 'unset'}`, { defaultValue: choice.label || choice.value });

  function fieldControl(field, id, stored) {
    const value = stored ?? field.default;
    const asCheckbox = field.kind === 'boolean' && [true, false, 'true', 'false', ''].includes(value);
    let input;
    if (asCheckbox) {
      input = $('<input type="checkbox">').prop('checked', value === true || value === 'true');
    } else if (field.kind === 'select') {
      input = $('<select>');
    } else {
      input = $('<input type="text" autocomplete="off">').val(value);
    }
    input.attr('id', id).toggleClass('video-clips-number', field.kind === 'number');
    if (field.required) input.attr('aria-required', 'true');
    if (field.suggestions) input.attr('list', `${id}-list`);
    const read = () => {
      if (asCheckbox) return input.prop('checked');
      const text = String(input.val() ?? '').trim();
      return field.kind === 'number' && clips.isNumeric(text) ? Number(text) : text;
    };
    return { input, value, read };
  }

  /** fields, beside(): the whole form, and its values. */
  function fieldRow(providerId, field, id, stored, { fields, beside }) {
    const control = fieldControl(field, id, stored);
    const { input, read } = control;
    const row = $('<div class="form-row">').toggleClass('video-clips-check', field.kind === 'boolean');
    const label = $('<label>').attr('for', id);
    if (FIELD_ICONS[field.kind]) label.append($('<i class="fa">').addClass(FIELD_ICONS[field.kind]), ' ');
    $('<span>')
      .text(clips.fieldLabel(providerId, field))
      .toggleClass('video-clips-required', !!field.required)
      .appendTo(label);
    if (field.kind === 'select') {
      for (const choice of field.choices) {
        $('<option>')
          .attr('value', choice.value)
          .text(choiceLabel(providerId, field, choice))
          .appendTo(input);
      }
      clips.offerValue(input, control.value);
      input.val(control.value);
    }
    row.append(field.kind === 'boolean' ? [input, label] : [label, ' ', input]);
    if (field.suggestions) {
      const options = field.suggestions.map((value) => $('<option>').attr('value', value));
      $('<datalist>').attr('id', `${id}-list`).append(options).appendTo(row);
    }

    const described = [];
    const hint = fieldHint(providerId, field);
    if (hint !== '') {
      $('<div class="video-clips-hint">').attr('id', `${id}-hint`).text(hint).appendTo(row);
      described.push(`${id}-hint`);
    }
    const message = $('<div class="video-clips-problem" role="status">').attr('id', `${id}-problem`).appendTo(row);
    described.push(`${id}-problem`);
    input.attr('aria-describedby', described.join(' '));

    const check = () => {
      const problem = clips.fieldProblem(providerId, clips.neededField(field, fields, beside()), read());
      input.toggleClass('input-error', problem !== '').attr('aria-invalid', String(problem !== ''));
      clips.showIf(message.text(problem), problem !== '');
      return problem === '';
    };
    input.on('input change', check);
    const initial = read();
    /** A value that is set counts, and so it is shown. */
    const arrange = () => {
      if (!field.visibleWhen) return;
      clips.showIf(row, clips.holds(field.visibleWhen, fields, beside()) !== false || read() !== field.default);
    };
    return { name: field.name, row, input, read, check, arrange, changed: () => read() !== initial };
  }

  /**
   * Draws a form from a provider's field list. Only one form is visible at a time; those of other providers are kept,
   * so that choosing another one and coming back loses nothing.
   *
   * list: `settings` or `clipOptions`; `basic` and `advanced`: the elements to draw in; changed(): called when a value is.
   */
  function fieldForms({ list, idPrefix, basic, advanced, changed = () => undefined }) {
    const forms = new Map();

    /** isFresh: nobody has typed anything into it, so nothing is wrong yet. */
    function draw(id, stored, isFresh) {
      const values = clips.asObject(stored);
      const rows = [];
      const beside = () => ({ ...values, ...Object.fromEntries(rows.map(({ name, read }) => [name, read()])) });
      const parts = [$('<div>').appendTo(basic), $('<div>').appendTo(advanced)];
      const fields = clips.provider(id)[list] || [];
      for (const field of fields) {
        const row = fieldRow(id, field, `${idPrefix}-${id}-${field.name}`, values[field.name], { fields, beside });
        row.row.appendTo(field.advanced ? parts[1] : parts[0]);
        rows.push(row);
        row.input.on('input change', () => {
          rows.forEach(({ arrange }) => arrange());
          changed();
        });
      }
      for (const row of rows) {
        row.arrange();
        if (!isFresh && !row.check()) row.row.closest('details').prop('open', true);
      }
      return { rows, parts, hasAdvanced: parts[1].children().length > 0 };
    }

    return {
      /** Shows the provider's form; `undefined` when the provider is not known here. */
      show(id, stored, isFresh = false) {
        for (const form of forms.values()) form.parts.forEach((part) => part.prop('hidden', true));
        if (!clips.provider(id)) return undefined;
        if (!forms.has(id)) forms.set(id, draw(id, stored, isFresh));
        const form = forms.get(id);
        form.parts.forEach((part) => part.prop('hidden', false));
        return form;
      },
      /** The first control whose value does not hold, in view. */
      wrong(id) {
        const row = forms.get(id)?.rows.find((each) => !each.check());
        row?.input.closest('details').prop('open', true);
        return row?.input;
      },
      /** All values as they stand. */
      values: (id) => Object.fromEntries((forms.get(id)?.rows || []).map(({ name, read }) => [name, read()])),
      /** Stored values with the changes of the form. Keys that the form does not know are kept. */
      read(id, stored) {
        const values = { ...clips.asObject(stored) };
        for (const row of forms.get(id)?.rows || []) {
          if (row.changed()) values[row.name] = row.read();
        }
        return values;
      },
    };
  }

  Object.assign(clips, { fieldForms });
})();
