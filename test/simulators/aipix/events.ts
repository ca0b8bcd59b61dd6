// Keeps events of analytics and marks, and lists them as far as is known, newest first where nobody says other.
import type { RecordedRequest, Reply } from '../http-server';
import { cameraJson, pageReply, visibleCameras } from './cameras';
import { isoTime, jsonReply, parseTime, raw, refusal, type Json } from './replies';
import type { AipixSession, AipixState } from './state';

export interface AipixEvent {
  kind: 'analytics' | 'mark';
  id: string;
  type: string;
  /** Absent: the camera does not exist any more (documented). */
  camera: string | undefined;
  /** Epoch milliseconds; without a start there is only the time at which it was stored. */
  from: number | undefined;
  to: number | undefined;
  createdAt: number;
  title: string | undefined;
  plate: string | undefined;
  similarity: number;
}

export interface EventOptions {
  /** What `from` and `to` go by (unknown). */
  filter: 'created' | 'start' | 'ignored';
  /** Without `dir` (unknown). */
  order: 'newest' | 'oldest';
  /** Parameters that are refused (unknown). */
  refuses: string[];
  /** The camera as an object, or its number only (unknown). */
  camera: 'object' | 'id';
  /** Picture of each event, inside of it (documented). */
  cropBytes: number;
  isDoubled: boolean;
  /** There is always another page, the same one. */
  isEndless: boolean;
  /** Pushes about them are lost. */
  isSilent: boolean;
}

export const eventOptions: EventOptions = {
  filter: 'created',
  order: 'newest',
  refuses: [],
  camera: 'object',
  cropBytes: 2_000,
  isDoubled: false,
  isEndless: false,
  isSilent: false,
};

export function happen(state: AipixState, event: Partial<AipixEvent> = {}): AipixEvent {
  const kind = event.kind ?? 'analytics';
  const number = String(state.events.length + 1);
  const happened: AipixEvent = {
    kind,
    id: kind === 'mark' ? number : `3ac8cd91-b5b3-4fbe-a201-${number.padStart(12, '0')}`,
    type: kind === 'mark' ? 'mark' : 'motion-detect',
    camera: state.options.cameras[0]!.id,
    from: state.now(),
    to: undefined,
    createdAt: state.now(),
    title: undefined,
    plate: undefined,
    similarity: 0,
    ...event,
  };
  state.events.push(happened);
  if (!state.options.events.isSilent) announce(state, happened);
  return happened;
}

function announce(state: AipixState, event: AipixEvent): void {
  const type = event.kind === 'mark' ? 'mark_created' : `analytic_case_${event.type.replace(/-/g, '_')}_event_created`;
  const payload = { data: { type, status: 'ok', data: eventJson(state, event) }, subject: null, message: null };
  for (const user of state.options.users) {
    if (event.camera !== undefined && !sees(state, user.login, event.camera)) continue;
    state.push.broadcast(`private-user.${user.id}`, 'App\\Events\\UserPush', payload);
  }
}

function sees(state: AipixState, login: string, camera: string): boolean {
  return visibleCameras(state, login).some(({ id }) => id === camera);
}

/** Sources: https://docs.aipix.ai/en/start/aipix-24.03/list-of-all-analytics-events, .../aipix-23.12/list-of-marks */
export function events(state: AipixState, request: RecordedRequest, session: AipixSession, path: string): Reply {
  const { query } = request;
  const { refuses, filter, order, isDoubled, isEndless } = state.options.events;
  const refused = refuses.find((name) => query.has(name));
  if (refused) return refusal(state, 422, { [refused]: [`The ${refused} field is invalid.`] });
  const kind = path === 'marks' ? 'mark' : 'analytics';
  const cameras = query.getAll('cameras[]');
  if (kind === 'mark' && cameras.length > 100) return refusal(state, 422, { cameras: ['Too many.'] });
  const dir = query.get('dir') ?? (order === 'oldest' ? 'asc' : 'desc');
  if (!['asc', 'desc'].includes(dir)) return refusal(state, 422, { dir: ['The selected dir is invalid.'] });
  const [from = -Infinity, to = Infinity] = [query.get('from'), query.get('to')].map(parseTime);
  const timeOf = ({ createdAt, from: start }: AipixEvent): number =>
    Math.floor((filter === 'start' ? (start ?? createdAt) : createdAt) / 1000) * 1000;
  const found = state.events
    .filter((event) => event.kind === kind)
    .filter(({ camera }) => camera === undefined || sees(state, session.user.login, camera))
    .filter(({ camera }) => cameras.length === 0 || (camera !== undefined && cameras.includes(camera)))
    .filter((event) => filter === 'ignored' || (timeOf(event) >= from && timeOf(event) <= to))
    .sort((a, b) => (dir === 'asc' ? 1 : -1) * (timeOf(a) - timeOf(b)));
  const twice = isDoubled ? found.flatMap((event) => [event, event]) : found;
  const items = twice.map((event) => eventJson(state, event));
  if (isEndless)
    return jsonReply({ data: items, links: { next: state.url() }, meta: { current_page: 1, last_page: 1e6 } });
  return pageReply(state, request, items, Math.min(100, Number(query.get('per_page') ?? 25)));
}

function eventJson(state: AipixState, event: AipixEvent): Json {
  const camera = state.options.cameras.find(({ id }) => id === event.camera);
  const asObject = state.options.events.camera === 'object';
  const times = {
    from: event.from === undefined ? null : isoTime(event.from),
    to: event.to === undefined ? null : isoTime(event.to),
    created_at: isoTime(event.createdAt),
  };
  const place = {
    ...(asObject && camera ? { camera: cameraJson(state, camera) } : {}),
    ...(!asObject && camera ? { camera_id: raw(camera.id) } : {}),
  };
  if (event.kind === 'mark') {
    const { id, type, title = 'MARK' } = event;
    return { id: raw(id), type, type_pretty: 'Mark', title, can_delete: true, ...times, ...place };
  }
  return {
    uuid: event.id,
    type: event.type,
    crop: `data:image/jpeg;base64,${'A'.repeat(state.options.events.cropBytes)}`,
    rect: null,
    similarity: event.similarity,
    ...(event.title === undefined ? {} : { title: event.title }),
    ...(event.plate === undefined ? {} : { license_plate: event.plate }),
    ...times,
    ...place,
  };
}

export function isEvents(path: string): boolean {
  return path === 'marks' || path === 'analytic-case/events';
}
