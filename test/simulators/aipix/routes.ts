/** Which request is which call. */
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { adminLogin, captcha, login, logout, self, sessionOf, sessions } from './accounts';
import { cameras, footageMs, visibleCameras } from './cameras';
import { adminDownloads, downloads } from './downloads';
import { events, isEvents } from './events';
import { isMedia, media } from './media';
import { broadcastingAuth, wsurl } from './push';
import { addRecord, catchUp, fileUrl } from './records';
import { jsonReply, notFound, parseTime, refusal, unauthenticated } from './replies';
import type { AipixSession, AipixState } from './state';

export type Step =
  | 'login'
  | 'self'
  | 'logout'
  | 'static'
  | 'create'
  | 'list'
  | 'delete'
  | 'repeat'
  | 'media'
  | 'cameras'
  | 'events'
  | 'wsurl'
  | 'broadcasting';
export type RequestFilter = Step | ((request: RecordedRequest) => boolean);

/** The answer of the server at its main address. */
export function answer(state: AipixState, request: RecordedRequest): Reply | Promise<Reply> {
  const { method, path } = request;
  if (isMedia(request)) return media(state, request);
  const [, admin, rest = ''] = /^\/api(\/admin)?\/v1\/(.+?)\/?$/.exec(path) ?? [];
  const body = parseBody(request);
  if (rest === '') return notFound(state);
  if (admin) return answerAdmin(state, request, rest, body);
  if (rest === 'static/basic') return staticBasic(state);
  if (rest === 'captcha') return captcha(state);
  if (rest === 'token' && method === 'POST') return login(state, request, body);
  const session = sessionOf(state, request);
  if (!session) return unauthenticated(state);
  if (rest === 'users/self') return self(state, session);
  if (rest === 'logout' && method === 'POST') return logout(state, session, body);
  if (rest === 'wsurl') return wsurl(state, session);
  if (rest === 'broadcasting/auth' && method === 'POST') return broadcastingAuth(state, request, session);
  if (rest.startsWith('sessions')) return sessions(state, request, session, rest);
  if (rest.endsWith('/archive/link')) return archiveLink(state, request, session, rest);
  if (rest.startsWith('cameras')) return cameras(state, request, session.user.login, rest);
  if (isEvents(rest)) return events(state, request, session, rest);
  return downloads(state, request, session, rest, body);
}

function answerAdmin(
  state: AipixState,
  request: RecordedRequest,
  rest: string,
  body: Record<string, unknown>,
): Reply | Promise<Reply> {
  if (rest === 'auth/token' && request.method === 'POST') return adminLogin(state, request, body);
  const session = sessionOf(state, request);
  if (!session?.user.isAdmin) return unauthenticated(state);
  if (state.options.admin.pushAt === 'admin') {
    if (rest === 'wsurl') return wsurl(state, session);
    if (rest === 'broadcasting/auth' && request.method === 'POST') return broadcastingAuth(state, request, session);
  }
  if (rest === 'cameras' && state.options.admin.cameras) return cameras(state, request, session.user.login, rest);
  return adminDownloads(state, request, session, rest, body);
}

function staticBasic(state: AipixState): Reply {
  const { options } = state;
  if (options.basics === 'page') return htmlPage(200, 'Welcome');
  if (options.basics === 404) return notFound(state);
  return jsonReply({
    is_captcha_available: options.login.captcha !== 'off',
    is_external_auth_enabled: false,
    available_locales: ['en', 'ru'],
    version: options.version,
  });
}

/** Without a record but for one kind of client. Source: https://docs.aipix.ai/en/start/aipix-23.12/archive-generation-vms-client-api */
function archiveLink(state: AipixState, request: RecordedRequest, session: AipixSession, path: string): Reply {
  const camera = visibleCameras(state, session.user.login).find(({ id }) => path === `cameras/${id}/archive/link`);
  const [from, to] = [parseTime(request.query.get('from')), parseTime(request.query.get('to'))];
  if (!camera) return notFound(state);
  if (from === undefined || to === undefined || from >= to || footageMs(state, camera, from, to) === 0) {
    return refusal(state, 422, { from: ['The range is invalid.'] });
  }
  const record = addRecord(state, { camera, from, to }, session);
  if (request.headers['x-client'] !== 'thick-legal') {
    state.records = state.records.filter((candidate) => candidate !== record);
    return jsonReply({ status: 'ok' });
  }
  record.dueAt = state.now();
  catchUp(state);
  return jsonReply({ link: fileUrl(state, record) });
}

function parseBody(request: RecordedRequest): Record<string, unknown> {
  try {
    return JSON.parse(request.body.toString('utf8')) as Record<string, unknown>;
  } catch {
    return {};
  }
}

const steps: Record<Step, (method: string, path: string) => boolean> = {
  login: (method, path) => method === 'POST' && /\/v1\/(auth\/)?token$/.test(path),
  self: (_, path) => path.endsWith('/users/self'),
  logout: (_, path) => path.endsWith('/logout'),
  static: (_, path) => path.endsWith('/static/basic'),
  create: (method, path) => method === 'POST' && path.endsWith('downloads'),
  list: (method, path) => method === 'GET' && path.endsWith('downloads'),
  delete: (method) => method === 'DELETE',
  repeat: (_, path) => path.endsWith('/repeat'),
  media: (_, path) => /^\/(s3|storage)\//.test(path),
  cameras: (_, path) => path.includes('/v1/cameras'),
  events: (_, path) => /\/v1\/(marks|analytic-case\/events)$/.test(path),
  wsurl: (_, path) => path.endsWith('/wsurl'),
  broadcasting: (_, path) => path.endsWith('/broadcasting/auth'),
};

export function matcherOf(filter: RequestFilter): (request: RecordedRequest) => boolean {
  return typeof filter === 'function' ? filter : (request) => steps[filter](request.method, request.path);
}
