// Follows exports with as few requests as possible.
import { parseJson } from '../../net/json';
import { pathSegment } from '../../net/path-segment';
import type { Clip, ProviderClip } from '../../provider';
import { toRange, toTimeRange } from '../../time-range';
import type { Call, FrigateApi } from './api';
import { clipOfJob, clipOfRow, clipWithoutRow, deadClip, isDead, lostClip, unchanged } from './clip';
import { replyError, strangeReply } from './errors';
import { coverage } from './footage';
import type { Listing } from './listing';
import { readAll, readExport, readJob, type ExportRow } from './types';
import type { VersionOf } from './version';

/** So few are asked for one by one where there is no filter: the list holds every export that was ever kept. */
const fewClips = 4;
/** A longer list of cameras costs more than it saves. */
const mostCamerasInFilter = 50;
/** Before this, no file is looked at for signs of life (0.16, 0.17); and so often afterwards. */
const aliveForMs = 2 * 60_000;
const looksEveryMs = 60_000;
/** Clips with gaps whose footage is looked at once more when they are finished, per round. */
const surveysPerRound = 4;

/** Id of a clip, as messages carry it. */
const idName = 'The id of the clip';

type Answer = ProviderClip | undefined;

interface Parts {
  api: FrigateApi;
  versionOf: VersionOf;
  listing: Listing;
  now(): number;
}

/** In the order of the clips; `undefined` for what Frigate does not have. */
export function createStatus({ api, versionOf, listing, now }: Parts) {
  let lookedAt = -Infinity;

  /** The row of an export; `undefined` where there is none. */
  async function row(id: string, call: Call, action: string): Promise<ExportRow | undefined> {
    return item(`/api/exports/${pathSegment(id, idName)}`, readExport, call, action);
  }

  async function item<T>(
    path: string,
    read: (value: unknown) => T | undefined,
    call: Call,
    action: string,
  ): Promise<T | undefined> {
    const reply = await api.send({ method: 'GET', path, action }, call);
    const problem = replyError(reply, action, api.access);
    if (problem?.code === 'ENOTFOUND') return undefined;
    if (problem) throw problem;
    const found = read(parseJson(reply.text));
    if (!found) throw strangeReply(reply.text, action);
    return found;
  }

  /** 0.18: what runs or waits is in one list, what is finished in another; neither holds what has failed. */
  async function fromQueue(clips: Clip[], call: Call): Promise<{ answers: Answer[]; mayAsk: boolean }> {
    const action = 'Asking for the exports';
    const jobs = byId(readAll(await api.list('/api/jobs/export', call, action), readJob));
    // Behind the jobs: what has left their list by then has its row.
    const rows = byId(readAll(await api.list(`/api/exports${filterFor(clips)}`, call, action), readExport));
    const isAbsent = ({ id }: Clip): boolean => !jobs.has(id) && !rows.has(id);
    const absent = clips.filter(isAbsent);
    // One request is left of the three of a round. A job is remembered for 5 s after its end, so that comes first.
    const suspect = absent.find(({ status }) => status === 'busy') ?? absent.find(({ status }) => status === 'pending');
    const ended = suspect && (await item(`/api/jobs/export/${pathSegment(suspect.id, idName)}`, readJob, call, action));
    const answers = clips.map((clip): Answer => {
      const found = rows.get(clip.id);
      const job = jobs.get(clip.id);
      if (found) return clipOfRow(clip, found, now(), job);
      if (job) return clipOfJob(clip, job);
      if (clip === suspect && ended) return clipOfJob(clip, ended);
      // A queue is lost in a restart, without a trace: that an export has failed shows only after it has begun.
      if (clip.status !== 'busy') return undefined;
      return clip === suspect ? lostClip(clip) : unchanged(clip);
    });
    return { answers, mayAsk: suspect === undefined };
  }

  /** 0.16 and 0.17: there are only rows, and only until an export fails. */
  async function fromRows(clips: Clip[], call: Call): Promise<Answer[]> {
    const action = 'Asking for the exports';
    const rows =
      clips.length <= fewClips
        ? byId((await Promise.all(clips.map(({ id }) => row(id, call, action)))).filter((found) => found !== undefined))
        : byId(readAll(await api.list('/api/exports', call, action), readExport));
    const answers = clips.map((clip) => {
      const found = rows.get(clip.id);
      return found ? clipOfRow(clip, found, now()) : clipWithoutRow(clip, now());
    });
    const isOld = ({ ref }: Clip): boolean => now() - Date.parse(ref?.askedAt ?? '') > aliveForMs;
    const slow = clips.filter((clip, index) => answers[index]?.status === 'busy' && isOld(clip));
    // Should the time of the system be set back, it is looked at once.
    if (slow.length === 0 || Math.abs(now() - lookedAt) < looksEveryMs) return answers;
    lookedAt = now();
    const files = await listing.read(call);
    if (!files) return answers;
    const isOver = (clip: Clip): boolean => {
      const file = rows.get(clip.id)?.file;
      return slow.includes(clip) && isDead(clip, file ? files.get(file) : undefined, files.serverNow ?? now());
    };
    return answers.map((answer, index) => (isOver(clips[index]!) ? deadClip(clips[index]!) : answer));
  }

  /** Nothing else knows the size of a finished file before it is downloaded. */
  async function withSizes(clips: Clip[], answers: Answer[], call: Call): Promise<Answer[]> {
    const isSought = (answer: Answer, index: number): boolean =>
      answer?.status === 'finished' && clips[index]!.size === undefined;
    if (!answers.some(isSought)) return answers;
    const files = await listing.read(call);
    return answers.map((answer, index) => {
      const size = answer && isSought(answer, index) ? files?.get(answer.ref?.file ?? '')?.size : undefined;
      return answer && size !== undefined ? { ...answer, size } : answer;
    });
  }

  /** Footage that was missing when it was asked for may have come since, or have gone. */
  async function withGaps(clips: Clip[], answers: Answer[], call: Call): Promise<Answer[]> {
    const incomplete = clips.filter(
      ({ status, gaps = [] }, index) =>
        answers[index]?.status === 'finished' && status !== 'finished' && gaps.length > 0,
    );
    const found = new Map<string, Pick<ProviderClip, 'gaps'>>();
    for (const clip of incomplete.slice(0, surveysPerRound)) {
      const { gaps } = await coverage(api, { camera: clip.camera, range: toTimeRange(clip), now: now() }, call);
      found.set(clip.id, { gaps: gaps.map(toRange) });
    }
    return answers.map((answer) => answer && { ...answer, ...found.get(answer.id) });
  }

  return {
    row,

    async askMany(clips: Clip[], call: Call): Promise<Answer[]> {
      const { hasQueue } = await versionOf(call);
      const { answers, mayAsk } = hasQueue
        ? await fromQueue(clips, call)
        : { answers: await fromRows(clips, call), mayAsk: true };
      return withGaps(clips, mayAsk ? await withSizes(clips, answers, call) : answers, call);
    },
  };
}

function byId<T extends { id: string }>(entries: T[]): Map<string, T> {
  return new Map(entries.map((entry) => [entry.id, entry]));
}

/** Only the rows of these clips, as far as a filter can tell: by camera, and by the start of the footage. */
export function filterFor(clips: Pick<Clip, 'camera' | 'start' | 'footage'>[]): string {
  const cameras = [...new Set(clips.map(({ camera }) => camera))];
  const starts = clips.map(({ start, footage }) => Math.floor(Date.parse(footage?.start ?? start) / 1000));
  const query = new URLSearchParams({
    start_date: String(starts.reduce((first, start) => Math.min(first, start)) - 1),
    end_date: String(starts.reduce((last, start) => Math.max(last, start)) + 1),
  });
  if (cameras.length <= mostCamerasInFilter) query.set('cameras', cameras.join(','));
  return `?${query.toString()}`;
}
