// Makes, finds, opens and deletes clips in the Rhombus cloud.
import { systemClock, type Clock } from '../../async/clock';
import { ClipError, reasonFirst } from '../../errors';
import { readText, readTexts } from '../../net/json';
import {
  describeClip,
  noFootage,
  type CallOptions,
  type ConnectionCheck,
  type Provider,
  type ProviderConfig,
} from '../../provider';
import { toRange, toTimeRange, type TimeRange } from '../../time-range';
import { createRhombusApi, wantsCertificate, type RhombusApi } from './api';
import { createCameras } from './cameras';
import { accessOf, asBefore, askedBy, isNew, reasonOf, titleOf, toClip } from './clip';
import { createEventList } from './events';
import { openClip } from './media';
import { bareOf, isSameVideo, videoFacet } from './facets';
import { vendorText, warningIn } from './errors';
import { findGaps, isReported, isWhole, wholeSeconds } from './footage';
import { createLimit } from './limit';
import { createStatus } from './status';
import { watchEvents } from './watch';
import type { RhombusClip } from './types';

type Call = CallOptions<undefined>;

/** Pages to search for a clip whose creation was not answered: it is one of the newest of its camera. */
const pagesToSearch = 3;

/** Opens the provider: the Rhombus API in terms of clips. */
export function openRhombus(config: ProviderConfig, clock: Clock = systemClock): Provider<undefined> {
  const api = createRhombusApi(config);
  const status = createStatus(api);
  const cameras = createCameras(api);
  const maxSeconds = createLimit(api);

  return {
    listEvents: createEventList(api, config.now),
    ...(api.pushUrl ? { watchEvents: watchEvents({ api, config, clock }) } : {}),

    /** Source: https://api-docs.rhombus.community/api-reference/video-webservice/splice-v3 */
    async createClip(request, call) {
      const action = `Creating the clip of ${describeClip(request)}`;
      const span = wholeSeconds(request);
      const [longest, gaps] = await Promise.all([maxSeconds(call), knownGaps(request.camera, span, call)]);
      if (longest !== undefined && span.seconds > longest) {
        throw new ClipError(
          'ELIMIT',
          reasonFirst(
            `the organisation may make clips of up to ${longest} s, and this one has ${span.seconds} s`,
            action,
            'Ask for a shorter one',
          ),
        );
      }
      if (gaps?.some((gap) => isWhole(gap, span))) {
        throw noFootage(request, 'neither in the cloud nor on the camera');
      }
      const wantsAudio = request.options.audio === true;
      const audio = wantsAudio ? await cameras.audioOf(request.camera, call) : undefined;
      const devices = [videoFacet(request.camera), ...(audio ? [audio] : [])];
      const body = {
        deviceUuids: devices,
        startTimeMillis: span.start,
        durationSec: span.seconds,
        title: titleOf(request),
        accessSettings: accessOf(request),
        audioIncluded: audio !== undefined,
        // The fate of a clip that is not saved is not published.
        saveToConsole: true,
      };
      const { json } = await api.post('video/spliceV3', body, call, action, { isWrite: true });
      const asked = askedBy(request, devices);
      const id = readText(json.clipUuid) ?? readTexts(json.clipUuidList)[0];
      if (!id) {
        const said = vendorText(json) || warningIn(json);
        throw new ClipError('EFAILED', reasonFirst(`the server returned no clip${said ? `: ${said}` : ''}`, action));
      }
      return {
        id,
        ...asked,
        ref: { ...asked.ref, madeAt: new Date(config.now()).toISOString() },
        status: 'pending',
        progress: 0,
        ...reasonOf(warningIn(json) ?? (wantsAudio && !audio ? silent : undefined)),
        ...(gaps && isReported(span, config.now()) ? { gaps: gaps.map(toRange) } : {}),
      };
    },

    /** There is no idempotency key: the clip is known by its title, camera, start and length. */
    async findClip(request, call) {
      const span = wholeSeconds(request);
      const isIt = (clip: RhombusClip): boolean =>
        clip.status !== 'failed' &&
        clip.status !== 'expired' &&
        clip.title === titleOf(request) &&
        isWithinSegment(clip.startMs, span.start) &&
        isWithinSegment((clip.durationSeconds ?? 0) * 1000, span.seconds * 1000) &&
        (clip.devices.length === 0 || clip.devices.some((device) => isSameVideo(request.camera, device)));
      for await (const page of status.list({ deviceUuidFilters: [bareOf(request.camera)] }, pagesToSearch, call)) {
        const [newest] = page.filter(isIt).toSorted((a, b) => (b.createdMs ?? 0) - (a.createdMs ?? 0));
        if (newest) return toClip(newest, askedBy(request, devicesOf(newest, request.camera)));
      }
      return undefined;
    },

    async getClips(clips, call) {
      const answers = await status.askMany(clips, call);
      return answers.map((answer, index) => {
        const clip = clips[index]!;
        if (answer === undefined) return isNew(clip, config.now()) ? asBefore(clip) : undefined;
        return answer instanceof ClipError ? answer : toClip(answer, clip);
      });
    },

    openClip: (clip, call) => openClip(api, status, clip, call),

    /** Takes clips that are still being made as well. */
    async deleteClip(clip, call) {
      const action = `Deleting the clip of ${describeClip(clip)}`;
      await unlessGone(
        api.post('event/deleteSavedClip', { savedClipUuid: clip.id }, call, action, {
          mayBeEmpty: true,
          isWrite: true,
        }),
      );
    },

    async cancelClip(clip, call) {
      const action = `Cancelling the clip of ${describeClip(clip)}`;
      const deviceUuids = clip.ref?.devices?.split(' ') ?? [videoFacet(clip.camera)];
      await unlessGone(
        api.post('video/cancelSpliceV2', { clipUuid: clip.id, deviceUuids }, call, action, {
          mayBeEmpty: true,
          isWrite: true,
        }),
      );
    },

    async listCameras(call) {
      return (await cameras.list(call)).cameras;
    },

    async surveyFootage(camera, range, call) {
      const span = toTimeRange(range);
      const [longest, gaps] = await Promise.all([maxSeconds(call), knownGaps(camera, span, call)]);
      call.signal.throwIfAborted();
      return { gaps: (gaps ?? []).map(toRange), ...(longest === undefined ? {} : { maxClipSeconds: longest }) };
    },

    async check(call) {
      const { cameras: listed, warning, servedAt } = await cameras.list(call);
      const warnings = [...warningsFor(config, api), notChecked];
      if (warning) warnings.push(warning);
      if (listed.length === 0) warnings.push('The API key sees no cameras. Check the locations of its role');
      // Videos come from a host of their own, which a firewall or an unknown certificate may keep away.
      const problem = await api.reachMedia(call).catch((error: ClipError) => error);
      if (problem?.code === 'EABORTED') throw problem;
      if (problem?.code === 'ENETWORK' || problem?.code === 'ETIMEOUT') {
        warnings.push(`Downloads will fail. ${problem.message}`);
      }
      const check: ConnectionCheck = { name: 'Rhombus', cameras: listed.length, warnings };
      if (servedAt !== undefined) check.clockSkewMs = servedAt - config.now();
      return check;
    },

    async close() {
      api.close();
    },
  };

  /** A clip is worth making even when nobody can tell whether there is footage for all of it. */
  async function knownGaps(camera: string, span: TimeRange, call: Call): Promise<TimeRange[] | undefined> {
    try {
      return await findGaps(api, camera, span, config.now(), call);
    } catch (error) {
      if (error instanceof ClipError && error.code === 'EAUTH') throw error;
      return undefined;
    }
  }
}

/** Footage is kept in segments of two seconds, and a server may begin a clip with a whole one. */
function isWithinSegment(ms: number | undefined, wantedMs: number): boolean {
  return ms !== undefined && Math.abs(ms - wantedMs) <= 2_000;
}

const silent = 'The camera has no sound: the clip is made without';

const notChecked =
  'Not checked: the permission "Video : Share and download" of the role, which only making a clip would show';

/** As a list names them, where it names their sources. */
function devicesOf({ devices }: RhombusClip, camera: string): string[] {
  const named = [...new Set(devices.filter((device) => device.includes('.')))];
  return named.length > 0 ? named : [videoFacet(camera)];
}

/** Treats a clip that is gone already as deleted. */
async function unlessGone(request: Promise<unknown>): Promise<void> {
  try {
    await request;
  } catch (error) {
    if (!(error instanceof ClipError && error.code === 'ENOTFOUND' && !error.inconclusive)) throw error;
  }
}

function warningsFor({ settings, tls }: ProviderConfig, { hosts }: RhombusApi): string[] {
  const warnings: string[] = [];
  if ([hosts.api, hosts.media].some((host) => /^http:/i.test(host))) {
    warnings.push('The API key travels over http without encryption');
  }
  if (wantsCertificate(settings) && !tls?.cert && !tls?.pfx) {
    warnings.push('A key with a certificate needs a TLS configuration that holds the certificate and its private key');
  }
  if (String(settings.authScheme).startsWith('partner') && !settings.organization) {
    warnings.push('A partner key needs the client organisation to work for');
  }
  return warnings;
}
