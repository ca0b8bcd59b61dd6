/* One row of the sidebar: a clip or an export, what it is at, and what can be done with it. Part of RED.videoClips. */
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

  const reasonLines = ({ words, detail }) =>
    Math.min(MOST_LINES, Math.ceil((words.length + detail.length + 2) / LETTERS));

  /** `undefined`: as high as its content. */
  function rowHeight(row, isOpen) {
    if (isOpen) return undefined;
    const lines = (row.title ? 3 : 2) * LINE;
    const found = clips.reasonWords(row);
    const reason = found ? reasonLines(found) * LINE + 4 : 0;
    return PADDING + Math.max(STILL, lines) + TOOLS + (hasBar(row) ? BAR : 0) + reason;
  }

  function button(icon, label, act) {
    return $('<button type="button" class="red-ui-button red-ui-button-small">')
      .attr({ title: label, 'aria-label': label })
      .append($('<i class="fa" aria-hidden="true">').addClass(icon))
      .on('click', act);
  }

  function buttons(row, isOpen, acts) {
    const found = [];
    if (row.file) {
      found.push(button('fa-play', _('act.play'), () => acts.play(row)));
      if (row.file.count === 1) found.push(button('fa-download', _('act.download'), () => acts.download(row)));
    }
    if (row.isRunning) found.push(button('fa-stop', _('act.cancel'), () => acts.cancel(row)));
    if (row.canRetry) found.push(button('fa-repeat', _('act.retry'), () => acts.retry(row)));
    const more = button(isOpen ? 'fa-chevron-up' : 'fa-chevron-down', _('act.more'), () => acts.toggle(row));
    found.push(more.attr('aria-expanded', String(isOpen)).addClass('video-clips-more'));
    return found;
  }

  function bar(row) {
    if (!hasBar(row)) return $();
    const track = $('<div class="video-clips-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100">');
    track.attr('aria-label', _('progress')).append('<div>');
    return $('<div class="video-clips-progress">').append(track, '<span class="video-clips-rate">');
  }

  /** Parts that change every second while something is going on. */
  function updateNumbers(element, row) {
    const [bar] = element.find('.video-clips-bar');
    element.find('.video-clips-words').text(clips.stageWords(row));
    if (!bar) return;
    bar.setAttribute('aria-valuenow', row.progress);
    bar.firstChild.style.width = `${row.progress}%`;
    bar.nextSibling.textContent = clips.rateWords(row);
  }

  /** The same for rows that differ by such numbers only. */
  function shapeOf(row, isOpen) {
    const numbers = { progress: hasBar(row), bytesPerSecond: 0, etaSeconds: 0, updatedAt: 0 };
    return JSON.stringify([isOpen, { ...row, ...numbers }]);
  }

  function reason(row) {
    const found = clips.reasonWords(row);
    if (!found) return $();
    const lines = { '-webkit-line-clamp': String(reasonLines(found)) };
    return $('<div class="video-clips-reason">')
      .css(lines)
      .append($('<b>').text(found.words), found.detail ? document.createTextNode(`. ${found.detail}`) : '');
  }

  function picture(row, acts) {
    const frame = $('<div class="video-clips-still" aria-hidden="true">');
    frame.append($('<i class="fa">').addClass(row.cameras > 1 ? 'fa-files-o' : 'fa-film'));
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
    const name = $('<div class="video-clips-camera">').text(clips.cameraWords({ cameraName, camera, cameras, ...row }));
    if (cameraName && cameraName !== camera && !(cameras > 1)) {
      name.append(' ', $('<span class="video-clips-id">').text(camera));
    }
    return name;
  }

  /**
   * Fills the element of a row. The picture is kept as long as there is no other one.
   * acts: what can be done with a row: `play`, `download`, `cancel`, `retry`, `toggle`; `picture(row, done)` finds its address.
   */
  function drawRow(element, row, isOpen, acts) {
    const shape = shapeOf(row, isOpen);
    if (element.data('shape') === shape) return updateNumbers(element, row);
    element.data('shape', shape);
    const focused = element.find(':focus').attr('aria-label');
    const source = row.file?.path ?? '';
    const isSame = element.data('picture') === source;
    const shown = isSame ? element.find('.video-clips-still').first().detach() : picture(row, acts);
    const tone = TONES[row.stage];
    const status = $('<div class="video-clips-stage">').append('<span class="video-clips-words">');
    if (tone) status.addClass(`video-clips-${tone}`);
    if (ICONS[row.stage]) status.prepend($('<i class="fa fa-fw" aria-hidden="true">').addClass(ICONS[row.stage]));
    const about = $('<div class="video-clips-about">').append(
      names(row),
      row.title ? $('<div class="video-clips-title">').text(row.title) : '',
      $('<div class="video-clips-range">').text(clips.rangeWords(row)),
    );
    const details = isOpen ? clips.rowDetails(element, row, acts) : $();
    element
      .empty()
      .data('picture', source)
      .toggleClass('video-clips-open', isOpen)
      .append(
        $('<div class="video-clips-head">').append(shown, about),
        $('<div class="video-clips-tools">').append(status, buttons(row, isOpen, acts)),
        bar(row),
        isOpen ? '' : reason(row),
        details,
      );
    updateNumbers(element, row);
    if (!focused) return;
    const again = element.find('button').filter((index, each) => each.title === focused);
    again.first().trigger('focus');
  }

  Object.assign(clips, { drawRow, rowHeight, sidebarButton: button, showPicture });
})();
