'use strict';
const http = require('node:http');
const https = require('node:https');
const { ClipError } = require('@vms-nodes/node-red-video-clips/provider');

const timeoutMs = 30_000;
const longestReply = 1024 * 1024;

/** The calls of the vendor, and what they mean for clips. */
exports.openProvider = ({ settings, credentials, tls }) => {
  const base = settings.url.replace(/\/+$/, '');
  const { request: send, Agent } = base.startsWith('https:') ? https : http;
  const agent = new Agent({ keepAlive: true, ...tls });

  return {
    async createClip({ camera, start, end, title, options }, { signal }) {
      const body = { camera, start, end, title, quality: settings.quality, watermark: options.watermark };
      const doing = `Creating the clip of ${camera}`;
      return toClip(await json('POST', '/clips', body, signal, doing), doing);
    },

    // Asked twice, this vendor makes a second clip: after a lost answer, this looks for the first one.
    async findClip({ camera, start, end, title }, { signal }) {
      const doing = `Looking for the clip of ${camera}`;
      const clips = toClips(await json('GET', '/clips', undefined, signal, doing), doing);
      return clips.find(
        (clip) => clip.camera === camera && clip.start === start && clip.end === end && clip.title === title,
      );
    },

    async getClip({ id, camera }, { signal }) {
      const doing = `Asking for the clip of ${camera}`;
      return toClip(await json('GET', `/clips/${encodeURIComponent(id)}`, undefined, signal, doing), doing);
    },

    async openClip({ id, camera, status }, { signal }) {
      const doing = `Downloading the clip of ${camera}`;
      const body = await call('GET', `/clips/${encodeURIComponent(id)}/video`, undefined, signal, doing).catch(
        (error) => {
          // It was there once.
          throw error.code === 'ENOTFOUND' && status === 'finished' ? new ClipError('EEXPIRED', error.message) : error;
        },
      );
      if (!/^video\//.test(body.headers['content-type'])) {
        body.destroy();
        throw new ClipError('EPROTOCOL', `${doing}: the server sent something else than video`);
      }
      const size = Number(body.headers['content-length']);
      return { body, offset: 0, resumable: false, ...(Number.isSafeInteger(size) ? { size } : {}) };
    },

    async deleteClip({ id, camera }, { signal }) {
      const doing = `Deleting the clip of ${camera}`;
      try {
        const answer = await json('DELETE', `/clips/${encodeURIComponent(id)}`, undefined, signal, doing);
        if (Object.prototype.toString.call(answer) !== '[object Object]') throw unreadable(doing);
      } catch (error) {
        // What is gone already need not go.
        if (error.code !== 'ENOTFOUND') throw error;
      }
    },

    async listCameras({ signal }) {
      const doing = 'Asking for the cameras';
      return (await list('/cameras', signal, doing)).map(({ id, name }) => ({
        id: text(id, doing),
        name: text(name, doing),
      }));
    },

    async check({ signal }) {
      const cameras = await list('/cameras', signal, 'Asking for the cameras');
      return { name: 'Sample Video', cameras: cameras.length, warnings: [] };
    },

    async close() {
      agent.destroy();
    },
  };

  async function list(path, signal, doing) {
    const answer = await json('GET', path, undefined, signal, doing);
    if (!Array.isArray(answer) || !answer.every((entry) => entry && typeof entry === 'object')) throw unreadable(doing);
    return answer;
  }

  function toClips(answer, doing) {
    if (!Array.isArray(answer)) throw unreadable(doing);
    return answer.map((clip) => toClip(clip, doing));
  }

  /** Field by field: what a vendor answers may be anything. */
  function toClip(answer, doing) {
    const { id, camera, start, end, title, state, percent, error, bytes } = answer ?? {};
    const status = { queued: 'pending', ready: 'finished', error: 'failed' }[state] ?? 'busy';
    const clip = {
      id: text(id, doing),
      camera: text(camera, doing),
      start: time(start, doing),
      end: time(end, doing),
      status,
    };
    if (typeof title === 'string') clip.title = title;
    if (percent >= 0 && percent <= 100) clip.progress = Number(percent);
    if (typeof error === 'string') clip.reason = error;
    if (Number.isSafeInteger(bytes) && bytes > 0) clip.size = bytes;
    return clip;
  }

  function text(value, doing) {
    if (typeof value !== 'string' || value.trim() === '') throw unreadable(doing);
    return value;
  }

  function time(value, doing) {
    const at = Date.parse(text(value, doing));
    if (Number.isNaN(at)) throw unreadable(doing);
    return new Date(at).toISOString();
  }

  function unreadable(doing) {
    return new ClipError('EPROTOCOL', `${doing}: the server's answer is not one of Sample Video. Check the address`);
  }

  async function json(method, path, body, signal, doing) {
    const reply = await call(method, path, body, signal, doing);
    const chunks = [];
    let bytes = 0;
    try {
      for await (const chunk of reply) {
        chunks.push(chunk);
        if ((bytes += chunk.length) > longestReply) throw unreadable(doing);
      }
    } catch (error) {
      throw error instanceof ClipError ? error : new ClipError('ENETWORK', `${doing}: the connection broke`);
    }
    try {
      return JSON.parse(Buffer.concat(chunks).toString());
    } catch {
      throw unreadable(doing);
    }
  }

  /** Resolves to the answer of a request that went well. Node's client follows no redirects, so the key stays here. */
  function call(method, path, body, signal, doing) {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${credentials.token}`, 'content-type': 'application/json' };
      const late = setTimeout(() => request.destroy(new ClipError('ETIMEOUT', `${doing}: no answer`)), timeoutMs);
      const request = send(base + path, { method, headers, agent, signal }, (reply) => {
        clearTimeout(late);
        const problem = replyError(reply, doing);
        if (problem) reply.destroy();
        if (problem) reject(problem);
        else resolve(reply);
        // The body belongs to its reader, who may be told before reading.
        signal.addEventListener('abort', () => reply.destroy(new ClipError('EABORTED', 'Cancelled')), { once: true });
      });
      request.once('error', (error) => {
        clearTimeout(late);
        reject(
          error instanceof ClipError ? error : new ClipError('ENETWORK', `${doing}: no connection (${error.code})`),
        );
      });
      request.end(body && JSON.stringify(body));
    });
  }

  function replyError({ statusCode, headers }, doing) {
    if (statusCode < 300 && statusCode !== 206) return undefined;
    const message = `${doing}: the server answered HTTP ${statusCode}`;
    const seconds = Number(headers['retry-after']);
    const pause = seconds >= 0 && seconds < 1e6 ? { retryAfterMs: seconds * 1000 } : {};
    if (statusCode === 401) return new ClipError('EAUTH', `${message}. Check the API key`);
    if (statusCode === 403) return new ClipError('EFORBIDDEN', `${message}. Check the rights of the API key`);
    if (statusCode === 404) return new ClipError('ENOTFOUND', message);
    if (statusCode === 422) return new ClipError('ENOTFOUND', `${message}: there is no footage for that time`);
    if (statusCode === 429) return new ClipError('ETHROTTLED', message, pause);
    if (statusCode >= 500) return new ClipError('ENETWORK', message, pause);
    return new ClipError('EPROTOCOL', message);
  }
};
