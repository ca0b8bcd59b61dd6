/** A message as it is kept with its job: JSON, with Buffers and Dates marked so that they come back as such. */

export interface StoredMessage {
  message: Record<string, unknown>;
  /** Paths of properties that cannot be stored, such as `req` and `res` of an HTTP request. */
  dropped: string[];
}

const bufferMark = '$buffer';
const dateMark = '$date';
const deepest = 64;

export function storeMessage(message: object): StoredMessage {
  const dropped: string[] = [];
  // Node-RED's own handles of an HTTP request: nothing of them makes sense after a restart.
  const { req, res, ...rest } = message as Record<string, unknown>;
  if (req !== undefined) dropped.push('req');
  if (res !== undefined) dropped.push('res');
  const stored = storeValue(rest, '', dropped, new Set(), 0) as Record<string, unknown>;
  return { message: stored, dropped };
}

export function restoreMessage(stored: unknown): unknown {
  if (Array.isArray(stored)) return stored.map(restoreMessage);
  if (typeof stored !== 'object' || stored === null) return stored;
  const record = stored as Record<string, unknown>;
  if (typeof record[bufferMark] === 'string') return Buffer.from(record[bufferMark], 'base64');
  if (typeof record[dateMark] === 'string') return new Date(record[dateMark]);
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key, restoreMessage(value)]));
}

function storeValue(value: unknown, path: string, dropped: string[], above: Set<object>, depth: number): unknown {
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') return drop(path, dropped);
  if (typeof value !== 'object' || value === null) return value;
  if (Buffer.isBuffer(value)) return { [bufferMark]: value.toString('base64') };
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? null : { [dateMark]: value.toISOString() };
  if (above.has(value) || depth > deepest || isLive(value)) return drop(path, dropped);
  above.add(value);
  const store = (entry: unknown, key: string): unknown =>
    storeValue(entry, path ? `${path}.${key}` : key, dropped, above, depth + 1);
  const stored = Array.isArray(value)
    ? value.map((entry, index) => store(entry, String(index)))
    : Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, store(entry, key)]));
  above.delete(value);
  return stored;
}

function drop(path: string, dropped: string[]): undefined {
  dropped.push(path);
  return undefined;
}

/** Streams, sockets and other emitters. */
function isLive(value: object): boolean {
  return (
    typeof (value as { on?: unknown }).on === 'function' || typeof (value as { pipe?: unknown }).pipe === 'function'
  );
}
