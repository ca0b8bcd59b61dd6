// Reads the JSON of servers that document their types loosely: unknown in, checked values out.
import { createYielder } from '../async/yielding';
import { ClipError } from '../errors';

export type JsonObject = Record<string, unknown>;

/** Characters that are parsed at one stretch, in some milliseconds. */
const stretch = 64 * 1024;
/** Longer texts are read in pieces only. */
const longText = 2 * stretch;
/** A text of more values is refused: what is read of it would fill the memory. */
const mostValues = 500_000;
/** Levels of a long text that may be larger than a piece themselves. */
const mostLevels = 12;

/**
 * Whole numbers that a double cannot hold become their digits, as text: an id must not change on its way. For answers of
 * moderate size; longer ones are for `parseLongJson`.
 * @returns `undefined` for what is not JSON, and for more than 128 KiB of it
 */
export function parseJson(text: string): unknown {
  if (text.length > longText) return undefined;
  try {
    return parsePiece(text.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/**
 * The same for a text of any length, which is read in pieces: the event loop makes turns in between.
 * @returns `undefined` for what is not JSON
 * @throws EPROTOCOL for more than can be read
 */
export async function parseLongJson(text: string): Promise<unknown> {
  if (text.length <= longText) return parseJson(text);
  try {
    const [start, end] = trimmed(text, text.startsWith('\uFEFF') ? 1 : 0, text.length);
    return await parseRange(text, start, end, 0, { values: 0, breathe: createYielder() });
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

interface Progress {
  values: number;
  breathe: ReturnType<typeof createYielder>;
}

/** One value. Objects and arrays that are too long for one stretch are cut into members. */
async function parseRange(
  text: string,
  start: number,
  end: number,
  level: number,
  progress: Progress,
): Promise<unknown> {
  const turn = progress.breathe();
  if (turn) await turn;
  const open = text[start];
  const isList = open === '[';
  if (end - start <= longText || (!isList && open !== '{')) return parsePiece(text.slice(start, end));
  if (text[end - 1] !== (isList ? ']' : '}')) throw new SyntaxError('not closed');
  if (level >= mostLevels) throw new ClipError('EPROTOCOL', 'The answer is nested too deeply to be read');
  const list: unknown[] = [];
  const object: JsonObject = {};
  const add = (piece: unknown): void => {
    if (isList) for (const value of piece as unknown[]) list.push(value);
    else copyMembers(piece as JsonObject, object);
  };
  for await (const [from, to, isLong] of piecesOf(text, start + 1, end - 1, progress)) {
    if (!isLong) {
      const piece = text.slice(from, to);
      add(parsePiece(isList ? `[${piece}]` : `{${piece}}`));
    } else if (isList) list.push(await parseRange(text, from, to, level + 1, progress));
    else {
      const [key, valueFrom] = keyAt(text, from, to);
      copyMembers({ [key]: await parseRange(text, valueFrom, to, level + 1, progress) }, object);
    }
  }
  return isList ? list : object;
}

/** Yields the offsets of members of an object or array: of some that follow each other, or of one that is long. */
async function* piecesOf(
  text: string,
  start: number,
  end: number,
  progress: Progress,
): AsyncGenerator<[from: number, to: number, isLong: boolean]> {
  let [from, memberFrom, depth, checkedAt] = [start, start, 0, start];
  for (let at = start; at <= end; at += 1) {
    if (at - checkedAt > stretch) {
      checkedAt = at;
      await progress.breathe();
    }
    const character = at < end ? text.charCodeAt(at) : marks.comma;
    if (character === marks.quote) at = Math.min(closingQuote(text, at), end - 1);
    else if (character === marks.openList || character === marks.openObject) depth += 1;
    else if (character === marks.closeList || character === marks.closeObject) depth -= 1;
    else if (character === marks.comma) {
      if (at < end && (progress.values += 1) > mostValues) {
        throw new ClipError('EPROTOCOL', 'The answer lists more than can be read');
      }
      if (depth !== 0) continue;
      const isCandidate = at - memberFrom > longText;
      const member: [number, number] = isCandidate ? trimmed(text, memberFrom, at) : [memberFrom, at];
      const isLong = member[1] - member[0] > longText;
      if (isLong && memberFrom > from) yield [from, memberFrom - 1, false];
      if (isLong) yield [...member, true];
      else if (at === end || at - from >= stretch) yield [from, at, false];
      if (isLong || at - from >= stretch) from = at + 1;
      memberFrom = at + 1;
    }
  }
  if (depth !== 0) throw new SyntaxError('not closed');
}

/** Character codes: comparing these is several times as fast as comparing characters. */
const marks = { quote: 34, comma: 44, openList: 91, backslash: 92, closeList: 93, openObject: 123, closeObject: 125 };

/** Offset of the quote that ends a text; the length of all where there is none. */
function closingQuote(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let escapes = 0;
    while (text.charCodeAt(at - 1 - escapes) === marks.backslash) escapes += 1;
    if (escapes % 2 === 0) return at;
  }
  return text.length;
}

function keyAt(text: string, from: number, to: number): [key: string, valueFrom: number] {
  const match = /"(?:[^"\\]|\\.){0,1000}"\s*:\s*/y;
  match.lastIndex = from;
  const [found] = match.exec(text) ?? [];
  if (found === undefined || from + found.length >= to) throw new SyntaxError('no name');
  return [JSON.parse(found.replace(/\s*:\s*$/, '')) as string, from + found.length];
}

function trimmed(text: string, start: number, end: number): [number, number] {
  while (start < end && /\s/.test(text[start]!)) start += 1;
  while (end > start && /\s/.test(text[end - 1]!)) end -= 1;
  return [start, end];
}

/** Never `__proto__`, which would not become a member. */
function copyMembers(from: JsonObject, to: JsonObject): void {
  for (const [name, value] of Object.entries(from)) if (name !== '__proto__') to[name] = value;
}

/** No answer is that deep, and what goes through it level by level could run out of stack. */
const deepest = 100;

/** @throws SyntaxError */
function parsePiece(text: string): unknown {
  if (!isModest(text, { maxValues: Infinity, maxDepth: deepest })) throw new SyntaxError('nested too deeply');
  return JSON.parse(/\d{16}/.test(text) ? quoteLongNumbers(text) : text) as unknown;
}

/** A text stands for itself, so that digits in it are not taken for a number. */
function quoteLongNumbers(text: string): string {
  return text.replace(/"(?:[^"\\]|\\.)*"|-?\d[\d.eE+-]*/g, (token) =>
    /^-?\d{16,}$/.test(token) && !Number.isSafeInteger(Number(token)) ? `"${token}"` : token,
  );
}

/**
 * Is a text that somebody else will parse of moderate size and depth? What a parser takes for a text grows with brackets and
 * values, not with its length alone.
 */
export function isModest(text: string, { maxValues = 50_000, maxDepth = deepest } = {}): boolean {
  let [values, depth] = [0, 0];
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charCodeAt(at);
    if (character === marks.quote) at = closingQuote(text, at);
    else if (character === marks.comma) values += 1;
    else if (character === marks.openList || character === marks.openObject) depth += 1;
    else if (character === marks.closeList || character === marks.closeObject) depth -= 1;
    if (values > maxValues || depth > maxDepth) return false;
  }
  return true;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function asObject(value: unknown): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

/** The object below a name; an empty one where there is none, so that reading goes on and finds nothing. */
export function objectAt(value: unknown, name: string): JsonObject {
  const found = isObject(value) ? value[name] : undefined;
  return isObject(found) ? found : {};
}

/** The objects of a list; none where it is not one. */
export function readObjects(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isObject) : [];
}

/** Text that says something, trimmed. */
export function readText(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}

export function readTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(readText).filter((text) => text !== undefined) : [];
}

/** A number, or digits: numbers of 64 bits may come as text. */
export function readNumber(value: unknown): number | undefined {
  const number = typeof value === 'string' && /^\s*-?\d+(\.\d+)?\s*$/.test(value) ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

/** A whole number above zero: zero stands for "not known yet". */
export function readCount(value: unknown): number | undefined {
  const number = readNumber(value);
  return number !== undefined && number > 0 && Number.isSafeInteger(number) ? number : undefined;
}

/** An id as text, whether it comes as text or as a number. */
export function readId(value: unknown): string | undefined {
  return typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : readText(value);
}

/** `undefined` where it is neither. */
export function readBoolean(value: unknown): boolean | undefined {
  if (value === true || value === 1 || value === '1' || value === 'true') return true;
  return value === false || value === 0 || value === '0' || value === 'false' ? false : undefined;
}
