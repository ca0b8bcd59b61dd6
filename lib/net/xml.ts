import { XMLParser, XMLValidator, type ValidationError } from 'fast-xml-parser';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { ClipError } from '../errors';
import { forEachYielding } from '../async/yielding';

/**
 * Reads and writes XML. The only user of fast-xml-parser, with one preset: no value is ever turned into a number (ids have
 * 64 bits), names are lower-cased (vendors mix cases), and a document with its own entities is refused.
 */

export interface XmlElement {
  /** Lower case. */
  name: string;
  /** Names in lower case. */
  attributes: Record<string, string>;
  children: XmlElement[];
  /** Text directly inside, trimmed. */
  text: string;
}

const longestProblem = 200;

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

/** @throws EPROTOCOL when the text is not one well-formed document. */
export function parseXml(text: string): XmlElement {
  let document = text.replace(/^\uFEFF/, '').trim();
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
      name: name.toLowerCase(),
      attributes: attributes ? readAttributes(attributes) : {},
      children: content.flatMap(toElement),
      text: content.map(textOf).join('').trim(),
    },
  ];
}

function readAttributes(attributes: Record<string, unknown>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key.toLowerCase(), String(value).trim()]),
  );
}

function textOf(node: unknown): string {
  const text = (node as Record<string, unknown>)['#text'];
  return text === undefined ? '' : String(text);
}

/** The validator lists all that is wrong, which may be thousands of tags. */
function malformed(problem: string): ClipError {
  const short = problem.length > longestProblem ? `${problem.slice(0, longestProblem)}...` : problem;
  return new ClipError('EPROTOCOL', `The answer is not well-formed XML: ${short.replace(/\s+/g, ' ')}`);
}

/** Reads XML that lists thousands of things, so that nothing else in the process waits until all of them are read. */

/** Characters. Anything shorter is read in some milliseconds. */
const longText = 100_000;
const marksPerTurn = 1_000;

/**
 * Like `parseXml`, but in a long text, elements of that name (lower case) are read by themselves, a few in each turn of the
 * event loop. They become the last children of the root, wherever they were.
 * @throws EPROTOCOL when the text is not one well-formed document
 */
export async function parseXmlList(text: string, name: string): Promise<XmlElement> {
  if (text.length < longText) return parseXml(text);
  const { frame, items } = await takeOut(text, name);
  const root = parseXml(frame);
  await forEachYielding(items, (item) => root.children.push(parseXml(item)));
  return root;
}

/** The outermost elements of that name, and the text without them. */
async function takeOut(text: string, name: string): Promise<{ frame: string; items: string[] }> {
  // Comments, CDATA and instructions may hold what looks like a tag.
  const others = ['<!--.*?(?:-->|$)', '<!\\[CDATA\\[.*?(?:]]>|$)', '<\\?.*?(?:\\?>|$)'];
  const tag = `<(/?)${name}(?=[\\s/>])(?:"[^"]*"|'[^']*'|[^<>"'])*>`;
  const items: string[] = [];
  let [frame, frameFrom, itemFrom, depth, marks] = ['', 0, 0, 0, 0];
  for (const { 0: mark, 1: slash, index } of text.matchAll(new RegExp([...others, tag].join('|'), 'gis'))) {
    if ((marks += 1) % marksPerTurn === 0) await nextTurn();
    if (slash === undefined) continue;
    const end = index + mark.length;
    if (slash === '' && depth === 0) itemFrom = index;
    if (!mark.endsWith('/>')) depth += slash === '' ? 1 : -1;
    if (depth !== 0) continue;
    items.push(text.slice(itemFrom, end));
    frame += text.slice(frameFrom, itemFrom);
    frameFrom = end;
  }
  // What does not end as it should is still in the frame.
  return { frame: frame + text.slice(frameFrom), items };
}
