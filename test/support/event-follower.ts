// Follows the events of a provider as an engine does: keeps the cursor, what was seen, and what is open.
import assert from 'node:assert/strict';
import type { EventPage, EventQuery, ProviderEvent } from '../../lib/provider';

export interface Follower {
  cursor: string;
  /** Ids of events that have not ended. */
  readonly open: Set<string>;
  /** Sizes of the pages of the last look, the open events not counted. */
  readonly pages: number[];
  /** What is new, or has ended, since the last look. @throws when there is no end to the pages */
  look(): Promise<ProviderEvent[]>;
}

type Changes = Partial<Pick<EventQuery, 'kinds' | 'cameras' | 'limit' | 'cursor'>>;

const mostPages = 200;

export function follow(
  list: (query: EventQuery) => Promise<EventPage>,
  { kinds = [], cameras = [], limit = 100, cursor = '' }: Changes,
): Follower {
  const ended = new Set<string>();
  const open = new Set<string>();
  const follower: Follower = {
    cursor,
    open,
    pages: [],
    async look() {
      const news: ProviderEvent[] = [];
      follower.pages.length = 0;
      for (;;) {
        const asked = [...open];
        const page = await list({ cursor: follower.cursor, kinds, cameras, open: asked, limit });
        for (const event of page.events) {
          const wasOpen = open.has(event.id);
          if (ended.has(event.id) || (wasOpen && event.open)) continue;
          if (event.open) open.add(event.id);
          else {
            open.delete(event.id);
            ended.add(event.id);
          }
          news.push(event);
        }
        for (const id of page.gone ?? []) open.delete(id);
        follower.pages.push(page.events.filter(({ id }) => !asked.includes(id)).length);
        follower.cursor = page.cursor;
        if (!page.more) return news;
        assert.ok(follower.pages.length < mostPages, 'there is no end to the pages');
      }
    },
  };
  return follower;
}

export const idsOf = (events: ProviderEvent[]): string[] => events.map(({ id }) => id);

/** The one event that is new since the last look. */
export async function only(events: Follower): Promise<ProviderEvent> {
  const news = await events.look();
  assert.equal(news.length, 1, JSON.stringify(news));
  return news[0]!;
}
