// Asks for the status of clips with as few requests as possible: the vendor limits them per organisation.
import { ClipError, reasonFirst } from '../../errors';
import { readObjects, readText, type JsonObject } from '../../net/json';
import { describeClip, type Clip } from '../../provider';
import type { Call, RhombusApi } from './api';
import { bareOf } from './facets';
import { warningIn } from './errors';
import { readClip, type RhombusClip } from './types';

/** The vendor's answer about one clip; `undefined`: none. An error is about that clip alone. */
export type StatusAnswer = RhombusClip | ClipError | undefined;

/** The most that a page may hold. */
const pageSize = 200;
/** Up to this number, clips are asked for one by one: small answers, and nothing that depends on the order of a list. */
const fewClips = 4;
/** For many clips: room for those of others between ours. */
const pagesForMany = 3;
/** Clips that the list did not show, per round. The others have their turn in a later one. */
const singlesPerRound = 20;
const singlesAtOnce = 4;
/** A longer list of cameras costs more than it saves. */
const mostCamerasInFilter = 50;
const dayMs = 24 * 3600 * 1000;
/** Errors that the next request would meet as well. */
const concernsAll: ReadonlySet<string> = new Set(['EAUTH', 'EABORTED', 'ENETWORK', 'ETHROTTLED', 'ETIMEOUT']);

/** Most pages of the list to read for so many clips: never more requests than asking one by one would take. */
export function pagesAtMost(clips: number): number {
  if (clips <= fewClips) return 0;
  return Math.max(Math.ceil(clips / pageSize), Math.min(pagesForMany, Math.floor(clips / fewClips)));
}

export function createStatus(api: RhombusApi) {
  let turn = 0;

  /**
   * Source: https://api-docs.rhombus.community/api-reference/event-webservice/get-a-specified-saved-clip-with-current-progress
   * @throws ENOTFOUND where the vendor does not know the clip (yet, or any more)
   */
  async function ask(clip: Clip, call: Call): Promise<RhombusClip> {
    const action = `Asking for the clip of ${describeClip(clip)}`;
    const { json } = await api.post('event/getClipWithProgress', { clipUuid: clip.id }, call, action, {
      mayPass: true,
    });
    // Whether an unknown clip is null or an error is not published.
    const found = readClip(json.clip);
    if (!found) throw new ClipError('ENOTFOUND', reasonFirst('the server does not have the clip', action));
    const warning = warningIn(json);
    return { ...found, ...(warning && !found.reason ? { reason: warning } : {}) };
  }

  /**
   * The clips of an account, page by page. There is no filter by clip, and what the list is sorted by is not published:
   * newest first puts clips in the making near its beginning, whichever time is meant.
   */
  async function* list(filter: JsonObject, pages: number, call: Call): AsyncGenerator<RhombusClip[]> {
    const action = 'Asking for the list of clips';
    let pageToken: string | undefined;
    for (let page = 1; page <= pages; page += 1) {
      const body = { pageSize, sortOrder: 'desc', ...filter, ...(pageToken ? { pageToken } : {}) };
      const { json } = await api.post('event/getClipsWithProgress', body, call, action, {
        mayPass: true,
        isList: true,
      });
      yield readObjects(json.savedClips)
        .map(readClip)
        .filter((clip) => clip !== undefined);
      pageToken = readText(json.pageToken);
      if (!pageToken) return;
    }
  }

  /** Takes what the list has of them out of `missing`. */
  async function askByList(missing: Map<string, Clip>, answers: Map<string, StatusAnswer>, call: Call): Promise<void> {
    try {
      for await (const page of list(filterFor([...missing.values()]), pagesAtMost(missing.size), call)) {
        for (const found of page) if (missing.delete(found.id)) answers.set(found.id, found);
        if (missing.size <= fewClips) return;
      }
    } catch (thrown) {
      // The parameters of a list are not fully published: when it is refused, each clip is asked for.
      if (thrown instanceof ClipError && !concernsAll.has(thrown.code)) return;
      throw thrown;
    }
  }

  /** In the order of `clips`. @throws when nothing could be asked, or when the key is refused */
  async function askMany(clips: Clip[], call: Call): Promise<StatusAnswer[]> {
    const answers = new Map<string, StatusAnswer>();
    const missing = new Map(clips.map((clip) => [clip.id, clip]));
    try {
      await askByList(missing, answers, call);
      await pollSingly([...missing.values()], answers, call);
    } catch (thrown) {
      const failure = failureOf(thrown);
      if (answers.size === 0) throw thrown;
      for (const id of missing.keys()) if (!answers.has(id)) answers.set(id, failure);
    }
    return clips.map((clip) => answers.get(clip.id));
  }

  /** A new clip may not be in the list yet, and one of old footage may be further down than the pages that are read. */
  async function pollSingly(missing: Clip[], answers: Map<string, StatusAnswer>, call: Call): Promise<void> {
    const start = missing.length > singlesPerRound ? (turn++ * singlesPerRound) % missing.length : 0;
    const inOrder = [...missing.slice(start), ...missing.slice(0, start)];
    const asked = inOrder.slice(0, singlesPerRound);
    let trouble: ClipError | undefined;
    // Going on in the face of trouble would only add to it.
    for (let at = 0; at < asked.length && !trouble; at += singlesAtOnce) {
      await Promise.all(
        asked.slice(at, at + singlesAtOnce).map(async (clip) => {
          const answer = await ask(clip, call).catch(failureOf);
          answers.set(clip.id, answer);
          if (answer instanceof ClipError && answer.retryable) trouble = answer;
        }),
      );
    }
    for (const clip of inOrder) if (!answers.has(clip.id)) answers.set(clip.id, trouble ?? notInTurn(clip));
  }

  return { ask, list, askMany };
}

export type Status = ReturnType<typeof createStatus>;

/**
 * Footage and clip are never older than the start of the range, so the limit holds for either reading of `timestampMs`; a
 * day is for clocks that differ.
 */
function filterFor(clips: Clip[]): JsonObject {
  const cameras = [...new Set(clips.map((clip) => bareOf(clip.camera)))];
  let earliestMs = Infinity;
  for (const clip of clips) earliestMs = Math.min(earliestMs, Date.parse(clip.start));
  return {
    timestampMsAfter: earliestMs - dayMs,
    ...(cameras.length <= mostCamerasInFilter ? { deviceUuidFilters: cameras } : {}),
  };
}

/** The failure of one clip; `undefined`: the vendor does not have it. @throws errors of the whole connection */
function failureOf(thrown: unknown): ClipError | undefined {
  if (!(thrown instanceof ClipError) || thrown.code === 'EAUTH' || thrown.code === 'EABORTED') throw thrown;
  return thrown.code === 'ENOTFOUND' && !thrown.inconclusive ? undefined : thrown;
}

function notInTurn(clip: Clip): ClipError {
  return new ClipError(
    'ETHROTTLED',
    reasonFirst('too many other clips wait', `Asking for the clip of ${describeClip(clip)}`),
  );
}
