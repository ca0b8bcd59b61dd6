// Reads and writes values as Aipix spells them.
import { isObject, readText, type JsonObject } from '../../net/json';

/** The objects of a list, or a single one, wrapped in `data` or not: which of them is not documented everywhere. */
export function objectsOf(reply: unknown): JsonObject[] {
  const inner = unwrapped(reply);
  return readListed(inner) ?? (isObject(inner) && Object.keys(inner).length > 0 ? [inner] : []);
}

/** The objects of a list; `undefined` where the answer holds none, which is not an empty one. */
export function listOf(reply: unknown): JsonObject[] | undefined {
  return readListed(unwrapped(reply));
}

/** A page may be wrapped like a single object, once more. */
function unwrapped(reply: unknown): unknown {
  let inner = reply;
  for (let level = 0; level < 2 && isObject(inner) && 'data' in inner; level += 1) inner = inner.data;
  return inner;
}

/** PHP writes a list that has lost some of its entries as an object: `{"1": …, "4": …}`. */
function readListed(value: unknown): JsonObject[] | undefined {
  if (Array.isArray(value)) return value.filter(isObject);
  const names = isObject(value) ? Object.keys(value) : [];
  if (names.length === 0 || !names.every((name) => /^\d{1,9}$/.test(name))) return undefined;
  return Object.values(value as JsonObject).filter(isObject);
}

/**
 * The vendor's ids are whole numbers; whatever else was given goes out as it is, and so does a number that JSON readers
 * would round.
 */
export function writeId(id: string): number | string {
  const number = Number(id);
  return Number.isSafeInteger(number) && String(number) === id ? number : id;
}

/**
 * ISO 8601 with `Z` out of either of the vendor's forms: ISO with up to microseconds, or `YYYY-MM-DD HH:MM:SS`, which is
 * UTC without saying so. Source: https://docs.aipix.ai/en/start/aipix-24.09/utc-standard
 */
export function readTime(value: unknown): string | undefined {
  const form = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(\.\d{1,3})?\d*\s*(Z|[+-]\d\d:?\d\d)?$/i;
  const match = form.exec(readText(value) ?? '');
  if (!match) return undefined;
  const zone = (match[4] ?? 'Z').toUpperCase().replace(/^([+-]\d\d)(\d\d)$/, '$1:$2');
  const time = new Date(`${match[1]}T${match[2]}${match[3] ?? ''}${zone}`);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

/** Whole seconds, UTC. Source: https://docs.aipix.ai/en/start/aipix-24.03/validation-vms-client-api */
export function writeTime(epochMs: number): string {
  return `${new Date(epochMs).toISOString().slice(0, 19)}Z`;
}
