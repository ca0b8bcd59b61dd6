/** Answers as XML, with all the liberties that the vendor reserves and all the shapes that nobody knows. */
import type { Reply } from '../http-server';
import type { SenseDevice } from './devices';
import type { ReplyOptions, SenseOptions } from './options';
import type { SenseClip } from './queue';

export interface XmlNode {
  tag: string;
  attributes?: Record<string, string>;
  text?: string;
  children?: XmlNode[];
}

/** A negative errorcode with the words for it. Commands throw it where that reads best. */
export class Refusal extends Error {
  constructor(
    readonly code: number,
    text: string,
  ) {
    super(text);
  }
}

export interface ReplyContext {
  options: SenseOptions;
  random(): number;
}

export function leaf(tag: string, text: string | number, attributes?: Record<string, string>): XmlNode {
  return { tag, text: String(text), ...(attributes ? { attributes } : {}) };
}

/** The envelope of every answer (documented). */
export function resultReply(
  context: ReplyContext,
  code: number,
  children: XmlNode[],
  { root = 'result', attributes = {} }: { root?: string; attributes?: Record<string, string> } = {},
): Reply {
  return xmlReply(context, { tag: root, attributes: { errorcode: String(code), ...attributes }, children });
}

export function refusalReply(context: ReplyContext, refusal: Refusal): Reply {
  const reply = resultReply(context, refusal.code, [leaf('description', refusal.message)]);
  return { ...reply, status: context.options.replies.failureStatus };
}

export function xmlReply(context: ReplyContext, root: XmlNode): Reply {
  const { replies } = context.options;
  const body = (replies.byteOrderMark ? '\uFEFF' : '') + prolog(context) + render(dress(root, context), replies);
  return { headers: { 'content-type': replies.contentType }, body };
}

export function clipReply(context: ReplyContext, clip: SenseClip): Reply {
  const { withoutResult, wrapper } = context.options.replies;
  const node = clipNode(context.options, clip);
  if (withoutResult) return xmlReply(context, node);
  if (wrapper === 'bare') return resultReply(context, 0, node.children ?? []);
  return resultReply(context, 0, wrapper === 'clip' ? [node] : listOf(context.options, 'clips', [node]));
}

export function clipsReply(context: ReplyContext, clips: SenseClip[]): Reply {
  const nodes = clips.map((clip) => clipNode(context.options, clip));
  return listReply(context, 'clips', nodes);
}

export function devicesReply(context: ReplyContext, devices: SenseDevice[], fields: (keyof SenseDevice)[]): Reply {
  const { blanks } = context.options.replies;
  const worded = ['status', 'type', 'brand', 'location'];
  const nodes = devices.map((device) => ({
    tag: 'device',
    children: fields.map((field) =>
      leaf(field, `${String(device[field])}${blanks && worded.includes(field) ? ' ' : ''}`),
    ),
  }));
  return listReply(context, 'devices', nodes);
}

function listReply(context: ReplyContext, tag: string, nodes: XmlNode[]): Reply {
  const [list] = listOf(context.options, tag, nodes);
  if (context.options.replies.withoutResult && list) return xmlReply(context, list);
  return resultReply(context, 0, list ? [list] : []);
}

export function exportsReply(context: ReplyContext, nodes: XmlNode[]): Reply {
  return resultReply(context, 0, listOf(context.options, 'exports', nodes));
}

function listOf(options: SenseOptions, tag: string, entries: XmlNode[]): XmlNode[] {
  const { countAttribute, emptyList } = options.replies;
  if (entries.length === 0 && emptyList === 'nothing') return [];
  const attributes: Record<string, string> = countAttribute ? { count: String(entries.length) } : {};
  return [{ tag, attributes, children: entries }];
}

function clipNode(options: SenseOptions, clip: SenseClip): XmlNode {
  const { replies } = options;
  const blank = replies.blanks ? ' ' : '';
  const finished = clip.state === 'finished';
  const size = finished ? String(replies.declaredFilesize(clip.size ?? 0, clip)) : '';
  const unfinished = replies.pendingFilesize === '0' || clip.state === 'failed' ? '0' : '';
  const filesize = finished || replies.pendingFilesize !== 'absent' || clip.state === 'failed';
  return {
    tag: 'clip',
    children: [
      leaf('id', clip.id),
      leaf('serverid', clip.serverid),
      leaf('deviceid', clip.deviceid),
      leaf('startdate', timestampOf(clip.start, replies.milliseconds)),
      leaf('enddate', timestampOf(clip.end, replies.milliseconds)),
      leaf('description', clip.description),
      ...(filesize ? [leaf('filesize', size || unfinished)] : []),
      leaf('imagewidth', clip.width),
      leaf('imageheight', clip.height),
      leaf(
        'status',
        replies.status[clip.state] + blank,
        replies.statusDescription ? { description: clip.stateText } : undefined,
      ),
    ],
  };
}

/** `yyyy-mm-dd hh:nn:ss[.zzz]`, UTC without saying so (documented). */
export function timestampOf(epochMs: number, milliseconds: boolean): string {
  const text = new Date(epochMs).toISOString().replace('T', ' ');
  return text.slice(0, milliseconds ? 23 : 19);
}

/** Epoch milliseconds; undefined when malformed. Checking is strict since 1.11.3 (documented). */
export function parseTimestamp(text: string, form: SenseOptions['timestamps'] = 'either'): number | undefined {
  const match = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)(\.\d{3})?$/.exec(text);
  if (!match || (form === 'milliseconds' && !match[3]) || (form === 'seconds' && match[3])) return undefined;
  const epochMs = Date.parse(`${match[1]}T${match[2]}${match[3] ?? ''}Z`);
  // There is no 30th of February, though Date would make it the 1st or 2nd of March.
  if (Number.isNaN(epochMs) || timestampOf(epochMs, false) !== text.slice(0, 19)) return undefined;
  return epochMs;
}

function prolog({ options: { replies } }: ReplyContext): string {
  if (replies.prolog === 'none') return '';
  return replies.prolog === 'xml'
    ? '<?xml version="1.0" encoding="UTF-8"?>\n'
    : '<!--?xml version="1.0" encoding="UTF-8"?-->\n';
}

/** Applies the switches that concern all tags alike. */
function dress(node: XmlNode, context: ReplyContext): XmlNode {
  const { replies } = context.options;
  let attributes = { ...node.attributes };
  let children = node.children ?? [];
  if (replies.fieldsAsAttributes && (node.tag === 'clip' || node.tag === 'device')) {
    const plain = children.filter((child) => child.attributes === undefined);
    attributes = { ...attributes, ...Object.fromEntries(plain.map((child) => [child.tag, child.text ?? ''])) };
    children = children.filter((child) => !plain.includes(child));
  }
  if (replies.debugTags && children.length > 0 && node.tag !== 'debuginfo') {
    attributes = { dbgms: '3', ...attributes };
    children = [{ tag: 'debuginfo', attributes: { thread: '7' }, children: [leaf('elapsed', 3)] }, ...children];
  }
  children = children.map((child) => dress(child, context));
  // The order of entries in a list is data, that of tags is not.
  if (replies.shuffleSeed && !isList(node)) children = shuffled(children, () => context.random());
  return {
    tag: replies.upperCaseTags ? node.tag.toUpperCase() : node.tag,
    attributes: replies.upperCaseAttributes ? upperCaseKeys(attributes) : attributes,
    ...(node.text === undefined ? { children } : { text: node.text }),
  };
}

function isList(node: XmlNode): boolean {
  return node.tag === 'clips' || node.tag === 'events' || node.tag === 'devices' || node.tag === 'exports';
}

function upperCaseKeys(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).map(([key, value]) => [key.toUpperCase(), value]));
}

function shuffled<T>(entries: T[], random: () => number): T[] {
  return entries
    .map((entry) => ({ entry, rank: random() }))
    .sort((a, b) => a.rank - b.rank)
    .map(({ entry }) => entry);
}

function render(node: XmlNode, replies: ReplyOptions, lineBreak = replies.indent ? '\n' : ''): string {
  const escape = (text: string): string => escapeXml(text, replies.numericReferences);
  const attributes = Object.entries(node.attributes ?? {}).map(([name, value]) => ` ${name}="${escape(value)}"`);
  const open = `<${node.tag}${attributes.join('')}`;
  if (node.text !== undefined) return `${open}>${escape(node.text)}</${node.tag}>`;
  if (!node.children?.length) return `${open}/>`;
  const inner = lineBreak && `${lineBreak} `;
  const children = node.children.map((child) => inner + render(child, replies, inner));
  return `${open}>${children.join('')}${lineBreak}</${node.tag}>`;
}

const NAMED: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

/** Line breaks always as numbers: an XML reader would make blanks of those in attributes. */
function escapeXml(text: string, numeric: boolean): string {
  return text.replace(/[&<>"\r\n\t]/g, (sign) => (!numeric && NAMED[sign]) || `&#${sign.charCodeAt(0)};`);
}
