// Reads events as a provider lists them: those of other packages may hold anything.
import { toSaneIso } from '../time-range';
import { eventTypes, type EventType, type ProviderEvent } from '../provider';

/** Characters. Ids of what has been seen are kept, thousands of them. */
const longestId = 1_000;

/** `undefined`: it has no id or no start that can be used, and nothing can be done with it. Times become ISO 8601 with `Z`. */
export function readEvent(given: ProviderEvent): ProviderEvent | undefined {
  const { id, kind, start, end, type, open } = given;
  const [startsAt, endsAt] = [instant(start), instant(end)];
  if (!isText(id) || !isText(kind) || startsAt === undefined || id.length > longestId) return undefined;
  const event: ProviderEvent = { ...given, start: startsAt, type: isEventType(type) ? type : 'other' };
  delete event.end;
  delete event.open;
  if (!isText(event.camera)) delete event.camera;
  // One that ends before it begins is an instant.
  if (endsAt !== undefined && endsAt > startsAt) event.end = endsAt;
  if (open === true) event.open = true;
  return event;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

function isEventType(value: unknown): value is EventType {
  return eventTypes.includes(value as EventType);
}

function instant(value: unknown): string | undefined {
  const at = typeof value === 'string' ? Date.parse(value) : NaN;
  return Number.isNaN(at) ? undefined : toSaneIso(at);
}
