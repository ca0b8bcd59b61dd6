/* Draws one row of the sidebar: a clip or an export, its state, and what can be done with it. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clips-sidebar';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);
  const clips = (RED.videoClips ??= {});

  const TONES = { saved: 'success', failed: 'error', expired: 'error', stuck: 'error', retrying: 'warning' };
  const ICONS = { saved: 'fa-check', failed: 'fa-times', expired: 'fa-times', stuck: 'fa-plug', cancelled: 'fa-ban' };

  /** Pixels of the lines in the style sheet. */
  const PADDING = 13;
  const LINE = 18;
  const STILL = 50;
  const TOOLS = 28;
  const BAR = 20;
  /** Of a reason: at the narrowest, so many letters are in a line. */
  const LETTERS = 34;
  const MOST_LINES = 6;

  const hasBar = ({ isRunning, progress }) => isRunning && progress !== undefined;

  /** Letters of Chinese and Japanese are as wide as two. */
  const widthOf = (text) => text.length + (text.match(/[\u2e80-\uffff]/g) ?? []).length;
  const reasonLines = ({ words, detail }) =>
    Math.min(MOST_LINES, Math.ceil((widthOf(words) + widthOf(detail) + 2) / LETTERS));

  /** `undefined`: as high as its content. */
  function rowHeight(row, isOpen) {
    if (isOpen) return undefined;
    const lines = (row.title ? 3 : 2) * LINE;
    const found = clips.reasonWords(row);
    const reason = found ? reasonLines(found) * LINE + 4 : 0;
    return PADDING + Math.max(STILL, lines) + TOOLS + (hasBar(row) ? BAR : 0) + reason;
  }

  /** Made without a parser: a list that is scrolled makes hundreds of these. */
  const make = (tag, name) => $(document.createElement(tag)).addClass(name);

  function button(icon, label, act) {
    return make('button', 'red-ui-button red-ui-button-small')
      .attr({ type: 'button', title: label, 'aria-label': label })
      .append(make('i', `fa ${icon}`).attr('aria-hidden', 'true'))
      .on('click', act);
  }

  /** `now()`: the row as it is by the time that a button is pressed. */
  function buttons(row, isOpen, acts, now) {
    const found = [];
    if (row.file) {
      found.push(button('fa-play', _('act.play'), () => acts.play(now())));
      if (row.file.count === 1) found.push(button('fa-download', _('act.download'), () => acts.download(now())));
    }
    if (row.isRunning) found.push(button('fa-stop', _('act.cancel'), () => acts.cancel(now())));
    if (row.canRetry) found.push(button('fa-repeat', _('act.retry'), () => acts.retry(now())));
    const more = button(isOpen ? 'fa-chevron-up' : 'fa-chevron-down', _('act.more'), () => acts.toggle(now()));
    found.push(more.attr('aria-expanded', String(isOpen)).addClass('video-clips-more'));
    return found;
  }

  /** What changes every second while something is going on: all of a row that is written again and again. */
  function partsOf(row) {
    const parts = { words: make('span', 'video-clips-words'), range: make('div', 'video-clips-range') };
    if (!hasBar(row)) return parts;
    const bar = make('div', 'video-clips-bar').append('<div>');
    bar.attr({ role: 'progressbar', 'aria-valuemin': 0, 'aria-valuemax': 100, 'aria-label': _('progress') });
    return { ...parts, bar, rate: make('span', 'video-clips-rate') };
  }

  /** Only what differs: each text that is set is laid out and painted again. */
  function write([element], text) {
    if (!element.firstChild) element.textContent = text;
    else if (element.firstChild.data !== text) element.firstChild.data = text;
  }

  function update({ words, range, bar, rate }, row) {
    write(words, clips.stageWords(row));
    write(range, clips.rangeWords(row));
    if (!bar) return;
    write(rate, clips.rateWords(row));
    const progress = String(row.progress);
    if (bar.attr('aria-valuenow') === progress) return;
    bar.attr('aria-valuenow', progress)[0].firstChild.style.width = `${progress}%`;
  }

  /** The same for rows that differ by such parts only. */
  function shapeOf(row, isOpen) {
    const written = { start: 0, end: 0, until: 0, bytesPerSecond: 0, etaSeconds: 0, createdAt: 0, updatedAt: 0 };
    return JSON.stringify([isOpen, { ...row, ...written, progress: hasBar(row) }]);
  }

  function reason(row) {
    const found = clips.reasonWords(row);
    if (!found) return $();
    const lines = { '-webkit-line-clamp': String(reasonLines(found)) };
    return make('div', 'video-clips-reason')
      .css(lines)
      .append($('<b>').text(found.words), found.detail ? document.createTextNode(`. ${found.detail}`) : '');
  }

  function picture(row, acts) {
    const frame = make('div', 'video-clips-still').attr('aria-hidden', 'true');
    frame.append(make('i', `fa ${row.cameras > 1 ? 'fa-files-o' : 'fa-film'}`));
    if (row.file) acts.picture(row, (address) => showPicture(frame, address));
    return frame;
  }

  /** Where there is none, what stands there stays. */
  function showPicture(frame, address) {
    const image = new Image();
    image.alt = '';
    image.onload = () => frame.empty().append(image);
    image.src = address;
  }

  function names({ cameraName, camera, cameras, ...row }) {
    const name = make('div', 'video-clips-camera').text(clips.cameraWords({ cameraName, camera, cameras, ...row }));
    // An id is longer than a name, and only its end may tell two cameras apart.
    if (!cameraName) name.addClass('video-clips-unnamed');
    if (cameraName && cameraName !== camera && !(cameras > 1)) {
      name.append(' ', make('span', 'video-clips-id').text(camera));
    }
    return name;
  }

  /**
   * Fills the element of a row. The picture is kept as long as there is no other one.
   * acts: what can be done with a row: `play`, `download`, `cancel`, `retry`, `toggle`; `picture(row, done)` finds its address.
   */
  function drawRow(element, row, isOpen, acts) {
    const shape = shapeOf(row, isOpen);
    const known = element.data('drawn');
    if (known?.shape === shape) return update(Object.assign(known, { row }).parts, row);
    const drawn = { shape, row, parts: partsOf(row) };
    element.data('drawn', drawn);
    const { words, range, bar, rate } = drawn.parts;
    const focused = element.find(':focus').attr('aria-label');
    const source = row.file?.path ?? '';
    const isSame = element.data('picture') === source;
    const shown = isSame ? element.find('.video-clips-still').first().detach() : picture(row, acts);
    const tone = TONES[row.stage];
    const status = make('div', 'video-clips-stage').append(words);
    if (tone) status.addClass(`video-clips-${tone}`);
    if (ICONS[row.stage]) status.prepend(make('i', `fa fa-fw ${ICONS[row.stage]}`).attr('aria-hidden', 'true'));
    const title = row.title ? make('div', 'video-clips-title').text(row.title) : '';
    const about = make('div', 'video-clips-about').append(names(row), title, range);
    const details = isOpen ? clips.rowDetails(element, row, acts) : $();
    element
      .empty()
      .data('picture', source)
      .toggleClass('video-clips-open', isOpen)
      .append(
        make('div', 'video-clips-head').append(shown, about),
        make('div', 'video-clips-tools').append(
          status,
          buttons(row, isOpen, acts, () => drawn.row),
        ),
        bar ? make('div', 'video-clips-progress').append(bar, rate) : '',
        isOpen ? '' : reason(row),
        details,
      );
    update(drawn.parts, row);
    if (!focused) return;
    const again = element.find('button').filter((index, each) => each.title === focused);
    again.first().trigger('focus');
  }

  Object.assign(clips, { drawRow, rowHeight, sidebarButton: button, showPicture });
})();
