// One look for events on behalf of all nodes of a connection: as few queries as possible, page by page.
import { ClipError, toClipError } from '../errors';
import type { EventPage, EventQuery } from '../provider';
import type { Member } from './member';
import { readEvent } from './read';
import { idOf } from './state';

export interface LookHost {
  listEvents(query: EventQuery): Promise<EventPage>;
  /** How many jobs of the connection are unfinished. */
  unfinished(): Promise<number>;
  /** The vendor has answered. */
  answered(): void;
  warn(text: string): void;
}

/** Events of a page. Smaller ones where few more jobs may begin. */
const pageSize = 100;
/** After so many pages in a row without anything new, the rest waits for the next look: a vendor may go on for ever. */
const mostIdlePages = 100;

/**
 * Nodes that have come equally far are served from one query, and those that reach the end go on from one cursor: the first
 * that was at the end. Whoever got there later has seen all that lies after it.
 * @returns whether some of them wait for their jobs
 */
export async function lookForEvents(members: Member[], host: LookHost): Promise<boolean> {
  let end: string | undefined;
  let isAnyWaiting = false;
  const drain = async (group: Member[], from: string): Promise<void> => {
    const { reached, isWaiting } = await drainPages(group, from, end, host);
    end ??= reached;
    isAnyWaiting ||= isWaiting;
  };
  for (const group of byCursor(members)) await drain(group, group[0]!.cursor);
  // They begin where the others are now, so that from the next look on there is one query for all.
  const beginners = members.filter(({ cursor }) => cursor === '');
  if (beginners.length > 0) await drain(beginners, end ?? '');
  return isAnyWaiting;
}

/** Largest groups first; without those that begin now. */
function byCursor(members: Member[]): Member[][] {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    if (member.cursor !== '') groups.set(member.cursor, [...(groups.get(member.cursor) ?? []), member]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

async function drainPages(
  group: Member[],
  from: string,
  end: string | undefined,
  host: LookHost,
): Promise<{ reached?: string; isWaiting: boolean }> {
  let cursor = from;
  /** Of nodes that begin now: a cursor lies some way back, so what is found from there has been, too. */
  let isFirstEnd = from === '';
  let isWaiting = false;
  for (let idlePages = 0; ; idlePages += 1) {
    const { ready, limit } = await withRoom(group, host);
    isWaiting ||= ready.length < group.filter(({ isLeaving }) => !isLeaving).length;
    if (ready.length === 0) return { isWaiting };
    let page: EventPage;
    try {
      page = readPage(await host.listEvents(queryFor(ready, cursor, limit)), host);
    } catch (thrown) {
      const error = toClipError(thrown);
      if (error.code !== 'EINVALID' || cursor === '') throw error;
      host.warn(`The events of a connection are sent from now on: ${error.message}`);
      for (const member of group) member.startAfresh();
      return { isWaiting };
    }
    host.answered();
    if (cursor !== '') {
      const { served, isNews } = await takeInTurn(ready, page, host);
      isWaiting ||= served.length < ready.length;
      if (isNews) idlePages = 0;
      const isStuck = page.more && !isNews && (page.cursor === cursor || idlePages >= mostIdlePages);
      if (isStuck) host.warn('A server says that there are more events, and lists no new ones');
      const isEnd = !page.more || isStuck;
      if (isEnd && (!isFirstEnd || page.cursor === cursor)) {
        await Promise.all(served.map((member) => member.reachEnd(end ?? page.cursor)));
        return { reached: page.cursor, isWaiting };
      }
      if (isEnd) isFirstEnd = false;
      group = served;
    }
    cursor = page.cursor;
  }
}

/** Those that may go on, and how many events the next page may hold. The vendor keeps the events of the others. */
async function withRoom(group: Member[], { unfinished }: LookHost): Promise<{ ready: Member[]; limit: number }> {
  const present = group.filter(({ isLeaving }) => !isLeaving);
  if (present.every(({ cursor }) => cursor === '')) return { ready: present, limit: pageSize };
  const count = await unfinished();
  const [ready, full]: [Member[], Member[]] = [[], []];
  for (const member of present) (member.node.maxWaiting > count ? ready : full).push(member);
  await Promise.all(full.map((member) => member.wait()));
  const room = Math.min(...ready.map(({ node }) => node.maxWaiting - count));
  return { ready, limit: Math.max(1, Math.min(pageSize, Math.floor(room / ready.length))) };
}

/** One after the other: the jobs that one has led to count for the next, which may have to wait with this page. */
async function takeInTurn(
  ready: Member[],
  page: EventPage,
  { unfinished }: LookHost,
): Promise<{ served: Member[]; isNews: boolean }> {
  const served: Member[] = [];
  let isNews = false;
  for (const member of ready) {
    const room = page.events.length === 0 ? Infinity : member.node.maxWaiting - (await unfinished());
    const taken = await member.take(page, room, served.length > 0);
    if (taken === 'no room') {
      await member.wait();
      continue;
    }
    served.push(member);
    isNews ||= taken === 'news';
  }
  return { served, isNews };
}

function queryFor(members: Member[], cursor: string, limit: number): EventQuery {
  const filters = members.map(({ node }) => node.filter);
  const isAll = filters.some(({ cameras }) => cameras.length === 0);
  return {
    cursor,
    kinds: unique(filters.flatMap(({ kinds }) => kinds)),
    cameras: isAll ? [] : unique(filters.flatMap(({ cameras }) => cameras)),
    open: unique(members.flatMap(({ open }) => open.map(idOf))),
    limit,
  };
}

function unique(texts: string[]): string[] {
  return [...new Set(texts)];
}

/** @throws EPROTOCOL */
function readPage(given: EventPage, { warn }: LookHost): EventPage {
  const { events, cursor, more, gone } = given;
  if (!Array.isArray(events) || typeof cursor !== 'string' || cursor === '') {
    throw new ClipError('EPROTOCOL', 'The list of events cannot be read');
  }
  const read = events.map(readEvent);
  const unreadable = read.filter((event) => event === undefined).length;
  if (unreadable > 0) warn(`${unreadable} event(s) have no id or no start, and are left out`);
  return { events: read.filter((event) => event !== undefined), cursor, more: more === true, gone: gone ?? [] };
}
