// Words answers of Frigate's backend and of the nginx in front of it, with that one's cache.
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import type { FrigateState } from './state';

export function jsonReply(body: unknown, status = 200): Reply {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

export const success = (message: string, more: object = {}, status = 200): Reply =>
  jsonReply({ success: true, message, ...more }, status);

export const refusal = (status: number, message: string): Reply => jsonReply({ success: false, message }, status);

/** Of the framework, not of Frigate: there is no such route. */
export const noRoute = (): Reply => jsonReply({ detail: 'Not Found' }, 404);

export const invalid = (msg: string): Reply =>
  jsonReply({ detail: [{ loc: ['body'], msg, type: 'value_error' }] }, 422);

const titles: Record<number, string> = {
  400: '400 The plain HTTP request was sent to HTTPS port',
  401: '401 Authorization Required',
  403: '403 Forbidden',
  404: '404 Not Found',
  502: '502 Bad Gateway',
};

export const nginxPage = (status: number): Reply => htmlPage(status, titles[status] ?? String(status));

/** The web interface, which answers for every address that it does not know. */
export const indexPage = (): Reply => htmlPage(200, 'Frigate');

interface Cached {
  reply: Reply;
  until: number;
}

export type ApiCache = Map<string, Cached>;

/** JSON answers of GET requests are kept for 5 s, unless the client asks to pass them by; a fresh one is stored all the same. */
export async function throughCache(
  state: FrigateState,
  request: RecordedRequest,
  user: string,
  answer: () => Reply | Promise<Reply>,
): Promise<Reply> {
  const { apiMs, isUserBlind } = state.options.cache;
  if (request.method !== 'GET') return answer();
  const key = `${isUserBlind ? '' : user} ${request.target}`;
  const cached = state.apiCache.get(key);
  const isBypassed = (request.headers['x-cache-bypass'] ?? '') !== '';
  if (cached && !isBypassed && cached.until > state.now()) return cached.reply;
  const reply = await answer();
  const isJson = String(reply.headers?.['content-type']).startsWith('application/json');
  if (isJson && (reply.status ?? 200) === 200) state.apiCache.set(key, { reply, until: state.now() + apiMs });
  return reply;
}
