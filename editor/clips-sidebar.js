/* Adds the sidebar tab with all running and recent work. Uses the other scripts of RED.videoClips, once it is opened. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clips-sidebar';
  const TOPIC = 'video-clips/activity';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);
  const clips = (RED.videoClips ??= {});

  /** By id, and in the order in which they came. */
  const rows = new Map();
  /** Of the last changes that are in `rows`; `undefined` until they are known at all. */
  let version;
  let list;
  let player;
  let filter = '';
  let kind = '';
  /** Changes that came while all rows were asked for: some are in the answer. `undefined`: nothing is asked for. */
  let early;
  /** Ids of rows whose details are shown. */
  const opened = new Set();
  /** Addresses of files, by row id. */
  const tickets = new Map();

  const base = () => `${RED.settings.apiRootUrl || ''}video-clips`;

  function request(method, path, done, failed) {
    // The runtime takes no POST but of JSON, which pages of other sites cannot send.
    const sent = method === 'POST' ? { contentType: 'application/json', data: '{}' } : {};
    $.ajax({ url: `${base()}/${path}`, method, cache: false, ...sent }).then(done, ({ status }) => {
      if (failed) failed(status);
      else if (status === 404) RED.notify(_('notify.gone'), 'warning');
      else if (status === 500) RED.notify(_('notify.failed'), 'error');
      else RED.notify(_(status === 401 || status === 403 ? 'notify.denied' : 'notify.silent'), 'error');
    });
  }

  /** All rows afresh: at the start, and whenever changes were missed. */
  function load() {
    if (early) return;
    early = [];
    request(
      'GET',
      'activity',
      (answer) => {
        rows.clear();
        for (const row of answer.rows) rows.set(row.id, row);
        version = answer.version;
        const changes = early;
        early = undefined;
        changes.forEach(change);
        show();
      },
      () => (early = undefined),
    );
  }

  function change(next) {
    if (early) return early.push(next);
    // These are in what was loaded.
    if (next.version <= version) return;
    if (next.version !== version + 1) return load();
    version = next.version;
    for (const id of next.removed) {
      rows.delete(id);
      tickets.delete(id);
      opened.delete(id);
    }
    for (const row of next.changed) rows.set(row.id, row);
    show();
  }

  function show() {
    const wanted = filter.trim().toLowerCase();
    const shown = [...rows.values()]
      .reverse()
      .filter((row) => clips.isOfKind(row, kind) && (wanted === '' || clips.wordsOf(row).includes(wanted)));
    list.show(shown);
    const empty = $('#video-clips-empty').css('display', shown.length === 0 ? '' : 'none');
    if (shown.length === 0) empty.text(_(rows.size === 0 ? 'empty' : 'notFound'));
  }

  /** The address of a row's files, for tags that cannot say who is asking. */
  function withTicket(row, done) {
    const known = tickets.get(row.id);
    if (known) return done(known);
    request(
      'POST',
      `activity/${row.id}/ticket`,
      ({ ticket }) => {
        const address = `${base()}/media/${ticket}`;
        tickets.set(row.id, address);
        done(address);
      },
      () => undefined,
    );
  }

  const filesOf = (row, done, failed) => request('GET', `activity/${row.id}/files`, done, failed);

  /** State of a file; without one, the first of the row. `undefined`: Node-RED does not say. */
  function look(row, file, done) {
    const gone = { ...(file ?? row.file), state: 'gone' };
    filesOf(
      row,
      ({ files }) => done((file ? files.find(({ id }) => id === file.id) : files[0]) ?? gone),
      (status) => done(status === 404 ? gone : undefined),
    );
  }

  /** Asks first. */
  function remove(row, file) {
    const note = RED.notify(_('remove.question', { name: clips.fileName(file.path) }), {
      modal: true,
      fixed: true,
      type: 'warning',
      buttons: [
        { text: _('remove.no'), click: () => note.close() },
        {
          text: _('remove.yes'),
          class: 'primary',
          click() {
            note.close();
            request('POST', `activity/${row.id}/files/${file.id}/delete`, (answer) => {
              if (answer) RED.notify(_(`player.${answer.state}`), 'warning');
            });
          },
        },
      ],
    });
  }

  const acts = {
    toggle(row) {
      if (!opened.delete(row.id)) opened.add(row.id);
      list.redraw(row.id);
    },
    files: (row, done) => filesOf(row, done, () => undefined),
    play(row, chosen) {
      // A ticket that lay about for long may have run out.
      tickets.delete(row.id);
      look(row, chosen, (file) => {
        const camera = file?.cameraName || file?.camera || clips.cameraWords(row);
        const about = [camera, clips.rangeWords(file?.start ? file : row)].filter(Boolean).join(', ');
        if (file?.state !== 'there') return player.say(about, _(`player.${file ? file.state : 'silent'}`));
        withTicket(row, (address) => player.play({ row, file, about, address: `${address}/${file.id}` }));
      });
    },
    download(row, chosen) {
      tickets.delete(row.id);
      look(row, chosen, (file) => {
        if (file?.state !== 'there') return RED.notify(_(`player.${file ? file.state : 'silent'}`), 'warning');
        withTicket(row, (address) => {
          const link = $('<a>').attr({ href: `${address}/${file.id}`, download: clips.fileName(file.path) });
          link.appendTo(document.body)[0].click();
          link.remove();
        });
      });
    },
    remove,
    cancel: (row) => request('POST', `activity/${row.id}/cancel`, () => undefined),
    retry: (row) => request('POST', `activity/${row.id}/retry`, () => undefined),
    /** A node inside a subflow is shown by the subflow's instance. */
    reveal: (row) => RED.view.reveal(RED.nodes.node(row.node) ? row.node : row.flow),
    picture: (row, done, fileId = 'first') => withTicket(row, (address) => done(`${address}/${fileId}/picture`)),
  };

  function toolbar() {
    const search = $('<input type="search" class="video-clips-search" autocomplete="off">')
      .attr({ placeholder: _('search'), 'aria-label': _('search') })
      .on('input', function () {
        filter = $(this).val();
        show();
      });
    const choice = $('<select class="video-clips-kind">').attr('aria-label', _('filter.label'));
    for (const value of ['all', 'running', 'failed', 'finished']) {
      choice.append($('<option>').val(value === 'all' ? '' : value).text(_(`filter.${value}`))); // prettier-ignore
    }
    choice.on('change', () => {
      kind = choice.val();
      show();
    });
    const clear = clips.sidebarButton('fa-eraser', _('clear'), () => request('DELETE', 'activity', () => undefined));
    return $('<div class="video-clips-toolbar">').append(search, choice, clear);
  }

  /** A click on a row opens it, and closes it, unless it was meant for something in it. */
  function openOnClick(scroller) {
    scroller.on('click', '.video-clips-row', function (event) {
      if ($(event.target).closest('button, a, .video-clips-details').length > 0) return;
      if (String(getSelection()) !== '') return;
      const row = rows.get($(this).data('id'));
      if (row) acts.toggle(row);
    });
  }

  let isListening = false;

  function listen() {
    load();
    if (isListening) return;
    isListening = true;
    // Where it is subscribed to, the last change comes at once.
    RED.comms.subscribe(TOPIC, (_topic, next) => change(next));
    // What happened while there was no connection, or before another start of Node-RED, is told by nobody.
    RED.comms.on('connect', load);
  }

  function open() {
    const content = $('<div class="video-clips video-clips-sidebar">');
    const scroller = $('<div class="video-clips-list" tabindex="0">').attr('aria-label', _('list'));
    const empty = $('<div id="video-clips-empty" class="video-clips-note" role="status">');
    player = clips.clipPlayer({ look, acts });
    content.append(toolbar(), player.element, empty, scroller);
    RED.sidebar.addTab({
      id: 'video-clips',
      label: _('label'),
      name: _('name'),
      iconClass: 'fa fa-film',
      content,
      enableOnEdit: true,
      onchange: () => list && show(),
    });
    list = clips.virtualList(scroller, {
      draw: (element, row) => clips.drawRow(element, row, opened.has(row.id), acts),
      heightOf: (row) => clips.rowHeight(row, opened.has(row.id)),
    });
    openOnClick(scroller);
    // By then all catalogs are here.
    RED.events.on('flows:loaded', listen);
  }

  /** Once all scripts of the package are here, in whatever order they came. */
  clips.openSidebar = open;
})();
