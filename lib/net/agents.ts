// Connects to servers: TLS settings and proxies, the same for HTTP, WebSocket and the AWS SDK.
import * as http from 'node:http';
import * as https from 'node:https';
import { isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import * as tls from 'node:tls';
import type { ProxyOptions, TlsOptions } from '../provider';

export interface Agents {
  httpAgent: http.Agent;
  httpsAgent: https.Agent;
}

interface Endpoint {
  protocol: string;
  hostname: string;
  port: string;
}

type Connected = (error: Error | null, socket: Duplex) => void;

/** Longest wait for a proxy to open a tunnel. */
const tunnelTimeoutMs = 30_000;

interface AgentOptions {
  tls?: TlsOptions | undefined;
  proxy?: ProxyOptions | undefined;
  /** Default: true, idle connections are kept until `closeAgents`. False: each request has one of its own. */
  keepAlive?: boolean | undefined;
}

/** Sockets for HTTP clients. */
export function createAgents({ tls: tlsOptions, proxy, keepAlive = true }: AgentOptions): Agents {
  return {
    httpAgent: new ProxiedHttpAgent(proxy, keepAlive),
    httpsAgent: new TunnelAgent(proxy, { ...tlsOptions, keepAlive }),
  };
}

export function closeAgents({ httpAgent, httpsAgent }: Agents): void {
  httpAgent.destroy();
  httpsAgent.destroy();
}

/** The proxy of the settings, else the one of the environment (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`). */
export function proxyFor(
  target: Endpoint,
  settings: ProxyOptions | undefined,
  environment: Record<string, string | undefined> = process.env,
): ProxyOptions | undefined {
  const proxy = settings ?? proxyOfEnvironment(target, environment);
  return proxy && !isDirect(target, proxy) ? proxy : undefined;
}

function proxyOfEnvironment(
  { protocol }: Endpoint,
  environment: Record<string, string | undefined>,
): ProxyOptions | undefined {
  const read = (name: string): string => (environment[name] || environment[name.toUpperCase()] || '').trim();
  const address = read(isSecure(protocol) ? 'https_proxy' : 'http_proxy') || read('all_proxy');
  const url = /^[a-z][a-z0-9+.-]*:\/\//i.test(address) ? address : `http://${address}`;
  if (address === '' || !URL.canParse(url)) return undefined;
  const { username, password } = new URL(url);
  return {
    url,
    ...(username ? { username: decoded(username), password: decoded(password) } : {}),
    noProxy: read('no_proxy').split(/[\s,]+/),
  };
}

/** Environments hold passwords with a percent sign that nobody has encoded. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** `example.com` and its sub-domains, however it is written: `.example.com`, `*.example.com`. `*` is every host. */
function isDirect({ protocol, hostname, port }: Endpoint, { noProxy }: ProxyOptions): boolean {
  const host = hostname.toLowerCase();
  return noProxy.some((pattern) => {
    const [, name = '', only] = /^(.*?)(?::(\d+))?$/.exec(pattern.trim().toLowerCase()) ?? [];
    if (only && only !== (port || defaultPort(protocol))) return false;
    const domain = name.replace(/^\*?\./, '');
    return name === '*' || (domain !== '' && (host === domain || host.endsWith(`.${domain}`)));
  });
}

function isSecure(protocol: string): boolean {
  return protocol === 'https:' || protocol === 'wss:';
}

function defaultPort(protocol: string): string {
  return isSecure(protocol) ? '443' : '80';
}

/** Why there is no way through a proxy. */
export const proxyRefused = 'ERR_PROXY_REFUSED';

/** A connection through the proxy to the server, with TLS inside where the server speaks it. */
export function openTunnel(
  target: Endpoint,
  proxy: ProxyOptions,
  tlsOptions: tls.ConnectionOptions,
  connected: Connected,
  signal?: AbortSignal,
): void {
  const authority = `${target.hostname}:${target.port || defaultPort(target.protocol)}`;
  const request = (/^https:/i.test(proxy.url) ? https : http).request(withoutLogin(proxy.url), {
    method: 'CONNECT',
    path: authority,
    headers: { Host: authority, ...proxyHeaders(proxy) },
    agent: false,
    timeout: tunnelTimeoutMs,
    signal,
  });
  request.once('timeout', () => request.destroy(new Error('The proxy does not answer')));
  const failed = (error: Error): void => connected(error, undefined as never);
  request.once('error', failed);
  request.once('connect', ({ statusCode }, socket: Duplex) => {
    if (statusCode !== 200) {
      socket.destroy();
      return failed(Object.assign(new Error(`HTTP ${statusCode}`), { code: proxyRefused }));
    }
    if (!isSecure(target.protocol)) return connected(null, socket);
    const host = target.hostname.replace(/^\[|\]$/g, '');
    const secure = tls.connect({ host, servername: isIP(host) ? '' : host, ...tlsOptions, socket });
    secure.once('secureConnect', () => connected(null, secure)).once('error', failed);
  });
  request.end();
}

function proxyHeaders({ username, password = '' }: ProxyOptions): Record<string, string> {
  if (!username) return {};
  return { 'Proxy-Authorization': `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

function withoutLogin(address: string): URL {
  const url = new URL(address);
  url.username = '';
  url.password = '';
  return url;
}

/** Connects to https servers, through a tunnel where there is a proxy. */
class TunnelAgent extends https.Agent {
  constructor(
    readonly proxy: ProxyOptions | undefined,
    options: https.AgentOptions,
  ) {
    super(options);
  }

  override createConnection(options: https.RequestOptions, connected: Connected): Duplex | null | undefined {
    const target = { protocol: 'https:', hostname: String(options.host), port: String(options.port ?? '') };
    const proxy = proxyFor(target, this.proxy);
    if (!proxy) return super.createConnection(options, connected);
    const { path: _, ...tlsOptions } = options as tls.ConnectionOptions;
    openTunnel(target, proxy, tlsOptions, connected);
    return undefined;
  }
}

/** The method of Node's agents that takes each request; its types leave it out. */
interface RequestAdder {
  addRequest(request: http.ClientRequest, options: http.ClientRequestArgs & { proxy?: URL }): void;
}

/** Connects to http servers; a proxy is asked for the whole address. */
class ProxiedHttpAgent extends http.Agent {
  constructor(
    readonly proxy: ProxyOptions | undefined,
    keepAlive: boolean,
  ) {
    super({ keepAlive });
  }

  addRequest(request: http.ClientRequest, options: http.ClientRequestArgs): void {
    const { addRequest } = http.Agent.prototype as unknown as RequestAdder;
    const hostname = String(options.host ?? options.hostname);
    const port = String(options.port ?? '');
    const proxy = proxyFor({ protocol: 'http:', hostname, port }, this.proxy);
    if (!proxy) return addRequest.call(this, request, options);
    const address = withoutLogin(proxy.url);
    const authority = `${isIP(hostname) === 6 ? `[${hostname}]` : hostname}${port === '' || port === '80' ? '' : `:${port}`}`;
    request.path = `http://${authority}${request.path}`;
    for (const [name, value] of Object.entries(proxyHeaders(proxy))) request.setHeader(name, value);
    const host = address.hostname.replace(/^\[|\]$/g, '');
    addRequest.call(this, request, {
      ...options,
      host,
      hostname: host,
      port: address.port || defaultPort(address.protocol),
      proxy: address,
      // The name of the proxy is looked up, not that of the server.
      lookup: undefined,
    });
  }

  override createConnection(options: http.ClientRequestArgs & { proxy?: URL }, connected?: Connected) {
    const { host, port, proxy } = options;
    if (proxy?.protocol !== 'https:') return super.createConnection(options, connected);
    return tls.connect({ host: String(host), port: Number(port), servername: isIP(String(host)) ? '' : String(host) });
  }
}
