// Makes exports: only where there is footage, never more at once than allowed, and one for each request.
import { ClipError, reasonFirst, toClipError } from '../../errors';
import { isObject, parseJson, readText } from '../../net/json';
import { pathSegment } from '../../net/path-segment';
import {
  describeClip,
  noFootage,
  type ClipRequest,
  type Provider,
  type ProviderClip,
  type ProviderConfig,
} from '../../provider';
import { toRange, type TimeRange } from '../../time-range';
import type { Admission } from './admission';
import type { Call, FrigateApi } from './api';
import { visibleCameras } from './cameras';
import { clipOfJob, clipOfRow } from './clip';
import { replyError, strangeReply, vendorText } from './errors';
import { coverage, wholeSeconds, type Coverage } from './footage';
import { filterFor } from './status';
import { readAll, readExport, readJob, type ExportJob, type ExportRow, type FrigateSession } from './types';
import { requireSupported, type Version, type VersionOf } from './version';

/** Of a name. Source: frigate/api/defs/request/export_recordings_body.py */
const longestName = 256;
/** Segments are moved to the recordings every 5 s, some time after they end. */
const footageComesMs = 15_000;
/** Frigate 0.16 begins at the key frame behind the start. */
const lateStartMs = 2_000;
/** An export whose answer was lost may take so long to show. */
const lostMs = 30_000;
const mostRemembered = 5_000;
/** Frigate has said that it makes nothing; after anything else it may. */
const refusals: ReadonlySet<string> = new Set([
  'EAUTH',
  'EFORBIDDEN',
  'EINVALID',
  'ENOFOOTAGE',
  'ENOTFOUND',
  'ETHROTTLED',
]);
/** The request has not arrived anywhere. */
const unreachable: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOTFOUND', 'EHOSTUNREACH', 'ENETUNREACH']);

interface Parts {
  api: FrigateApi;
  versionOf: VersionOf;
  admission: Admission;
  config: ProviderConfig;
}

interface Attempt {
  /** Frigate may have made an export, though there was no answer. */
  mayExist: boolean;
  /** That was looked for once, in vain. */
  wasSought?: boolean;
}

type Creation = Required<Pick<Provider<FrigateSession | undefined>, 'createClip' | 'findClip'>>;

export function createCreation({ api, versionOf, admission, config }: Parts): Creation {
  const { settings, now } = config;
  const marginMs = Number(settings.margin ?? 0) * 1000;
  /** Ids that have been given to a clip, so that no two clips become one; the oldest first. */
  const taken = new Set<string>();
  /** Requests of this process that made no clip, by the name of the export; the oldest first. */
  const attempts = new Map<string, Attempt>();

  function note(name: string, attempt: Attempt): void {
    attempts.set(name, attempt);
    if (attempts.size > mostRemembered) attempts.delete(attempts.keys().next().value!);
  }

  /** The range of the export: that of the clip, begun earlier by the margin. */
  function exportRange(request: ClipRequest, { startsLate }: Version): TimeRange {
    const { start, end } = wholeSeconds(request);
    return { start: start - (startsLate ? Math.max(marginMs, lateStartMs) : marginMs), end };
  }

  function newClip(request: ClipRequest, range: TimeRange, id: string): ProviderClip {
    attempts.delete(nameOf(request));
    taken.add(id);
    if (taken.size > mostRemembered) taken.delete(taken.values().next().value!);
    const asked = wholeSeconds(request);
    return {
      id,
      camera: request.camera,
      ...toRange(asked),
      status: 'pending',
      ...(request.title ? { title: request.title } : {}),
      ...(range.start < asked.start ? { footage: toRange(range) } : {}),
      ref: { askedAt: new Date(now()).toISOString() },
    };
  }

  return {
    async createClip(request, call) {
      const action = `Creating the clip of ${describeClip(request)}`;
      const name = nameOf(request);
      if (!attempts.has(name)) note(name, { mayExist: false });
      const version = await versionOf(call);
      requireSupported(version, action);
      const { gaps } = await requireFootage(api, request, now(), call);
      const leave = await admission.enter(version, call);
      const range = exportRange(request, version);
      let id: string | undefined;
      try {
        id = await post({ api, admission }, request, range, call, action);
      } catch (thrown) {
        const error = toClipError(thrown);
        const isLost = !refusals.has(error.code) && !unreachable.has(error.vendorCode ?? '');
        if (isLost) note(name, { mayExist: true });
        throw error;
      } finally {
        leave(id);
      }
      return { ...newClip(request, range, id), progress: 0, gaps: gaps.map(toRange) };
    },

    /** Two requests make two exports: an earlier one is known by its name, camera and start. */
    async findClip(request, call) {
      const name = nameOf(request);
      const attempt = attempts.get(name);
      if (attempt?.mayExist === false) return undefined;
      const version = await versionOf(call);
      const range = exportRange(request, version);
      const isIt = (found: ExportRow | ExportJob): boolean =>
        found.name === name &&
        found.camera === request.camera &&
        Math.floor(found.startSeconds ?? NaN) === range.start / 1000 &&
        !taken.has(found.id);
      const action = `Looking for the clip of ${describeClip(request)}`;
      if (version.hasQueue) {
        const job = readAll(await api.list('/api/jobs/export', call, action), readJob).find(isIt);
        if (job) {
          const clip = newClip(request, range, job.id);
          return { ...clip, ...clipOfJob(clip, job) };
        }
      }
      const sought = { camera: request.camera, start: toRange(range).start };
      const rows = await api.list(`/api/exports${version.hasQueue ? filterFor([sought]) : ''}`, call, action);
      const row = readAll(rows, readExport).find(isIt);
      if (row) {
        const clip = newClip(request, range, row.id);
        return { ...clip, ...clipOfRow(clip, row, now()) };
      }
      // Without a queue, a row is only written some time after the request: it is looked for once more.
      const isTooEarly = !version.hasQueue && !attempt?.wasSought;
      note(name, isTooEarly ? { mayExist: true, wasSought: true } : { mayExist: false });
      if (!isTooEarly) return undefined;
      throw new ClipError('EFAILED', reasonFirst('an earlier request for the same clip may still show', action), {
        retryable: true,
        retryAfterMs: lostMs,
      });
    },
  };
}

/** @throws ENOFOOTAGE, retryable while it may still come, or what keeps the camera from having any */
async function requireFootage(api: FrigateApi, request: ClipRequest, now: number, call: Call): Promise<Coverage> {
  const { camera } = request;
  const found = await coverage(api, { camera, range: wholeSeconds(request), now }, call);
  const comes = { retryable: true, retryAfterMs: footageComesMs };
  if (found.hasFootage && !found.isIncomplete) return found;
  if (found.hasFootage) {
    throw new ClipError('ENOFOOTAGE', `The recording of the end is not there yet: ${describeClip(request)}`, comes);
  }
  const { cameras } = await visibleCameras(api, call);
  const known = cameras.find(({ id }) => id === camera);
  if (!known) {
    throw new ClipError(
      'ENOTFOUND',
      `Frigate has no camera "${camera}", or the user may not see it. Use its name in the configuration file (for the clip of ${describeClip(request)})`,
    );
  }
  if (!known.isRecording) {
    throw new ClipError(
      'ENOFOOTAGE',
      `Recording is turned off for this camera: there is no recording of ${describeClip(request)}. Set "record: enabled" in the configuration of Frigate`,
    );
  }
  throw noFootage(request, '', found.isIncomplete ? comes : {});
}

/** @returns the id of the export */
async function post(
  { api, admission }: Pick<Parts, 'api' | 'admission'>,
  request: ClipRequest,
  { start, end }: TimeRange,
  call: Call,
  action: string,
): Promise<string> {
  const path = `/api/export/${pathSegment(request.camera, 'The camera')}/start/${start / 1000}/end/${end / 1000}`;
  // Fields that a version does not have are ignored. Chapters would be a third stream in the file.
  const body = { source: 'recordings', playback: 'realtime', name: nameOf(request), chapters: 'none' };
  const reply = await api.send({ method: 'POST', path, body, action }, call);
  const json = parseJson(reply.text);
  const said = vendorText(reply.text);
  const vendorCode = `HTTP ${reply.status}`;
  if (reply.status === 503 && isObject(json)) {
    admission.full();
    const message = reasonFirst(said || 'the queue of exports is full', action);
    // Only creations have to wait, which the admission sees to: with a pause, the error would keep back the whole connection.
    throw new ClipError('ETHROTTLED', message, { vendorCode });
  }
  if (reply.status === 400 && /no recordings/i.test(said)) throw noFootage(request, said, { vendorCode });
  const problem = replyError(reply, action, api.access);
  if (problem) throw problem;
  const id = isObject(json) ? readText(json.export_id) : undefined;
  if (!id) throw strangeReply(reply.text, action);
  return id;
}

/** Name of the export in Frigate's list, by which it is found among others. */
function nameOf({ title, start, end }: ClipRequest): string {
  const range = `${start} - ${end}`;
  const words = title.replace(/[\p{C}\s]+/gu, ' ').trim() || 'Node-RED';
  return `${words.slice(0, longestName - range.length - 1).trimEnd()} ${range}`;
}
