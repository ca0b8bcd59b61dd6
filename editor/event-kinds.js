/* Offers the kinds of events that a connection can list. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /** Can the provider of this connection list no events? Unknown providers get the benefit of the doubt. */
  function lacksEvents(connection) {
    const provider = clips.provider(clips.providerOf(connection));
    return provider !== undefined && !(provider.eventKinds?.length > 0);
  }

  function boxOf(provider, { value, label }, isChosen) {
    const id = `node-input-kinds-${value}`.replace(/[^\w-]/g, '_');
    const box = $('<input type="checkbox">').attr({ id, value }).prop('checked', isChosen);
    const text = _(`kinds.${provider}.${value}`, { defaultValue: label });
    return $('<div>').append(box, $('<label>').attr('for', id).text(text));
  }

  /**
   * Draws a check box for each kind. What is stored for a provider that is not known, or as a variable, stays as it is.
   * `show` draws those of a connection; `read` gives what is chosen.
   */
  function kindsField(element, stored) {
    const chosen = new Set(Array.isArray(stored) ? stored : []);
    let boxes = $();

    function show(connection) {
      const id = clips.providerOf(connection);
      const provider = clips.provider(id);
      const kinds = (Array.isArray(stored) && provider?.eventKinds) || [];
      element.empty().append(kinds.map((kind) => boxOf(id, kind, chosen.has(kind.value))));
      boxes = element.find('input');
      boxes.on('change', (event) => {
        if (event.target.checked) chosen.add(event.target.value);
        else chosen.delete(event.target.value);
      });
      if (!Array.isArray(stored)) element.text(stored);
      return kinds.length > 0;
    }

    /** In the order in which the provider has them. */
    function read() {
      if (boxes.length === 0) return stored;
      return boxes
        .filter(':checked')
        .map((index, box) => box.value)
        .get();
    }

    return { show, read };
  }

  Object.assign(clips, { kindsField, lacksEvents });
})();
