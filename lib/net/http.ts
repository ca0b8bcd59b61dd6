// Sends HTTP requests for providers, with limits, safe redirects and errors in words. The only user of axios: failures become
// ClipErrors without a reference to the request, because an axios error prints its credentials.
import type { Readable } from 'node:stream';
import axios, { type AxiosRequestConfig, type AxiosResponse } from 'axios';
import { ClipError, reasonFirst } from '../errors';
import type { ProxyOptions, TlsOptions } from '../provider';
import { closeAgents, createAgents } from './agents';
import { destroyOnAbort } from './body';
import { decodeText } from './charset';
import { traceRequest } from './diagnostics';
import { checkedLookup, type Lookup } from './inside';
import { networkError, wasDead } from './network-errors';
import { checkLookedUp, checkRedirect, redirectTarget, withoutSecrets } from './redirects';

const defaultTimeoutMs = 30_000;
/** An answer about one thing is small; one that lists things may be this large, and is read in pieces. */
const maxReplyBytes = 2 * 2 ** 20;
const maxListBytes = 32 * 2 ** 20;
const maxRedirects = 5;

export interface HttpOptions {
  /** `http(s)://host[:port][/base]` */
  baseUrl: string;
  tls?: TlsOptions | undefined;
  proxy?: ProxyOptions | undefined;
  /** Headers of every request. */
  headers?: Record<string, string> | undefined;
  /** Takes answers whose headers break the rules of HTTP. */
  lenient?: boolean | undefined;
  /** Longest wait for a whole small reply, or for the head of a stream. */
  timeoutMs?: number | undefined;
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Path and query below the base address, or a whole address. */
  path: string;
  headers?: Record<string, string> | undefined;
  body?: string | undefined;
  signal: AbortSignal;
  /** Purpose of the request, as the start of an error message: "Asking for the camera list". */
  action: string;
  /** May the answer list things by the thousand? Any other may have 2 MiB, a list 32 MiB. */
  isList?: boolean | undefined;
  /**
   * May it be carried out twice, as what only reads? Default: a GET. Anything else gets a connection of its own: on a kept one,
   * which the server may just be closing, nobody could tell whether it was carried out.
   */
  isRepeatable?: boolean | undefined;
  /** Takes a redirect as the answer instead of following or refusing it: its status, and `redirect` says where to. */
  reportRedirect?: boolean | undefined;
}

export interface HttpHead {
  status: number;
  /** Names in lower case. */
  headers: Record<string, string>;
  setCookies: string[];
  /** Of a redirect that was asked to be reported: the address it points to, without anything that may be a secret. */
  redirect?: URL;
}

export interface HttpReply extends HttpHead {
  text: string;
}

export interface HttpStream extends HttpHead {
  body: Readable;
}

export interface HttpClient {
  /** A whole, small reply, whatever its status. @throws ENETWORK, ETIMEOUT, EPROTOCOL, EABORTED */
  request(request: HttpRequest): Promise<HttpReply>;
  /** A reply whose body is read by the caller, who must consume or destroy it. Only waiting for its head is timed. */
  stream(request: HttpRequest): Promise<HttpStream>;
  /** Closes idle sockets. */
  close(): void;
}

type Headers = Record<string, string>;
type SentConfig = AxiosRequestConfig & { url: string; headers: Headers; signal: AbortSignal };

export function createHttpClient(options: HttpOptions): HttpClient {
  const base = options.baseUrl.replace(/\/+$/, '');
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const kept = createAgents(options);
  const once = createAgents({ ...options, keepAlive: false });
  const instance = axios.create({
    // The agents know the way.
    proxy: false,
    insecureHTTPParser: options.lenient === true,
    // Followed here, where that is asked for.
    maxRedirects: 0,
    validateStatus: () => true,
    transformResponse: (data: unknown) => data,
  });

  /** Names that stand for this computer: who is here already may be sent elsewhere here. */
  const ownNames = new Set<string>();
  const firstLookup = checkedLookup((hostname, isInside) => void (isInside && ownNames.add(hostname)));
  const lookupAfter = (first: string, action: string): Lookup =>
    checkedLookup((_, isInside) => checkLookedUp(isInside && !ownNames.has(new URL(first).hostname), action));

  const addressOf = ({ path }: HttpRequest): string => (/^https?:\/\//i.test(path) ? path : base + path);

  /** A redirected POST or DELETE could arrive as a GET: it is refused, so that the address gets corrected instead. */
  async function send(request: HttpRequest, extra: AxiosRequestConfig, signal: AbortSignal): Promise<AxiosResponse> {
    const first = addressOf(request);
    const { action, method, reportRedirect } = request;
    const isMedia = extra.responseType === 'stream';
    let [url, headers] = [first, { ...options.headers, ...request.headers, ...extra.headers } as Headers];
    for (let redirects = 0; ; redirects += 1) {
      const lookup = redirects === 0 ? firstLookup : lookupAfter(first, action);
      const response = await sendOnce(request, { ...extra, url, headers, signal, lookup });
      const { location } = response.headers as { location?: unknown };
      const isRedirect = response.status >= 300 && response.status < 400 && typeof location === 'string';
      if (!isRedirect || method !== 'GET' || reportRedirect) return response;
      (response.data as Readable | undefined)?.destroy?.();
      if (redirects === maxRedirects)
        throw new ClipError('EPROTOCOL', reasonFirst('the server redirects in circles', action));
      const target = checkRedirect(
        first,
        URL.canParse(location, url) ? new URL(location, url) : undefined,
        isMedia,
        action,
      );
      if (target.host !== new URL(url).host) headers = withoutSecrets(headers);
      url = target.href;
    }
  }

  async function sendOnce(request: HttpRequest, config: SentConfig): Promise<AxiosResponse> {
    const { method, body: data, isRepeatable = method === 'GET' } = request;
    const sent = { ...config, method, data };
    if (!isRepeatable) return instance.request({ ...sent, ...once });
    try {
      return await instance.request({ ...sent, ...kept });
    } catch (thrown) {
      if (!wasDead(thrown) || config.signal.aborted) throw thrown;
      // Others that are kept may be as dead.
      return instance.request({ ...sent, ...once });
    }
  }

  /** @param lateMs tells the time that has run out, if that is what happened */
  async function traced<T extends HttpHead>(
    request: HttpRequest,
    lateMs: () => number | undefined,
    work: () => Promise<{ reply: T; bytes?: number }>,
  ): Promise<T> {
    const end = traceRequest(request.method, addressOf(request));
    try {
      const { reply, bytes } = await work();
      end({ status: reply.status, ...(bytes === undefined ? {} : { bytes }) });
      return reply;
    } catch (thrown) {
      const error =
        tooLarge(thrown, request) ?? networkError(thrown, { ...request, url: addressOf(request) }, lateMs());
      end({ error: error.code });
      throw error;
    }
  }

  return {
    request(request) {
      const timeout = AbortSignal.timeout(timeoutMs);
      return traced(
        request,
        () => (timeout.aborted ? timeoutMs : undefined),
        async () => {
          const response = await send(
            request,
            { responseType: 'arraybuffer', maxContentLength: request.isList ? maxListBytes : maxReplyBytes },
            AbortSignal.any([request.signal, timeout]),
          );
          const bytes = response.data as Buffer;
          const reply = head(response, request);
          return { reply: { ...reply, text: decodeText(bytes, reply.headers['content-type']) }, bytes: bytes.length };
        },
      );
    },

    async stream(request) {
      // Only until the head is there: an abort by way of axios would put the whole request into the body's error.
      const waiting = new AbortController();
      const stop = (): void => waiting.abort();
      const timer = setTimeout(stop, timeoutMs);
      request.signal.addEventListener('abort', stop, { once: true });
      try {
        return await traced(
          request,
          () => (waiting.signal.aborted ? timeoutMs : undefined),
          async () => {
            request.signal.throwIfAborted();
            const headers = { 'Accept-Encoding': 'identity', ...request.headers };
            const response = await send(
              request,
              { responseType: 'stream', decompress: false, headers },
              waiting.signal,
            );
            const body = response.data as Readable;
            destroyOnAbort(body, request);
            const reply = head(response, request);
            const length = reply.headers['content-length'] ?? '';
            return { reply: { ...reply, body }, ...(/^\d{1,15}$/.test(length) ? { bytes: Number(length) } : {}) };
          },
        );
      } finally {
        clearTimeout(timer);
        request.signal.removeEventListener('abort', stop);
      }
    },

    close() {
      closeAgents(kept);
      closeAgents(once);
    },
  };
}

function tooLarge(thrown: unknown, { action, isList }: HttpRequest): ClipError | undefined {
  const { message = '' } = thrown as { message?: string };
  if (!/maxContentLength/.test(message)) return undefined;
  const limit = (isList ? maxListBytes : maxReplyBytes) / 2 ** 20;
  return new ClipError('EPROTOCOL', reasonFirst(`the answer is larger than ${limit} MiB`, action));
}

function head(response: AxiosResponse, request: HttpRequest): HttpHead {
  const isRedirect = response.status >= 300 && response.status < 400;
  if (isRedirect && !request.reportRedirect) {
    (response.data as Readable | undefined)?.destroy?.();
    throw new ClipError(
      'EPROTOCOL',
      reasonFirst(
        `the server redirects (HTTP ${response.status})`,
        request.action,
        'Set the address it points to as the address of the connection',
      ),
    );
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(response.headers)) headers[name.toLowerCase()] = String(value);
  const redirect = isRedirect ? redirectTarget(headers.location, response.config.url) : undefined;
  if (isRedirect) delete headers.location;
  const cookies: unknown = response.headers['set-cookie'];
  return {
    status: response.status,
    headers,
    setCookies: Array.isArray(cookies) ? cookies.map(String) : [],
    ...(redirect ? { redirect } : {}),
  };
}
