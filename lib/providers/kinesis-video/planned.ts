// Describes a clip as its plan: AWS knows no clips, so all that is needed to make one is in `ref`.
import { createHash } from 'node:crypto';
import { ClipError, reasonFirst } from '../../errors';
import type { Clip, ProviderClip, Range } from '../../provider';
import { toSaneIso, toTimeRange, type TimeRange } from '../../time-range';
import { cameraProblem, streamOf } from './camera';
import {
  excessOf,
  longestFragmentMs,
  maxClipBytes,
  maxClipFragments,
  secondsOf,
  selectorOf,
  type Footage,
} from './plan';
import type { TimestampType } from './types';

/** Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/API_reader_ClipTimestampRange.html */
const longestRangeMs = 24 * 3600_000;

export interface Asked extends Range {
  camera: string;
}

/**
 * The clip that this footage makes. `ref` holds what AWS will be asked for, and what that is made of.
 * @param found `undefined` where the credentials may not list fragments: the range itself is all there is then
 */
export function plannedClip(
  asked: Asked,
  found: Footage | undefined,
  timestamps: TimestampType,
): Omit<ProviderClip, 'id'> {
  const { camera, start, end } = asked;
  const clip = { camera, cameraName: streamOf(camera).name, start, end };
  if (!found) return { ...clip, status: 'finished', progress: 100, ref: { timestamps, start, end } };
  const { spans, gaps, arriving } = found;
  if (arriving) return { ...clip, status: 'busy', progress: 0, ref: { timestamps } };
  const selector = selectorOf(spans);
  const ref = {
    timestamps,
    start: toSaneIso(selector.start),
    end: toSaneIso(selector.end),
    seconds: String(secondsOf(spans)),
    fragments: String(spans.length),
  };
  return { ...clip, status: 'finished', progress: 100, gaps, ref };
}

/** Range to ask AWS for; `undefined` for a clip without a reliable plan. */
export function plannedRange({ status, ref }: Clip): TimeRange | undefined {
  const range = toTimeRange({ start: ref?.start ?? '', end: ref?.end ?? '' });
  const holds = range.end > range.start && range.end - range.start <= longestRangeMs + longestFragmentMs;
  return status === 'finished' && holds ? range : undefined;
}

/** The clock that the clip was planned by, whatever the connection is set to by now. */
export function timestampsOf({ ref }: Clip, otherwise: TimestampType): TimestampType {
  const type = ref?.timestamps;
  return type === 'SERVER_TIMESTAMP' || type === 'PRODUCER_TIMESTAMP' ? type : otherwise;
}

/** Was there footage when the clip was planned? */
export function hadFootage({ ref }: Clip): boolean {
  return ref?.fragments !== undefined;
}

/** The same for the same request, so that asking again makes no other clip. */
export function idOf(asked: Asked, timestamps: TimestampType): string {
  const { start, end } = toTimeRange(asked);
  const text = [asked.camera, toSaneIso(start), toSaneIso(end), timestamps].join('\n');
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}

/** @throws EINVALID for what cannot be a stream, ELIMIT for what AWS does not take at once */
export function checkAsked(asked: Asked, action: string): void {
  const problem = cameraProblem(asked.camera);
  if (problem) throw new ClipError('EINVALID', reasonFirst(problem, action));
  const { start, end } = toTimeRange(asked);
  if (end - start > longestRangeMs) {
    throw new ClipError(
      'ELIMIT',
      reasonFirst('AWS takes at most 24 hours at once', action, 'Use export-video for longer ranges'),
    );
  }
}

/** ELIMIT for footage of which AWS would silently leave out the end; `undefined` when all of it fits into one clip. */
export function excessError({ spans }: Footage, asked: Asked, action: string): ClipError | undefined {
  const excess = excessOf(spans, Date.parse(asked.start));
  if (!excess) return undefined;
  const { fragments, bytes, fitsSeconds } = excess;
  const limit = `${maxClipFragments} fragments or ${maxClipBytes / 1e6} MB`;
  return new ClipError(
    'ELIMIT',
    reasonFirst(
      `the range has ${fragments} fragments of ${(bytes / 1e6).toFixed(1)} MB in all, and Kinesis Video Streams puts at most ${limit} into one clip`,
      action,
      `The first ${fitsSeconds} s would fit: ask for less, or use export-video, which divides the range`,
    ),
  );
}
