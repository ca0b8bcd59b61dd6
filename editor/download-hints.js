/* Shows in dialogs, before a clip is there, the path of its file and whether ffmpeg is at hand. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/download-clip';
  const TYPING_MS = 250;
  const clips = (RED.videoClips ??= {});

  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  function tell(element, text, isProblem = false) {
    clips
      .showIf(element.text(text), text !== '')
      .toggleClass('video-clips-problem', isProblem)
      .toggleClass('video-clips-hint', !isProblem);
  }

  /**
   * Shows in an element what the runtime makes of the template. The runtime knows its folders and the rules of its platform.
   * @param read gives the template; `undefined` where it comes with the message
   */
  function namePreview(element, read) {
    let giveUp = () => {};

    function answered({ path, error }) {
      if (path !== undefined) return tell(element, _('download-clip.preview.path', { path }));
      // Without words of its own: the runtime is away, or the user may not ask it.
      tell(element, error.message || '', true);
    }

    return function show() {
      giveUp();
      const template = read();
      if (template === undefined) return tell(element, '');
      if (clips.isEnv(template)) return tell(element, _('download-clip.preview.variable'));
      const timer = setTimeout(() => (giveUp = clips.ask('filename', { template }, answered)), TYPING_MS);
      giveUp = () => clearTimeout(timer);
    };
  }

  /** Tells whether ffmpeg was found, asked once per dialog and only when it is needed; or else what stands against it. */
  function ffmpegNote(element) {
    let words;
    let isAsked = false;
    let [isNeeded, problem] = [false, ''];

    function show() {
      if (problem !== '') tell(element, problem, true);
      else tell(element, ...((isNeeded && words) || ['']));
    }

    function answered({ path, version, error }) {
      if (error) words = [error.message || _('download-clip.ffmpeg.unknown'), true];
      else words = [_('download-clip.ffmpeg.found', { path, version })];
      show();
    }

    return function tellAbout(...now) {
      [isNeeded, problem = ''] = now;
      show();
      if (!isNeeded || problem !== '' || isAsked) return;
      isAsked = true;
      clips.ask('ffmpeg', undefined, answered);
    };
  }

  Object.assign(clips, { namePreview, ffmpegNote });
})();
