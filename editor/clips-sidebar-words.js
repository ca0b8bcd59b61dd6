/* Puts clips and exports into the words of the sidebar, in the language of the editor. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clips-sidebar';
  /** Looked up once where nothing is put in: the editor's own way takes longer than drawing the result. */
  const texts = new Map();
  function _(key, options) {
    if (options) return RED._(`${CATALOG}:${key}`, options);
    if (!texts.has(key)) texts.set(key, RED._(`${CATALOG}:${key}`));
    return texts.get(key);
  }

  const language = () => RED.i18n.lang() || undefined;
  /** By what they are for: making one takes far longer than using it. */
  const formats = new Map();
  function formatter(key, make) {
    if (!formats.has(key)) formats.set(key, make(language()));
    return formats.get(key);
  }
  const format = (value, unit, digits = 0) =>
    formatter(`${unit} ${digits}`, (locale) => {
      return new Intl.NumberFormat(locale, { style: 'unit', unit, maximumFractionDigits: digits });
    }).format(value);
  const clock = (instant) =>
    formatter('time', (locale) => new Intl.DateTimeFormat(locale, { timeStyle: 'medium' })).format(new Date(instant));
  const date = (instant) => formatter('date', (locale) => new Intl.DateTimeFormat(locale)).format(instant);

  /** "14:03:10 – 14:03:40", with the day when that is not today. Of a message that was refused, not even that may be known. */
  function rangeWords({ start, end }) {
    if (!start || !end) return '';
    const from = new Date(start);
    const isToday = from.toDateString() === new Date().toDateString();
    const day = isToday ? '' : `${date(from)} `;
    return `${day}${clock(start)} – ${clock(end)}`;
  }

  function cameraWords({ camera, cameraName, cameras, nodeName, nodeType }) {
    const name = cameraName || camera || nodeName || nodeType;
    return cameras > 1 ? _('cameras', { name, number: cameras - 1 }) : name;
  }

  function sizeWords(size) {
    return size < 1e9 ? format(size / 1e6, 'megabyte', 1) : format(size / 1e9, 'gigabyte', 1);
  }

  const lengthWords = (seconds) => (seconds < 600 ? format(seconds, 'second', 1) : format(seconds / 60, 'minute'));

  function fileWords({ count = 1, size, duration }) {
    const words = [sizeWords(size)];
    if (count > 1) words.unshift(_('files', { number: count }));
    if (duration !== undefined) words.push(lengthWords(duration));
    return words.join(', ');
  }

  /** "1.2 MB/s · 14 s left". Between two clips of an export, nothing comes. */
  function rateWords({ bytesPerSecond, etaSeconds }) {
    const words = bytesPerSecond > 0 ? [format(bytesPerSecond / 1e6, 'megabyte-per-second', 1)] : [];
    if (etaSeconds !== undefined) words.push(_('left', { time: lengthWords(Math.ceil(etaSeconds)) }));
    return words.join(' · ');
  }

  /** Its state. */
  function stageWords({ stage, until, progress, file }) {
    if (stage === 'waiting') return _('until.waiting', { time: clock(until) });
    if (stage === 'retrying') return _('until.retrying', { time: clock(until) });
    const words = _(`stage.${stage}`);
    if (stage === 'saved' && file)
      return `${words}: ${fileWords(file.count > 1 ? { ...file, duration: undefined } : file)}`;
    return progress === undefined ? words : `${words} ${progress} %`;
  }

  /** The error: in the language of the editor, and in the words of whoever said so. Cancelling is nothing wrong. */
  function reasonWords({ error, stage, file }) {
    if (!error && file?.problem) return { words: _('problem'), detail: file.problem };
    if (!error || stage === 'cancelled') return undefined;
    const { words, detail } = RED.videoClips.explain(error);
    return { words, detail };
  }

  /** All that a row can be found by. */
  function wordsOf(row) {
    const { camera, cameraName, title, nodeName, connectionName, file, error } = row;
    const reason = reasonWords(row);
    return [camera, cameraName, title, nodeName, connectionName, file?.path, stageWords(row), error?.code]
      .concat(reason ? [reason.words, reason.detail] : [])
      .filter(Boolean)
      .join(' ')
      .toLowerCase();
  }

  const isFailed = ({ stage }) => stage === 'failed' || stage === 'expired';
  const kinds = {
    running: ({ isRunning }) => isRunning,
    failed: (row) => !row.isRunning && isFailed(row),
    finished: (row) => !row.isRunning && !isFailed(row),
  };
  /** Is a row of one of these kinds? An empty kind is all of them. */
  const isOfKind = (row, kind) => !kinds[kind] || kinds[kind](row);

  Object.assign((RED.videoClips ??= {}), {
    cameraWords,
    rangeWords,
    fileWords,
    rateWords,
    stageWords,
    reasonWords,
    wordsOf,
    isOfKind,
  });
})();
