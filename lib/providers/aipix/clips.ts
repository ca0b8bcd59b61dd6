// Makes, finds, opens and deletes clips on an Aipix server.
import { systemClock } from '../../async/clock';
import { ClipError, reasonFirst } from '../../errors';
import {
  describeClip,
  type Clip,
  type ClipRequest,
  type ClipStatus,
  type Provider,
  type ProviderClip,
  type ProviderConfig,
} from '../../provider';
import { createAipixApi, type Call } from './api';
import { listCameras } from './cameras';
import { check } from './check';
import { createDownloads, isNoList, rangeId } from './downloads';
import { createEventList } from './events';
import { createLogin } from './login';
import { regenerationMs, regenerateLostFile } from './lost-file';
import { openFile } from './media';
import { createPushTracker } from './push-tracker';
import { epochOf, statusOf, toClip, toPushedClip } from './records';
import { createRegenerations } from './regeneration';
import { retentionMs, type AipixSession, type Download } from './types';
import { watchEvents, watchPushes } from './watch';

const logoutTimeoutMs = 5_000;

/** Opens the provider: the calls of Aipix in terms of clips. */
export function openAipix(config: ProviderConfig): Provider<AipixSession> {
  const api = createAipixApi(config);
  const downloads = createDownloads(api, String(config.settings.cameraField || 'ids'), config.now);
  const pushTracker = createPushTracker(config.now);
  const regenerations = createRegenerations(downloads, pushTracker, config.now);
  const maxClipMs = typeof config.settings.maxClip === 'number' ? config.settings.maxClip * 1000 : Infinity;
  const listens = config.settings.push === true;

  const provider: Provider<AipixSession> = {
    login: createLogin(api, config.credentials),

    async createClip(request, call) {
      const action = `Creating the clip of ${describeClip(request)}`;
      const range = wholeSeconds(request, { maxClipMs, now: config.now() });
      const making = pushTracker.begin();
      let record: Download | undefined;
      try {
        record = await downloads.create(request, range, call, action);
      } finally {
        pushTracker.answered(making, record?.id);
      }
      // That the answer is the record is only documented for some releases.
      record ??= await lookFor(request, range, call, action);
      if (!record)
        throw new ClipError('EPROTOCOL', reasonFirst('the server accepted the clip but returned no record', action));
      if (record.camera && record.camera !== request.camera) {
        throw new ClipError(
          'EPROTOCOL',
          reasonFirst(`the server makes a clip of camera ${record.camera} instead`, action),
        );
      }
      // A fresh record looks finished in more than one way, so only a push counts.
      const outcome = record.id ? pushTracker.of(record.id) : undefined;
      const status = outcome ? (outcome.isError ? 'failed' : 'finished') : 'pending';
      return newClip(record, request, range, status);
    },

    async findClip(request, call) {
      const range = wholeSeconds(request, { maxClipMs, now: config.now() });
      const record = await lookFor(request, range, call, `Looking for the clip of ${describeClip(request)}`);
      return record && newClip(record, request, range, 'pending');
    },

    getClips,

    async openClip(clip, call) {
      const action = `Downloading the clip of ${describeClip(clip)}`;
      const id = regenerations.idOf(clip);
      const outcome = pushTracker.of(id);
      const record = (await findRecords([clip], call))?.get(id);
      const { offset, etag, size } = call;
      if (!record && outcome?.url) {
        const opened = await openFile(api, { url: outcome.url, offset, etag, size, action }, call);
        if (!('absent' in opened)) return opened;
        throw new ClipError(
          'EEXPIRED',
          reasonFirst(`the server answered HTTP ${opened.status}`, action, 'Create the clip again'),
        );
      }
      if (!record) {
        throw new ClipError(
          clip.status === 'finished' ? 'EEXPIRED' : 'ENOTFOUND',
          reasonFirst('the server does not list the clip', action, 'It may have been deleted there: create it again'),
        );
      }
      const status = statusOf(record, { wasFinished: clip.status === 'finished', outcome, now: config.now() });
      if (status === 'failed')
        throw new ClipError('EFAILED', reasonFirst('the server could not make the clip', action));
      if (status === 'expired')
        throw await regenerateLostFile(regenerations, { clip, record, action, why: 'gone' }, config.now(), call);
      const url = record.url ?? outcome?.url;
      if (status !== 'finished' || !url) throw notReady(clip, action);
      const opened = await openFile(api, { url, offset, etag, size, action }, call);
      if (!('absent' in opened)) return opened;
      const lost = { clip, record, action, answered: `the server answered HTTP ${opened.status}`, why: opened.absent };
      throw await regenerateLostFile(regenerations, lost, config.now(), call);
    },

    deleteClip,

    /** There is no call to cancel; without its record the file is at least kept from everybody's list. */
    cancelClip: deleteClip,

    listCameras: (call) => listCameras(api, call),

    listEvents: createEventList(api, config.now),

    check: (call) => check(api, listens, config.now, call),

    async close(session) {
      // A pasted token belongs to somebody else; how administrators log out is not published.
      if (session && !api.isPasted && !api.isAdmin) {
        const call = { signal: AbortSignal.timeout(logoutTimeoutMs), session };
        const body = { uuid: api.uuid };
        await api.request({ method: 'POST', path: 'logout', body, action: 'Logging out' }, call).catch(() => undefined);
      }
      api.http.close();
    },
  };
  if (listens) {
    provider.watchEvents = (news, call) => watchEvents({ api, config, clock: systemClock }, news, call);
    provider.watch = (changed, call) => {
      const changedRecord = (id?: string): void => changed(id && regenerations.clipIdOf(id));
      return watchPushes({ api, config, pushTracker, clock: systemClock }, changedRecord, call);
    };
  }
  return provider;

  /** A record of the same camera and range that is, or may become, a file. */
  async function lookFor(
    { camera }: ClipRequest,
    range: { start: number; end: number },
    call: Call,
    action: string,
  ): Promise<Download | undefined> {
    const now = config.now();
    // It cannot have been asked for before its range was over, and older files are gone.
    const since = Math.max(range.end, now - retentionMs);
    const isUsable = (record: Download): boolean =>
      !['failed', 'expired'].includes(statusOf(record, { wasFinished: false, now }));
    return downloads.findLike({ camera, ...range, since, isUsable }, call, action);
  }

  async function getClips(clips: Clip[], call: Call): Promise<(ProviderClip | ClipError | undefined)[]> {
    const records = await findRecords(clips, call);
    const answers: (ProviderClip | ClipError | undefined)[] = [];
    // One after the other: a file that has to be made again costs a request.
    for (const clip of clips) {
      const id = regenerations.idOf(clip);
      const record = records?.get(id);
      const outcome = pushTracker.of(id);
      if (record) answers.push(await evaluate(clip, record, call));
      else if (outcome) answers.push(toPushedClip(clip, outcome));
      // Without a list, the push is what tells.
      else answers.push(records ? undefined : stillMaking(clip));
    }
    return answers;
  }

  /** `undefined` where the server has no list, and a push is what tells. @throws EUNSUPPORTED where there is no push either */
  async function findRecords(clips: Clip[], call: Call): Promise<Map<string, Download> | undefined> {
    try {
      return await downloads.find(clips, call, regenerations.idOf);
    } catch (error) {
      if (listens && isNoList(error)) return undefined;
      throw error;
    }
  }

  async function evaluate(clip: Clip, record: Download, call: Call): Promise<ProviderClip | ClipError> {
    const id = regenerations.idOf(clip);
    const known = { wasFinished: clip.status === 'finished', outcome: pushTracker.of(id), now: config.now() };
    let status = statusOf(record, known);
    if (status === 'finished' || status === 'failed') pushTracker.settle(id);
    if (status === 'expired') {
      try {
        const again = await regenerations.start(
          clip,
          record,
          call,
          `Asking for the clip of ${describeClip(clip)} again`,
        );
        if (again !== 'spent') status = 'busy';
      } catch (error) {
        if (!(error instanceof ClipError) || error.code === 'EAUTH' || error.code === 'EABORTED') throw error;
        if (error.code !== 'ENOTFOUND') return error;
      }
    }
    return toClip(record, clip, status);
  }

  function notReady(clip: Clip, action: string): ClipError {
    const message = reasonFirst('the server is still making the clip', action, 'Wait for it with poll-clip first');
    const code = regenerations.isRunning(clip) ? 'EEXPIRED' : 'EFAILED';
    return new ClipError(code, message, { retryable: true, retryAfterMs: regenerationMs });
  }

  async function deleteClip(clip: Clip, call: Call): Promise<void> {
    const action = `Deleting the clip of ${describeClip(clip)}`;
    let id: string | undefined = regenerations.idOf(clip);
    if (clip.ref?.found === 'range') id = (await downloads.find([clip], call, regenerations.idOf)).get(id)?.id;
    if (!id) throw new ClipError('EUNSUPPORTED', reasonFirst('the server gives no id for the clip', action));
    await downloads.remove(id, call, action);
    pushTracker.forget(id);
  }
}

/**
 * The vendor takes whole seconds: no footage that was asked for is left out, unless the clip would get too long, or reach
 * into the future, of which nobody knows what the server makes.
 */
function wholeSeconds(
  { start, end }: { start: string; end: string },
  { maxClipMs, now }: { maxClipMs: number; now: number },
): { start: number; end: number } {
  const down = (ms: number): number => Math.floor(ms / 1000) * 1000;
  const from = down(epochOf(start));
  const to = down(epochOf(end) + 999);
  const isTooLong = to - from > maxClipMs && epochOf(end) - epochOf(start) <= maxClipMs;
  const isShortened = isTooLong || (to > now && down(epochOf(end)) > from);
  return { start: from, end: isShortened ? down(epochOf(end)) : to };
}

function stillMaking({ id, camera, start, end, ref }: Clip): ProviderClip {
  return { id, camera, start, end, status: 'busy', progress: 0, ...(ref ? { ref } : {}) };
}

function newClip(
  record: Download,
  request: ClipRequest,
  range: { start: number; end: number },
  status: ClipStatus,
): ProviderClip {
  const asked = {
    id: record.id ?? rangeId(request.camera, range),
    camera: request.camera,
    start: new Date(range.start).toISOString(),
    end: new Date(range.end).toISOString(),
    ...(record.id ? {} : { ref: { found: 'range' } }),
  };
  return { ...toClip(record, asked, status), ...(request.title ? { title: request.title } : {}) };
}
