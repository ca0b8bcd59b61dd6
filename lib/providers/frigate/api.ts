// Sends the requests of Frigate's HTTP API; what they mean for clips is in clips.ts.
import { ClipError, reasonFirst } from '../../errors';
import { createHttpClient, type HttpReply, type HttpRequest, type HttpStream } from '../../net/http';
import { isObject, parseLongJson, type JsonObject } from '../../net/json';
import type { CallOptions, ProviderConfig } from '../../provider';
import { certificateAdvice, replyError, strangeReply, type Access } from './errors';
import type { FrigateSession } from './types';

/** The session is absent where there is no login. */
export type Call = CallOptions<FrigateSession | undefined>;

export interface ApiRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Below the address of the connection. */
  path: string;
  body?: object;
  headers?: Record<string, string>;
  action: string;
  /** May the answer be long? Configurations, days of recordings and exports of years are. */
  isList?: boolean;
}

/** @throws EAUTH when the pasted token cannot be one */
export function createFrigateApi({ settings, credentials, tls, proxy, now }: ProviderConfig) {
  // People copy the address with the path that all API calls share.
  const baseUrl = String(settings.url).replace(/\/+(api\/*)?$/, '');
  const http = createHttpClient({ baseUrl, tls, proxy, lenient: settings.lenient === true });
  const pasted = credentials.token.trim().replace(/^Bearer\s+/i, '');
  // A character that no header holds would fail later, with an error that shows the token.
  if (/[^\x21-\x7e]/.test(pasted))
    throw new ClipError('EAUTH', 'The bearer token contains characters that no token has');
  const access: Access = pasted ? 'token' : credentials.username || credentials.password ? 'login' : 'none';

  function headersFor(
    { method, headers, action }: Pick<ApiRequest, 'method' | 'headers' | 'action'>,
    session: Call['session'],
  ): Record<string, string> {
    if (session?.usableUntil !== undefined && now() >= session.usableUntil) {
      throw new ClipError('EAUTH', reasonFirst('the session has ended', action), { sessionExpired: true });
    }
    return {
      Accept: 'application/json',
      // The server's nginx keeps answers of the API for 5 s. Source: docker/main/rootfs/usr/local/nginx/conf/nginx.conf
      ...(method === 'GET' ? { 'X-Cache-Bypass': '1' } : { 'X-CSRF-TOKEN': '1', 'Content-Type': 'application/json' }),
      ...authorization(session),
      ...headers,
    };
  }

  function authorization(session: Call['session']): Record<string, string> {
    const token = pasted || session?.token;
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  /** Any answer, whatever its status. */
  async function send(request: ApiRequest, { signal, session }: Call): Promise<HttpReply> {
    const { method, path, body = {}, action, isList } = request;
    const headers = headersFor(request, session);
    const text = method === 'POST' ? JSON.stringify(body) : undefined;
    return http.request({ method, path, headers, body: text, signal, action, isList }).catch((thrown: unknown) => {
      throw certificateAdvice(thrown);
    });
  }

  /** The text of a success. */
  async function text(path: string, call: Call, action: string, isList = false): Promise<HttpReply> {
    const reply = await send({ method: 'GET', path, action, isList }, call);
    const problem = replyError(reply, action, access);
    if (problem) throw problem;
    return reply;
  }

  return {
    baseUrl,
    access,
    authorization,
    send,
    text,

    /** An object, which the JSON of a success must be. @throws EPROTOCOL */
    async object(path: string, call: Call, action: string): Promise<JsonObject> {
      const reply = await text(path, call, action, true);
      const json = await parseLongJson(reply.text);
      if (!isObject(json)) throw strangeReply(reply.text, action);
      return json;
    },

    /** A list of objects, which an answer must be. @throws EPROTOCOL */
    async list(path: string, call: Call, action: string): Promise<unknown[]> {
      const reply = await text(path, call, action, true);
      const json = await parseLongJson(reply.text);
      if (!Array.isArray(json) || (json.length > 0 && !json.some(isObject))) throw strangeReply(reply.text, action);
      return json as unknown[];
    },

    /** A file, whatever its status. */
    async stream(request: HttpRequest, { session }: Call): Promise<HttpStream> {
      const headers = headersFor(
        { ...request, method: 'GET', headers: { Accept: '*/*', ...request.headers } },
        session,
      );
      return http.stream({ ...request, headers }).catch((thrown: unknown) => {
        throw certificateAdvice(thrown);
      });
    },

    close: () => http.close(),
  };
}

export type FrigateApi = ReturnType<typeof createFrigateApi>;
