/* One row of the sidebar: a clip or an export, what it is at, and what can be done with it. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clips-sidebar';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  const TONES = { saved: 'success', failed: 'error', expired: 'error', stuck: 'error', retrying: 'warning' };
  const ICONS = { saved: 'fa-check', failed: 'fa-times', expired: 'fa-times', stuck: 'fa-plug', cancelled: 'fa-ban' };

  const language = () => RED.i18n.lang() || undefined;
  const clock = (instant) => new Date(instant).toLocaleTimeString(language());

  /** "14:03:10 – 14:03:40", with the day when that is not today. */
  /** Of a message that was refused, not even that may be known. */
  function rangeWords({ start, end }) {
    if (!start || !end) return '';
    const from = new Date(start);
    const isToday = from.toDateString() === new Date().toDateString();
    const day = isToday ? '' : `${from.toLocaleDateString(language())} `;
    return `${day}${clock(start)} – ${clock(end)}`;
  }

  function cameraWords({ camera, cameraName, cameras, nodeName, nodeType }) {
    const name = cameraName || camera || nodeName || nodeType;
    return cameras > 1 ? _('cameras', { name, number: cameras - 1 }) : name;
  }

  function sizeWords({ size, duration }) {
    const format = (value, unit, digits) =>
      new Intl.NumberFormat(language(), { style: 'unit', unit, maximumFractionDigits: digits }).format(value);
    const length = duration === undefined ? [] : [format(duration, 'second', 1)];
    return [format(size / 1e6, 'megabyte', 1), ...length].join(', ');
  }

  /** What it is at, in words. */
  function stageWords({ stage, until, error, progress }) {
    if (stage === 'waiting') return _('until.waiting', { time: clock(until) });
    if (stage === 'retrying') return _('until.retrying', { time: clock(until) });
    if (stage === 'failed' && error) return RED.videoClips.explain(error).words;
    const words = _(`stage.${stage}`);
    return progress === undefined ? words : `${words} ${progress} %`;
  }

  /** The whole story, for the tooltip. */
  function detailWords(row) {
    const { title, nodeName, nodeType, connectionName, error, file } = row;
    return [
      title,
      [connectionName, nodeName || nodeType].filter(Boolean).join(' · '),
      error && `${error.code}: ${error.message}`,
      file && `${file.path} (${sizeWords(file)})`,
    ]
      .filter(Boolean)
      .join('\n');
  }

  function button(icon, label, act) {
    return $('<button type="button" class="red-ui-button red-ui-button-small">')
      .attr({ title: label, 'aria-label': label })
      .append($('<i class="fa" aria-hidden="true">').addClass(icon))
      .on('click', act);
  }

  function buttons(row, acts) {
    const found = [];
    if (row.file) {
      found.push(button('fa-play', _('act.play'), () => acts.play(row)));
      found.push(button('fa-clipboard', _('act.copy'), (event) => acts.copy(row, event.currentTarget)));
    }
    if (row.isRunning) found.push(button('fa-stop', _('act.cancel'), () => acts.cancel(row)));
    if (row.canRetry) found.push(button('fa-repeat', _('act.retry'), () => acts.retry(row)));
    found.push(button('fa-crosshairs', _('act.reveal'), () => acts.reveal(row)));
    return found;
  }

  function bar({ isRunning, progress }) {
    if (!isRunning || progress === undefined) return $();
    const track = $('<div class="video-clips-bar" role="progressbar" aria-valuemin="0" aria-valuemax="100">');
    track.attr({ 'aria-valuenow': progress, 'aria-label': _('progress') });
    return track.append($('<div>').css('width', `${progress}%`));
  }

  function picture(row, acts) {
    const frame = $('<div class="video-clips-still" aria-hidden="true">');
    frame.append($('<i class="fa">').addClass(row.cameras > 1 ? 'fa-files-o' : 'fa-film'));
    if (row.hasThumbnail) {
      acts.thumbnail(row, (address) => frame.empty().append($('<img alt="" loading="lazy">').attr('src', address)));
    }
    return frame;
  }

  /**
   * Fills the element of a row. The picture is kept as long as there is no other one.
   * acts: `play`, `copy`, `cancel`, `retry`, `reveal` of a row; `thumbnail(row, done)` finds its address.
   */
  function drawRow(element, row, acts) {
    const focused = element.find(':focus').attr('aria-label');
    const hadPicture = element.data('picture') === row.hasThumbnail;
    const shown = hadPicture ? element.children('.video-clips-still').detach() : picture(row, acts);
    const tone = TONES[row.stage];
    const status = $('<div class="video-clips-stage">').text(stageWords(row));
    if (tone) status.addClass(`video-clips-${tone}`);
    if (ICONS[row.stage]) status.prepend($('<i class="fa fa-fw" aria-hidden="true">').addClass(ICONS[row.stage]));
    const text = $('<div class="video-clips-about">').append(
      $('<div class="video-clips-camera">').text(cameraWords(row)),
      $('<div class="video-clips-range">').text(rangeWords(row)),
      $('<div class="video-clips-tools">').append(status, buttons(row, acts)),
      bar(row),
    );
    element.empty().attr('title', detailWords(row)).data('picture', row.hasThumbnail).append(shown, text);
    if (focused)
      element
        .find('button')
        .filter((index, each) => each.title === focused)
        .trigger('focus');
  }

  /** All that a row can be found by. */
  const wordsOf = (row) =>
    [row.camera, row.cameraName, row.title, row.nodeName, row.connectionName, row.file?.path, stageWords(row)]
      .filter(Boolean)
      .join(' ')
      .toLowerCase();

  Object.assign((RED.videoClips ??= {}), { drawRow, wordsOf, cameraWords, rangeWords });
})();
