// Joins fragments to runs of footage without a break. Pure decisions; times are epoch milliseconds.
import type { ProviderClip, ProviderEvent } from '../../provider';
import { eventTimes } from '../event-list';
import { streamOf } from './camera';
import { longestFragmentMs, maxClipBytes, maxClipFragments } from './plan';
import { idOf } from './planned';
import type { Fragment, TimestampType } from './types';
import { toSaneIso } from '../../time-range';

/** Fragments that lie no further apart belong together; a length may be declared as 0. */
const breakMs = longestFragmentMs;
/** A run is over when nothing has arrived for so long. */
const quietMs = breakMs + 10_000;

export interface Run {
  /** Of its first fragment, as text: it has some 47 digits. */
  number: string;
  /** On the chosen clock. */
  startMs: number;
  endMs: number;
  /** Start of its last fragment. */
  lastMs: number;
  lastServerMs: number;
  fragments: number;
  bytes: number;
  isEnded: boolean;
}

/**
 * Adds a fragment to the run that it continues; what a run holds already is passed over.
 * @returns the run that it begins, if it does
 */
export function addFragment(runs: Run[], fragment: Fragment, clock: TimestampType): Run | undefined {
  const { number, serverMs, lengthMs, bytes } = fragment;
  const time = clock === 'PRODUCER_TIMESTAMP' ? fragment.producerMs : serverMs;
  if (time === undefined || serverMs === undefined || !/^\d{1,64}$/.test(number)) return undefined;
  const atMs = Math.round(time);
  const endMs = atMs + Math.round(Math.min(lengthMs, breakMs));
  const arrivedMs = Math.round(serverMs);
  if (runs.some((run) => atMs >= run.startMs && atMs <= run.lastMs)) return undefined;
  const run = runs.find((each) => !each.isEnded && atMs > each.lastMs && atMs <= each.endMs + breakMs);
  if (run) {
    const lastServerMs = Math.max(run.lastServerMs, arrivedMs);
    Object.assign(run, { endMs: Math.max(run.endMs, endMs), lastMs: atMs, lastServerMs });
    run.fragments += 1;
    run.bytes += Math.round(bytes);
    return undefined;
  }
  const common = { number, startMs: atMs, endMs, lastMs: atMs, lastServerMs: arrivedMs };
  return { ...common, fragments: 1, bytes: Math.round(bytes), isEnded: false };
}

/** @param reachedMs all that has arrived until then is known */
export function isOver({ lastServerMs }: Run, reachedMs: number): boolean {
  return reachedMs - lastServerMs > quietMs;
}

/** As the cursor holds them. */
export function writeRuns(runs: Run[]): string {
  return runs
    .map((run) =>
      [
        run.number,
        run.startMs,
        run.endMs,
        run.lastMs,
        run.lastServerMs,
        run.fragments,
        run.bytes,
        Number(run.isEnded),
      ].join(' '),
    )
    .join(';');
}

/** `undefined` for what no runs are. */
export function readRuns(text: string): Run[] | undefined {
  if (text === '') return [];
  const runs = text.split(';').map((each): Run | undefined => {
    if (!/^\d{1,64}( \d{1,15}){6} [01]$/.test(each)) return undefined;
    const [number, ...numbers] = each.split(' ');
    const [startMs, endMs, lastMs, lastServerMs, fragments, bytes, ended] = numbers.map(Number) as [
      ...[number, number, number, number, number, number, number],
    ];
    return { number: number!, startMs, endMs, lastMs, lastServerMs, fragments, bytes, isEnded: ended === 1 };
  });
  return runs.every((run) => run !== undefined) ? runs : undefined;
}

export function idOfRun(camera: string, { number }: Run): string {
  return `${camera}/${number}`;
}

export function eventOf(camera: string, run: Run, timestamps: TimestampType): ProviderEvent {
  const { startMs, endMs, fragments, isEnded } = run;
  return {
    id: idOfRun(camera, run),
    kind: 'footage',
    camera,
    cameraName: streamOf(camera).name,
    ...eventTimes(startMs, isEnded ? endMs : undefined),
    ...(isEnded ? {} : { open: true }),
    type: 'footage',
    ref: { type: 'footage', fragments: String(fragments) },
    ...clipOf(camera, run, timestamps),
  };
}

/** The clip of a run that fits into one: AWS makes it while it is downloaded. */
function clipOf(camera: string, run: Run, timestamps: TimestampType): { clip?: ProviderClip } {
  const { startMs, endMs, lastMs, fragments, bytes, isEnded } = run;
  if (!isEnded || endMs <= startMs || fragments > maxClipFragments || bytes > maxClipBytes) return {};
  const asked = { camera, start: toSaneIso(startMs), end: toSaneIso(endMs) };
  const ref = {
    timestamps,
    start: toSaneIso(startMs - 1),
    end: toSaneIso(lastMs + 1),
    seconds: String((endMs - startMs) / 1000),
    fragments: String(fragments),
  };
  return { clip: { id: idOf(asked, timestamps), ...asked, status: 'finished', progress: 100, ref } };
}
