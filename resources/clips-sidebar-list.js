/* A list of which only what can be seen is in the document. Part of RED.videoClips. */
(function () {
  'use strict';

  /** As in the style sheet. */
  const ROW_PX = 76;
  /** Drawn beyond the edges, so that scrolling shows no hole. */
  const SPARE_ROWS = 3;

  /**
   * draw(element, item): fills the element of an item. Items have an `id`, and a new object for every change.
   * The returned `show(items)` shows these, in this order.
   */
  function virtualList(container, draw) {
    let items = [];
    /** By item id: what is in the document now. */
    const drawn = new Map();
    const space = $('<div class="video-clips-space" role="list">').appendTo(container);

    function window() {
      const height = container[0].clientHeight;
      const first = Math.max(0, Math.floor(container[0].scrollTop / ROW_PX) - SPARE_ROWS);
      const count = Math.ceil(height / ROW_PX) + 2 * SPARE_ROWS;
      return { first, last: Math.min(items.length, first + count) };
    }

    function refresh() {
      const { first, last } = window();
      const wanted = new Set(items.slice(first, last).map(({ id }) => id));
      for (const [id, { element }] of drawn) {
        if (wanted.has(id)) continue;
        element.remove();
        drawn.delete(id);
      }
      let previous = null;
      for (let index = first; index < last; index += 1) {
        const { element } = place(items[index], index);
        // Whoever goes through them by keyboard meets them in the order that they are seen in.
        if (!element[0].isConnected || element[0].previousElementSibling !== previous) {
          if (previous) element.insertAfter(previous);
          else element.prependTo(space);
        }
        previous = element[0];
      }
    }

    function place(item, index) {
      let known = drawn.get(item.id);
      if (!known) {
        known = { element: $('<div class="video-clips-row" role="listitem">') };
        drawn.set(item.id, known);
      }
      if (known.item !== item) draw(known.element, item);
      if (known.index !== index || known.of !== items.length) {
        known.element.css('top', index * ROW_PX).attr({ 'aria-posinset': index + 1, 'aria-setsize': items.length });
      }
      return Object.assign(known, { item, index, of: items.length });
    }

    let due = 0;
    const refreshSoon = () => {
      due ||= requestAnimationFrame(() => {
        due = 0;
        refresh();
      });
    };
    container.on('scroll', refreshSoon);
    new ResizeObserver(refreshSoon).observe(container[0]);

    return {
      show(next) {
        items = next;
        space.css('height', items.length * ROW_PX);
        refreshSoon();
      },
    };
  }

  Object.assign((RED.videoClips ??= {}), { virtualList });
})();
