// Finds out in which zone the times of events are: the vendor's pages say UTC, and local time. Pure decisions.
import { compareIds, type EventRow } from './event-rows';

/** The last id that there was at a time of the server. */
export interface Seen {
  id: string;
  atMs: number;
}

/** Zones differ from UTC by multiples of this, but for three small ones. */
const stepMs = 1800_000;
/** East of everything. */
const furthestMs = 14 * 3600_000;
/** Of clocks, and of what is stored late. */
const slackMs = 90_000;

/**
 * By how much times are ahead of UTC. What has an id that was not there at the last look has happened since: where its time
 * says other, by hours, it is local time. `undefined`: nothing tells yet.
 */
export function offsetOf(
  rows: Pick<EventRow, 'id' | 'timeMs'>[],
  { seen, offsetMs: known }: { seen: Seen[]; offsetMs?: number },
  nowMs: number,
): number | undefined {
  const last = seen.at(-1);
  const times = last ? rows.filter(({ id }) => compareIds(id, last.id) > 0).map(({ timeMs }) => timeMs) : [];
  // A long absence tells nothing.
  if (!last || times.length === 0 || nowMs - last.atMs > stepMs / 2) return known;
  const isRecent = (ms: number): boolean => ms >= last.atMs - slackMs && ms <= nowMs + slackMs;
  const offset = Math.round((times[0]! - nowMs) / stepMs) * stepMs;
  const isSound = Math.abs(offset) <= furthestMs && times.every((ms) => isRecent(ms - offset));
  return isSound ? offset : known;
}
