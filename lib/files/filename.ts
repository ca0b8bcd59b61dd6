// Makes file names from a template. The texts of a vendor can never choose where a file goes.
import { createHash } from 'node:crypto';
import nodePath from 'node:path';
import type { PlatformPath } from 'node:path';
import { ClipError, plainText, reasonFirst } from '../errors';
import type { ProviderClip } from '../provider';

/** Fields of a template. Times are ISO 8601. */
export type NamedClip = Pick<ProviderClip, 'id' | 'camera' | 'cameraName' | 'start' | 'end' | 'title' | 'ref'> & {
  provider: string;
  /** IANA name; absent: that of this computer. */
  timeZone?: string;
};

export interface FilenameOptions {
  /** Absolute: relative templates are resolved against it, and must stay inside. */
  folder: string;
  /** `path.posix` or `path.win32`; default: the platform's. */
  path?: PlatformPath;
  /** Longest name between two separators, in UTF-8. */
  maxNameBytes?: number;
}

const placeholders: Record<string, (clip: NamedClip) => string> = {
  camera: (clip) => clean(clip.camera) || '_',
  cameraName: (clip) => clean(clip.cameraName) || clean(clip.camera) || '_',
  start: (clip) => timestamp(clip.start, 'start'),
  end: (clip) => timestamp(clip.end, 'end'),
  date: (clip) => timestamp(clip.start, 'start').slice(0, 10),
  time: (clip) => timestamp(clip.start, 'start').slice(11, 19),
  localDate: (clip) => localTime(clip).slice(0, 10),
  localTime: (clip) => localTime(clip).slice(11),
  id: (clip) => clean(clip.id) || '_',
  provider: (clip) => clean(clip.provider) || '_',
  title: (clip) => clean(clip.title) || 'untitled',
  // Of the event that it was made for.
  event: (clip) => clean(clip.ref?.event) || '_',
  label: (clip) => clean(clip.ref?.label) || '_',
};

const placeholderPattern = /\{([^{}]*)\}/g;

/** Leaves room for "-12345" and the names of parts within the 255 bytes of common file systems. */
export const defaultNameBytes = 200;
const maxExtensionBytes = 20;
const maxValueCharacters = 1000;
/** Characters of a template in an error. */
const longestShown = 120;

/** Placeholders that identify a clip, and those that only describe it: the latter are shortened first. */
const [identifying, describing] = [
  ['camera', 'id', 'provider', 'event'],
  ['title', 'cameraName', 'label'],
];
/** A value is shortened to this at least. */
const minValueBytes = 8;

/**
 * The absolute path of a clip's file.
 *
 * Values never contribute a separator. Names that hold a value, and the file's own name, are made safe for every platform;
 * the other folders are taken as they were typed.
 * @throws EINVALID for a template that names no file, knows no such placeholder, or leaves its folder
 */
export function expandFilename(template: string, clip: NamedClip, options: FilenameOptions): string {
  const { path = nodePath, maxNameBytes = defaultNameBytes } = options;
  const { root, names, typedFolder } = readTemplate(template, path);
  if (root.includes('{')) throw invalid('A drive or server cannot come from a placeholder');
  const safe = names.map((name, index) => {
    const isFile = index === names.length - 1;
    if (!isFile && !hasPlaceholder(name)) return name;
    return expandName(name, clip, isFile, maxNameBytes);
  });
  const full = path.resolve(options.folder, root + safe.join(path.sep));
  // An absolute path was typed on purpose. From its first placeholder on it must not be left.
  const folder = path.isAbsolute(template) ? typedFolder : options.folder;
  const inside = path.relative(path.resolve(options.folder, folder), full);
  if (inside === '' || inside === '..' || inside.startsWith(`..${path.sep}`) || path.isAbsolute(inside)) {
    throw invalid(`"${plainText(template, longestShown)}" leaves its folder`);
  }
  return full;
}

/**
 * The text with its placeholders filled in, for paths that are not of this machine: nothing else of it is changed.
 * @throws EINVALID for a placeholder that is not known
 */
export function expandText(template: string, clip: NamedClip): string {
  checkPlaceholders(template);
  return template.replace(placeholderPattern, (_, key: string) => placeholders[key]?.(clip) ?? '_');
}

/** The folder that a template's values can never leave: what was typed before the first of them. */
export function rootFolder(template: string, options: FilenameOptions): string {
  const path = options.path ?? nodePath;
  return path.resolve(options.folder, splitTemplate(template, path).typedFolder);
}

interface SplitTemplate {
  root: string;
  /** Texts between separators. */
  names: string[];
  /** The folders before the first placeholder or the file's own name. */
  typedFolder: string;
}

function splitTemplate(template: string, path: PlatformPath): SplitTemplate {
  const { root } = path.parse(template);
  const names = template.slice(root.length).split(path.sep === '\\' ? /[\\/]/ : /\//);
  const typed = names.findIndex((name, index) => index === names.length - 1 || hasPlaceholder(name));
  return { root, names, typedFolder: root + names.slice(0, typed).join(path.sep) };
}

/** The n-th alternative of a path that is taken: `name-1.mp4`. */
export function numbered(file: string, n: number, path: PlatformPath = nodePath): string {
  const { dir, name, ext } = path.parse(file);
  return path.join(dir, `${name}-${n}${ext}`);
}

/** @throws EINVALID for a template that can name no file */
function readTemplate(template: string, path: PlatformPath): SplitTemplate {
  if (typeof template !== 'string' || template.trim() === '') throw invalid('The file name is empty');
  if (template.includes('\0')) throw invalid('The template contains a NUL character');
  const split = splitTemplate(template, path);
  const { names } = split;
  if (/^[.\s]*$/.test(names.at(-1) ?? '')) throw invalid('The template names a folder: a file name must follow');
  // Windows reads ".. " as "..".
  if (names.some((name) => /^[.\s]+$/.test(name) && name !== '.' && name !== '..')) {
    throw invalid('The template has a folder of dots and blanks only');
  }
  checkPlaceholders(template);
  return split;
}

function checkPlaceholders(template: string): void {
  for (const [placeholder, key = ''] of template.matchAll(placeholderPattern)) {
    if (!Object.hasOwn(placeholders, key)) {
      const known = Object.keys(placeholders).map((each) => `{${each}}`);
      throw invalid(`${placeholder.slice(0, 40)} is unknown; use ${known.join(' ')}`);
    }
  }
}

function hasPlaceholder(name: string): boolean {
  return name.search(placeholderPattern) >= 0;
}

/** Text of a vendor that can stand in a file name: never a separator, never only dots; empty when nothing is left. */
function clean(value: unknown): string {
  const text = typeof value === 'string' || typeof value === 'number' ? String(value) : '';
  return visible(text.slice(0, maxValueCharacters))
    .replace(/[/\\:*?"<>|]/g, '_')
    .replace(/^[.\s]+|[.\s]+$/g, '');
}

/** One spelling, without characters that hide, reorder or break what is shown. */
function visible(text: string): string {
  // Cf, DI: zero-width characters and direction marks. Cc, Cs, Zl, Zp: control characters, half characters, line breaks.
  return text
    .replace(/[\p{Cf}\p{DI}]/gu, '')
    .replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/gu, '_')
    .normalize('NFC');
}

/** A whole name between separators. Times are never shortened: they identify a clip of a camera. */
function expandName(template: string, clip: NamedClip, isFile: boolean, maxBytes: number): string {
  const render = (limits: ReadonlyMap<string, number>): string =>
    safeName(
      template.replace(placeholderPattern, (_, key: string) => {
        const value = placeholders[key]?.(clip) ?? '_';
        const limit = limits.get(key);
        return limit === undefined ? value : shortened(value, limit, identifying.includes(key));
      }),
    );
  let limits = new Map<string, number>();
  for (const keys of [describing, identifying]) {
    const whole = render(limits);
    if (Buffer.byteLength(whole) <= maxBytes) return whole;
    let [fits, tooMuch] = [minValueBytes, maxValueCharacters * 4];
    const withLimit = (limit: number) => new Map([...limits, ...keys.map((key) => [key, limit] as const)]);
    while (tooMuch - fits > 1) {
      const middle = Math.floor((fits + tooMuch) / 2);
      if (Buffer.byteLength(render(withLimit(middle))) <= maxBytes) fits = middle;
      else tooMuch = middle;
    }
    limits = withLimit(fits);
  }
  const name = render(limits);
  // The typed text is too long by itself.
  return Buffer.byteLength(name) <= maxBytes ? name : shortenedName(name, isFile, maxBytes);
}

function safeName(text: string): string {
  // Windows reads `a:b` as a stream of the file `a`, and drops dots and blanks at the end.
  const name = visible(text)
    .replace(/[/\\:*?"<>|]/g, '_')
    .replace(/[.\s]+$/, '');
  // Of what cannot be seen, nothing is left: without a name of its own, the file would get that of its folder.
  if (name === '') return '_';
  // Unfinished files are called so, and are removed one day.
  if (/\.part(?:\.converted|\.passes)?$/i.test(name)) return safeName(`${name}_`);
  // A leading dash would be an option to a command-line tool.
  return isReserved(name) || name.startsWith('-') ? `_${name}` : name;
}

/** Names of Windows devices, with any extension. */
function isReserved(name: string): boolean {
  return /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9¹²³])\s*(?:\.|$)/i.test(name);
}

/** The beginning of a text, cut between characters. */
function cut(text: string, maxBytes: number): string {
  let room = maxBytes;
  let kept = '';
  for (const character of text) {
    room -= Buffer.byteLength(character);
    if (room < 0) break;
    kept += character;
  }
  return kept.replace(/[.\s]+$/, '');
}

/** @param isIdentifying keeps a mark of what is cut off, as two values may begin alike */
function shortened(value: string, maxBytes: number, isIdentifying: boolean): string {
  if (Buffer.byteLength(value) <= maxBytes) return value;
  const mark = isIdentifying ? `~${createHash('sha256').update(value).digest('hex').slice(0, 7)}` : '';
  return cut(value, maxBytes - mark.length) + mark;
}

/** Keeps a file's extension. */
function shortenedName(name: string, isFile: boolean, maxBytes: number): string {
  const suffix = /\.[^.]*$/.exec(name)?.[0] ?? '';
  const extension = isFile && Buffer.byteLength(suffix) <= maxExtensionBytes ? suffix : '';
  const stem = name.slice(0, name.length - extension.length);
  return shortened(stem, maxBytes - Buffer.byteLength(extension), true) + extension;
}

/** `2025-03-01T08-50-00Z`, with milliseconds where there are some. */
function timestamp(value: unknown, field: string): string {
  const date = new Date(typeof value === 'string' ? value : NaN);
  if (Number.isNaN(date.getTime())) throw invalid(`The clip's ${field} is not a time`);
  return date.toISOString().replace('.000Z', 'Z').replace(/[:.]/g, '-');
}

/** By how much clocks are set back, in minutes. */
const setBacks = [60, 30];

/** `2025-03-01 09-50-00` in the time zone of the clip; in the hour that comes twice a year, ` B` follows the second time. */
function localTime({ start, timeZone }: NamedClip): string {
  timestamp(start, 'start');
  const [date, time] = [{ dateStyle: 'short' }, { timeStyle: 'medium' }] as const;
  // Swedish dates are ISO dates.
  const format = (style: Intl.DateTimeFormatOptions, at: number): string =>
    new Intl.DateTimeFormat('sv-SE', { ...style, timeZone }).format(at);
  const local = (at: number): string => `${format(date, at)} ${format(time, at).replaceAll(':', '-')}`;
  const at = Date.parse(start);
  const isSecond = setBacks.some((minutes) => local(at - minutes * 60_000) === local(at));
  return local(at) + (isSecond ? ' B' : '');
}

function invalid(why: string): ClipError {
  return new ClipError('EINVALID', reasonFirst(why, 'Making a file name from the template'));
}
