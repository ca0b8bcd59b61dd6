// Keeps what cameras have seen, and lists it as Frigate does: review items by the time that they cover, tracked objects by their start.
import type { RecordedRequest, Reply } from '../http-server';
import { allowedCameras, type Account } from './accounts';
import { jsonReply, refusal } from './replies';
import { minorOf, type FrigateState } from './state';

export interface SimActivity {
  id: string;
  kind: 'review' | 'object';
  camera: string;
  /** Epoch milliseconds. */
  start: number;
  end: number | undefined;
  labels: string[];
  audio: string[];
  subLabels: string[];
  zones: string[];
  severity: 'alert' | 'detection';
  score: number;
  title: string | undefined;
  /** The row is there from then on. */
  listedAt: number;
}

export interface ActivityOptions {
  /** In which order a list is, and so what `limit` keeps. */
  order: 'newest' | 'oldest' | 'mixed';
  /** Each row is listed twice. */
  isDoubled: boolean;
  /** Answers all it has, whatever the bounds and the limit. */
  isBoundless: boolean;
}

const letters = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** An id: a frame time, which need not be that of the start, and six characters. */
function activityId(start: number, number: number): string {
  const rest = (number + 1) * 7_919_003;
  const text = [0, 1, 2, 3, 4, 5].map((place) => letters[Math.floor(rest / 36 ** place) % 36]).join('');
  return `${((start - 40) / 1000).toFixed(6)}-${text}`;
}

export function see(state: FrigateState, seen: Partial<SimActivity> = {}): SimActivity {
  const start = seen.start ?? state.now();
  const activity: SimActivity = {
    id: activityId(start, state.activities.length),
    kind: 'review',
    camera: 'front_door',
    start,
    end: undefined,
    labels: ['person'],
    audio: [],
    subLabels: [],
    zones: [],
    severity: 'alert',
    score: 0.86,
    title: undefined,
    listedAt: state.now(),
    ...seen,
  };
  state.activities.push(activity);
  announce(state, activity, 'new');
  if (activity.end !== undefined) announce(state, activity, 'end');
  return activity;
}

export function endActivity(state: FrigateState, id: string, end = state.now()): void {
  const activity = state.activities.find((each) => each.id === id)!;
  activity.end = end;
  announce(state, activity, 'end');
}

/** A start of the server ends what was open; nobody is told. */
export function endAll(state: FrigateState): void {
  for (const activity of state.activities) activity.end ??= state.now();
}

function announce(state: FrigateState, activity: SimActivity, type: 'new' | 'end'): void {
  const row = activity.kind === 'review' ? reviewJson(activity) : objectJson(activity);
  for (const client of state.push.clients) {
    if (minorOf(state) >= 18 && !allowedCameras(state, client.account).includes(activity.camera)) continue;
    client.send(activity.kind === 'review' ? 'reviews' : 'events', { type, before: row, after: row });
  }
}

/** `undefined` for another call. */
export function activities(
  state: FrigateState,
  request: RecordedRequest,
  account: Account,
  path: string,
): Reply | undefined {
  const [, name, id] = /^\/(review|events)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (!name) return undefined;
  const kind = name === 'review' ? 'review' : 'object';
  const visible = state.activities.filter(
    (each) =>
      each.kind === kind && each.listedAt <= state.now() && allowedCameras(state, account).includes(each.camera),
  );
  const json = kind === 'review' ? reviewJson : objectJson;
  if (id === undefined) return jsonReply(select(state, visible, request.query).map(json));
  const found = visible.find((each) => each.id === decodeURIComponent(id));
  if (found) return jsonReply(json(found));
  return kind === 'review' ? refusal(404, 'Review item not found') : jsonReply('Event not found', 404);
}

function select(state: FrigateState, visible: SimActivity[], query: URLSearchParams): SimActivity[] {
  const { order, isDoubled, isBoundless } = state.options.activity;
  const twice = isDoubled ? visible.flatMap((each) => [each, each]) : visible;
  if (isBoundless) return twice;
  const after = Number(query.get('after') ?? state.now() / 1000 - 86_400) * 1000;
  const before = Number(query.get('before') ?? Infinity) * 1000;
  const cameras = query.get('cameras') ?? 'all';
  const found = twice.filter(
    (each) =>
      (each.kind === 'object' ? each.start > after : each.end === undefined || each.end > after) &&
      each.start < before &&
      (query.get('in_progress') !== '1' || each.end === undefined) &&
      (cameras === 'all' || cameras.split(',').includes(each.camera)),
  );
  const isOldestFirst = order === 'oldest' || query.get('sort') === 'date_asc';
  const sorted = found.sort((a, b) => (isOldestFirst ? a.start - b.start : b.start - a.start));
  const limited = sorted.slice(0, Number(query.get('limit') ?? 100));
  return order === 'mixed' ? limited.sort((a, b) => (a.id.slice(-6) < b.id.slice(-6) ? -1 : 1)) : limited;
}

function reviewJson(activity: SimActivity): object {
  const { id, camera, start, end, labels, audio, subLabels, zones, severity, title } = activity;
  return {
    id,
    camera,
    start_time: start / 1000,
    end_time: end === undefined ? null : end / 1000,
    has_been_reviewed: false,
    severity,
    thumb_path: `/media/frigate/clips/review/thumb-${camera}-${id}.webp`,
    data: {
      detections: [`${id}-d`],
      objects: labels,
      sub_labels: subLabels,
      zones,
      audio,
      ...(title === undefined ? {} : { metadata: { title } }),
    },
  };
}

function objectJson(activity: SimActivity): object {
  const { id, camera, start, end, labels, audio, subLabels, zones, severity, score } = activity;
  return {
    id,
    camera,
    label: [...labels, ...audio][0] ?? '',
    sub_label: subLabels[0] ?? null,
    zones,
    start_time: start / 1000,
    end_time: end === undefined ? null : end / 1000,
    has_clip: true,
    has_snapshot: true,
    plus_id: null,
    retain_indefinitely: false,
    top_score: null,
    false_positive: null,
    box: null,
    data: {
      box: [0.1, 0.2, 0.3, 0.4],
      score: score - 0.1,
      top_score: score,
      type: labels.length > 0 ? 'object' : 'audio',
      max_severity: severity,
    },
  };
}
