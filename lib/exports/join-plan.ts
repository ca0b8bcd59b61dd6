// Plans which parts of a camera become one file, which of their pictures and sound go into it, and when each is shown.
import { open, type FileHandle } from 'node:fs/promises';
import {
  beginsAnew,
  fileSource,
  isAudioForMp4,
  readTracks,
  shownAt,
  type MediaTrack,
  type TrackParameters,
} from '../mp4';
import type { Inspection } from '../mp4/inspect';
import type { Gap, Range } from '../provider';
import { secondsOf } from '../time-range';
import { readSample, repeatsFrom, shownPictures, spanOf, type Kept, type OpenTrack } from './border';
import { soundTimeline, type Place, type SoundSpan, type SoundTimeline } from './sound';

export interface JoinPart extends Range {
  path: string;
  inspection: Inspection;
  /** Parts of the range that are known to have no footage. */
  gaps?: Gap[];
}

export interface PlannedPart extends Place {
  part: JoinPart;
  pictures: Kept;
  /** By audio track. */
  sound: SoundSpan[];
}

/** Parts that become one file; a single one stays as it is. */
export interface JoinPlan {
  parts: PlannedPart[];
  /** Why these do not go on in the file before. */
  reason?: string;
  /** Remarks on the borders, in words. */
  problems: string[];
  /** Seconds, by audio track, by which sound that is copied as it is would be out of step. */
  drifts: number[];
}

/** Less is the rounding of a picture's time. */
const slackSeconds = 0.05;
/** A part may also hold less elsewhere than it should. */
const moreSeconds = 1;
/** A border is reported where this much may be missing. */
const leastHoleSeconds = 1;
/** Of one file: its index has to fit into memory. */
const mostPictures = 8_000_000;

/** @throws what reading the files throws */
export async function planJoins(parts: JoinPart[]): Promise<JoinPlan[]> {
  const plans: JoinPlan[] = [];
  let before: Opened | undefined;
  let current: Growing | undefined;
  const finish = (reason?: string): void => {
    if (current) plans.push(current.close());
    current = undefined;
    if (reason) reasons.set(plans.length, reason);
  };
  const reasons = new Map<number, string>();
  try {
    for (const part of parts) {
      const next: Opened = await openPart(part);
      const reason = before && (whyApart(before, next) ?? (await current!.add(next)));
      if (!before || reason) {
        finish(reason);
        current = growing(next);
      }
      await before?.handle.close();
      before = next;
    }
  } finally {
    await before?.handle.close();
  }
  finish();
  return plans.map((plan, index) => ({ ...plan, ...(reasons.has(index) ? { reason: reasons.get(index)! } : {}) }));
}

interface Opened {
  part: JoinPart;
  handle: FileHandle;
  video?: OpenTrack;
  sound: MediaTrack[];
  /** Why its tracks cannot be used. */
  problem?: string;
}

async function openPart(part: JoinPart): Promise<Opened> {
  const handle = await open(part.path, 'r');
  try {
    const [video, ...sound] = await readTracks(await fileSource(handle), isAudioForMp4);
    if (video?.handler !== 'vide') return { part, handle, sound: [], problem: 'it has no pictures' };
    if (!part.inspection.mp4.whole) return { part, handle, sound: [], problem: 'it is damaged' };
    const { bytes, end, time } = video.samples;
    if (bytes.length > 1 && end <= time[0]!) return { part, handle, sound: [], problem: 'its pictures have no times' };
    if (video.codec === 'encv') return { part, handle, sound: [], problem: 'it is encrypted' };
    return { part, handle, sound, video: { track: video, handle } };
  } catch (thrown) {
    return { part, handle, sound: [], problem: (thrown as Error).message };
  }
}

/** The reason why two parts need two files, whatever their pictures are; `undefined`: none. */
function whyApart(before: Opened, { part, problem }: Opened): string | undefined {
  const [one, other] = [before.part.inspection.parameters, part.inspection.parameters];
  const { codec = 'unknown', height = '?', width = '?' } = part.inspection.mp4;
  if (problem ?? before.problem)
    return `the clips around ${part.start} cannot be joined (${problem ?? before.problem})`;
  if (differ(one, other, 'vide', 'decoder')) {
    return `the video changes at ${part.start} (now ${codec} ${width}x${height}), so what follows is in a file of its own`;
  }
  if (differ(one, other, 'vide', 'display')) {
    return `the picture is shown in another way from ${part.start} on (now ${width}x${height}), so what follows is in a file of its own`;
  }
  if (differ(one, other, 'soun', 'decoder')) {
    const now = part.inspection.mp4.audioCodec ?? 'none';
    return `the sound changes at ${part.start} (now ${now}), so what follows is in a file of its own`;
  }
  return undefined;
}

function differ(
  one: TrackParameters[],
  other: TrackParameters[],
  handler: TrackParameters['handler'],
  by: 'decoder' | 'display',
): boolean {
  const textOf = (tracks: TrackParameters[]): string =>
    tracks.filter((track) => track.handler === handler).map((track) => track[by]).join('|'); // prettier-ignore
  return textOf(one) !== textOf(other);
}

interface Growing {
  /** Adds a part. Resolves to why it cannot be in the same file. */
  add(next: Opened): Promise<string | undefined>;
  close(): JoinPlan;
}

/** A plan that begins with a part, and takes more as long as they fit. */
function growing(first: Opened): Growing {
  const planned: PlannedPart[] = [];
  const problems: string[] = [];
  const timelines: SoundTimeline[] = first.sound.map(() => soundTimeline());
  let pictures = 0;
  /** The last part, which is planned once it is known how it ends. */
  let last: { opened: Opened; repeats: boolean; shift: number } | undefined = {
    opened: first,
    repeats: false,
    shift: NaN,
  };

  function plan(to: number | undefined, isLast: boolean): { kept: Kept; end: number } | undefined {
    const { opened, repeats } = last!;
    if (!opened.video) return undefined;
    const { track } = opened.video;
    const isFirst = planned.length === 0;
    const kept = shownPictures(track, { isFirst, isLast, repeats, to });
    if (!kept) return undefined;
    const span = spanOf(track, kept, isFirst);
    if (isFirst) last!.shift = -span.first;
    return { kept, end: span.end + last!.shift };
  }

  function take({ kept, end }: { kept: Kept; end: number }): void {
    const { opened, shift } = last!;
    const start = planned.at(-1)?.end ?? 0;
    const place = { shift, start, end };
    const sound = timelines.map((timeline, index) => timeline.next(opened.sound[index], place));
    planned.push({ part: opened.part, pictures: kept, sound, ...place });
    pictures += kept.to - kept.from - kept.without.size;
  }

  return {
    async add(next) {
      const { opened } = last!;
      if (!opened.video || !next.video) return undefined;
      if (pictures + next.video.track.samples.bytes.length > mostPictures) {
        return `the file up to ${next.part.start} is as long as one can be, so what follows is in a file of its own`;
      }
      const { excess, repeated } = await compare(opened, next);
      const attempt = plan(repeated, false);
      const isFit = shownPictures(next.video.track, {
        isFirst: false,
        isLast: true,
        repeats: repeated !== undefined,
        to: undefined,
      });
      if (!attempt || !isFit) {
        return `the clips around ${next.part.start} have pictures that must not be shown, so what follows is in a file of its own`;
      }
      // Footage that is in both, or follows at once, goes on as it was encoded.
      const goesOn = repeated !== undefined || (isFit.from === 0 && isNext(opened.part, next.part, excess));
      if (!goesOn && !(await isNewStart(next.video, isFit.from))) {
        return `the clip at ${next.part.start} begins with pictures that need others before them, so it is in a file of its own`;
      }
      problems.push(...borderProblems(opened.part, next.part, repeated === undefined ? excess : 0));
      const span = spanOf(next.video.track, isFit, false);
      let { end } = attempt;
      let shift = end - span.first;
      if (repeated !== undefined) {
        shift = last!.shift + shownAt(opened.video.track, repeated) - shownAt(next.video.track, 0);
        end = span.first + shift;
      }
      take({ kept: attempt.kept, end });
      last = { opened: next, repeats: repeated !== undefined, shift };
      return undefined;
    },
    close() {
      const attempt = plan(undefined, true);
      if (attempt) take(attempt);
      else planned.push({ part: last!.opened.part, pictures: nothing, sound: [], shift: 0, start: 0, end: 0 });
      return { parts: planned, problems, drifts: timelines.map(({ drift }) => drift) };
    },
  };
}

const nothing: Kept = { from: 0, to: 0, without: new Set() };

/** Does a part follow another one at once, as far as is known? */
function isNext(part: JoinPart, next: JoinPart, excess: number): boolean {
  return part.end === next.start && excess <= moreSeconds;
}

async function isNewStart(video: OpenTrack, index: number): Promise<boolean> {
  return beginsAnew(video.track.codec, video.track.stsd, await readSample(video, index));
}

/** The overlap of two parts, and how much there may be. */
async function compare(one: Opened, next: Opened): Promise<{ excess: number; repeated: number | undefined }> {
  const hidden = hiddenSeconds(next.video!.track);
  const excess = excessOf(one.part) + excessOf(next.part);
  if (one.part.end !== next.part.start || excess + hidden < slackSeconds) return { excess: 0, repeated: undefined };
  return { excess, repeated: await repeatsFrom(one.video!, next.video!, excess + hidden + moreSeconds) };
}

function excessOf({ start, end, inspection }: JoinPart): number {
  return Math.max(0, (inspection.mp4.duration ?? 0) - secondsOf({ start, end }));
}

/** Pictures that an edit list hides at the beginning. */
function hiddenSeconds({ samples, shown, timescale }: MediaTrack): number {
  return Math.max(0, shown.from - (samples.time[0]! + samples.shift[0]!)) / timescale;
}

function borderProblems(part: JoinPart, next: JoinPart, twiceSeconds: number): string[] {
  if (part.end !== next.start) return [];
  if (twiceSeconds > moreSeconds) return [`${twiceSeconds.toFixed(1)} s around ${next.start} may be there twice`];
  const gapSeconds = (part.gaps ?? []).reduce((sum, gap) => sum + secondsOf(gap), 0);
  const lacking = secondsOf(part) - gapSeconds - (part.inspection.mp4.duration ?? 0);
  return lacking < leastHoleSeconds ? [] : [`before ${next.start} ${lacking.toFixed(1)} s may have no pictures`];
}
