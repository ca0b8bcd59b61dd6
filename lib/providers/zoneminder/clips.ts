// Makes clips of ZoneMinder's events: a clip is a plan over the events of a range, and is made while it is downloaded.
import { createHash } from 'node:crypto';
import { ClipError } from '../../errors';
import {
  describeClip,
  type Clip,
  type ClipRequest,
  type OpenClip,
  type Provider,
  type ProviderClip,
  type ProviderConfig,
  type Range,
} from '../../provider';
import { createZoneMinderApi, type Call } from './api';
import { findRecordings, gapsIn, standingOf, toRange, toSpan, touchingOf, type Standing } from './footage';
import { createLogin } from './login';
import { openEvent } from './media';
import type { Recording } from './timeline';
import { readMonitors, readText, type Monitor, type ZoneMinderSession } from './types';
import { isZone } from './zone';

type Asked = Pick<ClipRequest, 'camera' | 'start' | 'end'>;

export function openZoneMinder(config: ProviderConfig): Provider<ZoneMinderSession> {
  const api = createZoneMinderApi(config);
  let zone: Promise<string> | undefined;

  return {
    login: createLogin(api, config),

    async createClip(request, call) {
      const action = `Looking for the events of ${describeClip(request)}`;
      const [standing] = await look([request], call, action);
      if (standing!.status === 'none') throw await emptiness(request, standing!, call, action);
      return toClip({ id: idOf(request), ...request }, standing!);
    },

    async getClip(clip, call) {
      const [answer] = await getClips([clip], call);
      if (answer instanceof ClipError) throw answer;
      return answer!;
    },

    getClips,
    openClip,

    async listCameras(call) {
      const monitors = await listMonitors(call);
      return monitors.map(({ id, name, online }) => ({ id, name, ...(online === undefined ? {} : { online }) }));
    },

    async surveyFootage(camera, range, call) {
      const action = `Looking for the events of ${describeClip({ camera, ...range })}`;
      const span = toSpan(range);
      const all = await findRecordings(api, { cameras: [camera], span, zone: await zoneOf(call) }, call, action);
      const recordings = touchingOf(span, all).filter(({ video }) => video !== '');
      const covered = recordings.map(({ startMs, endMs }) => ({ startMs, endMs: endMs ?? config.now() }));
      return { gaps: gapsIn(span, covered).map(toRange) };
    },

    async check(call) {
      const monitors = await listMonitors(call);
      return { name: 'ZoneMinder', cameras: monitors.length, warnings: [] };
    },

    async close() {
      api.close();
    },
  };

  async function getClips(clips: Clip[], call: Call): Promise<(ProviderClip | ClipError)[]> {
    const standings = await look(clips, call, 'Looking for the events of clips');
    return clips.map((clip, index) => {
      const standing = standings[index]!;
      if (standing.status !== 'none') return toClip(clip, standing);
      if (clip.ref?.events)
        return { id: clip.id, camera: clip.camera, start: clip.start, end: clip.end, status: 'expired' };
      return noFootage(clip, standing, `Looking for the events of ${describeClip(clip)}`);
    });
  }

  /** What is known of each of these ranges, by one search. */
  async function look(asked: Asked[], call: Call, action: string): Promise<Standing[]> {
    const spans = asked.map(toSpan);
    const cameras = [...new Set(asked.map(({ camera }) => camera))];
    const span = {
      startMs: Math.min(...spans.map(({ startMs }) => startMs)),
      endMs: Math.max(...spans.map(({ endMs }) => endMs)),
    };
    const all = await findRecordings(api, { cameras, span, zone: await zoneOf(call) }, call, action);
    const judging = { now: config.now(), reachMs: () => undefined, isStopped: () => false };
    return asked.map(({ camera }, index) => {
      const own = all.filter((recording) => recording.camera === camera);
      return standingOf(spans[index]!, own, judging);
    });
  }

  async function openClip(clip: Clip, call: Call & { offset: number; etag?: string }): Promise<OpenClip> {
    const action = `Downloading the clip of ${describeClip(clip)}`;
    const [standing] = await look([clip], call, action);
    const [first, ...more] = standing!.recordings;
    if (!first) {
      if (!clip.ref?.events) throw await emptiness(clip, standing!, call, action);
      throw new ClipError('EEXPIRED', `${action}: its events have been deleted on the server`);
    }
    if (more.length > 0) throw new ClipError('EUNSUPPORTED', `${action}: it lies in several events. Use export-video`);
    const etag = `"${first.id}"`;
    const { body, offset, size } = await openEvent(api, first.id, { offset: 0 }, call, action);
    return { body, offset, resumable: false, ...(size === undefined ? {} : { size }), etag };
  }

  async function zoneOf(call: Call): Promise<string> {
    const chosen = String(config.settings.timezone || '');
    if (chosen && !isZone(chosen)) {
      throw new ClipError('EINVALID', `The time zone "${chosen}" is not known. Enter one such as Europe/Amsterdam`);
    }
    zone ??= askForZone(call).catch((error: unknown) => {
      zone = undefined;
      throw error;
    });
    return chosen || zone;
  }

  async function askForZone(call: Call): Promise<string> {
    const action = 'Asking for the time zone of the server';
    const { json } = await api.ask('host/getTimeZone.json', call, action);
    const told = readText(json.tz) ?? '';
    if (isZone(told)) return told;
    const advice = 'Set the time zone of the connection, under Advanced';
    throw new ClipError('EPROTOCOL', `${action}: the answer names none that is known. ${advice}`);
  }

  async function listMonitors(call: Call): Promise<Monitor[]> {
    const action = 'Asking for the camera list';
    // A POST to monitors.json would make a camera.
    const { json } = await api.ask('monitors/index.json', call, action);
    const monitors = readMonitors(json);
    if (!monitors) throw new ClipError('EPROTOCOL', `${action}: the answer holds no list`, { retryable: true });
    return monitors;
  }

  async function emptiness(asked: Asked, standing: Standing, call: Call, action: string): Promise<ClipError> {
    const monitors = await listMonitors(call);
    if (monitors.some(({ id }) => id === asked.camera)) return noFootage(asked, standing, action);
    const advice = 'Check the number, and which monitors the user may see';
    return new ClipError('ENOTFOUND', `${action}: there is no monitor ${asked.camera}. ${advice}`);
  }
}

function noFootage(_: Asked, { reasons }: Standing, action: string): ClipError {
  const why = reasons.length > 0 ? `: ${reasons.join('; ')}` : '';
  return new ClipError(
    'ENOFOOTAGE',
    `${action}: no footage${why}. Check the time, that the camera was recording video, and the time zone of the connection`,
  );
}

function toClip(asked: { id: string } & Range & { camera: string; title?: string }, standing: Standing): ProviderClip {
  const { id, camera, start, end, title } = asked;
  const { status, recordings, gaps, reasons } = standing;
  const isFinished = status === 'finished';
  return {
    id,
    camera,
    start,
    end,
    status: status === 'none' ? 'failed' : status,
    progress: isFinished ? 100 : 0,
    ...(title ? { title } : {}),
    ...(isFinished ? { gaps: gaps.map(toRange) } : {}),
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    ...(recordings.length > 0 ? { ref: { events: namesOf(recordings) } } : {}),
  };
}

function namesOf(recordings: Recording[]): string {
  return recordings.map(({ id }) => id).join(' ');
}

/** The same for the same request, so that creating it twice makes no other clip. */
export function idOf({ camera, start, end }: Asked): string {
  const text = [camera, toRange(toSpan({ start, end })).start, toRange(toSpan({ start, end })).end].join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
