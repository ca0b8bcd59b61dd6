// Goes through lists of Aipix page by page.
import { ClipError, reasonFirst } from '../../errors';
import { isObject, objectAt, readCount, readId, readText, type JsonObject } from '../../net/json';
import { listOf } from './json';

const maxPages = 1_000;

/**
 * The entries of each page, to the last one, or to one that is the same as the page before: not every list heeds `page`.
 * @throws EPROTOCOL where a page holds no list
 */
export async function* eachPage(
  ask: (page: number) => Promise<unknown>,
  action: string,
): AsyncGenerator<JsonObject[], void, undefined> {
  let before = '';
  for (let page = 1; page <= maxPages; page += 1) {
    const reply = await ask(page);
    const items = expectList(reply, action);
    const now = items.map(({ id, from }) => `${readId(id) ?? ''}@${readText(from) ?? ''}`).join(' ');
    if (items.length === 0 || now === before) return;
    yield items;
    if (isLastPage(reply)) return;
    before = now;
  }
}

/** The entries of a page. @throws EPROTOCOL where it holds no list: that is not an empty one */
export function expectList(reply: unknown, action: string): JsonObject[] {
  const list = listOf(reply);
  if (list) return list;
  throw new ClipError('EPROTOCOL', reasonFirst('the answer holds no list', action), { retryable: true });
}

/** Pages as Laravel makes them: `{data, links, meta}`, or with all of it beside `data`. Without any of it there is one page. */
export function isLastPage(reply: unknown): boolean {
  if (!isObject(reply)) return true;
  const about = isObject(reply.meta) ? reply.meta : reply;
  const [current, last] = [readCount(about.current_page), readCount(about.last_page)];
  if (current !== undefined && last !== undefined) return current >= last;
  return (readText(objectAt(reply, 'links').next) ?? readText(about.next_page_url)) === undefined;
}
