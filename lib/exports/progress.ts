// Reports the progress of an export, at most once a second.
import type { Clock } from '../async/clock';
import { transferRate } from '../clips/transfer-rate';
import type { ClipTransfer } from '../provider';
import { secondsOf } from '../time-range';
import type { FilesJobData, Part } from './work';

export interface Progress {
  /** Share of a part that is here, 0-1, with the bytes that its transfer has brought so far. */
  part(part: Part, done: number, bytes?: number): void;
  /** Share of a camera's parts that is joined, 0-1. */
  joining(camera: number, done: number): void;
  /** Puts the progress into the work, and reports it. */
  report(): void;
}

/** Joining takes about so much of the time. */
const joiningShare = 0.05;
const everyMs = 500;
/** By then, how fast it goes says something about the rest. */
const leastShare = 0.01;
const leastMs = 2_000;

/** Writes into the work how far each camera and the whole are, by seconds of video; never backwards, and 99 at most. */
export function progressOf(work: FilesJobData, clock: Clock, onProgress: (transfer: ClipTransfer) => void): Progress {
  const parts = new Map<Part, number>();
  const joined = new Map<number, number>();
  let reportedAt = -Infinity;
  const measure = transferRate({ now: clock.steadyNow });
  const arrived = new Map<Part, number>();
  let bytes = 0;
  const startedAt = clock.steadyNow();
  /** An earlier run may have come far. */
  let doneAtStart: number | undefined;

  /** Seconds until the whole export is over; `undefined` where that cannot be told yet. */
  function secondsLeft(done: number): number | undefined {
    doneAtStart ??= done;
    const [share, ms] = [done - doneAtStart, clock.steadyNow() - startedAt];
    return share < leastShare || ms < leastMs ? undefined : Math.ceil(((1 - done) * ms) / share / 1000);
  }

  /** Bytes that a resumed transfer finds there have not come just now. */
  function count(part: Part, now: number): void {
    bytes += Math.max(0, now - (arrived.get(part) ?? now));
    arrived.set(part, now);
  }

  function report(): void {
    reportedAt = clock.steadyNow();
    let [all, allDone] = [0, 0];
    for (const [index, camera] of work.cameras.entries()) {
      const isOver = camera.status !== 'busy' && camera.status !== 'pending';
      const seconds = secondsOf(camera);
      const done = isOver ? 1 : fetched(camera.parts) * (1 - joiningShare) + (joined.get(index) ?? 0) * joiningShare;
      camera.progress = camera.status === 'finished' ? 100 : grown(camera.progress, done);
      all += seconds;
      allDone += seconds * done;
    }
    work.progress = grown(work.progress, allDone / all);
    const etaSeconds = secondsLeft(allDone / all);
    onProgress({ ...measure(bytes), ...(etaSeconds === undefined ? {} : { etaSeconds }) });
  }

  function fetched(all: Part[] = []): number {
    let [seconds, done] = [0, 0];
    for (const part of all) {
      const isOver = part.error !== undefined || part.empty !== undefined;
      seconds += secondsOf(part);
      done += secondsOf(part) * (isOver ? 1 : (parts.get(part) ?? (part.file ? 1 : 0)));
    }
    return seconds > 0 ? done / seconds : 0;
  }

  const reportIfDue = (): void => {
    if (clock.steadyNow() - reportedAt >= everyMs) report();
  };
  return {
    part(part, done, now) {
      parts.set(part, done);
      if (now !== undefined) count(part, now);
      reportIfDue();
    },
    joining(camera, done) {
      joined.set(camera, done);
      reportIfDue();
    },
    report,
  };
}

function grown(before: number, done: number): number {
  return Math.max(before, Math.min(99, Math.floor(done * 100)));
}
