// Shows below a node that sends events how it stands with its server, and how long ago that has answered.
import type { ClipError } from '../../errors';
import type { FeedReport } from '../../events/member';
import { reasonWords } from '../job-node/reason';
import type { Node, Status } from '../node-red';
import type { Runtime } from '../runtime';

export interface EventStatus {
  report(report: Pick<FeedReport, 'state'>, error?: ClipError): void;
  /** The vendor has answered. */
  looked(): void;
  /** Another instance asks. */
  standBy(): void;
  /** The node cannot work as it is configured. */
  problem(error: ClipError): void;
  /** While paused nothing else is shown. */
  pause(isPaused: boolean): void;
  close(): void;
}

type Place = FeedReport['state'] | 'begin' | 'standby' | 'problem';

const looks: Record<Place, [Status['fill'], Status['shape']]> = {
  begin: ['grey', 'ring'],
  connected: ['green', 'dot'],
  'catching-up': ['blue', 'dot'],
  lagging: ['yellow', 'ring'],
  disconnected: ['yellow', 'ring'],
  denied: ['red', 'ring'],
  standby: ['grey', 'ring'],
  problem: ['red', 'ring'],
};
/** The age of the last answer is brought up to date this often. */
const everyMs = 10_000;

export function eventStatus(runtime: Pick<Runtime, 'clock' | 'translate'>, node: Node): EventStatus {
  const { clock } = runtime;
  let place: Place = 'begin';
  let trouble: ClipError | undefined;
  /** By the steady clock. */
  let lookedAt: number | undefined;
  let isPaused = false;
  let isClosed = false;
  let shown = '';
  let cancelTimer: (() => void) | undefined;

  const say = (key: string, values?: Record<string, unknown>): string =>
    runtime.translate('clip-events', `clip-events.status.${key}`, values);

  function text(): string {
    if (isPaused) return runtime.translate('clip-provider', 'clip-provider.status.paused');
    const age = lookedAt === undefined ? undefined : ageWords(clock.steadyNow() - lookedAt);
    const words = trouble ? reasonWords(runtime, trouble) : say(place);
    return age === undefined || place === 'standby' || place === 'problem'
      ? words
      : say('looked', { state: words, age });
  }

  function refresh(): void {
    if (isClosed) return;
    cancelTimer?.();
    cancelTimer = clock.after(everyMs, refresh);
    const [fill, shape] = isPaused ? looks.lagging : looks[place];
    const status = { fill, shape, text: text() };
    if (JSON.stringify(status) === shown) return;
    shown = JSON.stringify(status);
    node.status(status);
  }

  function show(now: Place, error?: ClipError): void {
    [place, trouble] = [now, error];
    refresh();
  }

  refresh();
  return {
    report: ({ state }, error) => show(state, error),
    looked() {
      lookedAt = clock.steadyNow();
      refresh();
    },
    standBy: () => show('standby'),
    problem: (error) => show('problem', error),
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

function ageWords(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h`;
}
