// Sends the requests of ZoneMinder's API and web pages. Tokens travel in the body of a POST, never in an address.
import { ClipError, reasonFirst } from '../../errors';
import { createHttpClient, type HttpReply, type HttpStream } from '../../net/http';
import type { JsonObject } from '../../net/json';
import type { CallOptions, ProviderConfig, Settings } from '../../provider';
import { readAnswer } from './errors';
import { isEnding } from './login';
import type { ZoneMinderSession } from './types';

export type Call = Pick<CallOptions<ZoneMinderSession>, 'signal' | 'session'>;

export interface Answer {
  json: JsonObject;
  headers: Record<string, string>;
}

export type ZoneMinderApi = ReturnType<typeof createZoneMinderApi>;

const form = { 'Content-Type': 'application/x-www-form-urlencoded' };

export function createZoneMinderApi({ settings, tls, proxy, now }: ProviderConfig) {
  const { pages, api } = addressesOf(settings);
  const http = createHttpClient({ baseUrl: pages, tls, proxy, lenient: settings.lenient === true });

  function send(path: string, fields: Record<string, string>, signal: AbortSignal, action: string): Promise<HttpReply> {
    return http.request({
      method: 'POST',
      isRepeatable: true,
      path: `${api}/${path}`,
      headers: { ...form, Accept: 'application/json' },
      body: new URLSearchParams(fields).toString(),
      signal,
      action,
      reportRedirect: true,
    });
  }

  /** @throws what makes the connection log in again, where the session is about to end */
  function tokenOf({ session }: Call, action: string): Record<string, string> {
    if (isEnding(session, now())) {
      throw new ClipError('EAUTH', reasonFirst('the session is about to end', action), { sessionExpired: true });
    }
    return session.token ? { token: session.token } : {};
  }

  return {
    /** Host and port, for messages. */
    host: new URL(pages).host,
    pages,

    /** Reads with a POST: a GET would need the token in its address. */
    async ask(path: string, call: Call, action: string): Promise<Answer> {
      const reply = await send(path, tokenOf(call, action), call.signal, action);
      return { json: await readAnswer(reply, action, call.session), headers: reply.headers };
    },

    /** @param fields user and password, or a refresh token */
    async login(fields: Record<string, string>, signal: AbortSignal, action: string): Promise<JsonObject> {
      const reply = await send('host/login.json', fields, signal, action);
      return readAnswer(reply, action, undefined);
    },

    /** The video file of an event, or a part of it, whatever the answer is. */
    video(event: string, range: string | undefined, call: Call, action: string): Promise<HttpStream> {
      return http.stream({
        method: 'POST',
        isRepeatable: true,
        // `mode` keeps later versions from sending a playlist for an event that is still being recorded.
        path: `/index.php?view=view_video&mode=mp4&eid=${encodeURIComponent(event)}`,
        headers: { ...form, ...(range ? { Range: range } : {}) },
        body: new URLSearchParams(tokenOf(call, action)).toString(),
        signal: call.signal,
        action,
        reportRedirect: true,
      });
    },

    close(): void {
      http.close();
    },
  };
}

/** People copy the address with what they see behind it in the browser. */
function addressesOf(settings: Settings): { pages: string; api: string } {
  const pages = String(settings.url)
    .replace(/[?#].*$/, '')
    .replace(/(\/index\.php|\/api)?\/*$/i, '');
  const api = String(settings.apiUrl || '').replace(/\/+$/, '');
  return { pages, api: api || `${pages}/api` };
}
