/** Cameras, what they have recorded, and the lists and trees that show them. */
import type { RecordedRequest, Reply } from '../http-server';
import { epochOf, recordedMs, type SenseDevice } from '../vdg-sense/devices';
import { jsonReply, notFound, raw, refusal, type Json } from './replies';
import type { AipixState } from './state';

export interface AipixCamera {
  /** Digits. */
  id: string;
  name: string;
  group: string;
  status: 'active' | 'inactive' | 'partial' | 'empty' | 'initial';
  userStatus: 'active' | 'blocked';
  /** What is recorded. Without `from`: since a day ago. Without `to`: up to now, still recording. */
  footage: SenseDevice['footage'];
  /** Pixels of its video. */
  width: number;
  height: number;
  /** Who may see it; absent: everybody. */
  logins?: string[];
}

export function aipixCamera(camera: Partial<AipixCamera> & Pick<AipixCamera, 'id'>): AipixCamera {
  return {
    name: `Camera ${camera.id}`,
    group: 'Yard',
    status: 'active',
    userStatus: 'active',
    footage: [{}],
    width: 320,
    height: 180,
    ...camera,
  };
}

/** The default system: names of all kinds, an id beyond what a double holds, one camera of somebody else's. */
export function exampleCameras(): AipixCamera[] {
  return [
    aipixCamera({ id: '2', name: 'Yard' }),
    aipixCamera({ id: '3', name: 'Ворота, ул. Ленина 5 "Север"', group: 'Gates' }),
    aipixCamera({ id: '9007199254740995', name: 'Far away', group: 'Gates', status: 'inactive', footage: [] }),
    aipixCamera({ id: '4', name: 'Blocked', userStatus: 'blocked' }),
    aipixCamera({ id: '5', name: 'Foreign', logins: ['other'] }),
  ];
}

export function visibleCameras(state: AipixState, login: string): AipixCamera[] {
  return state.options.cameras.filter(({ logins }) => !logins || logins.includes(login));
}

/** Milliseconds of footage in a range. */
export function footageMs(state: AipixState, camera: AipixCamera, from: number, to: number): number {
  return recordedMs({ footage: ranges(state, camera) }, from, to, state.now());
}

/** The first and last recorded instants of a range, in whole seconds; undefined where there is none. */
export function footageSpan(
  state: AipixState,
  camera: AipixCamera,
  from: number,
  to: number,
): { from: number; to: number } | undefined {
  const spans = ranges(state, camera).filter((span) => span.to > from && span.from < to);
  if (spans.length === 0) return undefined;
  const first = Math.max(from, Math.min(...spans.map((span) => span.from)));
  const last = Math.min(to, Math.max(...spans.map((span) => span.to)));
  return { from: Math.ceil(first / 1000) * 1000, to: Math.floor(last / 1000) * 1000 };
}

function ranges(state: AipixState, camera: AipixCamera): { from: number; to: number }[] {
  const dayMs = 24 * 3_600_000;
  return camera.footage.map(({ from, to }) => ({
    from: from === undefined ? state.now() - dayMs : epochOf(from),
    to: to === undefined ? state.now() : epochOf(to),
  }));
}

export function cameraJson(state: AipixState, camera: AipixCamera): Json {
  return {
    id: raw(camera.id),
    name: camera.name,
    pretty_name: camera.name,
    status: camera.status,
    user_status: camera.userStatus,
    type: 'camera',
    start_at: '',
    streams: [{ id: raw(`1${camera.id}`.slice(0, 15)), type: 'high', status: 'active' }],
    archive_ranges: ranges(state, camera).map(({ from, to }) => ({
      from: Math.floor(from / 1000),
      duration: Math.floor((to - from) / 1000),
    })),
    is_archive_recording: camera.footage.some(({ to }) => to === undefined),
    is_restricted_archive: false,
    is_bridge: false,
    services: { ptz: false, motion_detect: true },
  };
}

export function cameras(state: AipixState, request: RecordedRequest, login: string, path: string): Reply {
  const { cameraLists, unlisted, camerasPerPage } = state.options;
  const search = request.query.get('search')?.toLowerCase();
  const found = visibleCameras(state, login).filter(({ name }) => !search || name.toLowerCase().includes(search));
  const json = (camera: AipixCamera): Json => cameraJson(state, camera);
  const offered = (list: (typeof cameraLists)[number]): boolean => cameraLists.includes(list);
  if (path === 'cameras') {
    if (!offered('pages')) return refusal(state, unlisted, { filter: ['The filter field is required.'] });
    return pageReply(state, request, found.map(json), camerasPerPage);
  }
  if (path === 'cameras/flat-tree') {
    if (!offered('flat-tree')) return notFound(state);
    // With a search the shape is another one (documented).
    return jsonReply(search || !state.options.folders ? found.map(json) : folders(found, json));
  }
  if (path === 'cameras/tree') {
    if (!offered('tree')) return notFound(state);
    return jsonReply(tree(state, found, json, request.query.get('group_id')));
  }
  if (path === 'cameras/shows') {
    // Unknown ids are left out without a word (documented), and so is whatever is too much.
    const ids = request.query.getAll('ids[]').slice(0, 25);
    return jsonReply(found.filter(({ id }) => ids.includes(id)).map(json));
  }
  const camera = found.find(({ id }) => `cameras/${id}` === path);
  return camera ? jsonReply(json(camera)) : notFound(state);
}

/** Folders overlap: the first one holds all. */
function folders(found: AipixCamera[], json: (camera: AipixCamera) => Json): Json {
  const groups = [...new Set(found.map(({ group }) => group))];
  const folder = (id: number, name: string, children: Json[], own: AipixCamera[]): Json => ({
    id,
    main_name: name,
    sub_main: '',
    cameras: own.map(json),
    children,
    previews: [],
  });
  const below = groups.map((group, index) =>
    folder(
      index + 1,
      group,
      [],
      found.filter((camera) => camera.group === group),
    ),
  );
  return [folder(0, 'All cameras', [], found), folder(100, 'Site', below, [])];
}

function tree(
  state: AipixState,
  found: AipixCamera[],
  json: (camera: AipixCamera) => Json,
  groupId: string | null,
): Json {
  const groups = [...new Set(found.map(({ group }) => group))];
  const camerasOf = (group: string): Json[] => found.filter((camera) => camera.group === group).map(json);
  if (state.options.tree === 'full') {
    const all = { id: 0, name: 'All cameras', children: found.map(json) };
    return [all, ...groups.map((name, index) => ({ id: index + 1, name, children: camerasOf(name) }))];
  }
  const group = groups[Number(groupId) - 1];
  if (groupId !== null) return group ? camerasOf(group) : [];
  return groups.map((name, index) => ({ id: index + 1, name, children: null, has_items: true }));
}

/** A page as the framework of the server makes them. */
export function pageReply(state: AipixState, request: RecordedRequest, items: Json[], perPage: number): Reply {
  const page = Math.max(1, Number(request.query.get('page')) || 1);
  const last = Math.max(1, Math.ceil(items.length / perPage));
  const from = (page - 1) * perPage;
  const data = items.slice(from, from + perPage);
  const link = (to: number): string => `${state.url()}${request.path}?page=${to}`;
  const meta = {
    current_page: page,
    from: data.length > 0 ? from + 1 : null,
    last_page: last,
    path: `${state.url()}${request.path}`,
    per_page: perPage,
    to: data.length > 0 ? from + data.length : null,
    total: items.length,
  };
  const [prev, next] = [page > 1 ? link(page - 1) : null, page < last ? link(page + 1) : null];
  if (state.options.list.wrapper === 'flat page') {
    return jsonReply({
      ...meta,
      data,
      links: [{ url: next, label: 'Next' }],
      next_page_url: next,
      prev_page_url: prev,
    });
  }
  return jsonReply({ data, links: { first: link(1), last: link(last), prev, next }, meta });
}
