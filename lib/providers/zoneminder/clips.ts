// Makes clips of ZoneMinder's events: a clip is a plan over the events of a range, and is made while it is downloaded.
import { createHash } from 'node:crypto';
import { ClipError, reasonFirst } from '../../errors';
import { objectAt, readBoolean } from '../../net/json';
import {
  describeClip,
  type Clip,
  type ClipRequest,
  type OpenClip,
  type Provider,
  type ProviderClip,
  type ProviderConfig,
} from '../../provider';
import { toRange, toTimeRange } from '../../time-range';
import { createZoneMinderApi, type Call } from './api';
import { assemble, toOpenClip } from './assembly';
import { checkZoneMinder } from './check';
import { createEventList } from './events';
import { standingOf, surveyOf, type Standing } from './footage';
import { createLogin } from './login';
import { createSearch } from './search';
import { readMonitors, type Monitor, type ZoneMinderSession } from './types';

/** `ref.event`: the one event that it is the whole of, where it is not known by its range. */
type Asked = Pick<ClipRequest, 'camera' | 'start' | 'end'> & Pick<ProviderClip, 'ref'>;

export function openZoneMinder(config: ProviderConfig): Provider<ZoneMinderSession> {
  const api = createZoneMinderApi(config);
  const search = createSearch(api, config);
  const { settings } = config;
  const marginMs = Number(settings.margin ?? 0) * 1000;
  const isCut = settings.cut !== false;
  /** By number, as they were last listed. */
  let names: ReadonlyMap<string, string> | undefined;

  return {
    login: createLogin(api, config),

    async createClip(request, call) {
      const action = `Looking for the events of ${describeClip(request)}`;
      const [standing] = await look([request], call, action);
      if (standing!.status === 'none') throw await emptiness(request, standing!, call, action);
      const cameraName = await nameOf(request.camera, call);
      // Of a range that has just passed there may be nothing yet, also of a camera that there is.
      if (standing!.recordings.length === 0 && names && cameraName === undefined) {
        throw await emptiness(request, standing!, call, action);
      }
      return { ...toClip(idOf(request), request, standing!), ...(cameraName ? { cameraName } : {}) };
    },

    getClips,
    openClip,

    listEvents: createEventList(api, search.zone, config.now),

    async listCameras(call) {
      const monitors = await listMonitors(call);
      return monitors.map(({ id, name, online }) => ({ id, name, ...(online === undefined ? {} : { online }) }));
    },

    async surveyFootage(camera, range, call) {
      const action = `Looking for the events of ${describeClip({ camera, ...range })}`;
      const { recordings, nowMs } = await search([{ camera, ...toTimeRange(range) }], call, action);
      return surveyOf(toTimeRange(range), recordings, nowMs);
    },

    async check(call) {
      const monitors = await listMonitors(call);
      return checkZoneMinder(api, config, { monitors, zone: await search.zone(call) }, call);
    },

    async close() {
      api.close();
    },
  };

  async function getClips(clips: Clip[], call: Call): Promise<(ProviderClip | ClipError)[]> {
    const standings = await look(clips, call, 'Looking for the events of clips');
    return clips.map((clip, index) => {
      const standing = standings[index]!;
      const { id, camera, start, end, ref } = clip;
      if (standing.status !== 'none') return toClip(id, clip, standing);
      if (ref?.events) return { id, camera, start, end, status: 'expired', reason: 'the events have been deleted' };
      return noFootage(standing, `Looking for the events of ${describeClip(clip)}`);
    });
  }

  /** Footage of each of these ranges, by one search. */
  async function look(asked: Asked[], call: Call, action: string): Promise<Standing[]> {
    const spans = asked.map((each) => ({ camera: each.camera, ...toTimeRange(each) }));
    const { recordings, nowMs } = await search(spans, call, action);
    return spans.map((span, index) => {
      const event = asked[index]!.ref?.event;
      const own = recordings.filter(
        ({ id, camera }) => camera === span.camera && (event === undefined || id === event),
      );
      return standingOf(span, own, { now: nowMs, marginMs });
    });
  }

  async function openClip(clip: Clip, call: Call & { offset: number; etag?: string }): Promise<OpenClip> {
    const action = `Downloading the clip of ${describeClip(clip)}`;
    const [standing] = await look([clip], call, action);
    const { status, recordings, gaps } = standing!;
    if (status === 'none' || recordings.length === 0) {
      if (clip.ref?.events)
        throw new ClipError('EEXPIRED', reasonFirst('the events have been deleted on the server', action));
      throw await emptiness(clip, standing!, call, action);
    }
    if (status !== 'finished') {
      const message = reasonFirst(
        'the end of the range has not been written yet',
        action,
        'Wait for it with poll-clip',
      );
      throw new ClipError('EINCOMPLETE', message, { retryable: true });
    }
    const range = toTimeRange(clip);
    const window = { start: range.start - marginMs, end: range.end + marginMs };
    const gapMs = gaps.reduce((sum, { start, end }) => sum + end - start, 0);
    const stop = new AbortController();
    const signal = AbortSignal.any([call.signal, stop.signal]);
    try {
      const isWhole = !isCut || clip.ref?.event !== undefined;
      const wanted = { recordings, gapMs, ...(isWhole ? {} : { window }) };
      const assembly = await assemble(api, wanted, { ...call, signal }, action);
      const isContinued = call.offset > 0 && assembly.etag !== undefined && call.etag === assembly.etag;
      const opened = await assembly.open(isContinued ? call.offset : 0);
      // Requests for further parts end with the stream that they are for.
      opened.body.once('close', () => stop.abort());
      return toOpenClip(assembly, opened);
    } catch (error) {
      stop.abort();
      if (!(error instanceof ClipError) || (error.code !== 'EEXPIRED' && error.code !== 'ENOTFOUND')) throw error;
      throw await whyMissing(recordings, error, call, action);
    }
  }

  /** A file may be missing, and a proxy may have no page: the API tells which. */
  async function whyMissing(
    recordings: { id: string }[],
    missing: ClipError,
    call: Call,
    action: string,
  ): Promise<ClipError> {
    for (const { id } of recordings) {
      try {
        const { json } = await api.ask(`events/view/${id}.json?noframes=true`, call, action);
        const { fileExists } = objectAt(objectAt(json, 'event'), 'Event');
        // Null, or false, or 0, by the version.
        if (fileExists !== undefined && readBoolean(fileExists) !== true && missing.code === 'EEXPIRED') {
          return new ClipError(
            'ENOTFOUND',
            reasonFirst(`the video file of event ${id} is missing on the server`, action),
            missing,
          );
        }
      } catch (error) {
        if (!(error instanceof ClipError) || error.sessionExpired || error.code === 'EABORTED') throw error;
        if (error.code === 'ENOTFOUND') {
          return new ClipError('EEXPIRED', reasonFirst(`event ${id} has been deleted on the server`, action));
        }
      }
    }
    if (missing.code === 'ENOTFOUND') return missing;
    // The event is there, with its file: what was not found was the page.
    const advice = 'Check the address of the connection, and what is in front of ZoneMinder';
    return new ClipError('EPROTOCOL', `${missing.message}. The event itself is there. ${advice}`, { retryable: true });
  }

  async function listMonitors(call: Call): Promise<Monitor[]> {
    const action = 'Asking for the camera list';
    // A POST to monitors.json would make a camera.
    const { json } = await api.ask('monitors/index.json', call, action);
    const monitors = readMonitors(json);
    if (!monitors)
      throw new ClipError('EPROTOCOL', reasonFirst('the answer holds no list', action), { retryable: true });
    names = new Map(monitors.map(({ id, name }) => [id, name]));
    return monitors;
  }

  /** Asked for once; a clip is worth having without the name of its camera, too. */
  async function nameOf(camera: string, call: Call): Promise<string | undefined> {
    if (!names) {
      await listMonitors(call).catch((error: unknown) => {
        if (call.signal.aborted) throw error;
      });
    }
    return names?.get(camera);
  }

  async function emptiness({ camera }: Asked, standing: Standing, call: Call, action: string): Promise<ClipError> {
    const monitors = await listMonitors(call);
    if (monitors.some(({ id }) => id === camera)) return noFootage(standing, action);
    const advice = 'Check the number, and which monitors the user may see';
    return new ClipError('ENOTFOUND', reasonFirst(`there is no monitor ${camera}`, action, advice));
  }
}

function noFootage({ reasons }: Standing, action: string): ClipError {
  const why = reasons.length > 0 ? `: ${reasons.join('; ')}` : '';
  const advice = 'Check the time, that the monitor records video, and the time zone of the connection';
  return new ClipError('ENOFOOTAGE', reasonFirst(`there is no footage${why}`, action, advice));
}

function toClip(id: string, asked: Asked & { title?: string }, standing: Standing): ProviderClip {
  const { camera, start, end, title } = asked;
  const { status, recordings, gaps, reasons } = standing;
  const running = recordings.find(({ endMs }) => endMs === undefined);
  return {
    id,
    camera,
    start,
    end,
    status: status === 'none' ? 'failed' : status,
    ...(running ? { vendorStatus: `event ${running.id} is being recorded` } : {}),
    ...(title ? { title } : {}),
    ...(status === 'finished' ? { progress: 100, gaps: gaps.map(toRange) } : { progress: 0 }),
    ...(reasons.length > 0 ? { reason: reasons.join('; ') } : {}),
    ...(recordings.length > 0
      ? { ref: { ...asked.ref, events: recordings.map((recording) => recording.id).join(' ') } }
      : {}),
  };
}

/** The same for the same request, so that creating it twice makes no other clip. */
export function idOf(asked: Asked): string {
  const { start, end } = toRange(toTimeRange(asked));
  return createHash('sha256').update([asked.camera, start, end].join('\n')).digest('hex').slice(0, 32);
}
