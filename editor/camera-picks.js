/* Adds a field for several cameras, with search in the list of their connection, to RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-events';
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /** Stored as a list; an environment variable stays text. */
  const listed = (text) =>
    clips.isEnv(text)
      ? text
      : text
          .split(',')
          .map((each) => each.trim())
          .filter((each, index, all) => each !== '' && all.indexOf(each) === index);

  /** A list in a text field, with commas in between. The returned function reads it. */
  function listField(input, stored) {
    input.val(Array.isArray(stored) ? stored.join(', ') : stored);
    return () => listed(String(input.val()).trim());
  }

  /**
   * Turns a text field into a search that adds cameras to those before it. The returned function reads all of them: also
   * what was typed and not added.
   */
  function cameraPicks(input, connection, stored) {
    const picked = Array.isArray(stored) ? stored.map(String) : [];
    if (!Array.isArray(stored)) input.val(stored);
    const row = input.closest('.form-row').addClass('video-clips-camera');
    const picks = $('<div class="video-clips-picks" role="list">');
    const words = $('<span role="status">').attr('id', `${input.attr('id')}-note`);
    const note = $('<div class="video-clips-hint">').append(words);
    const options = `${input.attr('id')}-options`;
    const list = clips.cameraList(input, options, pick);
    row.append(list.element.hide(), note, picks);
    input.attr({
      role: 'combobox',
      autocomplete: 'off',
      'aria-autocomplete': 'list',
      'aria-controls': options,
      'aria-describedby': words.attr('id'),
      'aria-expanded': 'false',
    });
    let isOpen = false;

    const known = () => clips.knownCameras(connection.val());
    const nameOf = (id) => known()?.cameras?.find((camera) => camera.id === id)?.name || id;

    function draw() {
      clips.showIf(picks.empty().append(picked.map(pickOf)), picked.length > 0);
      const text = clips.describeCamera(known(), '');
      words.text(text || (picked.length === 0 ? _('clip-events.hint.cameras') : ''));
      note.toggleClass('video-clips-problem', Boolean(known()?.error));
      if (!isOpen) return;
      const { left, top } = input.position();
      list.element.css({ left, top: top + input.outerHeight(), width: input.outerWidth() });
      const others = (known()?.cameras || []).filter(({ id }) => !picked.includes(id));
      list.show(others, String(input.val()).trim(), '');
    }

    function pickOf(id) {
      const remove = $('<button type="button" class="red-ui-button red-ui-button-small">')
        .attr('aria-label', _('clip-events.label.remove', { name: nameOf(id) }))
        .append('<i class="fa fa-times" aria-hidden="true"></i>')
        .on('click', () => {
          picked.splice(picked.indexOf(id), 1);
          draw();
          input.trigger('focus');
        });
      return $('<span role="listitem">').append($('<span>').text(nameOf(id)).attr('title', id), remove);
    }

    function ask() {
      clips.askCameras(connection.val(), {}, () => document.contains(input[0]) && draw());
    }

    function open() {
      isOpen = true;
      ask();
      draw();
    }

    function close() {
      isOpen = false;
      list.hide();
    }

    function pick(id) {
      if (id && !picked.includes(id)) picked.push(id);
      input.val('');
      close();
      draw();
    }

    function press(key) {
      if (key === 'Enter') return pick((isOpen && list.active()) || String(input.val()).trim());
      if (!isOpen) return key === 'ArrowDown' ? open() : false;
      if (key === 'ArrowDown') return list.move(1);
      if (key === 'ArrowUp') return list.move(-1);
      return key === 'Escape' ? close() : false;
    }

    input.on('keydown', (event) => {
      if (clips.isEnv(String(input.val()).trim()) || press(event.key) === false) return;
      event.preventDefault();
      event.stopPropagation();
    });
    input.on('input click', open);
    input.on('blur', close);
    connection.on('change', () => {
      // One that runs is asked for the names of the cameras; to others, nobody logs in unasked.
      if (picked.length > 0 && clips.isDeployed(connection.val())) ask();
      draw();
    });
    draw();

    return () => {
      const typed = listed(String(input.val()).trim());
      return Array.isArray(typed) ? [...picked, ...typed.filter((id) => !picked.includes(id))] : typed;
    };
  }

  Object.assign(clips, { cameraPicks, listField });
})();
