/* Keeps only the visible rows of a list in the document. Part of RED.videoClips. */
(function () {
  'use strict';

  /** Drawn beyond the edges, so that scrolling shows no hole. */
  const SPARE_PX = 240;

  /**
   * Items have an `id`, and a new object for every change.
   * - draw(element, item): fills the element of an item, anew for a new object
   * - heightOf(item): its pixels; `undefined`: as high as its content, once that was drawn
   * The returned `show(items)` shows these, in this order; `redraw(id)` draws one again as it is.
   */
  function virtualList(container, { draw, heightOf }) {
    let items = [];
    /** Where each begins, and at the end where the last one ends. */
    let tops = [0];
    /** By item id: what is in the document now, and how high it was there. */
    const drawn = new Map();
    const measured = new Map();
    const space = $('<div class="video-clips-space" role="list">').appendTo(container);

    /** Of what has not been drawn yet. */
    const GUESS_PX = 200;

    function layOut() {
      tops = [0];
      for (const [index, item] of items.entries()) {
        tops.push(tops[index] + (heightOf(item) ?? measured.get(item.id) ?? GUESS_PX));
      }
      const height = `${tops[items.length]}px`;
      if (space[0].style.height !== height) space[0].style.height = height;
    }

    /** The last item that begins at or above a place. */
    function indexAt(px) {
      let [low, high] = [0, items.length];
      while (high - low > 1) {
        const middle = (low + high) >> 1;
        if (tops[middle] <= px) low = middle;
        else high = middle;
      }
      return low;
    }

    function refresh() {
      const { scrollTop, clientHeight } = container[0];
      const first = indexAt(scrollTop - SPARE_PX);
      const last = Math.min(items.length, indexAt(scrollTop + clientHeight + SPARE_PX) + 1);
      const wanted = new Set(items.slice(first, last).map(({ id }) => id));
      for (const [id, { element }] of drawn) {
        if (wanted.has(id)) continue;
        heights.unobserve(element[0]);
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
        known = { element: $('<div class="video-clips-row" role="listitem">').data('id', item.id) };
        drawn.set(item.id, known);
        heights.observe(known.element[0]);
      }
      if (known.item !== item) draw(known.element, item);
      const [top, height] = [tops[index], heightOf(item) ?? ''];
      if (known.top !== top || known.height !== height) known.element.css({ top, height });
      if (known.index !== index || known.of !== items.length) {
        known.element.attr({ 'aria-posinset': index + 1, 'aria-setsize': items.length });
      }
      return Object.assign(known, { item, index, top, height, of: items.length });
    }

    let due = 0;
    const refreshSoon = () => {
      due ||= requestAnimationFrame(() => {
        due = 0;
        refresh();
      });
    };
    const heights = new ResizeObserver((entries) => {
      let isOther = false;
      for (const { target } of entries) {
        const { offsetHeight: height } = target;
        const id = $(target).data('id');
        if (height === 0 || measured.get(id) === height) continue;
        measured.set(id, height);
        isOther ||= target.style.height === '';
      }
      if (!isOther) return;
      layOut();
      refreshSoon();
    });
    container.on('scroll', refreshSoon);
    new ResizeObserver(refreshSoon).observe(container[0]);

    return {
      show(next) {
        items = next;
        layOut();
        refreshSoon();
      },
      redraw(id) {
        const known = drawn.get(id);
        if (known) known.item = undefined;
        layOut();
        refreshSoon();
      },
    };
  }

  Object.assign((RED.videoClips ??= {}), { virtualList });
})();
