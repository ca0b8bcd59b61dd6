// Converts a message to JSON and back, with Buffers and Dates marked so that they come back as such.
import { types } from 'node:util';

export interface StoredMessage {
  message: Record<string, unknown>;
  /** Paths of properties that cannot be stored, such as `req` and `res` of an HTTP request. */
  dropped: string[];
}

const bufferMark = '$buffer';
const dateMark = '$date';
/** Before a key whose odd characters are written as `%` and four hexadecimal digits. */
const keyMark = '$key:';
/** A key of the user's own that looks like a mark gets one more `$`, and loses it on the way back. */
const likeMark = /^\$+(?:buffer$|date$|key:)/;
const escapedMark = /^\$\$+(?:buffer$|date$|key:)/;
/** JSON has escapes for these. V8 13.6 (Node.js 24) may take a key with escapes for another one that it has read before. */
const oddInKeys = /["\\\p{Cc}\p{Cs}]/u;
const codedInKeys = /["\\%\p{Cc}\p{Cs}]/gu;
const deepest = 64;
/** An object that holds another one twice, and that one a third, and so on, is endless when it is written out; so nearly is a sparse array. */
const mostValues = 1_000_000;
/** A text of twice as many cannot be made. */
const mostCharacters = 256 * 2 ** 20;
const mostNamed = 100;

/** State of storing a message. */
interface Storing {
  dropped: string[];
  /** Names on the way to the current value, and the objects that it is in. */
  path: string[];
  above: Set<object>;
  valuesLeft: number;
  charactersLeft: number;
}

export function storeMessage(message: object): StoredMessage {
  const storing: Storing = {
    dropped: [],
    path: [],
    above: new Set([message]),
    valuesLeft: mostValues,
    charactersLeft: mostCharacters,
  };
  // Whatever a message can do itself, it is stored property by property: as a whole, it could not be dropped.
  const stored = storeProperties(
    Object.keys(message),
    (key) => {
      const value = (message as Record<string, unknown>)[key];
      // Node-RED's own handles of an HTTP request: nothing of them makes sense after a restart.
      const isHandle = (key === 'req' || key === 'res') && value !== undefined;
      return isHandle ? drop(storing) : storeValue(value, storing);
    },
    storing,
  );
  return { message: stored, dropped: storing.dropped };
}

export function restoreMessage(stored: unknown): unknown {
  if (Array.isArray(stored)) return stored.map(restoreMessage);
  if (typeof stored !== 'object' || stored === null) return stored;
  const record = stored as Record<string, unknown>;
  if (typeof record[bufferMark] === 'string') return Buffer.from(record[bufferMark], 'base64');
  if (typeof record[dateMark] === 'string') return new Date(record[dateMark]);
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [restoreKey(key), restoreMessage(value)]));
}

function storeKey(key: string): string {
  if (!oddInKeys.test(key)) return likeMark.test(key) ? `$${key}` : key;
  const coded = key.replace(codedInKeys, (odd) => `%${odd.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return keyMark + coded;
}

function restoreKey(key: string): string {
  if (!key.startsWith(keyMark)) return escapedMark.test(key) ? key.slice(1) : key;
  const decode = (_: string, code: string): string => String.fromCharCode(parseInt(code, 16));
  return key.slice(keyMark.length).replace(/%([\da-f]{4})/g, decode);
}

/** @param read may throw: then this one is dropped */
function storeProperties(keys: string[], read: (key: string) => unknown, storing: Storing): Record<string, unknown> {
  const stored: Record<string, unknown> = {};
  for (const key of keys) {
    storing.path.push(key);
    let value: unknown;
    try {
      value = read(key);
    } catch {
      value = drop(storing);
    }
    storing.path.pop();
    if (key !== '__proto__') stored[storeKey(key)] = value;
    // An assignment would not make a property of it.
    else Object.defineProperty(stored, key, { value, enumerable: true, configurable: true, writable: true });
  }
  return stored;
}

function storeValue(value: unknown, storing: Storing): unknown {
  storing.valuesLeft -= 1;
  if (storing.valuesLeft < 0) return drop(storing);
  if (typeof value === 'bigint' || typeof value === 'function' || typeof value === 'symbol') return drop(storing);
  if (typeof value === 'string') return takes(value.length, storing) ? value : drop(storing);
  if (typeof value !== 'object' || value === null) return value;
  // Function nodes run in a context of their own: what they make is no instance of our classes.
  if (types.isUint8Array(value)) {
    if (!takes((value.byteLength * 4) / 3, storing)) return drop(storing);
    return { [bufferMark]: Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('base64') };
  }
  if (types.isDate(value)) {
    const instant = Date.prototype.getTime.call(value);
    return Number.isNaN(instant) ? null : { [dateMark]: new Date(instant).toISOString() };
  }
  if (storing.above.has(value) || storing.above.size > deepest) return drop(storing);
  storing.above.add(value);
  const depth = storing.path.length;
  try {
    return storeObject(value, storing);
  } catch {
    // A getter or `toJSON` that throws.
    storing.path.length = depth;
    return drop(storing);
  } finally {
    storing.above.delete(value);
  }
}

function storeObject(value: object, storing: Storing): unknown {
  if (isLive(value) || isOpaque(value)) return drop(storing);
  if (Array.isArray(value)) {
    if (value.length > storing.valuesLeft) return drop(storing);
    return value.map((entry, index) => {
      storing.path.push(String(index));
      const stored = storeValue(entry, storing);
      storing.path.pop();
      return stored;
    });
  }
  const { toJSON } = value as { toJSON?: unknown };
  if (typeof toJSON === 'function') return storeValue(toJSON.call(value), storing);
  if (types.isBoxedPrimitive(value)) return storeValue(value.valueOf(), storing);
  const own = types.isNativeError(value) ? { ...value, name: value.name, message: value.message } : value;
  return storeProperties(
    Object.keys(own),
    (key) => storeValue((own as Record<string, unknown>)[key], storing),
    storing,
  );
}

/** @returns whether there is room for so many characters more */
function takes(characters: number, storing: Storing): boolean {
  if (characters > storing.charactersLeft) return false;
  storing.charactersLeft -= characters;
  return true;
}

/** The first that are dropped are named. */
function drop({ dropped, path }: Storing): undefined {
  if (dropped.length < mostNamed) dropped.push(path.join('.'));
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
    types.isWeakMap(value) ||
    types.isWeakSet(value) ||
    types.isGeneratorObject(value) ||
    types.isPromise(value) ||
    types.isRegExp(value) ||
    types.isAnyArrayBuffer(value) ||
    ArrayBuffer.isView(value)
  );
}
