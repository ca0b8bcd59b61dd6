// Looks for events once, on behalf of all nodes of a connection: as few queries as possible, page by page.
import { ClipError, toClipError } from '../errors';
import type { EventPage, EventQuery } from '../provider';
import type { Member } from './member';
import { readEvent } from './read';
import { idOf } from './state';

export interface LookHost {
  /**
   * Kinds and cameras of all nodes of the connection, also of those that are not served in this look: a cursor may hold a place for each
   * kind and camera, and is to be good for all of them.
   */
  wanted: Pick<EventQuery, 'kinds' | 'cameras'>;
  listEvents(query: EventQuery): Promise<EventPage>;
  /** Number of unfinished jobs of the connection. */
  unfinished(): Promise<number>;
  /** The vendor has answered. */
  answered(): void;
  warn(text: string): void;
}

/** Events of a page, and where few more jobs may begin: the rest of a page is asked for again. */
const [largestPage, smallestPage] = [100, 20];
/** After so many pages in a row without anything new, the rest waits for the next look: a vendor may go on for ever. */
const mostIdlePages = 100;

/**
 * Nodes that have come equally far are served from one query, and those that reach the end go on from one cursor: the first
 * that was at the end. Whoever got there later has seen all that lies after it.
 * @returns whether some of them wait for their jobs
 */
export async function lookForEvents(members: Member[], host: LookHost): Promise<boolean> {
  let end: string | undefined;
  for (const group of byCursor(members)) {
    const reached = await drainPages(group, group[0]!.cursor, end, host);
    end ??= reached;
  }
  // They begin where the others are now, so that from the next look on there is one query for all.
  const beginners = members.filter(({ cursor }) => cursor === '');
  if (beginners.length > 0) await drainPages(beginners, end ?? '', end, host);
  return members.some(({ isWaiting }) => isWaiting);
}

/** Largest groups first; without those that begin now. */
function byCursor(members: Member[]): Member[][] {
  const groups = new Map<string, Member[]>();
  for (const member of members) {
    if (member.cursor !== '') groups.set(member.cursor, [...(groups.get(member.cursor) ?? []), member]);
  }
  return [...groups.values()].sort((a, b) => b.length - a.length);
}

/** @returns the cursor at the end of what there is, where that was reached */
async function drainPages(
  group: Member[],
  from: string,
  end: string | undefined,
  host: LookHost,
): Promise<string | undefined> {
  let cursor = from;
  let members = group;
  /** Of nodes that begin now: a cursor lies some way back, so what is found from there has been, too. */
  let isFirstEnd = from === '';
  for (let idlePages = 0; ; idlePages += 1) {
    const { ready, limit } = await withRoom(members, host);
    members = ready;
    if (members.length === 0) return undefined;
    const page = await ask(members, { ...host.wanted, cursor, open: openIds(members), limit }, host);
    if (!page) return undefined;
    if (cursor !== '') {
      const { served, isNews } = await takeInTurn(members, page, host);
      members = served;
      if (isNews) idlePages = 0;
      const isStuck = page.more && !isNews && (page.cursor === cursor || idlePages >= mostIdlePages);
      if (isStuck) {
        host.warn('A server says that there are more events, and lists no new ones');
        await Promise.all(members.map((member) => member.reachEnd(page.cursor)));
        return undefined;
      }
      if (!page.more && (!isFirstEnd || page.cursor === cursor)) {
        await Promise.all(members.map((member) => member.reachEnd(end ?? page.cursor)));
        return page.cursor;
      }
      if (!page.more) isFirstEnd = false;
    }
    cursor = page.cursor;
  }
}

/** `undefined`: the provider does not take the cursor, and they begin afresh. */
async function ask(members: Member[], query: EventQuery, host: LookHost): Promise<EventPage | undefined> {
  try {
    const page = readPage(await host.listEvents(query), host);
    host.answered();
    return page;
  } catch (thrown) {
    const error = toClipError(thrown);
    // Where the vendor itself says so, it is the question that does not fit, and not the cursor.
    const isCursor = error.code === 'EINVALID' && error.vendorCode === undefined;
    if (!isCursor || query.cursor === '') throw error;
    host.warn(`The events of a connection are sent from now on: ${error.message}`);
    for (const member of members) member.startAfresh();
    return undefined;
  }
}

/** Those that may go on, and how many events the next page is to hold. The vendor keeps the events of the others. */
async function withRoom(members: Member[], { unfinished }: LookHost): Promise<{ ready: Member[]; limit: number }> {
  const present = members.filter(({ isLeaving }) => !isLeaving);
  if (present.every(({ cursor }) => cursor === '')) return { ready: present, limit: largestPage };
  const count = await unfinished();
  const [ready, full]: [Member[], Member[]] = [[], []];
  for (const member of present) (member.node.maxWaiting > count ? ready : full).push(member);
  await Promise.all(full.map((member) => member.wait()));
  const room = Math.min(...ready.map(({ node }) => node.maxWaiting - count));
  return { ready, limit: Math.min(largestPage, Math.max(smallestPage, room)) };
}

/** One after the other: the jobs that one has led to leave less room for the next, which may have to wait with the rest. */
async function takeInTurn(
  members: Member[],
  page: EventPage,
  { unfinished }: LookHost,
): Promise<{ served: Member[]; isNews: boolean }> {
  const served: Member[] = [];
  let isNews = false;
  for (const member of members) {
    const room = page.events.length === 0 ? 0 : member.node.maxWaiting - (await unfinished());
    const taken = await member.take(page, room);
    if (taken === 'cut') await member.wait();
    else served.push(member);
    isNews ||= taken === 'news';
  }
  return { served, isNews };
}

function openIds(members: Member[]): string[] {
  return [...new Set(members.flatMap(({ open }) => open.map(idOf)))];
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
