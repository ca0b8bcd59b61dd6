// Lists stretches of footage as events: many cameras send only while something moves. AWS itself knows no events.
import { ClipError } from '../../errors';
import type { EventPage, EventQuery, ProviderEvent } from '../../provider';
import { foreignCursor, inOrder, readCursor, writeCursor } from '../event-list';
import type { Call, KinesisApi } from './api';
import { cameraProblem } from './camera';
import { addFragment, eventOf, idOfRun, isOver, readRuns, writeRuns, type Run } from './runs';
import type { TimestampType } from './types';

/** Longest delay between the arrival of a fragment and its listing. */
const overlapMs = 60_000;
/** While nothing arrives, the place still moves on, but never closer to now than this: clocks differ. */
const idleMs = 30 * 60_000;
/** Listed at once: some thousand fragments. */
const stretchMs = 2 * 3600_000;

interface Place {
  /** Arrival of what comes next, epoch milliseconds. */
  fromMs: number;
  /** Runs that go on, and those of which fragments may be listed again. */
  runs: Run[];
}

export function createEventList(api: KinesisApi, timestamps: TimestampType) {
  const action = 'Asking for new footage';

  return async ({ cursor, cameras, open, limit }: EventQuery, call: Call): Promise<EventPage> => {
    const places = cursor === '' ? new Map<string, Place>() : readPlaces(cursor);
    const streams = cameras.length > 0 && cursor !== '' ? cameras : await streamsOf(cameras, call);
    const next = new Map<string, Place>();
    const events: ProviderEvent[] = [];
    const failures: ClipError[] = [];
    let more = false;
    for (const camera of streams) {
      const place = places.get(camera);
      if (!place) next.set(camera, { fromMs: api.serverNow(call), runs: [] });
      else if (events.length >= limit) {
        more = true;
        next.set(camera, place);
      } else {
        try {
          const page = await readOn(camera, place, limit - events.length, call);
          events.push(...page.events);
          next.set(camera, page.place);
          more ||= page.more;
        } catch (error) {
          if (!(error instanceof ClipError) || error.code !== 'ENOTFOUND' || error.inconclusive) throw error;
          failures.push(error);
          next.set(camera, place);
        }
      }
    }
    if (failures.length > 0 && failures.length === streams.length) throw failures[0]!;
    const going = new Set(
      [...next].flatMap(([camera, { runs }]) =>
        runs.filter(({ isEnded }) => !isEnded).map((run) => idOfRun(camera, run)),
      ),
    );
    const gone = open.filter((id) => !going.has(id) && !events.some((event) => event.id === id));
    return { events: inOrder(events), cursor: writePlaces(next), more, gone };
  };

  async function streamsOf(cameras: string[], call: Call): Promise<string[]> {
    const streams = await api.listStreams(call, 'Asking for the list of streams');
    return cameras.length > 0 ? cameras : streams.filter(({ active }) => active).map(({ name }) => name);
  }

  async function readOn(
    camera: string,
    { fromMs, runs: known }: Place,
    most: number,
    call: Call,
  ): Promise<{ events: ProviderEvent[]; place: Place; more: boolean }> {
    const nowMs = api.serverNow(call);
    const endMs = Math.min(fromMs + stretchMs, nowMs);
    const selection = { camera, timestamps: 'SERVER_TIMESTAMP', start: fromMs, end: endMs } as const;
    const fragments = (await api.listFragments(selection, call, action))
      .filter(({ serverMs }) => serverMs !== undefined && serverMs >= fromMs)
      .sort((a, b) => a.serverMs! - b.serverMs!);
    const runs = known.map((run) => ({ ...run }));
    const fresh: Run[] = [];
    let stoppedAt: number | undefined;
    let lastMs = 0;
    for (const fragment of fragments) {
      const begun = addFragment(runs, fragment, timestamps);
      if (begun && fresh.length >= most) {
        stoppedAt = fragment.serverMs!;
        break;
      }
      if (begun) {
        runs.push(begun);
        fresh.push(begun);
      }
      lastMs = fragment.serverMs!;
    }
    const reachedMs = stoppedAt ?? endMs;
    const isLast = stoppedAt === undefined && endMs >= nowMs;
    const ended = runs.filter((run) => !run.isEnded && isOver(run, reachedMs));
    for (const run of ended) run.isEnded = true;
    const reported = runs.filter((run) => fresh.includes(run) || ended.includes(run));
    const events = reported.map((run) => eventOf(camera, run, timestamps));
    const nextMs = isLast ? Math.max(fromMs, lastMs - overlapMs, nowMs - idleMs) : reachedMs;
    const kept = runs.filter((run) => !run.isEnded || run.lastServerMs >= nextMs - overlapMs);
    return { events, place: { fromMs: nextMs, runs: kept }, more: !isLast };
  }
}

function writePlaces(places: Map<string, Place>): string {
  const fields = [...places].map(([camera, { fromMs, runs }]) => [camera, `${Math.round(fromMs)};${writeRuns(runs)}`]);
  return writeCursor('kinesis-video', Object.fromEntries(fields) as Record<string, string>);
}

/** @throws EINVALID */
function readPlaces(cursor: string): Map<string, Place> {
  const places = new Map<string, Place>();
  for (const [camera, text] of readCursor('kinesis-video', cursor)) {
    const [, from, list] = /^(\d{1,15});(.*)$/.exec(text) ?? [];
    const runs = list === undefined ? undefined : readRuns(list);
    if (!runs || cameraProblem(camera)) throw foreignCursor();
    places.set(camera, { fromMs: Number(from), runs });
  }
  return places;
}
