/** Login and sessions. The answer's shape is unknown throughout, so each part of it is a switch. */
import { createHash, createHmac } from 'node:crypto';
import { XMLParser } from 'fast-xml-parser';
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import type { SenseOptions } from './options';
import { leaf, parseTimestamp, Refusal, refusalReply, resultReply, xmlReply } from './replies';
import type { SenseSession, SenseState } from './state';

/** POST /webservice */
export function login(state: SenseState, request: RecordedRequest): Reply {
  if (request.method !== 'POST') return htmlPage(405, 'Method Not Allowed');
  const { strayCookie } = state.options.session;
  const reply = answerLogin(state, request);
  if (!strayCookie) return reply;
  const cookies = [strayCookie, reply.headers?.['set-cookie'] ?? []].flat().map(String);
  return { ...reply, headers: { ...reply.headers, 'set-cookie': cookies } };
}

function answerLogin(state: SenseState, request: RecordedRequest): Reply {
  const username = authenticate(state, request.body.toString('utf8'));
  if (username === undefined) {
    state.refusedLogins++;
    return refusedLogin(state);
  }
  const session = openSession(state, username);
  if (session === 'too many') return refusalReply(state, new Refusal(-18, 'Too many sessions'));
  state.logins++;
  return loginReply(state, session);
}

/** The digest of AuthenticateUserDigest as one client computes it; experimental, never confirmed by a server. */
export function experimentalDigest(
  digest: Pick<SenseOptions['digest'], 'secret' | 'order'>,
  login: { username: string; password: string; timestamp: string },
): string {
  const text = hexOf('md5', login.timestamp) + login.username + hexOf('sha1', hexOf('sha1', login.password));
  const [key, content] = digest.order === 'secret-is-key' ? [digest.secret, text] : [text, digest.secret];
  return createHmac('sha1', key).update(content).digest('hex');
}

function hexOf(algorithm: 'md5' | 'sha1', text: string): string {
  return createHash(algorithm).update(text).digest('hex');
}

function authenticate(state: SenseState, body: string): string | undefined {
  const { auth, users, digest, lockAfter } = state.options;
  const { root, fields } = parseLogin(body);
  const username = fields.get('username') ?? '';
  const user = users.find((candidate) => candidate.username === username);
  const strikes = state.strikes.get(username) ?? 0;
  const refused = (): undefined => {
    state.strikes.set(username, strikes + 1);
  };
  if (!user || strikes >= lockAfter) return refused();
  if (root === 'authenticateuser' && (auth.includes('plain') || auth.includes('open'))) {
    if (fields.get('password') !== user.password) return refused();
  } else if (root === 'authenticateuserdigest' && auth.includes('digest')) {
    const timestamp = fields.get('timestamp') ?? '';
    const sentAt = parseTimestamp(timestamp, 'seconds');
    // The allowed clock skew is unknown.
    if (sentAt === undefined || Math.abs(sentAt - state.now()) > digest.skewMs) return refused();
    const expected = experimentalDigest(digest, { ...user, timestamp });
    if (fields.get('nonce') !== digest.nonce || fields.get('digest')?.toLowerCase() !== expected) return refused();
  } else {
    return refused();
  }
  state.strikes.delete(username);
  return username;
}

/** Tag names in requests are case-insensitive (documented). */
function parseLogin(body: string): { root: string; fields: Map<string, string> } {
  const fields = new Map<string, string>();
  let root = '';
  try {
    const parser = new XMLParser({ parseTagValue: false, trimValues: false, ignoreDeclaration: true });
    const document = parser.parse(body, true) as Record<string, unknown>;
    for (const [tag, content] of Object.entries(document)) {
      if (typeof content !== 'object' || content === null) continue;
      root = tag.toLowerCase();
      for (const [name, value] of Object.entries(content)) fields.set(name.toLowerCase(), String(value));
    }
  } catch {
    // Not XML: nobody is logged in by it.
  }
  return { root, fields };
}

function openSession(state: SenseState, username: string): SenseSession | 'too many' {
  const { onePerUser, max } = state.options.session;
  for (const session of state.sessions.values()) {
    if (isIdle(state, session) || (onePerUser && session.username === username)) state.sessions.delete(session.key);
  }
  if (state.sessions.size >= max) return 'too many';
  const key = String(state.nextSessionKey++);
  const session = { key, username, createdAt: state.now(), lastUsedAt: state.now() };
  state.sessions.set(key, session);
  return session;
}

function loginReply(state: SenseState, session: SenseSession): Reply {
  const { in: places, name, cookie, cookieAttributes, root } = state.options.session;
  const attributes = places.includes('attribute') ? { [name]: session.key } : {};
  const elements = places.includes('element') ? [leaf(name, session.key)] : [];
  const inside = places.includes('inside') ? [{ tag: name, children: [leaf('key', session.key)] }] : [];
  const reply = places.includes('root')
    ? xmlReply(state, leaf(name, session.key))
    : resultReply(state, 0, [...elements, ...inside], { root, attributes });
  if (!places.includes('cookie')) return reply;
  return { ...reply, headers: { ...reply.headers, 'set-cookie': `${cookie}=${session.key}${cookieAttributes}` } };
}

function refusedLogin(state: SenseState): Reply {
  const { refusedLogin: answer, refusedLoginCode, session } = state.options;
  if (answer === '401' || answer === '403') return statusPage(state, Number(answer));
  if (answer === 'login-page') return htmlPage(200, 'Log in');
  if (answer === 'zero-key') return resultReply(state, 0, [leaf(session.name, '0')], { root: session.root });
  if (answer === 'no-key') return resultReply(state, 0, [leaf('description', 'Access denied')], { root: session.root });
  return refusalReply(state, new Refusal(refusedLoginCode, 'Unknown user or wrong password'));
}

/** Key of the session that a request belongs to; empty where it needs none. */
export function sessionKeyOf(state: SenseState, request: RecordedRequest): string {
  const key = cookieOf(request, state.options.session.cookie) ?? '';
  return state.sessions.has(key) ? key : '';
}

/** The answer to whoever may not give commands, or undefined. Each use keeps a session alive. */
export function refuseStranger(state: SenseState, request: RecordedRequest): Reply | undefined {
  const { auth, session: rules, unauthenticated, unauthenticatedCode } = state.options;
  if (auth.includes('open')) return undefined;
  if (auth.includes('basic') && request.headers.authorization !== undefined) {
    if (basicUser(state, request.headers.authorization)) return undefined;
    state.refusedLogins++;
  }
  const session = state.sessions.get(cookieOf(request, rules.cookie) ?? '');
  if (session && !isIdle(state, session)) {
    session.lastUsedAt = state.now();
    return undefined;
  }
  if (session) state.sessions.delete(session.key);
  if (unauthenticated === '401' || unauthenticated === '403') return statusPage(state, Number(unauthenticated));
  if (unauthenticated === 'login-page') return htmlPage(200, 'Log in');
  return refusalReply(state, new Refusal(unauthenticatedCode, 'Not logged in'));
}

function statusPage(state: SenseState, status: number): Reply {
  const page = htmlPage(status, status === 401 ? 'Unauthorized' : 'Forbidden');
  if (status !== 401 || !state.options.auth.includes('basic')) return page;
  return { ...page, headers: { ...page.headers, 'www-authenticate': 'Basic realm="Sense"' } };
}

function basicUser(state: SenseState, header: string): boolean {
  const [scheme = '', token = ''] = header.split(' ');
  const given = Buffer.from(token, 'base64').toString('utf8');
  const known = state.options.users.some(({ username, password }) => given === `${username}:${password}`);
  return scheme.toLowerCase() === 'basic' && known;
}

function cookieOf(request: RecordedRequest, name: string): string | undefined {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

function isIdle(state: SenseState, session: SenseSession): boolean {
  return state.now() - session.lastUsedAt > state.options.session.idleMs;
}
