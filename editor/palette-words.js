/* Lets people find our nodes in the palette by words that are not in their names: camera, nvr, mp4. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /** The palette searches in types and in this attribute, which is shown nowhere. */
  const LABEL = 'data-palette-label';

  function addWords() {
    const words = _('clip-provider.search');
    $('#red-ui-palette-container .red-ui-palette-node').each((index, element) => {
      const node = $(element);
      const isOurs = RED.nodes.getType(node.attr('data-palette-type'))?.category === 'video clips';
      const label = node.attr(LABEL) || '';
      if (isOurs && !label.includes(words)) node.attr(LABEL, `${label} ${words}`);
    });
  }

  // By the time that flows are loaded, all nodes are in the palette; some may be installed later.
  RED.events.on('flows:loaded', addWords);
  RED.events.on(
    'registry:node-type-added',
    (type) => RED.nodes.getType(type)?.category === 'video clips' && addWords(),
  );

  Object.assign((RED.videoClips ??= {}), { addWords });
})();
