// Tells which request is which call.
import type { RecordedRequest, Reply } from '../http-server';
import { activities } from './activity';
import { accountOf, login, profile, refusedCamera, type Account } from './accounts';
import { segmentsOf } from './cameras';
import { catchUp } from './exports';
import { listFiles, serveFile } from './files';
import {
  cases,
  createExport,
  createExports,
  deleteExport,
  deleteExports,
  listExports,
  listJobs,
  oneExport,
  oneJob,
} from './jobs';
import { indexPage, jsonReply, nginxPage, noRoute, refusal, throughCache } from './replies';
import { shortcut } from './shortcut';
import { findCamera, minorOf, type FrigateState } from './state';

export type Step =
  'login' | 'create' | 'status' | 'download' | 'delete' | 'cameras' | 'recordings' | 'files' | 'events';
export type RequestFilter = Step | ((request: RecordedRequest) => boolean);

const matchers: Record<Step, (method: string, path: string) => boolean> = {
  login: (_, path) => path.endsWith('/api/login'),
  create: (method, path) => method === 'POST' && path.includes('/api/export/'),
  status: (method, path) => method === 'GET' && /\/api\/(exports|jobs\/export)(\/|$)/.test(path),
  download: (_, path) => /\/exports\/[^/]+\.mp4$/.test(path),
  delete: (method, path) => method === 'DELETE' || path.endsWith('/api/exports/delete'),
  cameras: (_, path) => path.endsWith('/api/config'),
  recordings: (_, path) => path.endsWith('/recordings'),
  files: (_, path) => path.endsWith('/exports/'),
  events: (_, path) => /\/api\/(review|events)(\/|$)/.test(path),
};

export function matcherOf(filter: RequestFilter): (request: RecordedRequest) => boolean {
  return typeof filter === 'function' ? filter : ({ method, path }) => matchers[filter](method, path);
}

export async function answer(state: FrigateState, request: RecordedRequest): Promise<Reply> {
  const { options } = state;
  if (options.isPlainRefused) return nginxPage(400);
  if (!request.path.startsWith(`${options.basePath}/`)) return indexPage();
  const path = request.path.slice(options.basePath.length);
  if (options.isStarting) return nginxPage(502);
  await catchUp(state);
  if (path === '/api/login' && request.method === 'POST') return login(state, request);
  const account = accountOf(state, request.headers);
  if (!account) return nginxPage(401);
  if (path === '/exports/') return listFiles(state, account);
  const file = /^\/exports\/([^/]+)$/.exec(path)?.[1];
  if (file) return serveFile(state, request, account, decodeURIComponent(file));
  if (!path.startsWith('/api/')) return indexPage();
  const call = path.slice('/api'.length);
  return throughCache(state, request, account.name, () => api(state, request, account, call));
}

function api(state: FrigateState, request: RecordedRequest, account: Account, path: string): Reply | Promise<Reply> {
  const { headers, method } = request;
  if (method === 'GET') return read(state, request, account, path) ?? noRoute();
  // Asked for of browsers only.
  if (headers.origin !== undefined && headers['x-csrf-token'] === undefined) return refusal(401, 'Missing CSRF header');
  const ranged = /^\/export\/([^/]+)\/start\/([^/]+)\/end\/([^/]+)$/.exec(path);
  if (method === 'POST' && ranged) return createExport(state, request, account, ranged.slice(1));
  if (method === 'POST' && path === '/exports/batch') return createExports(state, request, account);
  if (method === 'POST' && path === '/exports/delete') return deleteExports(state, request, account);
  if (method === 'POST' && path === '/cases') return cases(state, request, account);
  const one = /^\/(export|cases)\/([^/]+)$/.exec(path);
  if (method === 'DELETE' && one?.[1] === 'export') return deleteExport(state, account, one[2]!);
  if (method === 'DELETE' && one?.[1] === 'cases') return cases(state, request, account, one[2]);
  return noRoute();
}

function read(
  state: FrigateState,
  request: RecordedRequest,
  account: Account,
  path: string,
): Reply | Promise<Reply> | undefined {
  if (path === '/version') return { headers: { 'content-type': 'text/plain' }, body: state.options.versionText };
  if (path === '/profile') return profile(state, account);
  if (path === '/config') return config(state);
  if (path === '/stats') return stats(state);
  if (path === '/exports') return listExports(state, request, account);
  if (path === '/jobs/export') return listJobs(state, account);
  if (path === '/recordings/unavailable') return unavailable(state, request);
  const seen = activities(state, request, account, path);
  if (seen) return seen;
  const [, kind, id] = /^\/(exports|jobs\/export)\/([^/]+)$/.exec(path) ?? [];
  if (kind === 'exports') return oneExport(state, account, decodeURIComponent(id!));
  if (kind === 'jobs/export') return oneJob(state, account, decodeURIComponent(id!));
  const recorded = /^\/([^/]+)\/recordings$/.exec(path)?.[1];
  if (recorded) return recordings(state, request, account, decodeURIComponent(recorded));
  const short = /^\/([^/]+)\/start\/([^/]+)\/end\/([^/]+)\/clip\.mp4$/.exec(path);
  return short ? shortcut(state, short.slice(1)) : undefined;
}

/** Not filtered by role. */
function config(state: FrigateState): Reply {
  const entries = state.options.cameras.map(({ id, friendlyName, enabled, record }) => [
    id,
    {
      name: id,
      enabled,
      ...(minorOf(state) >= 17
        ? {
            friendly_name: friendlyName ?? null,
            record: { enabled: record.enabled, continuous: { days: record.continuousDays }, motion: { days: 0 } },
          }
        : { record: { enabled: record.enabled, retain: { days: record.continuousDays, mode: 'all' } } }),
      ui: { order: 0, dashboard: true },
      zones: {},
    },
  ]);
  return jsonReply({
    cameras: Object.fromEntries(entries) as object,
    mqtt: { enabled: true, topic_prefix: 'frigate' },
  });
}

function stats(state: FrigateState): Reply {
  const entries = state.options.cameras.map(({ id, fps }) => [id, { camera_fps: fps, process_fps: fps }]);
  const seconds = Math.floor(state.now() / 1000);
  return jsonReply({
    cameras: Object.fromEntries(entries) as object,
    service: {
      version: state.options.versionText,
      uptime: seconds - Math.floor(state.startedAt / 1000),
      last_updated: seconds,
      storage: { '/media/frigate/recordings': { total: 953_674, used: 400_000, free: 553_674 } },
    },
  });
}

/** Both ends included; of an unknown camera nothing. Without bounds they are those of the start of the server. */
function recordings(state: FrigateState, request: RecordedRequest, account: Account, id: string): Reply {
  const refused = refusedCamera(state, account, id);
  if (refused) return refused;
  const camera = findCamera(state, id);
  const bound = (name: string, fallback: number): number => Number(request.query.get(name) ?? fallback / 1000) * 1000;
  const range = { start: bound('after', state.startedAt - 3600_000), end: bound('before', state.startedAt) };
  const segments = camera ? segmentsOf(camera, range, state.startedAt, state.now()) : [];
  return jsonReply(
    segments.map(({ start, end }) => ({
      id: `${start / 1000}-abcdef`,
      start_time: start / 1000,
      end_time: end / 1000,
      duration: (end - start) / 1000,
      segment_size: 1.25,
      motion: 3,
      objects: 0,
      ...(minorOf(state) >= 18 ? { motion_heatmap: null } : {}),
    })),
  );
}

/** Since 0.17. A gap is told in whole steps, so short ones come out shorter. */
function unavailable(state: FrigateState, { query }: RecordedRequest): Reply {
  if (minorOf(state) < 17) return noRoute();
  const [after, before] = [Number(query.get('after') ?? NaN), Number(query.get('before') ?? NaN)];
  if (Number.isNaN(after) || Number.isNaN(before)) {
    return { status: 500, headers: { 'content-type': 'text/plain' }, body: 'Internal Server Error' };
  }
  const scale = Number(query.get('scale') ?? 30);
  const ids = query.get('cameras')?.split(',') ?? state.options.cameras.map(({ id }) => id);
  const cameras = state.options.cameras.filter(({ id }) => ids.includes(id));
  const gaps: { start_time: number; end_time: number }[] = [];
  for (let at = after; at < before; at += scale) {
    const step = { start: at * 1000, end: Math.min(at + scale, before) * 1000 };
    const isCovered = cameras.some((camera) => segmentsOf(camera, step, state.startedAt, state.now()).length > 0);
    const last = gaps.at(-1);
    if (isCovered) continue;
    if (last?.end_time === at) last.end_time = step.end / 1000;
    else gaps.push({ start_time: at, end_time: step.end / 1000 });
  }
  return jsonReply(gaps);
}
