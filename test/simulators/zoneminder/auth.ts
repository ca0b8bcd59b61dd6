// Logins, tokens and rights of the simulated server.
import { randomBytes } from 'node:crypto';
import type { RecordedRequest, Reply } from '../http-server';
import type { SimUser } from './options';
import { errorReply, jsonReply } from './replies';
import type { ZoneMinderState } from './state';

interface Token {
  user: SimUser;
  type: 'access' | 'refresh';
  endsAtMs: number;
  revoked: boolean;
}

export type Tokens = Map<string, Token>;

/** The fields of a form in the body, with those of the query. */
export function fieldsOf(request: RecordedRequest): URLSearchParams {
  const fields = new URLSearchParams(request.body.toString());
  for (const [name, value] of request.query) if (!fields.has(name)) fields.set(name, value);
  return fields;
}

export function login(state: ZoneMinderState, request: RecordedRequest): Reply {
  const { options } = state;
  const fields = fieldsOf(request);
  const [name, password, refresh] = [fields.get('user'), fields.get('pass'), fields.get('token')];
  const later = options.version !== '1.36.33';
  const common = { version: options.version, apiversion: '2.0' };
  if (!options.login) {
    if (name === null) return errorReply(request, 401, 'No identity provided');
    return jsonReply({
      access_token: null,
      access_token_expires: null,
      credentials: '',
      append_password: 0,
      ...common,
    });
  }
  if (refresh !== null) {
    const known = tokenProblem(state, refresh, 'refresh');
    if (typeof known === 'string') return errorReply(request, 401, known);
    return jsonReply({ ...accessOf(state, known), ...common });
  }
  if (name === null || password === null) return errorReply(request, 401, 'No identity provided');
  const user = options.users.find((each) => each.name === name);
  if (!user?.enabled) {
    return errorReply(request, 401, later ? 'Invalid username or password' : `Could not retrieve user ${name} details`);
  }
  if (user.password !== password) {
    return errorReply(request, 401, later ? 'Invalid username or password' : `Login denied for user "${name}"`);
  }
  if (!options.api) return errorReply(request, 401, 'API Disabled');
  if (!user.api) return errorReply(request, 401, `API disabled for: ${name}`);
  if (!options.hashSecret) return errorReply(request, 403, 'Please create a valid AUTH_HASH_SECRET in ZoneMinder');
  const refreshToken = issue(state, user, 'refresh', options.refreshSeconds);
  return jsonReply({
    ...accessOf(state, user),
    refresh_token: refreshToken,
    refresh_token_expires: options.refreshSeconds,
    credentials: `auth=${randomBytes(16).toString('hex')}`,
    append_password: 0,
    ...common,
  });
}

function accessOf(state: ZoneMinderState, user: SimUser): object {
  const seconds = state.options.accessSeconds;
  return { access_token: issue(state, user, 'access', seconds), access_token_expires: seconds };
}

function issue(state: ZoneMinderState, user: SimUser, type: Token['type'], seconds: number): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const iat = Math.floor(state.now() / 1000);
  const claims = { iss: 'ZoneMinder', iat, exp: iat + seconds, user: user.name, type };
  const token = `${part({ typ: 'JWT', alg: 'HS256' })}.${part(claims)}.${randomBytes(32).toString('base64url')}`;
  state.tokens.set(token, { user, type, endsAtMs: state.now() + seconds * 1000, revoked: false });
  return token;
}

/** The user of a token, or why it is none. */
export function tokenProblem(state: ZoneMinderState, token: string, type: Token['type'] = 'access'): SimUser | string {
  const known = state.tokens.get(token);
  if (!known) return token.split('.').length === 3 ? 'Signature verification failed' : 'Wrong number of segments';
  if (known.revoked) return 'Token revoked. Please re-generate';
  if (known.endsAtMs <= state.now()) return 'Expired token';
  if (known.type !== type) return 'Incorrect token type';
  return known.user;
}

/** Who asks the API, or the refusal. Without a login everybody may do everything. */
export function callerOf(state: ZoneMinderState, request: RecordedRequest): SimUser | Reply {
  const { options } = state;
  if (!options.api) return errorReply(request, 401, 'API Disabled');
  const everybody: SimUser = { ...options.users[0]!, events: 'Edit', monitors: 'Edit', system: true, monitorIds: [] };
  if (!options.login) return everybody;
  const token = fieldsOf(request).get('token');
  if (!token) return errorReply(request, 401, 'Not Authenticated');
  const user = tokenProblem(state, token);
  if (typeof user === 'string') return errorReply(request, 401, user);
  if (!user.api) return errorReply(request, 401, `API disabled for: ${user.name}`);
  return user;
}

export function isReply(value: SimUser | Reply): value is Reply {
  return !('password' in value);
}

export function maySee(user: SimUser, monitorId: number): boolean {
  return user.monitorIds.length === 0 || user.monitorIds.includes(monitorId);
}
