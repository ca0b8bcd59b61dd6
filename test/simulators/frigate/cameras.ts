// Describes cameras, and the segments that are recorded of them.

export interface FrigateCamera {
  /** Key of the configuration. */
  id: string;
  friendlyName?: string;
  enabled: boolean;
  /** 0: offline. */
  fps: number;
  record: { enabled: boolean; continuousDays: number };
  width: number;
  height: number;
  /** Seconds between key frames. */
  gopSeconds: number;
  segmentSeconds: number;
  /** A segment is listed so long after its end (seen: about 10-20 s). */
  listedAfterMs: number;
  /** Recorded from here on, epoch milliseconds. Absent: since two days before the start. */
  from?: number;
  /** The camera was lost at this time. */
  until?: number;
  /** Without recordings, epoch milliseconds. */
  gaps: { start: number; end: number }[];
}

/** Epoch milliseconds. */
export interface Segment {
  start: number;
  end: number;
}

export function frigateCamera(camera: Partial<FrigateCamera> & Pick<FrigateCamera, 'id'>): FrigateCamera {
  return {
    enabled: true,
    fps: 5,
    record: { enabled: true, continuousDays: 7 },
    width: 320,
    height: 180,
    gopSeconds: 2,
    segmentSeconds: 10,
    listedAfterMs: 15_000,
    gaps: [],
    ...camera,
  };
}

export function exampleCameras(): FrigateCamera[] {
  return [
    frigateCamera({ id: 'front_door', friendlyName: 'Front door' }),
    frigateCamera({ id: 'garden' }),
    frigateCamera({ id: 'attic', friendlyName: 'Attic', record: { enabled: false, continuousDays: 0 }, fps: 0 }),
  ];
}

/** Neighbours overlap or miss each other by less than this. */
const seamMs = 1_000;

/** By how much the length of a segment differs from a whole number of seconds: file names have whole seconds only. */
const jittersMs = [20, -30, 410, 0, -250, 60];

/** The segments that touch a range, both ends included, as far as they are listed by now. */
export function segmentsOf(camera: FrigateCamera, range: Segment, startedAt: number, now: number): Segment[] {
  if (!camera.record.enabled) return [];
  const lengthMs = camera.segmentSeconds * 1000;
  const { until = Infinity } = camera;
  const from = camera.from ?? Math.floor(startedAt / 60_000) * 60_000 - 48 * 3600_000;
  const found: Segment[] = [];
  const first = Math.max(from, range.start - 2 * lengthMs);
  for (let start = Math.floor(first / lengthMs) * lengthMs; start <= range.end; start += lengthMs) {
    const whole = { start: Math.max(start, from), end: Math.min(start + lengthMs, until) };
    for (const piece of without(whole, camera.gaps)) {
      const isFull = piece.end === start + lengthMs;
      const jitterMs = isFull ? jittersMs[(start / lengthMs) % jittersMs.length]! : 0;
      const segment = { start: Math.floor(piece.start / 1000) * 1000, end: piece.end + jitterMs };
      const isListed = segment.end + camera.listedAfterMs <= now;
      if (isListed && segment.end >= range.start && segment.start <= range.end) found.push(segment);
    }
  }
  return found;
}

function without(whole: Segment, gaps: Segment[]): Segment[] {
  let pieces = whole.start < whole.end ? [whole] : [];
  for (const gap of gaps) {
    pieces = pieces.flatMap(({ start, end }) =>
      [
        { start, end: Math.min(end, gap.start) },
        { start: Math.max(start, gap.end), end },
      ].filter((piece) => piece.start < piece.end),
    );
  }
  return pieces;
}

/**
 * What a cut of a range holds: 0.16 begins at the next key frame with its length unchanged, later ones at the one before, and
 * where the range begins with a segment, at the last key frame of the segment that ends there.
 */
export function contentOf(
  { gopSeconds }: FrigateCamera,
  segments: Segment[],
  { start, end }: Segment,
  startsLate: boolean,
): { from: number; seconds: number } {
  const covered = (from: number): number => {
    let sum = 0;
    for (const [index, segment] of segments.entries()) {
      // A seam between segments is no gap.
      const next = segments[index + 1]?.start ?? Infinity;
      const segmentEnd = Math.abs(next - segment.end) < seamMs ? next : segment.end;
      sum += Math.max(0, Math.min(segmentEnd, end) - Math.max(segment.start, from));
    }
    return Math.round(sum / 1000);
  };
  const gopMs = gopSeconds * 1000;
  const holder = segments.find((segment) => segment.start <= start && segment.end > start - seamMs);
  if (!holder) return { from: start, seconds: covered(start) };
  const offset = start - holder.start;
  if (startsLate) return { from: holder.start + Math.ceil(offset / gopMs) * gopMs, seconds: covered(start) };
  const endsThere = Math.abs(holder.end - start) < seamMs;
  const keyFrame = endsThere ? Math.ceil(offset / gopMs) - 1 : Math.floor(offset / gopMs);
  const from = holder.start + keyFrame * gopMs;
  return { from, seconds: covered(from) };
}
