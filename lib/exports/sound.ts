// Chooses the pieces of sound that go with the pictures of joined parts, so that sound stays in step with them.
import { lengthOf, shownAt, type MediaTrack } from '../mp4';

/** The sound of one part: pieces `from` up to and without `to`, the first of which is heard at `at` on the new time line. */
export interface SoundSpan {
  from: number;
  to: number;
  /** Seconds. */
  at: number;
}

/** Place of a part on the new time line. */
export interface Place {
  /** Seconds to add to the time line of its file. */
  shift: number;
  /** Seconds on the new time line. */
  start: number;
  end: number;
}

export interface SoundTimeline {
  /** The pieces of the next part. Without a track there is no sound in it. */
  next(track: MediaTrack | undefined, place: Place): SoundSpan;
  /** Seconds by which sound that is played piece by piece, as browsers do, would be away from where it belongs, at most. */
  readonly drift: number;
  /** Seconds on the new time line. */
  readonly end: number;
}

/**
 * Encoded sound comes in pieces of some 20 ms, and those of a part hardly ever end where its pictures do. Here, pieces that a
 * border cuts are taken whole or not at all, so that the sound of all parts together is never off by more than half a piece.
 */
export function soundTimeline(): SoundTimeline {
  let end: number | undefined;
  let begun = 0;
  let played = 0;
  let drift = 0;

  return {
    get drift() {
      return drift;
    },
    get end() {
      return end ?? 0;
    },
    next(track, place) {
      const nothing = { from: 0, to: 0, at: end ?? place.start };
      if (!track) return nothing;
      const count = track.samples.bytes.length;
      const piece = usualLength(track);
      const timeOf = (index: number): number => shownAt(track, index) + place.shift;
      // The piece before the first one is what a decoder starts with.
      const earliest = end === undefined ? place.start - piece : Math.max(end, place.start - piece) - piece / 2;
      let from = 0;
      while (from < count && timeOf(from) < earliest - 1e-6) from += 1;
      let to = from;
      while (to < count && timeOf(to) + piece / 2 < place.end) to += 1;
      if (from === to) return nothing;
      const wanted = timeOf(from);
      const at = end === undefined || Math.abs(wanted - end) > 0.51 * piece ? wanted : end;
      if (end === undefined) begun = at;
      end = at + timeOf(to - 1) + lengthOf(track, to - 1) - wanted;
      // The last piece of a file may be said to last as long as the pictures.
      if (lengthOf(track, to - 1) > 2 * piece) end += piece - lengthOf(track, to - 1);
      played += (to - from) * piece;
      drift = Math.max(drift, Math.abs(end - begun - played), Math.abs(at - wanted));
      return { from, to, at };
    },
  };
}

/** Length of a piece: some files round each to milliseconds, or stretch one over a hole. */
export function usualLength(track: MediaTrack): number {
  const { samples } = track;
  const count = samples.bytes.length;
  const lengths = Array.from({ length: Math.min(count, 1000) }, (_, index) => lengthOf(track, index));
  const middle = [...lengths].sort((a, b) => a - b)[lengths.length >> 1] ?? 0;
  const usual = lengths.filter((length) => length > middle / 2 && length < middle * 1.5);
  return usual.length > 0 ? usual.reduce((sum, length) => sum + length, 0) / usual.length : middle;
}
