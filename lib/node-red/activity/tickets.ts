import { randomBytes } from 'node:crypto';
import type { Clock } from '../../async/clock';

/** What stands in an address for the right to see one thing, where a browser cannot send along who is asking. */
export interface Tickets {
  issue(what: string): string;
  /** What it is for, and it lasts on from here; `undefined`: it is none, or not any more. */
  redeem(ticket: string): string | undefined;
}

/** Random, so that they cannot be guessed. @param lastMs after they were last used */
export function createTickets(clock: Clock, lastMs: number, most: number): Tickets {
  /** In the order of their use. */
  const issued = new Map<string, { what: string; until: number }>();

  function keep(ticket: string, what: string): void {
    issued.delete(ticket);
    issued.set(ticket, { what, until: clock.now() + lastMs });
    for (const [oldest, { until }] of issued) {
      if (issued.size <= most && until > clock.now()) break;
      issued.delete(oldest);
    }
  }

  return {
    issue(what) {
      const ticket = randomBytes(24).toString('base64url');
      keep(ticket, what);
      return ticket;
    },
    redeem(ticket) {
      const found = issued.get(ticket);
      if (!found || found.until <= clock.now()) return undefined;
      keep(ticket, found.what);
      return found.what;
    },
  };
}
