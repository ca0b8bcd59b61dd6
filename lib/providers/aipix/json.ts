/** Reading the JSON of a server that documents its types loosely: unknown in, checked values out. */

/**
 * Whole numbers that a double cannot hold become their digits, as text: an id must not change on its way.
 * @throws SyntaxError
 */
export function parseJson(text: string): unknown {
  // The third argument is not in the types of JSON.parse; Node has it since version 21.
  const keepDigits = (_key: string, value: unknown, context?: { source?: string }): unknown =>
    typeof value === 'number' && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? '')
      ? context!.source
      : value;
  return JSON.parse(text.replace(/^\uFEFF/, ''), keepDigits);
}

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object below a name; an empty one where there is none, so that reading goes on and finds nothing. */
export function objectAt(value: unknown, name: string): JsonObject {
  const found = isObject(value) ? value[name] : undefined;
  return isObject(found) ? found : {};
}

/** The objects of a list, or a single one, wrapped in `data` or not: which of them is not documented everywhere. */
export function objectsOf(reply: unknown): JsonObject[] {
  const inner = isObject(reply) && 'data' in reply ? reply.data : reply;
  if (Array.isArray(inner)) return inner.filter(isObject);
  return isObject(inner) && Object.keys(inner).length > 0 ? [inner] : [];
}

export function readId(value: unknown): string | undefined {
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return readText(value);
}

/**
 * The vendor's ids are whole numbers; whatever else was given goes out as it is, and so does a number that JSON readers
 * would round.
 */
export function writeId(id: string): number | string {
  const number = Number(id);
  return Number.isSafeInteger(number) && String(number) === id ? number : id;
}

/** Not empty. */
export function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

export function readCount(value: unknown): number | undefined {
  const number = typeof value === 'string' ? Number(value) : value;
  return typeof number === 'number' && Number.isSafeInteger(number) && number > 0 ? number : undefined;
}

/** `undefined` where it is neither. */
export function readBoolean(value: unknown): boolean | undefined {
  if (value === true || value === 1 || value === '1' || value === 'true') return true;
  return value === false || value === 0 || value === '0' || value === 'false' ? false : undefined;
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
