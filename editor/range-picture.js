/* Draws the range of create-clip: what is cut, when it is asked for, and how much the video system makes at most. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/create-clip';
  const SVG = 'http://www.w3.org/2000/svg';
  /** Of Font Awesome 4.7: bolt, play, stop, scissors. */
  const GLYPHS = { event: '\uf0e7', start: '\uf04b', end: '\uf04d', ask: '\uf0c4' };
  /** Percent of the width: lengths stretch with the dialog, texts keep their size. */
  const [LEFT, RIGHT] = [3, 95];
  /** So that a part can be seen, and read, however short it is. */
  const LEAST = 14;
  /** Between two marks. */
  const APART = 6;
  const clips = (RED.videoClips ??= {});
  /** Of the runtime, by question: how long a clip may be does not change while a page is open. */
  const answers = new Map();

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);
  /** There is no such length: it is told in words, and drawn as nothing. */
  const isNegative = (value) => clips.isNumeric(value) && Number(value) < 0;
  const secondsOf = (value) => (clips.isNumeric(value) ? Math.max(0, Number(value)) : undefined);

  /**
   * Places of all parts, in percent. A part of unknown length, such as a variable, is drawn as long as all the rest.
   * @param values `range`; `before`, `after`, `settle` as they were typed; `limit` in seconds, where there is one
   */
  function layOut({ range, before, after, settle, limit }) {
    const cut =
      range === 'between'
        ? [{ name: 'between' }]
        : [
            { name: 'before', seconds: secondsOf(before) },
            { name: 'after', seconds: secondsOf(after) },
          ];
    const length = cut.reduce((sum, { seconds }) => sum + (seconds ?? NaN), 0);
    const parts = [...cut, { name: 'settle', seconds: secondsOf(settle) }];
    const known = parts.reduce((sum, { seconds = 0 }) => sum + seconds, 0);
    // A limit far away is told in words only.
    if (limit > known && limit <= 2 * length) parts.push({ name: 'room', seconds: limit - known });
    stretch(parts);
    const end = cut.at(-1).to;
    return {
      parts,
      length,
      end,
      middle: cut[0].to,
      asked: parts[cut.length].to,
      isTooLong: length > limit,
      limitAt: limit <= Math.max(known, 2 * length) ? placeOf(limit, parts) : undefined,
    };
  }

  /** Gives each part its place. */
  function stretch(parts) {
    const known = parts.reduce((sum, { seconds = 0 }) => sum + seconds, 0);
    const weights = parts.map(({ seconds }) => seconds ?? Math.max(known, 1));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    const shown = weights.filter((weight) => weight > 0).length;
    // The last mark stands beside the one before it where nothing is between them.
    const right = parts.at(-1).seconds === 0 ? RIGHT - APART : RIGHT;
    const free = right - LEFT - shown * LEAST;
    let at = LEFT;
    parts.forEach((part, index) => {
      part.from = at;
      if (weights[index] > 0) at += LEAST + (free * weights[index]) / total;
      part.to = at;
    });
  }

  /** Place of an instant, in seconds after the start; parts are not all to the same scale. */
  function placeOf(seconds, parts) {
    let left = seconds;
    for (const part of parts) {
      if (part.seconds === undefined) return undefined;
      if (left <= part.seconds) return part.from + ((part.to - part.from) * left) / (part.seconds || 1);
      left -= part.seconds;
    }
    return undefined;
  }

  /* ---- drawing ---- */

  const percent = (value) => `${Math.round(value * 100) / 100}%`;

  function add(svg, name, kind, attributes, text) {
    const element = document.createElementNS(SVG, name);
    element.setAttribute('class', `video-clips-${kind}`);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    if (text !== undefined) element.textContent = text;
    svg.append(element);
  }

  const across = (svg, kind, from, to, y) =>
    add(svg, 'line', kind, { x1: percent(from), x2: percent(to), y1: y, y2: y });
  const down = (svg, kind, x, from, to) => add(svg, 'line', kind, { x1: percent(x), x2: percent(x), y1: from, y2: to });
  const band = (svg, kind, from, to) =>
    add(svg, 'rect', kind, { x: percent(from), width: percent(Math.max(0, to - from)), y: 20, height: 22 });
  const write = (svg, kind, x, y, text) => add(svg, 'text', kind, { x: percent(x), y, 'text-anchor': 'middle' }, text);

  function draw(svg, values) {
    const { parts, middle, end, asked, limitAt } = layOut(values);
    svg.replaceChildren();
    svg.setAttribute('height', limitAt === undefined ? 48 : 64);
    across(svg, 'axis', 0, 100, 42);
    band(svg, 'cut', LEFT, end);
    if (limitAt < end) band(svg, 'beyond', limitAt, end);
    across(svg, 'settle', end, asked, 31);
    const marks =
      values.range === 'between'
        ? [
            [LEFT, GLYPHS.start],
            [end, GLYPHS.end],
          ]
        : [[middle, GLYPHS.event]];
    // Asked for at once, it is still a mark of its own.
    marks.push([Math.max(asked, marks.at(-1)[0] + APART), GLYPHS.ask]);
    for (const [x, glyph] of marks) write(svg, 'glyph', x, 13, glyph);
    down(svg, 'mark', middle, 18, 46);
    down(svg, 'mark', asked, 18, 46);
    for (const { name, seconds, from, to } of parts) {
      if (!seconds || name === 'room') continue;
      const text = _('create-clip.picture.seconds', { seconds });
      write(svg, name === 'settle' ? 'outside' : 'inside', (from + to) / 2, name === 'settle' ? 27 : 35, text);
    }
    if (limitAt === undefined) return;
    down(svg, 'limit', limitAt, 16, 48);
    write(svg, 'limit', Math.min(limitAt, 90), 59, `≤ ${_('create-clip.picture.seconds', { seconds: values.limit })}`);
  }

  /** Of the lengths that are typed, those that count for this range. */
  const typed = ({ range, before, after, settle }) => (range === 'between' ? [settle] : [before, after, settle]);

  function describe(values) {
    const { range, before, after, settle, limit, provider } = values;
    if (typed(values).some(isNegative)) return '';
    return [
      range === 'between' ? _('create-clip.picture.between') : _('create-clip.picture.around', { before, after }),
      secondsOf(settle) === 0 ? _('create-clip.picture.atOnce') : _('create-clip.picture.settle', { settle }),
      limit === undefined ? '' : _('create-clip.picture.limit', { provider, limit }),
    ]
      .join(' ')
      .trim();
  }

  function problemOf(values) {
    if (typed(values).some(isNegative)) return _('create-clip.picture.negative');
    const { length, isTooLong } = layOut(values);
    if (length === 0) return _('create-clip.picture.nothing');
    return isTooLong ? _('create-clip.picture.tooLong', { length, limit: values.limit }) : '';
  }

  /**
   * Draws into `#<id>`, tells the same in `#<id>-text`, and warns in `#<id>-problem`.
   * @param read gives `range`, `before`, `after` and `settle` as they are in the dialog now
   */
  function rangePicture(id, read) {
    const svg = document.getElementById(id);
    let longest = {};
    let giveUp = () => {};
    let drawn;

    /** Once for what it shows: an opening dialog tells of each of its values several times. */
    function show() {
      const values = { ...read(), ...longest };
      const key = JSON.stringify(values);
      if (key === drawn) return;
      drawn = key;
      draw(svg, values);
      $(`#${id}-text`).text(describe(values));
      const problem = problemOf(values);
      clips.showIf($(`#${id}-problem`).text(problem), problem !== '');
    }

    /** To be called when another connection is chosen, or the chosen one was edited. */
    function ask(connection) {
      giveUp();
      longest = {};
      show();
      const provider = clips.provider(clips.providerOf(connection));
      if (!provider) return;
      const question = { provider: provider.id, settings: RED.nodes.node(connection).settings };
      const key = JSON.stringify(question);
      const answered = ({ seconds, error }) => {
        if (!error) answers.set(key, { seconds });
        if (seconds === undefined) return;
        longest = { limit: seconds, provider: provider.label };
        show();
      };
      if (answers.has(key)) return answered(answers.get(key));
      giveUp = clips.ask('longest-clip', question, answered);
    }

    return { show, ask };
  }

  Object.assign(clips, { rangePicture });
})();
