/* Plays files in the sidebar, and says in words what it cannot play and what to do then. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clips-sidebar';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);
  const clips = (RED.videoClips ??= {});

  /** Usual names of codecs that an MP4 file calls otherwise. */
  const CODECS = {
    hevc: 'H.265 (HEVC)',
    hvc1: 'H.265 (HEVC)',
    hev1: 'H.265 (HEVC)',
    av1: 'AV1',
    av01: 'AV1',
    mp4v: 'MPEG-4',
  };

  /**
   * `play({row, file, about, address})` plays; `say(about, words)` says why nothing is played.
   * look(row, file, done): tells how the file is now, `there`, `gone` or `changed`; `undefined`: Node-RED does not say.
   * acts: `download(row, file)`, `reveal(row)`.
   */
  function player({ look, acts }) {
    let playing;
    const video = $('<video controls preload="metadata" tabindex="0">');
    const title = $('<span class="video-clips-playing">');
    const problem = $('<div class="video-clips-trouble" role="alert">').hide();
    const close = clips.sidebarButton('fa-times', _('close'), () => {
      stop();
      element.hide();
    });
    const bar = $('<div class="video-clips-player-bar">').append(title, close);
    const element = $('<div id="video-clips-player">').append(bar, video, problem).hide();

    function stop() {
      playing = undefined;
      video.removeAttr('src')[0].load();
    }

    function tell(words, withWayOut) {
      video.hide();
      element.addClass('video-clips-telling');
      problem.empty().append($('<p>').text(words)).show();
      if (!withWayOut) return;
      const { row, file } = playing;
      problem.append(
        $('<p>').text(_('player.wayOut')),
        $('<button type="button" class="red-ui-button red-ui-button-small">')
          .text(_('act.download'))
          .on('click', () => acts.download(row, file)),
        ' ',
        $('<button type="button" class="red-ui-button red-ui-button-small">')
          .text(_('act.reveal'))
          .on('click', () => acts.reveal(row)),
      );
    }

    /** The element says only that it could not; the file says why. */
    function explain() {
      const asked = playing;
      if (!asked) return;
      look(asked.row, asked.file, (found) => {
        if (playing !== asked) return;
        if (!found) return tell(_('player.silent'), false);
        if (found.state !== 'there') return tell(_(`player.${found.state}`), false);
        // Of the codec that browsers have by themselves, it is this one video that they cannot play.
        const isUsual = ['h264', 'avc1'].includes(found.codec);
        const codec = isUsual ? '' : (CODECS[found.codec] ?? (found.codec || '').toUpperCase());
        tell(codec ? _('player.codec', { codec }) : _('player.undecodable'), true);
      });
    }

    video.on('error', () => video.attr('src') && explain());
    // Of a codec that a browser lacks, some play the sound to a black picture.
    video.on('loadedmetadata', () => video[0].videoWidth === 0 && explain());

    function open(about) {
      problem.hide();
      element.removeClass('video-clips-telling');
      title.text(about).attr('title', about);
      element.css('display', 'flex');
    }

    return {
      element,
      /** Why nothing is played. */
      say(about, words) {
        stop();
        open(about);
        tell(words, false);
      },
      play({ address, about, ...what }) {
        playing = what;
        open(about);
        video.show().attr({ src: address, 'aria-label': about });
        video[0].play().catch(() => undefined);
        video.trigger('focus');
      },
    };
  }

  Object.assign(clips, { clipPlayer: player });
})();
