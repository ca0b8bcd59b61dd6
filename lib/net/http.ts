/**
 * HTTP for providers. The only user of axios: every failure leaves here as a ClipError that keeps no reference to the
 * request, because an axios error prints its credentials.
 */
import * as http from 'node:http';
import * as https from 'node:https';
import type { Readable } from 'node:stream';
import axios, { type AxiosProxyConfig, type AxiosRequestConfig, type AxiosResponse } from 'axios';
import { ClipError } from '../errors';

const defaultTimeoutMs = 30_000;
/** An answer about one thing is small; one that lists things may be this large, and is read in pieces. */
const maxReplyBytes = 2 * 2 ** 20;
const maxListBytes = 32 * 2 ** 20;
const maxRedirects = 5;

/** PEM material and checks for TLS, as Node's `tls.connect` names them. */
export interface TlsOptions {
  ca?: string | Buffer;
  cert?: string | Buffer;
  key?: string | Buffer;
  pfx?: string | Buffer;
  passphrase?: string;
  servername?: string;
  rejectUnauthorized?: boolean;
}

export interface ProxyOptions {
  /** `http://host:port` */
  url: string;
  username?: string;
  password?: string;
  /** Host names that are reached directly. */
  noProxy: string[];
}

export interface HttpOptions {
  /** `http(s)://host[:port][/base]` */
  baseUrl: string;
  tls?: TlsOptions;
  proxy?: ProxyOptions;
  /** Headers of every request. */
  headers?: Record<string, string>;
  /** Names of headers that must never reach another origin, beside `Authorization` and `Cookie`. */
  secretHeaders?: string[];
  /** Longest wait for a whole small reply, or for the head of a stream. */
  timeoutMs?: number;
}

export interface HttpRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Path and query below the base address, or a whole address. */
  path: string;
  headers?: Record<string, string>;
  body?: string;
  signal: AbortSignal;
  /** What the request is for, to start an error message with: "Asking for the camera list". */
  action: string;
  /** May the answer list things by the thousand? Any other may have 2 MiB, a list 32 MiB. */
  isList?: boolean;
  /** Takes a redirect as the answer instead of following or refusing it: its status, and `redirect` says where to. */
  reportRedirect?: boolean;
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

export function createHttpClient(options: HttpOptions): HttpClient {
  const base = options.baseUrl.replace(/\/+$/, '');
  const timeoutMs = options.timeoutMs ?? defaultTimeoutMs;
  const httpAgent = new http.Agent({ keepAlive: true });
  const httpsAgent = new https.Agent({ keepAlive: true, ...options.tls });
  const instance = axios.create({
    httpAgent,
    httpsAgent,
    validateStatus: () => true,
    transformResponse: (data: unknown) => data,
    sensitiveHeaders: ['authorization', 'cookie', ...(options.secretHeaders ?? [])],
    headers: { common: options.headers ?? {} },
  });

  async function send(request: HttpRequest, extra: AxiosRequestConfig, signal: AbortSignal): Promise<AxiosResponse> {
    const url = /^https?:\/\//i.test(request.path) ? request.path : base + request.path;
    return instance.request({
      url,
      method: request.method,
      headers: request.headers,
      data: request.body,
      // A redirected POST or DELETE could arrive as a GET: refuse, so that the address gets corrected instead.
      maxRedirects: request.method === 'GET' && !request.reportRedirect ? maxRedirects : 0,
      proxy: proxyFor(url, options.proxy),
      signal,
      ...extra,
    });
  }

  return {
    async request(request) {
      const timeout = AbortSignal.timeout(timeoutMs);
      try {
        const response = await send(
          request,
          { responseType: 'text', maxContentLength: request.isList ? maxListBytes : maxReplyBytes },
          AbortSignal.any([request.signal, timeout]),
        );
        return { ...head(response, request), text: String(response.data ?? '') };
      } catch (thrown) {
        throw networkError(thrown, request, timeout.aborted ? timeoutMs : undefined);
      }
    },

    async stream(request) {
      // Only until the head is there: an abort by way of axios would put the whole request into the body's error.
      const waiting = new AbortController();
      const stop = (): void => waiting.abort();
      const timer = setTimeout(stop, timeoutMs);
      request.signal.addEventListener('abort', stop, { once: true });
      try {
        request.signal.throwIfAborted();
        const response = await send(
          request,
          { responseType: 'stream', decompress: false, headers: { 'Accept-Encoding': 'identity', ...request.headers } },
          waiting.signal,
        );
        const body = response.data as Readable;
        destroyOnAbort(body, request);
        return { ...head(response, request), body };
      } catch (thrown) {
        throw networkError(thrown, request, waiting.signal.aborted ? timeoutMs : undefined);
      } finally {
        clearTimeout(timer);
        request.signal.removeEventListener('abort', stop);
      }
    },

    close() {
      httpAgent.destroy();
      httpsAgent.destroy();
    },
  };
}

function head(response: AxiosResponse, request: HttpRequest): HttpHead {
  const isRedirect = response.status >= 300 && response.status < 400;
  if (isRedirect && !request.reportRedirect) {
    (response.data as Readable | undefined)?.destroy?.();
    throw new ClipError(
      'EPROTOCOL',
      `${request.action}: the server redirects (HTTP ${response.status}). Set the address it points to as the address of the connection`,
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

/** Tokens and session ids are longer than this, the names of pages and views are not. */
const longestShownValue = 15;

function redirectTarget(location: string | undefined, from: string | undefined): URL | undefined {
  if (!location || !URL.canParse(location, from)) return undefined;
  const target = new URL(location, from);
  target.username = '';
  target.password = '';
  target.hash = '';
  for (const [name, value] of [...target.searchParams]) {
    if (value.length > longestShownValue) target.searchParams.set(name, '');
  }
  return target;
}

/** `undefined` leaves the choice to the environment (`HTTP_PROXY` ...), as the core http request node does. */
function proxyFor(url: string, proxy: ProxyOptions | undefined): AxiosProxyConfig | false | undefined {
  if (!proxy) return undefined;
  const { hostname } = new URL(url);
  if (isDirect(hostname, proxy)) return false;
  const address = new URL(proxy.url);
  return {
    protocol: address.protocol,
    host: address.hostname,
    port: Number(address.port || (address.protocol === 'https:' ? 443 : 80)),
    ...(proxy.username ? { auth: { username: proxy.username, password: proxy.password ?? '' } } : {}),
  };
}

/** Is this host reached without the proxy? */
export function isDirect(hostname: string, { noProxy }: ProxyOptions): boolean {
  return noProxy.some((pattern) => matchesHost(hostname, pattern.trim().toLowerCase()));
}

/** `example.com` and its sub-domains, however it is written: `.example.com`, `*.example.com`. `*` is every host. */
function matchesHost(hostname: string, pattern: string): boolean {
  const name = pattern.replace(/^\*?\./, '');
  return pattern === '*' || (name !== '' && (hostname === name || hostname.endsWith(`.${name}`)));
}

const certificateErrors =
  /^(CERT_|ERR_TLS_CERT|DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY|GET_ISSUER))/;

/**
 * What a request that got no reply failed with; for providers whose vendor brings its own client, too.
 * @param lateMs the time that has run out, if that is what happened
 */
export function networkError(
  thrown: unknown,
  request: Pick<HttpRequest, 'signal' | 'action' | 'isList'>,
  lateMs: number | undefined,
): ClipError {
  if (thrown instanceof ClipError) return thrown;
  if (request.signal.aborted) return new ClipError('EABORTED', `${request.action}: cancelled`);
  if (lateMs !== undefined) return new ClipError('ETIMEOUT', `${request.action}: no answer within ${lateMs / 1000} s`);
  const { code, message } = thrown as { code?: string; message?: string };
  if (code && certificateErrors.test(code)) {
    return new ClipError(
      'ENETWORK',
      `${request.action}: the server's certificate is not trusted (${code}). Add its CA to the TLS configuration of the connection`,
      { retryable: false, vendorCode: code },
    );
  }
  if (/maxContentLength/.test(message ?? '')) {
    const limit = (request.isList ? maxListBytes : maxReplyBytes) / 2 ** 20;
    return new ClipError('EPROTOCOL', `${request.action}: the answer is larger than ${limit} MiB`);
  }
  if (code === 'ERR_FR_TOO_MANY_REDIRECTS') {
    return new ClipError('EPROTOCOL', `${request.action}: the server redirects in circles`);
  }
  if (code === 'ERR_INVALID_URL' || code === 'ERR_BAD_OPTION') {
    return new ClipError('EINVALID', `${request.action}: the address of the connection or its proxy is not valid`);
  }
  return new ClipError('ENETWORK', `${request.action}: the server cannot be reached (${code ?? 'connection failed'})`, {
    ...(code ? { vendorCode: code } : {}),
  });
}

function destroyOnAbort(body: Readable, { signal, action }: HttpRequest): void {
  const cancel = (): void => void body.destroy(new ClipError('EABORTED', `${action}: cancelled`));
  if (signal.aborted) cancel();
  signal.addEventListener('abort', cancel, { once: true });
  body.once('close', () => signal.removeEventListener('abort', cancel));
}
