// The calls of the simulated API, and its filters and pages.
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { callerOf, isReply, login, maySee } from './auth';
import { eventRow, isListed, mediaOf, type SimEvent } from './events';
import type { SimUser } from './options';
import { errorReply, jsonReply } from './replies';
import type { ZoneMinderState } from './state';

export async function serveApi(state: ZoneMinderState, request: RecordedRequest): Promise<Reply> {
  const { options } = state;
  if (!options.rewriteRules) return htmlPage(404, 'Not Found');
  const path = request.path.slice(`${options.base}/api/`.length);
  if (path === 'host/login.json') return login(state, request);
  const user = callerOf(state, request);
  if (isReply(user)) return user;
  if (path === 'host/getVersion.json') return jsonReply({ version: options.version, apiversion: '2.0' });
  if (path === 'host/getTimeZone.json') return jsonReply({ tz: options.timezone });
  if (path === 'host/daemonCheck.json') return jsonReply({ result: 1 });
  if (path === 'monitors/index.json') return listMonitors(state, user, request);
  // Without "index", a POST makes a camera.
  if (path === 'monitors.json' && request.method === 'POST') throw new Error('A camera would have been made');
  const view = /^events\/view\/(\d+)\.json$/.exec(path);
  if (view) return viewEvent(state, user, request, Number(view[1]));
  const index = /^events\/index(?:\/(.*))?\.json$/.exec(path);
  if (index) return listEvents(state, user, request, index[1] ?? '');
  return errorReply(request, 404, 'Controller class could not be found.', 'MissingControllerException');
}

function listMonitors({ options }: ZoneMinderState, user: SimUser, request: RecordedRequest): Reply {
  if (user.monitors === 'None') return errorReply(request, 401, 'Insufficient Privileges');
  const number = (value: number): number | string => (options.numbersAsText ? String(value) : value);
  const monitors = options.monitors
    .filter(({ id }) => maySee(user, id))
    .map(({ id, name, online, videoWriter, width, height }) => ({
      Monitor: {
        Id: number(id),
        Name: name,
        Type: 'Ffmpeg',
        Function: 'Record',
        Enabled: number(1),
        Path: `rtsp://camera-admin:rtsp-pa55word@192.0.2.${id}:554/stream1`,
        User: 'camera-admin',
        Pass: 'rtsp-pa55word',
        Width: number(width),
        Height: number(height),
        SaveJPEGs: number(videoWriter === 0 ? 3 : 0),
        VideoWriter: number(videoWriter),
        OutputContainer: 'mp4',
        SectionLength: number(600),
      },
      Monitor_Status:
        online === undefined
          ? { MonitorId: null, Status: null, CaptureFPS: null }
          : { MonitorId: number(id), Status: online ? 'Connected' : 'NotRunning', CaptureFPS: '5.00' },
      Event_Summary: { TotalEvents: options.events.filter((event) => event.monitorId === id).length },
    }));
  return jsonReply({ monitors });
}

async function viewEvent(state: ZoneMinderState, user: SimUser, request: RecordedRequest, id: number): Promise<Reply> {
  const { options } = state;
  if (user.events === 'None') return errorReply(request, 401, 'Insufficient privileges');
  const event = options.events.find((each) => each.id === id);
  if (!event) return errorReply(request, 404, 'Invalid event');
  if (!maySee(user, event.monitorId)) {
    if (options.version === '1.39.22') return errorReply(request, 401, 'Insufficient privileges');
    return jsonReply({ event: { Event: { fileExists: false, fileSize: null } } });
  }
  const media = await mediaOf(event, options, state.now());
  const row = rowOf(state, event);
  return jsonReply({ event: { Event: { ...row, fileExists: media ? 1 : null, fileSize: media?.size ?? false } } });
}

function rowOf(state: ZoneMinderState, event: SimEvent): object {
  const monitor = state.options.monitors.find(({ id }) => id === event.monitorId) ?? state.options.monitors[0]!;
  return eventRow(event, state.options, monitor, state.now());
}

type Row = Record<string, string | number | null>;
type Test = (row: Row) => boolean;

function listEvents(state: ZoneMinderState, user: SimUser, request: RecordedRequest, filters: string): Reply {
  const { options } = state;
  if (user.events === 'None') return errorReply(request, 401, 'Insufficient Privileges');
  const tests = testsOf(filters, options.version);
  if (!tests) return errorReply(request, 500, 'SQLSTATE[42S22]: Column not found', 'PDOException');
  const rows = options.events
    .filter((event) => isListed(event, state.now()) && maySee(user, event.monitorId))
    .map((event) => rowOf(state, event) as Row)
    .filter((row) => options.isEndless || tests.every((test) => test(row)))
    .flatMap((row) => (options.isDoubled ? [row, row] : [row]));
  const sort = request.query.get('sort') ?? 'Id';
  const sign = request.query.get('direction')?.toLowerCase() === 'desc' ? -1 : 1;
  rows.sort((a, b) => sign * (compare(a[sort], b[sort]) || compare(Number(a.Id), Number(b.Id))));
  // From 1.38 on, everything is told at once unless a limit is given.
  const asked = Number(request.query.get('limit') ?? (options.version === '1.36.33' ? 100 : Infinity));
  const limit = Math.min(asked, request.query.has('limit') ? options.pageLimit : Infinity);
  const number = Number(request.query.get('page') ?? 1);
  const pages = Math.max(1, Math.ceil(rows.length / limit));
  if (number > pages) return errorReply(request, 404, 'Not Found');
  const events = rows.slice((number - 1) * limit, number * limit || undefined).map((Event) => ({ Event }));
  if (!options.pagination) return jsonReply({ events });
  const pagination = {
    page: number,
    current: events.length,
    count: rows.length,
    prevPage: number > 1,
    nextPage: options.isEndless || number < pages,
    pageCount: pages,
    limit,
  };
  return jsonReply({ events, pagination });
}

/** Path segments such as `StartDateTime <=:2026-11-29 21:00:55`; several values of one name with `[]`. */
function testsOf(filters: string, version: string): Test[] | undefined {
  const any = new Map<string, string[]>();
  const tests: Test[] = [];
  for (const segment of filters.split('/').filter(Boolean).map(decodeURIComponent)) {
    const colon = segment.indexOf(':');
    const [name = '', operator = '='] = segment.slice(0, colon).split(' ');
    const value = segment.slice(colon + 1);
    if (name.endsWith('[]')) {
      const list = name.slice(0, -2);
      any.set(list, [...(any.get(list) ?? []), value]);
      continue;
    }
    if (!/^(Id|MonitorId|StartDateTime|EndDateTime|Length|Archived)$/.test(name)) return undefined;
    if (version === '1.36.33' && /^(IN|IS)$/i.test(operator)) return undefined;
    tests.push(testOf(name, operator, value));
  }
  for (const [name, values] of any) tests.push((row) => values.includes(String(row[name])));
  return tests;
}

/** Nothing compares with null, but an empty value finds it. */
function testOf(name: string, operator: string, value: string): Test {
  return (row) => {
    const own = row[name] ?? null;
    if (value === '') return own === null;
    if (own === null) return false;
    const order = compare(/^\d+$/.test(value) ? Number(own) : own, /^\d+$/.test(value) ? Number(value) : value);
    if (operator === '<=') return order <= 0;
    if (operator === '>=') return order >= 0;
    if (operator === '<') return order < 0;
    if (operator === '>') return order > 0;
    if (operator === '!=') return order !== 0;
    return order === 0;
  };
}

function compare(a: string | number | null | undefined, b: string | number | null | undefined): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return -1;
  if (b === null || b === undefined) return 1;
  return a < b ? -1 : 1;
}
