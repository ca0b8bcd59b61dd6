/* Asks the runtime, and puts what goes wrong with that into words. Part of RED.videoClips. */
(function () {
  'use strict';

  const CATALOG = '@vms-nodes/node-red-video-clips/clip-provider';
  const _ = (key, options) => RED._(`${CATALOG}:${key}`, options);

  /**
   * A failure for people: `words` in their language, and where there are any, `detail` in those of the server.
   * `error`: `{code, message}` of a job or of an answer.
   */
  function explain({ code, message, obstacle }) {
    if (obstacle) return { words: _(`clip-provider.obstacle.${obstacle}`), detail: '' };
    return { words: _(`clip-provider.code.${code}`, { defaultValue: code }), detail: message || '' };
  }

  /** Obstacle by the status with which the runtime itself refuses. */
  function refusal(status) {
    if (status === 401 || status === 403) return 'denied';
    if (status === 404) return 'missing';
    return status === 0 ? 'silent' : 'broken';
  }

  /**
   * Asks the runtime, with a body by POST. `done` gets its answer, which may be `{error}`.
   * The returned function gives up: `done` is not called any more.
   */
  function ask(path, body, done) {
    const sent = body && { method: 'POST', contentType: 'application/json', data: JSON.stringify(body) };
    const request = $.ajax({ url: `video-clips/${path}`, dataType: 'json', cache: false, ...sent });
    let given = false;
    request.then(
      (answer) => given || done(answer),
      ({ status }) => given || done({ error: { obstacle: refusal(status) } }),
    );
    return () => {
      given = true;
      request.abort();
    };
  }

  Object.assign((RED.videoClips ??= {}), { ask, explain });
})();
