/** Reads XML that lists thousands of things, so that nothing else in the process waits until all of them are read. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { inSlices } from './slices';
import { parseXml, type XmlElement } from './xml';

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
  await inSlices(items, (item) => root.children.push(parseXml(item)));
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
