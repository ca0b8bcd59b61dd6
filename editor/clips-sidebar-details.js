/* Shows an opened row of the sidebar: the whole reason, where all of it is, and each of its files. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clips-sidebar';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);
  const clips = (RED.videoClips ??= {});

  const button = (...values) => clips.sidebarButton(...values);
  /** "/clips/Dock 1/a.mp4" -> "a.mp4". */
  const nameOf = (path) => path.split(/[/\\]/).pop();

  function copyButton(label, text) {
    return button('fa-clipboard', label, (event) =>
      RED.clipboard.copyText(text, $(event.currentTarget), 'clipboard.pathCopied'),
    );
  }

  function line(label, text, copyLabel) {
    if (!text) return $();
    const value = $('<span class="video-clips-value">').text(text);
    const row = $('<div class="video-clips-line">').append($('<span class="video-clips-name">').text(label), value);
    return copyLabel ? row.append(copyButton(copyLabel, text)) : row;
  }

  function reason(row) {
    const found = clips.reasonWords(row);
    if (!found) return $();
    const said = [found.words, found.detail].filter(Boolean).join('. ');
    const { code } = row.error ?? {};
    const text = code ? `${said} (${code})` : said;
    return $('<div class="video-clips-reason">').append(
      $('<b>').text(found.words),
      document.createTextNode(found.detail ? `. ${found.detail} ` : ' '),
      code ? $('<code>').text(code) : '',
      ' ',
      copyButton(_('act.copyReason'), text),
    );
  }

  /** Where nothing is kept to try it again with, as after a restart. */
  const isHopeless = ({ stage, isRunning, canRetry }) =>
    ['failed', 'expired', 'cancelled'].includes(stage) && !isRunning && !canRetry;
  const retryNote = (row) => (isHopeless(row) ? $('<div class="video-clips-note">').text(_('about.noRetry')) : $());

  function fileRow(row, file, isOfSeveral, acts) {
    const item = $('<li class="video-clips-file">');
    const still = $('<div class="video-clips-still" aria-hidden="true"><i class="fa fa-film"></i></div>');
    const camera = file.cameraName || file.camera;
    const about = $('<div class="video-clips-about">').append(
      isOfSeveral && camera ? $('<div class="video-clips-camera">').text(camera) : '',
      $('<div class="video-clips-path">').text(nameOf(file.path)).attr('title', file.path),
      $('<div class="video-clips-range">').text(
        file.state === 'there' ? clips.fileWords(file) : _(`player.${file.state}`),
      ),
    );
    const tools = $('<div class="video-clips-tools">');
    if (file.state === 'there') {
      if (isOfSeveral) acts.picture(row, (address) => clips.showPicture(still, address), file.id);
      tools.append(
        button('fa-play', _('act.play'), () => acts.play(row, file)),
        button('fa-download', _('act.download'), () => acts.download(row, file)),
      );
    }
    tools.append(copyButton(_('act.copy'), file.path));
    if (file.state === 'there') tools.append(button('fa-trash-o', _('act.delete'), () => acts.remove(row, file)));
    if (isOfSeveral) item.append(still);
    return item.append(about.append(tools));
  }

  function showFiles(place, row, { files, folder, manifest }, acts) {
    const list = $('<ul class="video-clips-files">').append(files.map((file) => fileRow(row, file, folder, acts)));
    place
      .empty()
      .append(
        line(_('about.folder'), folder, _('act.copyFolder')),
        line(_('about.manifest'), manifest && nameOf(manifest), undefined).append(
          manifest ? copyButton(_('act.copyManifest'), manifest) : '',
        ),
        list,
      );
  }

  /** Drawn once for what it shows: progress does not take away what is being read. */
  function rowDetails(element, row, acts) {
    const { error, file, title, camera, cameras, connectionName, nodeName, nodeType, stage } = row;
    const key = JSON.stringify([error, file, title, stage === 'cancelled', isHopeless(row)]);
    const known = element.data('details');
    if (known?.key === key) return known.details.detach();
    const details = $('<div class="video-clips-details">').append(
      reason(row),
      retryNote(row),
      // Of several, each file says its own.
      line(_('about.camera'), cameras > 1 ? '' : camera),
      line(_('about.title'), title),
      line(_('about.connection'), connectionName),
      line(_('about.node'), nodeName || nodeType).append(
        button('fa-crosshairs', _('act.reveal'), () => acts.reveal(row)),
      ),
    );
    if (file) {
      const place = $('<div>').appendTo(details);
      acts.files(row, (found) => showFiles(place, row, found, acts));
    }
    element.data('details', { key, details });
    return details;
  }

  Object.assign(clips, { rowDetails, fileName: nameOf });
})();
