// Looks for the events of one connection, again and again, for all nodes that send them.
import { raceAbort } from '../async/abort';
import type { Clock } from '../async/clock';
import { exponentialPauseMs } from '../async/retry';
import { toClipError, type ClipError } from '../errors';
import type { StateLease, StateStore } from '../jobs/node-states';
import type { ConnectionCheck, EventPage, EventQuery } from '../provider';
import { lookForEvents } from './look';
import { Member, type FeedNode, type MemberHost } from './member';

/** The part of a connection that a feed uses. */
export interface FeedConnection {
  id: string;
  definition: { id: string };
  listEvents(query: EventQuery, signal: AbortSignal): Promise<EventPage>;
  onEventNews(listener: () => void): () => void;
  check(signal: AbortSignal): Promise<ConnectionCheck>;
  cameras: { refresh(): void };
}

export interface FeedOptions extends Pick<MemberHost, 'deliver'> {
  connection: FeedConnection;
  clock: Clock;
  states(): StateStore;
  /** Number of unfinished jobs of the connection. */
  unfinished(): Promise<number>;
  warn(text: string): void;
  random?: () => number;
}

const pauses = { firstMs: 5_000, longestMs: 5 * 60_000 };
/** News come together, and before the vendor lists what they are about. */
const newsDelayMs = 500;
/** Jobs may be over long before the next look is due. */
const waitingMs = 2_000;
const timerToleranceMs = 5;
/** Nobody waits longer for a store that is away. */
const longestEndMs = 5_000;

export class EventFeed {
  readonly #members = new Map<string, Member>();
  /** Nodes that were stopped, and not removed. */
  readonly #gone = new Map<string, Member>();
  readonly #closing = new AbortController();
  #lease: StateLease | undefined;
  #looking: Promise<void> | undefined;
  #cancelTimer: (() => void) | undefined;
  /** When to look next: for all nodes, and for those that wait for their jobs. */
  #allAt = Infinity;
  #waitingAt = Infinity;
  #failures = 0;
  #stopNews: (() => void) | undefined;

  constructor(private readonly options: FeedOptions) {}

  /** Nobody may join any more. */
  get isOver(): boolean {
    return this.#closing.signal.aborted;
  }

  /** The returned function ends it, and resolves when all is stored. `isRemoved`: the node will not come back. */
  join(node: FeedNode): (isRemoved: boolean) => Promise<void> {
    const member = new Member(node, this.options);
    this.#members.set(node.id, member);
    this.#gone.delete(node.id);
    this.#lookIn(0);
    return (isRemoved) => this.#leave(member, isRemoved);
  }

  async #leave(member: Member, isRemoved: boolean): Promise<void> {
    const isLast = [...this.#members.values()].every((each) => each === member || each.isLeaving);
    if (isLast) this.#end();
    await member.leave(isRemoved);
    const { id } = member.node;
    if (this.#members.get(id) === member) this.#members.delete(id);
    if (!isRemoved && !this.#members.has(id)) this.#gone.set(id, member);
    if (this.#members.size > 0) return;
    await raceAbort(this.#looking ?? Promise.resolve(), AbortSignal.timeout(longestEndMs)).catch(() => undefined);
    await this.#lease?.release();
    this.#lease = undefined;
  }

  #end(): void {
    this.#closing.abort();
    this.#cancelTimer?.();
    this.#stopNews?.();
  }

  /** Looks for all nodes after so long, or sooner. */
  #lookIn(ms: number): void {
    this.#allAt = Math.min(this.#allAt, this.options.clock.steadyNow() + ms);
    this.#arm();
  }

  #arm(): void {
    const { clock } = this.options;
    this.#cancelTimer?.();
    const waitMs = Math.min(this.#allAt, this.#waitingAt) - clock.steadyNow();
    if (this.#closing.signal.aborted || this.#looking || waitMs === Infinity) return;
    this.#cancelTimer = clock.after(Math.max(0, waitMs), () => {
      this.#looking = this.#turn().finally(() => (this.#looking = undefined));
      void this.#looking.then(() => this.#arm());
    });
  }

  /** One look, and when the next one is due. Never rejects. */
  async #turn(): Promise<void> {
    const startedAt = this.options.clock.steadyNow();
    const isForAll = this.#allAt <= startedAt + timerToleranceMs;
    if (isForAll) this.#allAt = Infinity;
    this.#waitingAt = Infinity;
    try {
      const isAnyWaiting = await this.#look(isForAll);
      this.#failures = 0;
      const intervalMs = Math.min(...[...this.#members.values()].map(({ node }) => node.intervalMs));
      if (isForAll) this.#allAt = Math.min(this.#allAt, startedAt + intervalMs);
      if (isAnyWaiting) this.#waitingAt = startedAt + Math.min(waitingMs, intervalMs);
    } catch (thrown) {
      this.#allAt = startedAt + this.#fail(toClipError(thrown));
    }
  }

  /** @returns whether some nodes wait for their jobs */
  async #look(isForAll: boolean): Promise<boolean> {
    const { connection, unfinished, warn } = this.options;
    const lease = await this.#takeLease();
    const present = [...this.#members.values()].filter(
      ({ isLeaving, isWaiting }) => !isLeaving && (isForAll || isWaiting),
    );
    if (!lease) {
      for (const member of present) member.standBy();
      return false;
    }
    const signal = AbortSignal.any([this.#closing.signal, lease.lost]);
    await raceAbort(Promise.all(present.map((member) => member.load(lease))), signal);
    for (const member of present) await member.flush();
    await this.#tellTime(present, signal);
    signal.throwIfAborted();
    return lookForEvents(present, {
      wanted: this.#wanted(),
      listEvents: (query) => connection.listEvents(query, signal),
      unfinished,
      answered: () => this.#answered(),
      warn,
    });
  }

  /** By all nodes, and by those that were here: they may be back soon, and a cursor is to be good for them, too. */
  #wanted(): Pick<EventQuery, 'kinds' | 'cameras'> {
    const filters = [...this.#members.values(), ...this.#gone.values()].map(({ node }) => node.filter);
    const isAll = filters.some(({ cameras }) => cameras.length === 0);
    return {
      kinds: [...new Set(filters.flatMap(({ kinds }) => kinds))],
      cameras: isAll ? [] : [...new Set(filters.flatMap(({ cameras }) => cameras))],
    };
  }

  async #takeLease(): Promise<StateLease | undefined> {
    const { states, connection } = this.options;
    if (this.#lease && !this.#lease.lost.aborted) return this.#lease;
    const { signal } = this.#closing;
    const taking = states().lease(connection.id);
    try {
      this.#lease = await raceAbort(taking, signal);
    } catch (thrown) {
      // It came too late, and nobody works with it.
      if (signal.aborted) void taking.then((lease) => lease?.release()).catch(() => undefined);
      throw thrown;
    }
    return this.#lease;
  }

  /** The age of an event goes by the vendor's clock: it is asked for only where it matters. */
  async #tellTime(members: Member[], signal: AbortSignal): Promise<void> {
    const overdue = members.filter(({ isOverdue }) => isOverdue);
    if (overdue.length === 0) return;
    const { clockSkewMs } = await this.options.connection.check(signal);
    const skewMs = Number.isFinite(clockSkewMs) ? clockSkewMs! : 0;
    for (const member of overdue) {
      member.leaveOutBefore(this.options.clock.now() + skewMs - member.node.catchUpMs);
    }
  }

  #answered(): void {
    const { connection } = this.options;
    connection.cameras.refresh();
    this.#stopNews ??= connection.onEventNews(() => {
      if (this.#failures === 0) this.#lookIn(newsDelayMs);
    });
  }

  /** @returns how long to wait */
  #fail(error: ClipError): number {
    const { random } = this.options;
    if (this.#closing.signal.aborted) return Infinity;
    if (error.code === 'EABORTED') {
      // The lease is lost, or else the connection is closed.
      if (this.#lease?.lost.aborted) return 0;
      this.#end();
      for (const { node } of this.#members.values()) node.onClosed();
      return Infinity;
    }
    if (!error.notSent) this.#failures += 1;
    for (const member of this.#members.values()) if (!member.isLeaving) member.fail(error);
    if (error.notSent) return error.retryAfterMs ?? pauses.firstMs;
    const isFinal = ['EAUTH', 'EFORBIDDEN', 'EUNSUPPORTED'].includes(error.code) && !error.retryable;
    if (isFinal) return pauses.longestMs;
    return Math.max(error.retryAfterMs ?? 0, exponentialPauseMs(this.#failures, pauses, random));
  }
}
