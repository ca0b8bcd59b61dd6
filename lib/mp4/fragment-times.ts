// Follows the decode times and numbers of fragments: how long the tracks are, what is skipped and what comes twice.
import type { TrackFragment } from './fragments';

interface TrackTimes {
  samples: number;
  /** In the track's timescale, like all of these: each instant counts once. */
  duration: number;
  /** Expected start of the next fragment, and the latest end so far. */
  next?: number;
  latest: number;
  skipped: number;
  repeated: number;
  longest: number;
}

export interface FragmentTimes {
  samples(track: number): number;
  duration(track: number): number;
  /** The latest end on the track's clock. */
  latest(track: number): number;
  skipped(track: number): number;
  repeated(track: number): number;
  /** Of the sample that lasts longest. */
  longest(track: number): number;
  /** Fragments that are missing by their numbers. */
  readonly missingNumbers: number;
  /** The index may list samples itself: fragments go on behind them. */
  start(track: number, ticks: number): void;
  add(number: number | undefined, fragments: TrackFragment[]): void;
}

/** Steps below this many average samples are the writer's rounding, or its guess of how long the last sample lasts. */
const samplesOfSlack = 2;

export function fragmentTimes(): FragmentTimes {
  const tracks = new Map<number, TrackTimes>();
  const of = (id: number): TrackTimes => {
    let track = tracks.get(id);
    if (!track) tracks.set(id, (track = { samples: 0, duration: 0, latest: 0, skipped: 0, repeated: 0, longest: 0 }));
    return track;
  };
  let lastNumber: number | undefined;
  let missingNumbers = 0;

  function addTo(track: TrackTimes, { time, runs }: TrackFragment): void {
    const duration = runs.reduce((sum, run) => sum + run.duration, 0);
    const samples = runs.reduce((sum, run) => sum + run.samples, 0);
    const start = time ?? track.next ?? 0;
    const step = track.next === undefined ? 0 : start - track.next;
    const slack = samples > 0 ? (samplesOfSlack * duration) / samples : 0;
    const repeated = Math.min(duration, Math.max(0, track.latest - start));
    if (step > slack && start > track.latest) track.skipped += start - track.latest;
    if (track.next !== undefined && repeated > slack) track.repeated += repeated;
    track.samples += samples;
    track.longest = Math.max(track.longest, ...runs.map((run) => run.longest));
    track.duration += track.next === undefined ? duration : duration - repeated;
    track.next = start + duration;
    track.latest = Math.max(track.latest, track.next);
  }

  return {
    samples: (id) => of(id).samples,
    duration: (id) => of(id).duration,
    latest: (id) => of(id).latest,
    skipped: (id) => of(id).skipped,
    repeated: (id) => of(id).repeated,
    longest: (id) => of(id).longest,
    get missingNumbers() {
      return missingNumbers;
    },
    start(id, ticks) {
      if (ticks > 0) Object.assign(of(id), { next: ticks, latest: ticks });
    },
    add(number, fragments) {
      if (lastNumber !== undefined && number !== undefined && number > lastNumber + 1) {
        missingNumbers += number - lastNumber - 1;
      }
      lastNumber = number ?? lastNumber;
      for (const fragment of fragments) addTo(of(fragment.track), fragment);
    },
  };
}
