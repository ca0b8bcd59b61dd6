// Requests and lists the records of generated files, below whichever path the server has them.
import { ClipError, reasonFirst } from '../../errors';
import { pathSegment } from '../../net/path-segment';
import { describeClip, type Clip, type ClipRequest } from '../../provider';
import type { AipixApi, Call } from './api';
import { objectsOf, writeId, writeTime } from './json';
import { epochOf } from './records';
import { eachPage, expectList } from './pages';
import { readDownload, type Download } from './types';

const perPage = 100;
/** The server's clock and ours may differ, and so may the moment of a record from that of its request. */
const marginMs = 10 * 60_000;
const dayMs = 86_400_000;

type Action = 'create' | 'list' | 'delete' | 'repeat';
type Family = 'downloads' | 'users/downloads';

export type Downloads = ReturnType<typeof createDownloads>;

/**
 * The records of generated files. The documentation of one and the same release has them below two paths; which of them
 * a server offers is found out per action, and remembered.
 * Sources: https://docs.aipix.ai/en/start/aipix-24.03/archive-download-list,
 * https://docs.aipix.ai/ru/start/aipix-24.03/vms-client-api-22
 */
export function createDownloads(api: AipixApi, cameraField: string, now: () => number) {
  const families: Record<Action, Family[]> = {
    create: ['downloads', 'users/downloads'],
    // This one tells the state of each record.
    list: ['users/downloads', 'downloads'],
    delete: ['users/downloads', 'downloads'],
    repeat: ['downloads', 'users/downloads'],
  };
  if (api.isAdmin)
    for (const action of ['create', 'list', 'delete', 'repeat'] as const) families[action] = ['downloads'];
  /** Actions that have worked once. */
  const known = new Set<Action>();
  /** Set once the server has refused a query with sizes and times. */
  let listsPlainly = false;

  /** The path that works goes first from then on. @throws the refusal that tells most when none of them works */
  async function within<T>(action: Action, attempt: (family: Family) => Promise<T>): Promise<T> {
    let refusal: unknown;
    for (const family of [...families[action]]) {
      try {
        const result = await attempt(family);
        families[action].sort((a, b) => Number(b === family) - Number(a === family));
        known.add(action);
        return result;
      } catch (error) {
        if (!isUnknownPath(error) && (known.has(action) || !isNoAnswer(error))) throw error;
        if (!refusal || isLessTelling(refusal, error)) refusal = error;
      }
    }
    throw refusal;
  }

  async function listPage(page: number, since: number | undefined, call: Call, action: string): Promise<unknown> {
    // `from` and `to` are those of the record's making, not of the footage.
    const times: Record<string, string> =
      since === undefined ? {} : { from: writeTime(since), to: writeTime(now() + dayMs) };
    const ask = (query: Record<string, string>): Promise<unknown> =>
      within('list', async (family) => {
        const path = `${family}?${new URLSearchParams(query).toString()}`;
        const reply = await api.request({ method: 'GET', path, action, isList: true }, call);
        expectList(reply, action);
        return reply;
      });
    if (listsPlainly) return ask({ page: String(page) });
    try {
      return await ask({ page: String(page), per_page: String(perPage), ...times });
    } catch (error) {
      // Which sizes and times it takes is not documented.
      if (!(error instanceof ClipError && error.code === 'EINVALID') || page > 1) throw error;
      listsPlainly = true;
      return ask({ page: String(page) });
    }
  }

  /** Goes through the list, whose order is not known, until `found` has seen enough. */
  async function search(
    since: number | undefined,
    call: Call,
    action: string,
    found: (downloads: Download[]) => boolean,
  ): Promise<void> {
    for await (const items of eachPage((page) => listPage(page, since, call, action), action)) {
      if (found(items.map(readDownload))) return;
    }
  }

  return {
    /** Source: https://docs.aipix.ai/en/start/aipix-23.09/archive-generation */
    async create(request: ClipRequest, range: { start: number; end: number }, call: Call, action: string) {
      const camera = writeId(request.camera);
      const body = {
        from: writeTime(range.start),
        to: writeTime(range.end),
        // Names of lists are in the plural.
        [cameraField]: cameraField.endsWith('s') ? [camera] : camera,
      };
      const reply = await within('create', (path) => api.request({ method: 'POST', path, body, action }, call));
      // What names neither itself nor a camera is no record, but the answer to something else.
      const records = objectsOf(reply)
        .map(readDownload)
        .filter(({ id, camera, start }) => [id, camera, start].some((name) => name !== undefined));
      return records.find(({ camera }) => camera === request.camera) ?? records[0];
    },

    /**
     * The records of clips, by what `idOf` gives for them; those that are not listed are left out.
     * @throws EUNSUPPORTED where the server has no list, see `isNoList`
     */
    async find(clips: Clip[], call: Call, idOf: (clip: Clip) => string): Promise<Map<string, Download>> {
      const found = new Map<string, Download>();
      const wanted = new Set(clips.map(idOf));
      const byRange = clips.filter((clip) => clip.ref?.found === 'range');
      const made = clips.map((clip) => epochOf(clip.ref?.createdAt));
      const since = made.every((at) => at > 0) ? Math.min(...made) - marginMs : undefined;
      const action = clips.length === 1 ? `Asking for the clip of ${describeClip(clips[0]!)}` : 'Asking for the clips';
      try {
        await search(since, call, action, (downloads) => {
          for (const download of downloads) {
            if (wanted.has(download.id ?? '')) found.set(download.id!, download);
            for (const clip of byRange) if (isSameRange(download, clip)) found.set(idOf(clip), download);
          }
          return found.size === wanted.size;
        });
      } catch (error) {
        // A list that was there before is there again when the server, or what stands before it, has started.
        throw isUnknownPath(error) && !known.has('list') ? noList(action, error as ClipError, api.isAdmin) : error;
      }
      return found;
    },

    /**
     * The newest record that another request has made for the same camera and range. Absent where there is no list.
     * @param sought its range and time are whole seconds as epoch milliseconds
     */
    async findLike(
      sought: { camera: string; start: number; end: number; since: number; isUsable(record: Download): boolean },
      call: Call,
      action: string,
    ): Promise<Download | undefined> {
      const asked = { camera: sought.camera, start: writeTime(sought.start), end: writeTime(sought.end) };
      const since = sought.since - marginMs;
      let newest: Download | undefined;
      try {
        await search(since, call, action, (downloads) => {
          for (const download of downloads) {
            const isNewer = epochOf(download.createdAt) >= epochOf(newest?.createdAt);
            const isLate = !download.createdAt || epochOf(download.createdAt) >= since;
            if (isNewer && isLate && isSameRange(download, asked) && sought.isUsable(download)) newest = download;
          }
          return false;
        });
      } catch (error) {
        if (!isUnknownPath(error)) throw error;
      }
      return newest;
    },

    /** Source: https://docs.aipix.ai/en/start/aipix-24.03/video-regeneration; for users the path is inferred. */
    async repeat(id: string, call: Call, action: string): Promise<Download | undefined> {
      const path = `/${pathSegment(id, 'The id of the clip')}/repeat`;
      const reply = await within('repeat', (family) =>
        api.request({ method: 'POST', path: `${family}${path}`, action, mayBeEmpty: true }, call),
      );
      return objectsOf(reply).map(readDownload)[0];
    },

    /** Source: https://docs.aipix.ai/en/start/aipix-24.03/deleting-a-downloaded-archive-vms-client-api */
    async remove(id: string, call: Call, action: string): Promise<void> {
      try {
        await within('delete', (family) =>
          api.request(
            { method: 'DELETE', path: `${family}/${pathSegment(id, 'The id of the clip')}`, action, mayBeEmpty: true },
            call,
          ),
        );
      } catch (error) {
        // Gone already.
        if (!isMissing(error)) throw error;
      }
    },
  };
}

/** For records without an id, which the admin API may have. */
export function rangeId(camera: string, range: { start: number; end: number }): string {
  return `${camera}@${range.start / 1000}-${range.end / 1000}`;
}

function isSameRange(download: Download, asked: { camera: string; start: string; end: string }): boolean {
  return (
    download.camera === asked.camera &&
    epochOf(download.start) === epochOf(asked.start) &&
    epochOf(download.end) === epochOf(asked.end)
  );
}

function isUnknownPath(error: unknown): boolean {
  return isMissing(error) || (error instanceof ClipError && error.vendorCode === 'HTTP 405');
}

/** Below a path of something else, servers answer in ways of their own, such as with a page. */
function isNoAnswer(error: unknown): boolean {
  return error instanceof ClipError && (error.code === 'EFORBIDDEN' || error.code === 'EPROTOCOL');
}

/** That something is missing tells more than that the method is the wrong one; a reason tells more than either. */
function isLessTelling(known: unknown, other: unknown): boolean {
  const rank = (error: unknown): number => (!isUnknownPath(error) ? 2 : isMissing(error) ? 1 : 0);
  return rank(other) > rank(known);
}

function isMissing(error: unknown): boolean {
  return error instanceof ClipError && error.vendorCode === 'HTTP 404';
}

/** Is the error about a server that has no list of generated files? */
export function isNoList(error: unknown): boolean {
  return error instanceof ClipError && error.code === 'EUNSUPPORTED';
}

function noList(action: string, { vendorCode }: ClipError, isAdmin: boolean): ClipError {
  const advice = isAdmin ? 'The list of the admin API is not documented: use the client API' : 'Check the address';
  return new ClipError('EUNSUPPORTED', reasonFirst('the server has no list of generated files', action, advice), {
    vendorCode,
  });
}
