// Checks logins, tokens and roles.
import { createHmac, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import type { RecordedRequest, Reply } from '../http-server';
import { jsonReply } from './replies';
import { findCamera, minorOf, type FrigateState } from './state';

/** Who asks. */
export interface Account {
  name: string;
  role: string;
}

export const newSecret = (): string => randomBytes(32).toString('hex');

const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
const signature = (secret: string, text: string): string =>
  createHmac('sha256', secret).update(text).digest('base64url');

function tokenFor(state: FrigateState, { name, role }: Account): string {
  const seconds = Math.floor(state.now() / 1000);
  const claims = {
    sub: name,
    role,
    exp: seconds + state.options.login.sessionSeconds,
    ...(minorOf(state) >= 17 ? { iat: seconds } : {}),
  };
  const text = `${part({ alg: 'HS256' })}.${part(claims)}`;
  const token = `${text}.${signature(state.secret, text)}`;
  state.secrets.add(token);
  return token;
}

/** `undefined`: the port asks for a login, and none is given. */
export function accountOf(state: FrigateState, headers: IncomingHttpHeaders): Account | undefined {
  const { login } = state.options;
  if (!login.required) return { name: 'anonymous', role: 'admin' };
  const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? '')?.[1];
  const cookie = new RegExp(`${login.cookieName}=([^;]+)`).exec(headers.cookie ?? '')?.[1];
  const [head, claims, signed] = (bearer ?? cookie ?? '').split('.');
  if (!head || !claims || signed !== signature(state.secret, `${head}.${claims}`)) return undefined;
  const { sub, role, exp } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as {
    sub: string;
    role: string;
    exp: number;
  };
  return exp * 1000 > state.now() ? { name: sub, role } : undefined;
}

/** Attempts are counted whether they are right or wrong, and the answer says no time. */
export function login(state: FrigateState, request: RecordedRequest): Reply {
  const { options } = state;
  const { cookieExpires, cookieName, enabled, limit } = options.login;
  state.loginTimes = state.loginTimes.filter((at) => state.now() - at < limit.windowMs);
  if (state.loginTimes.length >= limit.count) {
    return jsonReply({ error: `Rate limit exceeded: ${limit.count} per ${limit.windowMs / 1000} second` }, 429);
  }
  state.loginTimes.push(state.now());
  if (!enabled && minorOf(state) >= 18) return jsonReply({ message: 'Authentication is disabled' }, 404);
  const { user, password } = JSON.parse(request.body.toString()) as Record<string, unknown>;
  const found = options.users.find((candidate) => candidate.name === user && candidate.password === password);
  if (!found) return jsonReply({ message: 'Login failed' }, 401);
  state.logins += 1;
  const cookie = `${cookieName}=${tokenFor(state, found)}; expires=${cookieExpires}; HttpOnly; Path=/; SameSite=lax`;
  return { status: 200, headers: { 'set-cookie': cookie }, body: '' };
}

/** A token that somebody has made with the secret of the server. */
export function mintToken(state: FrigateState, account: Account): string {
  return tokenFor(state, account);
}

export function profile(state: FrigateState, account: Account): Reply {
  const cameras = allowedCameras(state, account);
  return jsonReply({
    username: account.name,
    role: account.role,
    ...(minorOf(state) >= 17 ? { allowed_cameras: cameras } : {}),
  });
}

/** 0.16 knows no roles with cameras of their own. */
export function allowedCameras(state: FrigateState, { role }: Account): string[] {
  const all = state.options.cameras.map(({ id }) => id);
  const own = minorOf(state) >= 17 ? state.options.roles[role] : undefined;
  return own ? all.filter((id) => own.includes(id)) : all;
}

/** The refusal of a camera that the role may not see. */
export function refusedCamera(state: FrigateState, account: Account, camera: string): Reply | undefined {
  const allowed = allowedCameras(state, account);
  if (allowed.includes(camera) || !findCamera(state, camera)) return undefined;
  return jsonReply({ detail: `Access denied to camera '${camera}'. Allowed: ${JSON.stringify(allowed)}` }, 403);
}

export function refusedRole({ role }: Account): Reply | undefined {
  return role === 'admin' ? undefined : jsonReply({ detail: `Role ${role} not authorized. Required: admin` }, 403);
}
