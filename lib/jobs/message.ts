// Converts a message to JSON and back, with Buffers and Dates marked so that they come back as such.
import { types } from 'node:util';

export interface StoredMessage {
  message: Record<string, unknown>;
  /** Paths of properties that cannot be stored, such as `req` and `res` of an HTTP request. */
  dropped: string[];
}

const bufferMark = '$buffer';
const dateMark = '$date';
/** A key of the user's own that looks like a mark gets one more `$`, and loses it on the way back. */
const likeMark = /^\$+(?:buffer|date)$/;
const escapedMark = /^\$\$+(?:buffer|date)$/;
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
  return Object.fromEntries(
    Object.entries(record).map(([key, value]) => [escapedMark.test(key) ? key.slice(1) : key, restoreMessage(value)]),
  );
}

function storeValue(value: unknown, path: string, dropped: string[], above: Set<object>, depth: number): unknown {
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') return drop(path, dropped);
  if (typeof value !== 'object' || value === null) return value;
  // Function nodes run in a context of their own: what they make is no instance of our classes.
  if (types.isUint8Array(value)) {
    return { [bufferMark]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  if (types.isDate(value)) {
    const instant = Date.prototype.getTime.call(value);
    return Number.isNaN(instant) ? null : { [dateMark]: new Date(instant).toISOString() };
  }
  if (above.has(value) || depth > deepest) return drop(path, dropped);
  above.add(value);
  const store = (entry: unknown, key: string): unknown =>
    storeValue(entry, path ? `${path}.${key}` : key, dropped, above, depth + 1);
  try {
    if (isLive(value) || isOpaque(value)) return drop(path, dropped);
    if (Array.isArray(value)) return value.map((entry, index) => store(entry, String(index)));
    const { toJSON } = value as { toJSON?: unknown };
    if (typeof toJSON === 'function') return storeValue(toJSON.call(value), path, dropped, above, depth + 1);
    const own = types.isNativeError(value) ? { ...value, name: value.name, message: value.message } : value;
    return Object.fromEntries(
      Object.entries(own).map(([key, entry]) => [likeMark.test(key) ? `$${key}` : key, store(entry, key)]),
    );
  } catch {
    // A getter or `toJSON` that throws.
    return drop(path, dropped);
  } finally {
    above.delete(value);
  }
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

/** Keeps its content where JSON does not look: stored as `{}`, it would be lost without a word. */
function isOpaque(value: object): boolean {
  return (
    types.isMap(value) ||
    types.isSet(value) ||
    types.isPromise(value) ||
    types.isRegExp(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value)
  );
}
