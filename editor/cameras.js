/* Asks for the cameras of a connection once. Part of RED.videoClips. */
(function () {
  'use strict';

  const SLOTS = ['username', 'password', 'token'];
  const HIDDEN = '__PWRD__';
  const FRESH_MS = 10 * 60_000;
  const clips = (RED.videoClips ??= {});

  /** By connection. What differs in how it is asked for is another list. */
  const lists = new Map();

  /** A connection that was edited and not deployed. What the editor only knows to be stored is left out. */
  function draftOf(config) {
    const { id, z = '', provider, settings, tls, proxy, credentials } = config;
    const isStored = (slot) => credentials[slot] === HIDDEN || (!credentials[slot] && credentials[`has_${slot}`]);
    const typed = SLOTS.filter((slot) => credentials && !isStored(slot)).map((slot) => [slot, credentials[slot] || '']);
    return {
      id,
      z: z || '',
      provider,
      settings: clips.asObject(settings),
      credentials: Object.fromEntries(typed),
      tls: tls || '',
      proxy: proxy || '',
    };
  }

  /** The connection as it can be asked now; `undefined`: the editor does not know it. */
  function questionTo(connection) {
    const config = connection ? RED.nodes.node(connection) : undefined;
    if (!config || config.type !== 'clip-provider') return undefined;
    return config.changed
      ? { path: 'cameras', draft: draftOf(config), isDeployed: false }
      : { path: `cameras/${encodeURIComponent(connection)}`, draft: undefined, isDeployed: true };
  }

  /** `{cameras}`, `{error}`, `{isAsked: true}` while the answer is on its way, or `undefined`. */
  function knownCameras(connection) {
    const list = lists.get(connection);
    if (!list || Date.now() - list.at > FRESH_MS) return undefined;
    return list.key === JSON.stringify(questionTo(connection)) ? list.answer : undefined;
  }

  /** Asks for the list. `refresh`: also where it is known. `done` is called when it is there, or is not to be had. */
  function askCameras(connection, { refresh = false }, done) {
    const question = questionTo(connection);
    const known = knownCameras(connection);
    if (!question || (known && !known.isAsked && !refresh)) return;
    if (known?.isAsked) {
      lists.get(connection).waiting.push(done);
      return;
    }
    const list = { key: JSON.stringify(question), at: Date.now(), answer: { isAsked: true }, waiting: [done] };
    lists.set(connection, list);
    clips.ask(question.path, question.draft, (answer) => {
      Object.assign(list, { at: Date.now(), answer });
      for (const call of list.waiting) call();
    });
  }

  /** Would asking be no more than a question to a connection that runs anyway? */
  const isDeployed = (connection) => questionTo(connection)?.isDeployed === true;

  // Other settings, another list; and what failed may go well now.
  RED.events.on('deploy', () => lists.clear());

  Object.assign(clips, { askCameras, knownCameras, isDeployed });
})();
