// Surveys the fragments of a range of any length, for dividing it into clips.
import { ClipError } from '../../errors';
import { describeClip, type Footage } from '../../provider';
import type { Call, KinesisApi } from './api';
import { footageIn, longestFragmentMs, maxClipBytes, maxClipFragments, readTimeline, type Span } from './plan';
import type { Asked } from './planned';
import type { Fragment, TimestampType } from './types';
import { toSaneIso, toTimeRange } from '../../time-range';

/** Listed and put in order at once: fragments of one list come in no order. */
const stretchMs = 2 * 3600_000;
/** Longer ranges have larger pieces, so that what is known of any range stays small. */
const pieceOfOneMs = 24 * 3600_000;
const largestPiece = { fragments: 20, bytes: maxClipBytes / 10 };
/**
 * Length of a clip where fragments may not be listed: AWS's own sample asks for that much at once.
 * Source: https://github.com/aws-samples/amazon-kinesis-video-streams-demos/tree/master/python/get-clip
 */
const blindSeconds = 180;

export async function surveyFootage(
  api: KinesisApi,
  asked: Asked,
  timestamps: TimestampType,
  now: () => number,
  call: Call,
): Promise<Footage> {
  const action = `Looking for the footage of ${describeClip(asked)}`;
  const range = toTimeRange(asked);
  const pieces: Piece[] = [];
  const perPiece = Math.min(largestPiece.fragments, Math.ceil((range.end - range.start) / pieceOfOneMs));
  for (let start = range.start - longestFragmentMs; start < range.end; start += stretchMs) {
    const end = Math.min(start + stretchMs, range.end);
    // The end of a fragment is the start of the one that follows it.
    const selection = { camera: asked.camera, timestamps, start, end: end + longestFragmentMs };
    const fragments = await unlessExpired(api.listFragmentsIfAllowed(selection, call, action));
    if (!fragments) return { maxClipSeconds: blindSeconds, gaps: [] };
    for (const span of readTimeline(fragments, timestamps)) {
      if (span.atMs < end && span.untilMs > range.start) append(pieces, span, perPiece);
    }
  }
  return {
    gaps: footageIn(pieces, range, now()).gaps,
    pieces: pieces.map(({ atMs, untilMs, bytes }) => ({ start: toSaneIso(atMs), end: toSaneIso(untilMs), bytes })),
    maxPieces: Math.floor(maxClipFragments / perPiece),
    maxBytes: maxClipBytes,
  };
}

interface Piece extends Span {
  fragments: number;
}

/** To the last piece, where it follows without a break and there is room. */
function append(pieces: Piece[], span: Span, perPiece: number): void {
  const last = pieces.at(-1);
  const hasRoom = last && last.fragments < perPiece && last.bytes + span.bytes <= largestPiece.bytes;
  if (!hasRoom || last.untilMs !== span.atMs) return void pieces.push({ ...span, fragments: 1 });
  last.untilMs = span.untilMs;
  last.lengthMs += span.lengthMs;
  last.bytes += span.bytes;
  last.fragments += 1;
}

/** The rest of the range may still be there. */
async function unlessExpired(listed: Promise<Fragment[] | undefined>): Promise<Fragment[] | undefined> {
  try {
    return await listed;
  } catch (error) {
    if (error instanceof ClipError && error.code === 'EEXPIRED') return [];
    throw error;
  }
}
