// Issues tickets for the addresses of files, as players and pictures cannot send along who is asking.
import { randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../../async/clock';

/** File that a ticket opens. */
export interface Ticket {
  rowId: string;
  /** Of the request that it was issued to. They say who is asking, and are checked again at each use. */
  headers: IncomingHttpHeaders;
}

export interface Tickets {
  issue(ticket: Ticket): string;
  /** `undefined`: there is none of that text, or not any more. Its use makes it last on, up to the longest time. */
  redeem(text: string): Ticket | undefined;
}

export interface TicketLimits {
  /** After the last use. */
  idleMs: number;
  /** After the issue, however often it is used. */
  longestMs: number;
  /** At once. */
  most: number;
}

export function createTickets(clock: Clock, { idleMs, longestMs, most }: TicketLimits): Tickets {
  /** In the order of their use. */
  const issued = new Map<string, { ticket: Ticket; issuedAt: number; until: number }>();

  function keep(text: string, ticket: Ticket, issuedAt: number): void {
    const now = clock.steadyNow();
    issued.delete(text);
    issued.set(text, { ticket, issuedAt, until: Math.min(now + idleMs, issuedAt + longestMs) });
    for (const [oldest, { until }] of issued) {
      if (issued.size <= most && until > now) break;
      issued.delete(oldest);
    }
  }

  return {
    issue(ticket) {
      const text = randomBytes(24).toString('base64url');
      keep(text, ticket, clock.steadyNow());
      return text;
    },
    redeem(text) {
      const found = issued.get(text);
      if (!found || found.until <= clock.steadyNow()) return undefined;
      keep(text, found.ticket, found.issuedAt);
      return found.ticket;
    },
  };
}
