/** Logins, sessions, captchas and tokens, of users and of administrators. */
import { randomBytes, randomInt } from 'node:crypto';
import type { RecordedRequest, Reply } from '../http-server';
import type { AipixUser } from './options';
import { isoTime, jsonReply, raw, refusal, bareTime, unauthenticated, type Json } from './replies';
import { throttled, type AipixSession, type AipixState } from './state';

type Body = Record<string, unknown>;

/** Source: https://docs.aipix.ai/en/start/aipix-23.09/obtaining-a-token-vms-client-api */
export function login(state: AipixState, request: RecordedRequest, body: Body): Reply {
  const { captcha } = state.options.login;
  const user = state.options.users.find((candidate) => candidate.login === body.login);
  // A session that is given up was chosen after a login that had its captcha (documented).
  const isSolved = typeof body.key === 'string' && state.captchas.get(body.key) === body.captcha;
  if (captcha === 'required' && !isSolved && body.session_id === undefined) {
    state.refusedLogins++;
    return refusal(state, 422, { captcha: ['The captcha field is required.'] });
  }
  if (user?.password !== body.password || user === undefined) {
    state.refusedLogins++;
    return refusal(state, state.options.login.refused, { login: ['These credentials do not match our records.'] });
  }
  const blocked = makeRoom(state, user, body.session_id);
  if (blocked) return blocked;
  const session = openSession(state, user, request);
  state.logins++;
  const { bearerPrefix } = state.options.login;
  return wrapped(state, {
    access_token: `${bearerPrefix ? 'Bearer ' : ''}${session.token}`,
    user: userJson(state, session, 'login'),
  });
}

function wrapped(state: AipixState, body: Json): Reply {
  return jsonReply(state.options.login.wrapped ? { data: body } : body);
}

/** Source: https://docs.aipix.ai/en/start/aipix-23.12/obtaining-a-token */
export function adminLogin(state: AipixState, request: RecordedRequest, body: Body): Reply {
  if (!state.options.licence) return refusal(state, 402, {}, 'License error.');
  const user = state.options.users.find((candidate) => candidate.isAdmin && candidate.login === body.login);
  if (user?.password !== body.password || user === undefined) {
    state.refusedLogins++;
    return refusal(state, state.options.login.refused, { login: ['These credentials do not match our records.'] });
  }
  const session = openSession(state, user, request);
  state.logins++;
  const { lifetimeMs } = state.options.login;
  return jsonReply({
    access_token: session.token,
    token_type: 'Bearer',
    expires_at: bareTime(state.now() + Math.min(lifetimeMs, 365 * 86_400_000)),
    // The sample shows no id here.
    user: {
      ...(userJson(state, session, 'login') as object),
      access_token_id: state.options.admin.pushAt === 'nowhere' ? null : session.tokenId,
      admin_camera_groups: [],
    },
  });
}

/** The session that a request belongs to. Each use keeps it alive. */
export function sessionOf(state: AipixState, request: RecordedRequest): AipixSession | undefined {
  const [, token = ''] = /^Bearer (.+)$/.exec(request.headers.authorization ?? '') ?? [];
  const handedOut = state.options.tokens.find((candidate) => candidate.token === token);
  const user = handedOut && state.options.users.find((candidate) => candidate.login === handedOut.login);
  if (user && !state.sessions.has(token)) openSession(state, user, request, token);
  const session = state.sessions.get(token);
  if (!session) return undefined;
  if (state.now() - session.createdAt > state.options.login.lifetimeMs) {
    state.sessions.delete(token);
    return undefined;
  }
  session.lastUsedAt = state.now();
  return session;
}

function openSession(state: AipixState, user: AipixUser, request: RecordedRequest, token = makeToken()): AipixSession {
  const header = (name: string): string => String(request.headers[name] ?? '');
  const session: AipixSession = {
    id: String(state.nextSessionId++),
    token,
    tokenId: randomBytes(40).toString('hex'),
    user,
    client: header('x-client'),
    uuid: header('x-uuid'),
    userAgent: header('user-agent'),
    createdAt: state.now(),
    lastUsedAt: state.now(),
  };
  state.sessions.set(token, session);
  state.secrets.add(token).add(session.tokenId);
  return session;
}

function makeToken(): string {
  return `eyJ0eXAiOiJKV1QifQ.${randomBytes(24).toString('base64url')}.${randomBytes(24).toString('base64url')}`;
}

/** Ends the session that the client gives up, or asks which one that shall be. */
function makeRoom(state: AipixState, user: AipixUser, given: unknown): Reply | undefined {
  const { maxSessions, limitStatus, limitBody, evicts } = state.options.login;
  const own = [...state.sessions.values()].filter((session) => session.user.id === user.id);
  if (given !== undefined && evicts) {
    const evicted = own.find(({ id }) => id === String(given));
    if (evicted) endSession(state, evicted);
  }
  const left = own.filter(({ token }) => state.sessions.has(token));
  if (left.length < maxSessions) return undefined;
  const sessions = left.map((session) => sessionJson(state, session));
  const body =
    limitBody === 'array' ? sessions : { sessions_limit: maxSessions, sessions, captcha_will_required_in: 3 };
  return jsonReply(body, limitStatus);
}

/** The token is dead from now on, and whoever listens with it is told. */
export function endSession(state: AipixState, session: AipixSession): void {
  state.push.broadcast(`private-token.${session.tokenId}`, 'App\\Events\\TokenPush', {
    data: { type: 'logout', status: 'ok', data: {} },
    subject: null,
    message: null,
  });
  state.sessions.delete(session.token);
}

function sessionJson(state: AipixState, session: AipixSession): Json {
  return {
    id: raw(session.id),
    online: state.push.isListening(session.tokenId),
    last: isoTime(session.lastUsedAt),
    user_agent: session.userAgent,
    client: session.client,
    ip: '127.0.0.1',
    is_current: false,
  };
}

function userJson(state: AipixState, { user, tokenId, createdAt }: AipixSession, where: 'login' | 'self'): Json {
  return {
    id: raw(user.id),
    login: user.login,
    name: user.login,
    parent_id: null,
    permissions: user.permissions.map((name, index) => ({ id: index + 1, name })),
    access_token_id: state.options.login.tokenIdIn.includes(where) ? tokenId : null,
    can_update_password: true,
    created_at: isoTime(createdAt),
    updated_at: isoTime(createdAt),
  };
}

export function self(state: AipixState, session: AipixSession): Reply {
  const answer = state.options.login.self;
  if (answer !== 'served') return refusal(state, answer, {}, 'Not for this token.');
  return wrapped(state, userJson(state, session, 'self'));
}

export function sessions(state: AipixState, request: RecordedRequest, session: AipixSession, path: string): Reply {
  const own = [...state.sessions.values()].filter(({ user }) => user.id === session.user.id);
  if (path === 'sessions') return jsonReply(own.map((entry) => sessionJson(state, entry)));
  const named = own.find(({ id }) => path === `sessions/${id}`);
  if (!named || request.method !== 'POST') return unauthenticated(state);
  endSession(state, named);
  return jsonReply({ status: 'ok' });
}

export function logout(state: AipixState, session: AipixSession, body: Body): Reply {
  if (typeof body.uuid !== 'string') return refusal(state, 422, { uuid: ['The uuid field is required.'] });
  state.sessions.delete(session.token);
  state.logouts++;
  return jsonReply({ status: 'ok' });
}

/** Source: https://docs.aipix.ai/en/start/aipix-23.12/getting-captcha */
export function captcha(state: AipixState): Reply {
  const refused = throttled(state, 'captcha', '127.0.0.1');
  if (refused) return refused;
  const key = randomBytes(8).toString('hex');
  state.captchas.set(key, String(randomInt(1000, 10_000)));
  return jsonReply({ key, img: 'data:image/png;base64,iVBORw0KGgo=', ttl: 60 });
}
