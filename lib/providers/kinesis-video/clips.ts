// Plans clips over the fragments of a stream, and opens them.
import { ClipError, reasonFirst } from '../../errors';
import {
  describeClip,
  noFootage,
  type Clip,
  type Provider,
  type ProviderClip,
  type ProviderConfig,
} from '../../provider';
import { toTimeRange, type TimeRange } from '../../time-range';
import { createKinesisApi, type Call, type KinesisOptions } from './api';
import { checkKinesis, noteOn } from './check';
import type { KinesisSession } from './login';
import { footageIn, longestFragmentMs, readTimeline, selectorOf, type Footage } from './plan';
import {
  checkAsked,
  excessError,
  hadFootage,
  idOf,
  plannedClip,
  plannedRange,
  timestampsOf,
  type Asked,
} from './planned';
import { createEventList } from './events';
import { surveyFootage } from './footage';
import { isSeam, locateSeam } from './seam';
import type { TimestampType } from './types';

/**
 * Opens the provider: Kinesis Video Streams in terms of clips. AWS keeps no clips: it makes one while it is downloaded. So
 * creating a clip is finding out what it will be made of, and the plan travels in the clip.
 */
export function openKinesis(config: ProviderConfig, options: KinesisOptions = {}): Provider<KinesisSession> {
  const api = createKinesisApi(config, options);
  const chosen: TimestampType =
    config.settings.timestamps === 'SERVER_TIMESTAMP' ? 'SERVER_TIMESTAMP' : 'PRODUCER_TIMESTAMP';

  return {
    login: api.login,

    async createClip(request, call) {
      const action = `Planning the clip of ${describeClip(request)}`;
      checkAsked(request, action);
      const found = await look(request, chosen, call, action);
      if (found?.spans.length === 0 && !found.arriving) {
        throw await emptiness(request, chosen, call, action, 'ENOFOOTAGE');
      }
      const excess = found && excessError(found, request, action);
      if (excess) throw excess;
      return { id: idOf(request, chosen), ...plannedClip(request, found, chosen), title: request.title };
    },

    async getClip(clip, call) {
      const action = `Asking for the footage of the clip of ${describeClip(clip)}`;
      const timestamps = timestampsOf(clip, chosen);
      let found: Footage | undefined;
      try {
        found = await look(clip, timestamps, call, action);
      } catch (error) {
        if (error instanceof ClipError && error.code === 'EEXPIRED') return { ...same(clip), status: 'expired' };
        throw error;
      }
      if (!found && plannedRange(clip)) return { ...same(clip), status: 'finished' };
      if (found?.spans.length === 0 && !found.arriving) {
        if (hadFootage(clip)) return { ...same(clip), status: 'expired' };
        throw noFootage(clip);
      }
      const excess = found && excessError(found, clip, action);
      if (excess) return { ...same(clip), status: 'failed', reason: excess.message };
      return { id: clip.id, ...plannedClip(clip, found, timestamps) };
    },

    async openClip(clip, call) {
      const action = `Downloading the clip of ${describeClip(clip)}`;
      const timestamps = timestampsOf(clip, chosen);
      const range = plannedRange(clip) ?? (await plan(clip, timestamps, call, action));
      try {
        const video = await api.getClip({ camera: clip.camera, timestamps, ...range }, call, action);
        // Every answer is made afresh: there is nothing to continue.
        return { ...video, resumable: false, offset: 0 };
      } catch (error) {
        if (isSeam(error)) throw await located(error, clip, timestamps, call, action);
        if (!(error instanceof ClipError) || error.vendorCode !== 'ResourceNotFoundException') throw error;
        throw await emptiness(clip, timestamps, call, action, hadFootage(clip) ? 'EEXPIRED' : 'ENOFOOTAGE');
      }
    },

    async listCameras(call) {
      const streams = await api.listStreams(call, 'Asking for the list of streams');
      return streams.map((stream) => {
        const note = noteOn(stream);
        return {
          id: stream.name,
          name: note ? `${stream.name} (${note})` : stream.name,
          // Whether a camera is sending is not known.
          ...(stream.active ? {} : { online: false }),
          ...(stream.arn ? { aliases: [stream.arn] } : {}),
        };
      });
    },

    listEvents: createEventList(api, chosen),

    surveyFootage: (camera, range, call) => surveyFootage(api, { camera, ...range }, chosen, config.now, call),

    check: (call) => checkKinesis(api, config, call),

    async close() {
      api.close();
    },
  };

  /**
   * The footage of a range, from the fragment on that was under way when it begins: the service would drop that one.
   * `undefined` where the credentials may not list fragments.
   */
  async function look(asked: Asked, timestamps: TimestampType, call: Call, action: string) {
    const range = toTimeRange(asked);
    const selection = { ...range, start: range.start - longestFragmentMs, camera: asked.camera, timestamps };
    const fragments = await api.listFragmentsIfAllowed(selection, call, action);
    return fragments && footageIn(readTimeline(fragments, timestamps), range, config.now());
  }

  /** For a clip that is downloaded without a plan, or before all of its footage was there. */
  async function plan(clip: Clip, timestamps: TimestampType, call: Call, action: string): Promise<TimeRange> {
    checkAsked(clip, action);
    const found = await look(clip, timestamps, call, action);
    if (!found) return toTimeRange(clip);
    const excess = excessError(found, clip, action);
    if (excess) throw excess;
    if (found.arriving) {
      const message = reasonFirst(
        'the end of the range has not arrived at AWS yet',
        action,
        'Wait for it with poll-clip',
      );
      throw new ClipError('EINCOMPLETE', message, { retryable: true });
    }
    if (found.spans.length > 0) return selectorOf(found.spans);
    throw await emptiness(clip, timestamps, call, action, hadFootage(clip) ? 'EEXPIRED' : 'ENOFOOTAGE');
  }

  /** The refusal with the instant that it is about, where the fragments may be listed. */
  async function located(refusal: ClipError, clip: Clip, timestamps: TimestampType, call: Call, action: string) {
    const found = await look(clip, timestamps, call, action);
    return locateSeam(refusal, found?.spans ?? [], async (range) => {
      try {
        const { body } = await api.getClip({ camera: clip.camera, timestamps, ...range }, call, action);
        body.destroy();
        return false;
      } catch (error) {
        if (isSeam(error)) return true;
        throw error;
      }
    });
  }

  /** Why there is nothing: "no such stream" and "no such footage" are one answer of AWS. */
  async function emptiness(
    asked: Asked,
    timestamps: TimestampType,
    call: Call,
    action: string,
    code: 'ENOFOOTAGE' | 'EEXPIRED',
  ): Promise<ClipError> {
    let hint =
      timestamps === 'PRODUCER_TIMESTAMP'
        ? "Check that the camera was sending, and that its clock is right; if it is not, use AWS's timestamps"
        : 'Check that the camera was sending';
    try {
      const stream = await api.describeStream(asked.camera, call, action);
      const hours = stream?.retentionHours;
      if (hours === 0) hint = 'The stream keeps no footage: raise its data retention';
      else if (hours !== undefined && Date.parse(asked.end) < config.now() - hours * 3600_000) {
        hint = `The stream keeps footage for ${hours} hours`;
      }
    } catch (error) {
      if (call.signal.aborted || (error instanceof ClipError && error.code === 'ENOTFOUND')) throw error;
      // Only an explanation is missing.
    }
    if (code === 'EEXPIRED') return new ClipError(code, reasonFirst('no footage any more', action, hint));
    const error = noFootage(asked);
    return error.withMessage(`${error.message}. ${hint}`);
  }
}

function same({ id, camera, start, end }: Clip): Omit<ProviderClip, 'status'> {
  return { id, camera, start, end };
}
