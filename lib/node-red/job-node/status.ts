// Shows below a node what its jobs are at, in the words of its catalog.
import { plainText, type ClipError } from '../../errors';
import { hasEnded, type JobEvent, type StatusWords } from './event';
import { reasonWords } from './reason';
import type { Node, Status } from '../node-red';
import type { Runtime } from '../runtime';

export interface NodeStatus {
  /** Is this one of the unfinished jobs that were reported? */
  knows(jobId: string): boolean;
  report(jobId: string, event: JobEvent): void;
  /** Says that the node cannot work as it is configured. */
  misconfigured(): void;
  /** While paused nothing else is shown. */
  pause(isPaused: boolean): void;
  close(): void;
}

/** The places that jobs of a node are at; the first that any of them is at is shown. */
const places = ['working', 'retrying', 'stuck', 'queued', 'waiting'] as const;
type Place = (typeof places)[number];
type EventOf<Type extends JobEvent['type']> = Extract<JobEvent, { type: Type }>;
type Look = [Status['fill'], Status['shape']];

const looks: Record<Place, Look> = {
  working: ['blue', 'dot'],
  retrying: ['yellow', 'ring'],
  stuck: ['red', 'ring'],
  queued: ['yellow', 'ring'],
  waiting: ['yellow', 'ring'],
};
/** Numbers change no faster than this; another colour is shown at once. */
const everyMs = 1_000;
/** Characters. There is no room for more below a node. */
const longestText = 160;
/** Shorter waits are shown in seconds, longer ones by the time of their end. */
const longestCountMs = 60_000;

/**
 * The status below a node, in the words of its catalog: that of its oldest job that is at work, else what the others wait
 * for, else how the last one ended.
 */
export function nodeStatus(runtime: Pick<Runtime, 'clock' | 'translate'>, node: Node): NodeStatus {
  const { clock } = runtime;
  const jobs = Object.fromEntries(places.map((place) => [place, new Map<string, JobEvent>()])) as Record<
    Place,
    Map<string, JobEvent>
  >;
  /** Since the node had nothing to do. */
  let [accepted, ended, failed] = [0, 0, 0];
  let last: JobEvent | undefined;
  let lastFailure: ClipError | undefined;
  let [isPaused, isMisconfigured, isClosed, hasRecovered] = [false, false, false, true];
  let shown: Status = {};
  let shownAt = -Infinity;
  let cancelTimer: (() => void) | undefined;

  const say = (key: string, values?: Record<string, unknown>): string =>
    runtime.translate(node.type, `${node.type}.status.${key}`, values);
  const sayShared = (key: string, values?: Record<string, unknown>): string =>
    runtime.translate('clip-provider', `clip-provider.status.${key}`, values);
  const reasonOf = (error: ClipError): string => reasonWords(runtime, error);
  const busiest = (): Place | undefined => places.find((place) => jobs[place].size > 0);
  const placeOf = (jobId: string): Place | undefined => places.find((place) => jobs[place].has(jobId));

  function look(): Look | undefined {
    if (isPaused) return ['yellow', 'ring'];
    if (isMisconfigured) return ['red', 'ring'];
    const place = busiest();
    if (place) return looks[place];
    if (failed > 0 && accepted > 1) return ['red', 'ring'];
    if (last?.type === 'finished') return ['green', 'dot'];
    if (last?.type === 'failed') return [last.error.code === 'EABORTED' ? 'grey' : 'red', 'ring'];
    return undefined;
  }

  function text(): string {
    if (isPaused) return sayShared('paused');
    const place = busiest();
    if (isMisconfigured || place === 'stuck') return sayShared('misconfigured');
    // A failure stays visible beside what runs, until something has gone well again.
    if (place)
      return lastFailure && !hasRecovered ? `${busyText(place)} · ✗ ${reasonOf(lastFailure)}` : busyText(place);
    if (lastFailure && failed > 0 && accepted > 1) {
      return sayShared('failedMany', { failed, of: accepted, reason: reasonOf(lastFailure) });
    }
    if (last?.type === 'finished') return say(...last.words);
    if (last?.type !== 'failed') return '';
    return last.error.code === 'EABORTED' ? sayShared('cancelled') : reasonOf(last.error);
  }

  function busyText(place: Exclude<Place, 'stuck'>): string {
    if (place === 'waiting') return sayShared('waitingUntil', { time: timeOf(soonest(jobs.waiting)) });
    const [event] = jobs[place].values() as Iterable<EventOf<'working' | 'retrying'>>;
    if (event!.type === 'retrying') return retryText(event!);
    const now = workText(event!.words);
    return place === 'queued' || accepted === 1 ? now : sayShared('several', { now, number: ended + 1, of: accepted });
  }

  /** The vendor's own word for the state, where there is one, stands behind ours. */
  function workText([key, values]: StatusWords): string {
    const vendorStatus = values?.vendorStatus;
    return typeof vendorStatus === 'string' ? `${say(key, values)} (${vendorStatus})` : say(key, values);
  }

  function retryText({ until, error }: EventOf<'retrying'>): string {
    const reason = reasonOf(error);
    const waitMs = until - clock.now();
    if (waitMs > longestCountMs) return sayShared('retryingAt', { reason, time: timeOf(until) });
    return sayShared('retrying', { reason, seconds: Math.max(0, Math.ceil(waitMs / 1000)) });
  }

  function refresh(): void {
    // The next node of this id may be there already.
    if (isClosed) return;
    const [fill, shape] = look() ?? [];
    const waitMs = shownAt + everyMs - clock.steadyNow();
    if (fill === shown.fill && waitMs > 0) {
      cancelTimer ??= clock.after(waitMs, () => {
        cancelTimer = undefined;
        refresh();
      });
      return;
    }
    const status = fill ? { fill, shape, text: plainText(text(), longestText) } : {};
    if (status.fill === shown.fill && status.text === shown.text) return;
    shown = status;
    shownAt = clock.steadyNow();
    node.status(status);
  }

  return {
    knows: (jobId) => placeOf(jobId) !== undefined,
    report(jobId, event) {
      const before = placeOf(jobId);
      if (!before && busiest() === undefined) [accepted, ended, failed] = [0, 0, 0];
      if (!before) accepted += 1;
      const after = placeAfter(event);
      if (before && before !== after) jobs[before].delete(jobId);
      if (after) jobs[after].set(jobId, event);
      if (hasEnded(event)) {
        ended += 1;
        last = event;
        if (event.type === 'failed' && event.error.code !== 'EABORTED') {
          failed += 1;
          lastFailure = event.error;
          hasRecovered = false;
        } else if (event.type === 'finished') {
          hasRecovered = true;
        }
      }
      refresh();
    },
    misconfigured() {
      isMisconfigured = true;
      refresh();
    },
    pause(paused) {
      isPaused = paused;
      refresh();
    },
    close() {
      isClosed = true;
      cancelTimer?.();
      node.status({});
    },
  };
}

function placeAfter(event: JobEvent): Place | undefined {
  if (hasEnded(event)) return undefined;
  if (event.type === 'working') return event.words[0] === 'queued' ? 'queued' : 'working';
  return event.type as Place;
}

function soonest(waiting: Map<string, JobEvent>): number {
  let first = Infinity;
  for (const event of waiting.values()) first = Math.min(first, (event as EventOf<'waiting'>).until);
  return first;
}

/** In the zone of this computer. */
function timeOf(instant: number): string {
  return new Date(instant).toTimeString().slice(0, 8);
}
