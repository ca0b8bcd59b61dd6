/* The sidebar tab with all running and recent work. Uses the other scripts of RED.videoClips, once it is opened. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clips-sidebar';
  const TOPIC = 'video-clips/activity';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /** By id, and in the order in which they came. */
  const rows = new Map();
  /** Of the last changes that are in `rows`; `undefined` until they are known at all. */
  let version;
  let list;
  let filter = '';
  let loading = false;
  /** Addresses of files, by row id. */
  const tickets = new Map();

  const base = () => `${RED.settings.apiRootUrl || ''}video-clips`;

  function request(method, path, done, failed) {
    // The runtime takes no POST but of JSON, which pages of other sites cannot send.
    const sent = method === 'POST' ? { contentType: 'application/json', data: '{}' } : {};
    $.ajax({ url: `${base()}/${path}`, method, cache: false, ...sent }).then(done, ({ status }) => {
      if (failed) failed(status);
      else if (status === 404) RED.notify(_('notify.gone'), 'warning');
      else RED.notify(_(status === 401 || status === 403 ? 'notify.denied' : 'notify.silent'), 'error');
    });
  }

  /** All rows afresh: at the start, and whenever changes were missed. */
  function load() {
    if (loading) return;
    loading = true;
    request(
      'GET',
      'activity',
      (answer) => {
        loading = false;
        rows.clear();
        for (const row of answer.rows) rows.set(row.id, row);
        version = answer.version;
        show();
      },
      () => (loading = false),
    );
  }

  function change(topic, { version: next, changed, removed }) {
    if (loading || version === undefined) return;
    // These are in what was loaded.
    if (next === version) return;
    if (next !== version + 1) return load();
    version = next;
    for (const id of removed) {
      rows.delete(id);
      tickets.delete(id);
    }
    for (const row of changed) rows.set(row.id, row);
    show();
  }

  function show() {
    const wanted = filter.trim().toLowerCase();
    const found = [...rows.values()].reverse();
    const shown = wanted === '' ? found : found.filter((row) => RED.videoClips.wordsOf(row).includes(wanted));
    list.show(shown);
    $('#video-clips-empty')
      .text(_(rows.size === 0 ? 'empty' : 'notFound'))
      .toggle(shown.length === 0);
  }

  /** The address of a row's file, for tags that cannot say who is asking. */
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

  const acts = {
    play(row) {
      // A ticket that lay about for long may have run out.
      tickets.delete(row.id);
      withTicket(row, (address) => {
        const about = `${RED.videoClips.cameraWords(row)}, ${RED.videoClips.rangeWords(row)}`;
        $('#video-clips-player').css('display', 'flex').find('.video-clips-playing').text(about);
        const video = $('#video-clips-player video').attr({ src: address, 'aria-label': about })[0];
        video.play().catch(() => undefined);
        video.focus();
      });
    },
    copy: (row, element) => RED.clipboard.copyText(row.file.path, $(element), 'clipboard.pathCopied'),
    cancel: (row) => request('POST', `activity/${row.id}/cancel`, () => undefined),
    retry: (row) => request('POST', `activity/${row.id}/retry`, () => undefined),
    /** A node inside a subflow is shown by the subflow's instance. */
    reveal: (row) => RED.view.reveal(RED.nodes.node(row.node) ? row.node : row.flow),
    thumbnail: (row, done) => withTicket(row, (address) => done(`${address}/thumbnail`)),
  };

  function toolbar() {
    const search = $('<input type="search" class="video-clips-search" autocomplete="off">')
      .attr({ placeholder: _('search'), 'aria-label': _('search') })
      .on('input', function () {
        filter = $(this).val();
        show();
      });
    const clear = $('<button type="button" class="red-ui-button red-ui-button-small">')
      .attr({ title: _('clear'), 'aria-label': _('clear') })
      .append('<i class="fa fa-trash-o" aria-hidden="true"></i>')
      .on('click', () => request('DELETE', 'activity', () => undefined));
    return $('<div class="video-clips-toolbar">').append(search, clear);
  }

  function player() {
    const video = $('<video controls preload="metadata" tabindex="0">');
    const close = $('<button type="button" class="red-ui-button red-ui-button-small">')
      .attr({ title: _('close'), 'aria-label': _('close') })
      .append('<i class="fa fa-times" aria-hidden="true"></i>')
      .on('click', () => {
        video.removeAttr('src')[0].load();
        $('#video-clips-player').hide();
      });
    const bar = $('<div class="video-clips-player-bar">').append('<span class="video-clips-playing"></span>', close);
    return $('<div id="video-clips-player">').append(bar, video).hide();
  }

  function open() {
    const content = $('<div class="video-clips video-clips-sidebar">');
    const scroller = $('<div class="video-clips-list" tabindex="0">').attr('aria-label', _('list'));
    const empty = $('<div id="video-clips-empty" class="video-clips-note" role="status">');
    content.append(toolbar(), player(), empty, scroller);
    RED.sidebar.addTab({
      id: 'video-clips',
      label: _('label'),
      name: _('name'),
      iconClass: 'fa fa-film',
      content,
      enableOnEdit: true,
      onchange: () => list && show(),
    });
    list = RED.videoClips.virtualList(scroller, (element, row) => RED.videoClips.drawRow(element, row, acts));
    RED.comms.subscribe(TOPIC, change);
    // By then all catalogs are here.
    RED.events.on('flows:loaded', load);
  }

  /** Once all scripts of the package are here, in whatever order they came. */
  (RED.videoClips ??= {}).openSidebar = open;
})();
