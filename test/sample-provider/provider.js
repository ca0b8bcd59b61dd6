'use strict';
const { ClipError, reasonFirst } = require('@vms-nodes/node-red-video-clips/provider');
const {
  createHttpClient,
  isObject,
  openMedia,
  parseJson,
  parseLongJson,
  pathSegment,
  readCount,
  readNumber,
  readText,
  statusError,
} = require('@vms-nodes/node-red-video-clips/provider/net');

/** The calls of the vendor, and what they mean for clips. */
exports.openProvider = ({ settings, credentials, tls, proxy }) => {
  const headers = { Authorization: `Bearer ${credentials.token}`, 'Content-Type': 'application/json' };
  const http = createHttpClient({ baseUrl: settings.url, tls, proxy, headers });

  return {
    async createClip({ camera, start, end, title, options }, { signal }) {
      const body = { camera, start, end, title, quality: settings.quality, watermark: options.watermark };
      const action = `Creating the clip of ${camera}`;
      return toClip(await call('POST', '/clips', signal, action, body), action);
    },

    // Asked twice, this vendor makes a second clip: after a lost answer, this looks for the first one.
    async findClip({ camera, start, end, title }, { signal }) {
      const action = `Looking for the clip of ${camera}`;
      const clips = listOf(await call('GET', '/clips', signal, action), action).map((clip) => toClip(clip, action));
      return clips.find(
        (clip) => clip.camera === camera && clip.start === start && clip.end === end && clip.title === title,
      );
    },

    async getClip({ id, camera }, { signal }) {
      const action = `Asking for the clip of ${camera}`;
      return toClip(await call('GET', `/clips/${pathSegment(id, 'The clip')}`, signal, action), action);
    },

    /** Continues a broken transfer where the server can, and takes nothing for video that is none. */
    async openClip({ id, camera, status }, { signal, offset, etag, size }) {
      const action = `Downloading the clip of ${camera}`;
      const path = `/clips/${pathSegment(id, 'The clip')}/video`;
      const explain = (reply) => {
        const problem = problemOf(reply, action);
        // It was there once.
        const isGone = problem?.code === 'ENOTFOUND' && !problem.inconclusive && status === 'finished';
        return isGone ? new ClipError('EEXPIRED', reasonFirst('the clip is gone', action)) : problem;
      };
      return openMedia(http, { path, signal, offset, etag, size, action, explain });
    },

    async deleteClip({ id, camera }, { signal }) {
      const action = `Deleting the clip of ${camera}`;
      try {
        const answer = await call('DELETE', `/clips/${pathSegment(id, 'The clip')}`, signal, action);
        if (!isObject(answer)) throw unreadable(action);
      } catch (error) {
        // What is gone already need not go.
        if (error.code !== 'ENOTFOUND' || error.inconclusive) throw error;
      }
    },

    async listCameras({ signal }) {
      const action = 'Asking for the cameras';
      return listOf(await call('GET', '/cameras', signal, action), action).map(({ id, name }) => ({
        id: text(id, action),
        name: text(name, action),
      }));
    },

    // With `exportsToServer` in the definition: exports that the vendor makes onto its own storage.
    async exportVideo({ cameras, path }, { signal }) {
      const action = `Starting the export to ${path}`;
      return toExport(await call('POST', '/exports', signal, action, { cameras, path }), action);
    },

    async findExport({ cameras, path }, { signal }) {
      const action = `Looking for the export to ${path}`;
      const wanted = JSON.stringify(cameras.map(({ camera, start, end }) => [camera, start, end]));
      return listOf(await call('GET', '/exports', signal, action), action)
        .map((each) => toExport(each, action))
        .find(
          (each) =>
            each.path === path &&
            JSON.stringify(each.cameras.map(({ camera, start, end }) => [camera, start, end])) === wanted,
        );
    },

    async getExports(exports, { signal }) {
      const action = 'Asking for the exports';
      const found = listOf(await call('GET', '/exports', signal, action), action).map((each) => toExport(each, action));
      return exports.map(({ id }) => found.find((each) => each.id === id));
    },

    async cancelExport({ id, path }, { signal }) {
      await call('DELETE', `/exports/${pathSegment(id, 'The export')}`, signal, `Cancelling the export to ${path}`);
    },

    // With `eventKinds` in the definition: what happened since the last question. The vendor numbers its events in the order in
    // which it learns of them, and numbers one anew when it ends: such a number is all that has to be remembered.
    async listEvents({ cursor, kinds, cameras, limit }, { signal }) {
      const action = 'Asking for events';
      const [, since] = /^sample (\d{1,15})$/.exec(cursor) ?? [];
      if (cursor !== '' && since === undefined)
        throw new ClipError('EINVALID', reasonFirst('that is no place to go on from', action));
      const query = new URLSearchParams({ limit: String(since === undefined ? 0 : limit), since: since ?? '0' });
      for (const kind of kinds) query.append('kind', kind);
      for (const camera of cameras) query.append('camera', camera);
      const answer = await call('GET', `/events?${query}`, signal, action);
      const last = readNumber(answer?.last);
      if (!Number.isSafeInteger(last) || last < 0 || typeof answer.more !== 'boolean') throw unreadable(action);
      const events = listOf(answer.events, action).map((event) => toEvent(event, action));
      events.sort((a, b) => Date.parse(a.start) - Date.parse(b.start));
      return { events, cursor: `sample ${last}`, more: since !== undefined && answer.more };
    },

    async check({ signal }) {
      const action = 'Asking for the cameras';
      const cameras = listOf(await call('GET', '/cameras', signal, action), action);
      return { name: 'Sample Video', cameras: cameras.length, warnings: [] };
    },

    async close() {
      http.close();
    },
  };

  /** The JSON of an answer that went well. Answers that list things may be long, and are read in pieces. */
  async function call(method, path, signal, action, body) {
    const isList = method === 'GET' && !path.slice(1).includes('/');
    const reply = await http.request({ method, path, signal, action, isList, body: body && JSON.stringify(body) });
    const problem = problemOf(reply, action);
    if (problem) throw problem;
    return parseLongJson(reply.text);
  }
};

/** What the vendor means by a status; what all servers mean by one is known already. */
function problemOf(reply, action) {
  // A proxy says 404 with a page, which is inconclusive; the vendor itself says it in JSON, and only that is believed at once.
  if (reply.status === 404 && isObject(parseJson(reply.text))) {
    return new ClipError('ENOTFOUND', reasonFirst('the server does not have the clip', action), {
      vendorCode: 'HTTP 404',
    });
  }
  if (reply.status === 422) {
    return new ClipError('ENOFOOTAGE', reasonFirst('there is no footage for that time', action), {
      vendorCode: 'HTTP 422',
    });
  }
  return statusError(reply, action);
}

function listOf(answer, action) {
  if (!Array.isArray(answer) || !answer.every(isObject)) throw unreadable(action);
  return answer;
}

const statuses = { queued: 'pending', ready: 'finished', error: 'failed' };

function statusOf(state) {
  return Object.hasOwn(statuses, state) ? statuses[state] : 'busy';
}

/** Field by field: what a vendor answers may be anything. */
function toClip(answer, action) {
  if (!isObject(answer)) throw unreadable(action);
  const { id, camera, start, end, title, state, percent, error, bytes } = answer;
  const progress = readNumber(percent);
  const size = readCount(bytes);
  return {
    id: text(id, action),
    camera: text(camera, action),
    start: time(start, action),
    end: time(end, action),
    status: statusOf(state),
    ...(typeof title === 'string' ? { title } : {}),
    ...(progress >= 0 && progress <= 100 ? { progress } : {}),
    ...(readText(error) ? { reason: readText(error) } : {}),
    ...(size ? { size } : {}),
  };
}

function toExport(answer, action) {
  if (!isObject(answer)) throw unreadable(action);
  const { id, path, cameras, state, error } = answer;
  const status = statusOf(state);
  const progress = status === 'finished' ? 100 : 0;
  return {
    id: text(id, action),
    path: text(path, action),
    status,
    progress,
    cameras: listOf(cameras, action).map(({ camera, start, end }) => ({
      camera: text(camera, action),
      start: time(start, action),
      end: time(end, action),
      status,
      progress,
    })),
    ...(readText(error) ? { reason: readText(error) } : {}),
  };
}

/** What happened, in the words that all systems share; the vendor's own goes along. */
const types = { alarm: 'alarm', motion: 'motion', human: 'person', car: 'vehicle' };

function toEvent(answer, action) {
  const { id, kind, camera, start, end, label, score } = answer;
  const [startsAt, certainty] = [time(start, action), readNumber(score)];
  const isOver = end !== null && end !== undefined;
  const endsAt = isOver ? time(end, action) : undefined;
  const word = readText(label);
  if (!['alarm', 'motion'].includes(kind)) throw unreadable(action);
  return {
    id: text(id, action),
    kind,
    camera: text(camera, action),
    start: startsAt,
    ...(endsAt > startsAt ? { end: endsAt } : {}),
    ...(isOver ? {} : { open: true }),
    type: Object.hasOwn(types, word ?? kind) ? types[word ?? kind] : 'other',
    ...(word ? { label: word } : {}),
    ...(certainty >= 0 && certainty <= 1 ? { score: certainty } : {}),
  };
}

function text(value, action) {
  const read = readText(value);
  if (!read) throw unreadable(action);
  return read;
}

function time(value, action) {
  const at = Date.parse(text(value, action));
  if (Number.isNaN(at)) throw unreadable(action);
  return new Date(at).toISOString();
}

function unreadable(action) {
  return new ClipError(
    'EPROTOCOL',
    reasonFirst("the server's answer is not one of Sample Video", action, 'Check the address'),
  );
}
