// Answers the calls that make, list and delete exports.
import type { RecordedRequest, Reply } from '../http-server';
import { allowedCameras, refusedCamera, refusedRole, type Account } from './accounts';
import { segmentsOf } from './cameras';
import { addExport, fileNameOf, hasRow, type SimExport } from './exports';
import { invalid, jsonReply, noRoute, refusal, success } from './replies';
import { findCamera, hasQueue, minorOf, type FrigateState } from './state';

const longestName = 256;

/** @param bounds start and end as they stand in the path */
export function createExport(
  state: FrigateState,
  request: RecordedRequest,
  account: Account,
  [id = '', from = '', to = '']: string[],
): Reply {
  const [start, end] = [Number(from), Number(to)];
  if (Number.isNaN(start) || Number.isNaN(end)) return invalid('Input should be a valid number');
  const body = bodyOf(request);
  if (!body) return invalid('Field required');
  // A plain text in 0.16 (not seen, but its users report an error for null).
  if (body.name === null && minorOf(state) === 16) return invalid('Input should be a valid string');
  const name = typeof body.name === 'string' ? body.name : '';
  if (name.length > longestName) return invalid('String should have at most 256 characters');
  const refused = refusedCamera(state, account, id);
  if (refused) return refused;
  const camera = findCamera(state, id);
  if (!camera) return refusal(404, `${id} is not a valid camera.`);
  const range = { start: Math.trunc(start), end: Math.trunc(end) };
  const recorded = segmentsOf(
    camera,
    { start: range.start * 1000, end: range.end * 1000 },
    state.startedAt,
    state.now(),
  );
  if (recorded.length === 0 && start < end) return refusal(400, 'No recordings found for time range');
  if (hasQueue(state) && isFull(state)) {
    return refusal(503, 'Export queue is full. Try again once current exports finish.');
  }
  // The default of 0.18 adds a third stream.
  const hasChapters = minorOf(state) >= 18 && body.chapters !== 'none';
  const made = addExport(state, { camera: id, name, ...range, hasChapters });
  return hasQueue(state)
    ? success('Export queued.', { export_id: made.id, status: 'queued' }, 202)
    : success('Starting export of recording.', { export_id: made.id });
}

function isFull({ exports, options }: FrigateState, asked = 1): boolean {
  const { isFull: isAlways, queue, workers } = options.exports;
  const waiting = exports.filter(({ status }) => status === 'queued').length;
  const running = exports.filter(({ status }) => status === 'running').length;
  return isAlways || waiting + asked - Math.max(0, workers - running) > queue;
}

/** Since 0.18: up to 50 at once, of which all find a place in the queue or none. */
export function createExports(state: FrigateState, request: RecordedRequest, account: Account): Reply {
  if (!hasQueue(state)) return noRoute();
  const items = (bodyOf(request)?.items ?? []) as Record<string, unknown>[];
  if (!Array.isArray(items) || items.length < 1 || items.length > 50) return invalid('1 to 50 items');
  if (items.some((item) => Number(item.end_time) <= Number(item.start_time))) return invalid('end before start');
  const refused = items.map((item) => refusedCamera(state, account, String(item.camera))).find(Boolean);
  if (refused) return refused;
  if (isFull(state, items.length)) return refusal(503, 'Export queue is full. Try again once current exports finish.');
  const made = items.map(({ camera, start_time, end_time, friendly_name }) =>
    addExport(state, {
      camera: String(camera),
      name: String(friendly_name ?? ''),
      start: Math.trunc(Number(start_time)),
      end: Math.trunc(Number(end_time)),
    }),
  );
  const results = made.map(({ camera, id }, item_index) => ({
    camera,
    export_id: id,
    success: true,
    status: 'queued',
    error: null,
    item_index,
    client_item_id: items[item_index]!.client_item_id ?? null,
  }));
  return jsonReply({ export_case_id: null, export_ids: made.map(({ id }) => id), results }, 202);
}

function rowJson(state: FrigateState, made: SimExport): object {
  return {
    id: made.id,
    camera: made.camera,
    name: made.name,
    // The start of the footage, not of the making.
    date: made.start,
    video_path: `/media/frigate/exports/${fileNameOf(made)}`,
    thumb_path: '',
    in_progress: made.status === 'running',
    ...(hasQueue(state) ? { export_case: made.caseId ?? null } : {}),
  };
}

/** Unpaged; the newest footage first. */
export function listExports(state: FrigateState, { query }: RecordedRequest, account: Account): Reply {
  const number = (name: string, fallback: number): number => Number(query.get(name) ?? fallback);
  const cameras = query.get('cameras')?.split(',');
  const isWanted = ({ camera, start, caseId }: SimExport): boolean =>
    !hasQueue(state) ||
    ((!cameras || cameras.includes('all') || cameras.includes(camera)) &&
      start >= number('start_date', -Infinity) &&
      start <= number('end_date', Infinity) &&
      (query.get('export_case_id') ?? caseId) === caseId);
  const rows = visible(state, account)
    .filter((made) => hasRow(made, state.now()) && isWanted(made))
    .sort((a, b) => b.start - a.start);
  return jsonReply(rows.map((made) => rowJson(state, made)));
}

export function oneExport(state: FrigateState, account: Account, id: string): Reply {
  const made = visible(state, account).find((each) => each.id === id);
  return made && hasRow(made, state.now()) ? jsonReply(rowJson(state, made)) : refusal(404, 'Export not found');
}

function visible(state: FrigateState, account: Account): SimExport[] {
  const allowed = allowedCameras(state, account);
  return state.exports.filter(({ camera }) => allowed.includes(camera));
}

export function jobJson(state: FrigateState, made: SimExport): object {
  const now = state.now();
  const isOver = made.status === 'success' || made.status === 'failed';
  const share = (now - made.startsAt) / Math.max(1, made.endsAt - made.startsAt);
  const percent = made.status === 'running' && Number.isFinite(share) ? Math.min(100, share * 100) : 0;
  return {
    id: made.id,
    job_type: 'export',
    status: made.status,
    camera: made.camera,
    name: made.name,
    export_case_id: made.caseId ?? null,
    request_start_time: made.start,
    request_end_time: made.end,
    start_time: made.startsAt === Infinity ? null : made.startsAt / 1000,
    end_time: isOver ? made.endsAt / 1000 : null,
    error_message: made.status === 'failed' ? state.options.exports.failure : null,
    results:
      made.status === 'success'
        ? {
            export_id: made.id,
            export_case_id: made.caseId ?? null,
            video_path: `/media/frigate/exports/${fileNameOf(made)}`,
            thumb_path: '',
          }
        : null,
    current_step:
      made.status === 'queued' ? 'queued' : percent < 5 ? 'preparing' : percent < 95 ? 'copying' : 'finalizing',
    progress_percent: made.status === 'running' ? percent : 0,
  };
}

export function activeJobs(state: FrigateState, account: Account): SimExport[] {
  return visible(state, account).filter(({ status }) => status === 'queued' || status === 'running');
}

export function listJobs(state: FrigateState, account: Account): Reply {
  if (!hasQueue(state)) return noRoute();
  return jsonReply(activeJobs(state, account).map((made) => jobJson(state, made)));
}

/** Forgotten 5 s after its end, but for a cancelled one. */
export function oneJob(state: FrigateState, account: Account, id: string): Reply {
  if (!hasQueue(state)) return noRoute();
  const made = visible(state, account).find((each) => each.id === id);
  const isOver = made?.status === 'success' || made?.status === 'failed';
  const isForgotten = isOver && state.now() - made.endsAt > state.options.exports.remembersMs;
  const isLost = made?.status === 'cancelled' && made.caseId === undefined;
  return made && !isForgotten && !isLost ? jsonReply(jobJson(state, made)) : refusal(404, 'Job not found');
}

/** Up to 0.17. */
export function deleteExport(state: FrigateState, account: Account, id: string): Reply {
  if (hasQueue(state)) return noRoute();
  const refused = refusedRole(account);
  if (refused) return refused;
  const made = visible(state, account).find((each) => each.id === id);
  if (!made || !hasRow(made, state.now())) return refusal(404, 'Export not found.');
  if (made.status === 'running' && !made.isOrphan) return refusal(400, 'Can not delete in progress export.');
  made.isDeleted = true;
  return success('Successfully deleted export.');
}

/** Since 0.18: all or nothing. */
export function deleteExports(state: FrigateState, request: RecordedRequest, account: Account): Reply {
  if (!hasQueue(state)) return jsonReply({ detail: 'Method Not Allowed' }, 405);
  const refused = refusedRole(account);
  if (refused) return refused;
  const { ids } = bodyOf(request) ?? {};
  if (!Array.isArray(ids)) return invalid('Field required');
  const found = ids.map((id) => visible(state, account).find((each) => each.id === id));
  if (found.some((made) => !made || !hasRow(made, state.now()))) return refusal(404, 'One or more exports not found.');
  if (found.some((made) => made!.status === 'running')) return refusal(400, 'Can not delete in-progress export.');
  for (const made of found) made!.isDeleted = true;
  return success(`Successfully deleted ${found.length} export(s).`);
}

/** Since 0.18: exports that belong together; deleting it cancels those that wait. */
export function cases(state: FrigateState, request: RecordedRequest, account: Account, id?: string): Reply {
  if (!hasQueue(state)) return noRoute();
  const refused = refusedRole(account);
  if (refused) return refused;
  if (id === undefined) {
    const { name } = bodyOf(request) ?? {};
    const made = { id: `case${state.cases.length + 1}`, name: String(name) };
    state.cases.push(made);
    return jsonReply(made);
  }
  if (request.query.get('delete_exports') === 'true') {
    for (const made of state.exports) if (made.caseId === id && made.status === 'queued') made.status = 'cancelled';
  }
  return success('Deleted case.');
}

function bodyOf(request: RecordedRequest): Record<string, unknown> | undefined {
  try {
    const body: unknown = JSON.parse(request.body.toString());
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
