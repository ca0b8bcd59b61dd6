// Converts between instants and the local times of a time zone, as ZoneMinder writes them: "2026-11-29 21:00:55".

const hourMs = 3600_000;
const dayMs = 24 * hourMs;
const formats = new Map<string, Intl.DateTimeFormat>();

/** Is this a time zone that the runtime knows, such as "Europe/Amsterdam"? */
export function isZone(zone: string): boolean {
  try {
    return zone !== '' && formatOf(zone) !== undefined;
  } catch {
    return false;
  }
}

export function toLocalText(ms: number, zone: string): string {
  return new Date(Math.floor((ms + offsetMs(ms, zone)) / 1000) * 1000).toISOString().slice(0, 19).replace('T', ' ');
}

/**
 * All instants with this local time, in order: two in the hour that comes twice when clocks are set back, otherwise one.
 * A time that clocks skip is read as if they had not been set yet.
 */
export function toInstants(text: string, zone: string): number[] {
  const [, year, month, day, hour, minute, second] = (/^(\d+)-(\d+)-(\d+) (\d+):(\d+):(\d+)$/.exec(text) ?? []).map(
    Number,
  );
  const local = Date.UTC(year ?? NaN, (month ?? NaN) - 1, day, hour, minute, second);
  if (Number.isNaN(local)) return [];
  const [before, after] = [offsetMs(local - dayMs, zone), offsetMs(local + dayMs, zone)];
  const instants = [...new Set([before, after])]
    .map((offset) => ({ offset, at: local - offset }))
    .filter(({ offset, at }) => offsetMs(at, zone) === offset)
    .map(({ at }) => at)
    .sort((a, b) => a - b);
  return instants.length > 0 ? instants : [local - before];
}

/** Are clocks set forward or back within so many milliseconds of an instant? */
export function changesNear(ms: number, withinMs: number, zone: string): boolean {
  return offsetMs(ms - withinMs, zone) !== offsetMs(ms + withinMs, zone);
}

/** Offset of the local time, positive east of UTC. */
function offsetMs(ms: number, zone: string): number {
  const parts: Record<string, number> = {};
  for (const { type, value } of formatOf(zone).formatToParts(ms)) parts[type] = Number(value);
  const { year = 0, month = 1, day, hour, minute, second } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
}

function formatOf(zone: string): Intl.DateTimeFormat {
  const known = formats.get(zone);
  if (known) return known;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    calendar: 'iso8601',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  formats.set(zone, format);
  return format;
}
