// Keeps one node of a feed: what it has seen, what it has to send, and what it reports of the feed's state.
import { randomUUID } from 'node:crypto';
import { raceAbort } from '../async/abort';
import type { Clock } from '../async/clock';
import type { ClipError } from '../errors';
import type { StateLease } from '../jobs/node-states';
import type { EventPage } from '../provider';
import { toIso } from '../time-range';
import type { EventFilter } from './filter';
import { toMessage, widenedRange, type EventMessage } from './message';
import { resume } from './resume';
import { newState, readState, storedState, type FeedState } from './state';
import { takePage } from './take';

export type FeedStateName = 'connected' | 'catching-up' | 'disconnected' | 'denied' | 'lagging';

export interface FeedReport {
  state: FeedStateName;
  /** ISO 8601 with `Z`. */
  since: string;
  /** When the vendor last answered. */
  lastLook?: string;
  /** So many events were left out. */
  missed?: number;
  /** In words. */
  reason?: string;
}

/** Settings and callbacks of a node in a feed. */
export interface FeedNode {
  id: string;
  /** Connection, server and kinds of events: with another one, it starts afresh. */
  source: string;
  filter: EventFilter;
  /** The range of a message is wider than its event by these. */
  beforeMs: number;
  afterMs: number;
  intervalMs: number;
  catchUpMs: number;
  /** No further look while so many jobs of the connection are unfinished. */
  maxWaiting: number;
  send(message: EventMessage): void;
  /** Called on change only. */
  report(report: FeedReport, error?: ClipError): void;
  /** The vendor has answered. */
  onLook(): void;
  /** Another instance asks in place of this one. */
  onStandby(): void;
  /** The connection has been closed: the node must find its successor. */
  onClosed(): void;
}

export interface MemberHost {
  connection: { id: string; definition: { id: string } };
  clock: Clock;
  /** As `deliver` of the job engine. */
  deliver(id: string, call: () => void): Promise<() => void>;
}

/** A cursor alone is stored this often: looking again from an older one finds nothing new. */
const saveEveryMs = 60_000;
/** Nobody waits longer for a store that is away. */
const longestSaveMs = 5_000;

export class Member {
  isLeaving = false;
  /** For its jobs. */
  isWaiting = false;
  /** It has been away for longer than it catches up, and needs to know the vendor's time. */
  isOverdue = false;
  #state: FeedState;
  #lease: StateLease | undefined;
  #savedAt = -Infinity;
  #isDirty = false;
  #busy: Promise<unknown> = Promise.resolve();
  #isCatchingUp = false;
  #notBefore: number | undefined;
  #reported: Pick<FeedReport, 'state' | 'since'> | undefined;
  /** To be said with the next report. */
  #word: string | undefined;

  constructor(
    readonly node: FeedNode,
    private readonly host: MemberHost,
  ) {
    this.#state = newState(node.source);
  }

  /** Empty: it begins now. */
  get cursor(): string {
    return this.#state.cursor;
  }

  get open(): string[] {
    return this.#state.open;
  }

  /** Reads what is stored, once for each lease: another instance may have gone on with it. */
  load(lease: StateLease): Promise<void> {
    return this.#exclusively(async () => {
      if (this.#lease === lease || this.isLeaving) return;
      const stored = readState(await lease.read(this.node.id));
      const { source, catchUpMs } = this.node;
      const resumed = resume(stored, { source, catchUpMs, now: this.host.clock.now() });
      this.#lease = lease;
      this.#state = resumed.state;
      this.#isDirty = false;
      this.#isCatchingUp = resumed.state.cursor !== '';
      this.isOverdue = resumed.isOverdue;
      if (resumed.isAfresh)
        this.#word = 'The connection or the kinds of events have changed: events are sent from now on';
    });
  }

  /** @param at by the vendor's clock, epoch milliseconds */
  leaveOutBefore(at: number): void {
    this.isOverdue = false;
    this.#notBefore = at;
  }

  /** Sends what a crash, or trouble with the jobs, has left. */
  flush(): Promise<void> {
    return this.#exclusively(async () => {
      if (!this.isLeaving && this.#state.outbox.length > 0) await this.#sendOutbox();
    });
  }

  /**
   * Takes the events of a page, as far as there is room. What is to be sent is stored, together with the cursor, before it is
   * sent.
   */
  take(page: EventPage, room: number): Promise<'news' | 'nothing new' | 'cut'> {
    return this.#exclusively(async () => {
      if (this.isLeaving) return 'nothing new';
      const { node, host } = this;
      const isBeginning = this.cursor === '';
      const { filter } = node;
      const taken = takePage(this.#state, page, { filter, isBeginning, room, notBefore: this.#notBefore });
      const now = host.clock.now();
      const late = this.#isCatchingUp ? { late: true as const } : {};
      const outbox = taken.events.map((event) => {
        const range = widenedRange(event, node.beforeMs, node.afterMs, now);
        return { id: randomUUID(), event, range, ...late };
      });
      const cursor = isBeginning || taken.isCut ? this.cursor : page.cursor;
      await this.#become({ ...taken.state, cursor, outbox, lastLook: toIso(now) }, taken.hasChanged && !isBeginning);
      node.onLook();
      if (this.#isCatchingUp && (outbox.length > 0 || page.more)) this.#catchingUp();
      if (outbox.length > 0) await this.#sendOutbox();
      if (taken.isCut) return 'cut';
      return taken.hasChanged ? 'news' : 'nothing new';
    });
  }

  /** All that there was has been taken. @param cursor from which it goes on, together with others */
  reachEnd(cursor: string): Promise<void> {
    return this.#exclusively(async () => {
      if (this.isLeaving) return;
      const { backlog, isBehind, ...state } = this.#state;
      const isFirst = this.cursor === '';
      await this.#become({ ...state, cursor }, isFirst || backlog !== undefined || isBehind === true);
      this.isWaiting = this.#isCatchingUp = false;
      this.#notBefore = undefined;
      this.#report('connected', backlog && backlog.missed > 0 ? { missed: backlog.missed } : {});
    });
  }

  /** Too many jobs are unfinished. */
  wait(): Promise<void> {
    return this.#exclusively(async () => {
      if (this.isLeaving) return;
      this.isWaiting = this.#isCatchingUp = true;
      await this.#become({ ...this.#state, isBehind: true }, this.#state.isBehind !== true);
      this.#report('lagging');
    });
  }

  fail(error: ClipError): void {
    this.#isCatchingUp ||= this.cursor !== '';
    const isDenied = error.code === 'EAUTH' || error.code === 'EFORBIDDEN';
    this.#report(isDenied ? 'denied' : 'disconnected', { reason: error.message }, error);
  }

  standBy(): void {
    this.#lease = undefined;
    this.#reported = undefined;
    this.node.onStandby();
  }

  /** The provider does not take the cursor. */
  startAfresh(): void {
    this.#state = newState(this.node.source, this.#state.outbox);
    this.#isDirty = true;
    this.#isCatchingUp = false;
    this.#word = 'The server does not know where it had come to: events are sent from now on';
  }

  /** Ends what it does, and stores where it has come to. Never rejects. @param isRemoved forgets it instead */
  async leave(isRemoved: boolean): Promise<void> {
    this.isLeaving = true;
    const lease = this.#lease;
    const end = async (): Promise<void> => {
      await this.#busy.catch(() => undefined);
      if (isRemoved) await lease?.remove(this.node.id);
      else if (this.#isDirty && this.cursor !== '') await this.#save();
    };
    await raceAbort(end(), AbortSignal.timeout(longestSaveMs)).catch(() => undefined);
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const working = this.#busy.then(work, work);
    this.#busy = working.catch(() => undefined);
    return working;
  }

  async #sendOutbox(): Promise<void> {
    const { id, definition } = this.host.connection;
    const { outbox } = this.#state;
    const delivered: (() => void)[] = [];
    try {
      for (const entry of outbox) {
        if (this.isLeaving || this.#lease?.lost.aborted) break;
        const message = toMessage(entry, id, definition.id);
        delivered.push(await this.host.deliver(entry.id, () => this.node.send(message)));
      }
    } finally {
      this.#state = { ...this.#state, outbox: outbox.slice(delivered.length) };
      await this.#save();
      for (const forget of delivered) forget();
    }
  }

  /** Stores what must not be lost at once, and the rest from time to time. Nothing changes when that fails. */
  async #become(state: FeedState, isUrgent: boolean): Promise<void> {
    const isDue = this.host.clock.steadyNow() - this.#savedAt >= saveEveryMs;
    if (isUrgent || (isDue && state.cursor !== '')) await this.#save(state);
    else this.#isDirty = true;
    this.#state = state;
  }

  async #save(state = this.#state): Promise<void> {
    this.#isDirty = true;
    await this.#lease?.write(this.node.id, storedState(state));
    this.#isDirty = false;
    this.#savedAt = this.host.clock.steadyNow();
  }

  #catchingUp(): void {
    if (this.#reported?.state !== 'lagging') this.#report('catching-up');
  }

  /** On change only, and where there is something to say. */
  #report(state: FeedStateName, more: { missed?: number; reason?: string } = {}, error?: ClipError): void {
    const reason = more.reason ?? (state === 'connected' ? this.#word : undefined);
    const isSame = this.#reported?.state === state;
    if (isSame && (state !== 'connected' || (more.missed === undefined && reason === undefined))) return;
    if (state === 'connected') this.#word = undefined;
    const since = this.#reported && isSame ? this.#reported.since : toIso(this.host.clock.now());
    const { lastLook } = this.#state;
    this.#reported = { state, since };
    const looked = lastLook === undefined ? {} : { lastLook };
    this.node.report({ state, since, ...looked, ...more, ...(reason === undefined ? {} : { reason }) }, error);
  }
}
