// Reads and writes XML. The only user of fast-xml-parser, with one preset: no value is ever turned into a number (ids have 64
// bits), names are lower-cased (vendors mix cases) and without their prefixes, and a document with its own entities is refused.
import { XMLParser, XMLValidator, type ValidationError } from 'fast-xml-parser';
import { createYielder, forEachYielding } from '../async/yielding';
import { ClipError, quoted } from '../errors';

export interface XmlElement {
  /** Lower case, without the prefix of a namespace. */
  name: string;
  /** Names in lower case; a prefixed one also goes without its prefix, where no other has that name. */
  attributes: Record<string, string>;
  children: XmlElement[];
  /** Text directly inside, trimmed. */
  text: string;
}

const parser = new XMLParser({
  preserveOrder: true,
  ignoreAttributes: false,
  attributeNamePrefix: '',
  allowBooleanAttributes: true,
  parseTagValue: false,
  parseAttributeValue: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  processEntities: true,
  htmlEntities: true,
  maxNestedTags: 64,
  onDangerousProperty: (name) => `_${name}`,
});

/**
 * Microseconds that one stretch of parsing may take, and what things cost, as measured on a desktop of 2020. Parsing cannot be
 * interrupted, so that this is how long all of Node-RED waits for it.
 */
const longestStretchUs = 40_000;
const costsUs: Record<string, number> = { '<': 2, '=': 5, '&': 3 };
const characterUs = 0.1;

/**
 * For answers of moderate size; long lists are for `parseXmlList`.
 * @throws EPROTOCOL when the text is not one well-formed document, or too much to be read at once
 */
export function parseXml(text: string): XmlElement {
  if (isTooMuch(text)) throw new ClipError('EPROTOCOL', 'The answer is larger than one to this request can be');
  // Servers written in C may send the zero that ends their texts.
  let document = text
    .replace(/^\uFEFF/, '')
    .replace(/\0+\s*$/, '')
    .trim();
  if (/<!(DOCTYPE|ENTITY)/i.test(document)) throw malformed('it declares a document type');
  let valid = validate(document);
  // Vendor samples show attributes without quotes; everything else about the form must hold.
  if (valid !== true && valid.err.code === 'InvalidAttr') valid = validate((document = quoteAttributes(document)));
  if (valid !== true) throw malformed(valid.err.msg);
  let elements: XmlElement[];
  try {
    elements = (parser.parse(document) as unknown[]).flatMap(toElement);
  } catch (error) {
    throw malformed(error instanceof Error ? error.message : 'it cannot be read');
  }
  const [root, second] = elements;
  if (!root || second) throw malformed('it needs exactly one root element');
  return root;
}

/** All elements of that name (lower case) inside, at any depth, in document order. */
export function findAll(element: XmlElement, name: string): XmlElement[] {
  return element.children.flatMap((child) => [...(child.name === name ? [child] : []), ...findAll(child, name)]);
}

/** The trimmed value of a child element or attribute of that name (lower case), whichever exists. */
export function valueOf(element: XmlElement, name: string): string | undefined {
  const child = element.children.find((candidate) => candidate.name === name);
  if (child) return child.text;
  return Object.hasOwn(element.attributes, name) ? element.attributes[name] : undefined;
}

/** Escapes text for element content. Characters that XML cannot hold are dropped. */
export function escapeXml(text: string): string {
  return text
    .replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, '')
    .replace(/&/g, '&amp;')
    .replace(/</g, '&lt;')
    .replace(/>/g, '&gt;');
}

function validate(document: string): true | ValidationError {
  return XMLValidator.validate(document, { allowBooleanAttributes: true });
}

function quoteAttributes(document: string): string {
  return document.replace(/<[a-z_](?:"[^"]*"|'[^']*'|[^<>"'])*>/gi, (tag) =>
    tag.replace(/"[^"]*"|'[^']*'|=\s*([^\s"'=<>/]+)/g, (part, value?: string) => (value ? `="${value}"` : part)),
  );
}

/** fast-xml-parser's ordered form: one key per node, beside an optional `:@` for the attributes. */
function toElement(node: unknown): XmlElement[] {
  const { ':@': attributes } = node as Record<string, Record<string, unknown> | undefined>;
  const name = Object.keys(node as object).find((key) => key !== ':@');
  const content = name === undefined || name === '#text' ? undefined : (node as Record<string, unknown>)[name];
  if (name === undefined || !Array.isArray(content)) return [];
  return [
    {
      name: localName(name.toLowerCase()),
      attributes: attributes ? readAttributes(attributes) : {},
      children: content.flatMap(toElement),
      text: content.map(textOf).join('').trim(),
    },
  ];
}

function readAttributes(attributes: Record<string, unknown>): Record<string, string> {
  const read = Object.entries(attributes).map(([key, value]) => [key.toLowerCase(), String(value).trim()] as const);
  const prefixed = read.filter(([key]) => key.includes(':') && !key.startsWith('xmlns:'));
  return Object.fromEntries([...prefixed.map(([key, value]) => [localName(key), value] as const), ...read]);
}

/** Vendors have one vocabulary each: which namespace a name is of says nothing more. */
function localName(name: string): string {
  return name.slice(name.lastIndexOf(':') + 1);
}

function textOf(node: unknown): string {
  const text = (node as Record<string, unknown>)['#text'];
  return text === undefined ? '' : String(text);
}

/** The validator lists all that is wrong, which may be thousands of tags. */
function malformed(problem: string): ClipError {
  return new ClipError('EPROTOCOL', `The answer is not well-formed XML: ${quoted(problem)}`);
}

function isTooMuch(text: string): boolean {
  let us = text.length * characterUs;
  for (const [mark, markUs] of Object.entries(costsUs)) {
    for (let at = text.indexOf(mark); at >= 0 && us <= longestStretchUs; at = text.indexOf(mark, at + 1)) us += markUs;
  }
  return us > longestStretchUs;
}

/** Characters. Anything shorter is read in some milliseconds. */
const longText = 100_000;
/** From here on, looking through a text takes less than reading what is not wanted of it. */
const leastFiltered = 10_000;
/** A list of more things, or of larger ones, is refused: what is read of it would fill the memory. */
const mostItems = 100_000;
const mostTags = 1_000_000;

/**
 * Like `parseXml`, but in a long text, elements of that name (lower case) are read by themselves, a few in each turn of the
 * event loop. They become the last children of the root, wherever they were.
 * @param wanted values, such as ids: of a longer list, elements that hold none of them are left out
 * @throws EPROTOCOL when the text is not one well-formed document, or too much to be read
 */
export async function parseXmlList(text: string, name: string, wanted?: ReadonlySet<string>): Promise<XmlElement> {
  if (text.length < (wanted ? leastFiltered : longText)) return parseXml(text);
  const { frame, items } = await takeOut(text, name);
  const root = parseXml(frame);
  const isWanted = (item: string): boolean =>
    !wanted || (item.match(/[^<>"'\s=[\]]+/g) ?? []).some((value) => wanted.has(value));
  await forEachYielding(items, (item) => isWanted(item) && root.children.push(parseXml(item)));
  return root;
}

/** Markup that may hold text which looks like a tag: how it begins and ends. */
const others: [start: string, end: string][] = [
  ['<!--', '-->'],
  ['<![CDATA[', ']]>'],
  ['<?', '?>'],
];

/** The outermost elements of that name, and the text without them. */
async function takeOut(text: string, name: string): Promise<{ frame: string; items: string[] }> {
  const tag = new RegExp(`<(/?)(?:[\\w.-]+:)?${name}(?=[\\s/>])(?:"[^"]*"|'[^']*'|[^<>"'])*>`, 'iy');
  const breathe = createYielder();
  const items: string[] = [];
  let [frame, frameFrom, itemFrom, depth, tags] = ['', 0, 0, 0, 0];
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at)) {
    const turn = (tags += 1) % 1_000 === 0 ? breathe() : undefined;
    if (turn) await turn;
    if (tags > mostTags || items.length > mostItems)
      throw new ClipError('EPROTOCOL', 'The answer lists more than can be read');
    const other = others.find(([start]) => text.startsWith(start, at));
    if (other) {
      const end = text.indexOf(other[1], at + other[0].length);
      at = end < 0 ? text.length : end + other[1].length;
      continue;
    }
    tag.lastIndex = at;
    const match = tag.exec(text);
    at += match?.[0].length ?? 1;
    if (!match) continue;
    const [mark, slash] = match;
    if (slash === '' && depth === 0) itemFrom = match.index;
    if (!mark.endsWith('/>')) depth += slash === '' ? 1 : -1;
    if (depth !== 0) continue;
    items.push(text.slice(itemFrom, at));
    frame += text.slice(frameFrom, itemFrom);
    frameFrom = at;
  }
  // An element that is not closed is still in the frame, where parsing finds it.
  return { frame: frame + text.slice(frameFrom), items };
}
