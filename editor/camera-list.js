/* Adds the list that opens below a camera field to RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const MOST_SHOWN = 100;
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /** Cameras with all the words: first those that have them in their name, then those that need their id for it. */
  function matching(cameras, text) {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean);
    const hasAll = (where) => words.every((word) => where.toLowerCase().includes(word));
    const { compare } = new Intl.Collator(RED.i18n.lang() || undefined, { numeric: true });
    const sorted = [...cameras].sort((a, b) => compare(a.name, b.name));
    const byName = sorted.filter(({ name }) => hasAll(name));
    return [...byName, ...sorted.filter((each) => !byName.includes(each) && hasAll(`${each.name} ${each.id}`))];
  }

  /** "online", "offline", or nothing where that is not known. */
  function cameraState({ online }) {
    if (online === undefined) return '';
    return online ? _('clip-provider.camera.online') : _('clip-provider.camera.offline');
  }

  function option(camera) {
    const item = $('<li role="option">').data('camera', camera.id);
    const dot = $('<i class="fa" aria-hidden="true">').addClass(camera.online ? 'fa-circle' : 'fa-circle-o');
    if (camera.online !== undefined) item.append(dot.toggleClass('video-clips-online', camera.online));
    $('<span>')
      .text(camera.name || camera.id)
      .appendTo(item);
    $('<span class="video-clips-camera-id">').text(camera.id).appendTo(item);
    return item.append($('<span class="video-clips-camera-state">').text(cameraState(camera)));
  }

  /**
   * The list of a combobox: `input` keeps the focus, and says which option is the active one.
   * `onChoose` gets the id of a camera that was clicked.
   */
  function cameraList(input, id, onChoose) {
    const list = $('<ul role="listbox">').attr({ id, 'aria-label': _('clip-provider.camera.label') });
    const options = () => list.children('[role="option"]');
    let active = -1;

    function activate(index) {
      active = index;
      const chosen = options().removeClass('video-clips-active').eq(index);
      const isThere = index >= 0 && chosen.length > 0;
      input.attr('aria-activedescendant', isThere ? chosen.attr('id') : null);
      if (isThere) chosen.addClass('video-clips-active')[0].scrollIntoView({ block: 'nearest' });
    }

    list.on('mousedown', (event) => event.preventDefault());
    list.on('click', '[role="option"]', (event) => onChoose($(event.currentTarget).data('camera')));

    return {
      element: list,
      /** `text`: what was typed; empty shows all. `value`: the id in the field. */
      show(cameras, text, value) {
        const found = matching(cameras, text);
        const shown = found.slice(0, MOST_SHOWN);
        list.empty().append(shown.map(option));
        options().each((index, item) => {
          $(item).attr({ id: `${id}-${index}`, 'aria-selected': String(shown[index].id === value) });
        });
        const number = found.length - shown.length;
        const more = $('<li role="presentation">').text(_('clip-provider.camera.more', { number }));
        if (number > 0) list.append(more);
        clips.showIf(list, shown.length > 0);
        input.attr('aria-expanded', String(shown.length > 0));
        const exact = shown.findIndex((each) => each.id === value);
        activate(exact < 0 && text !== '' ? 0 : exact);
      },
      hide() {
        list.hide();
        input.attr({ 'aria-expanded': 'false', 'aria-activedescendant': null });
        active = -1;
      },
      move(step) {
        const count = options().length;
        if (count > 0) activate(active < 0 && step < 0 ? count - 1 : (active + step + count) % count);
      },
      /** Id of the active camera, if there is one. */
      active: () => (active < 0 ? undefined : options().eq(active).data('camera')),
    };
  }

  Object.assign(clips, { cameraList, cameraState });
})();
