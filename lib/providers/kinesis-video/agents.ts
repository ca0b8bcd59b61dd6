/** Makes the HTTP agents of the AWS SDK, with TLS options and proxy. */
import * as http from 'node:http';
import * as https from 'node:https';
import { ClipError } from '../../errors';
import type { ProviderConfig, ProxyOptions } from '../../provider';

export interface Agents {
  httpAgent: http.Agent;
  httpsAgent: https.Agent;
}

/**
 * Sockets for the AWS SDK, which itself knows neither TLS settings nor proxies. Without a proxy in the settings the
 * environment decides (`HTTPS_PROXY` ...), as it does for other providers.
 * @throws EUNSUPPORTED for a proxy on a Node.js whose agents cannot use one
 */
export function createAgents(
  { tls, proxy }: Pick<ProviderConfig, 'tls' | 'proxy'>,
  nodeVersion = process.versions.node,
): Agents {
  const knowsProxies = agentsKnowProxies(nodeVersion);
  if (proxy && !knowsProxies) {
    throw new ClipError(
      'EUNSUPPORTED',
      `Reaching Amazon Kinesis Video Streams through a proxy needs Node.js 22.21, 24.5 or later; this is ${nodeVersion}. Update Node.js, or take the proxy out of the connection`,
    );
  }
  const proxyEnv = proxy ? proxyEnvironment(proxy) : process.env;
  const options = { keepAlive: true, ...(knowsProxies ? { proxyEnv } : {}) };
  return { httpAgent: new http.Agent(options), httpsAgent: new https.Agent({ ...options, ...tls }) };
}

/** Source: https://nodejs.org/api/http.html#new-agentoptions (`proxyEnv`: added in v24.5.0, v22.21.0) */
function agentsKnowProxies(nodeVersion: string): boolean {
  const [major = 0, minor = 0] = nodeVersion.split('.').map(Number);
  return major > 24 || (major === 24 && minor >= 5) || (major === 22 && minor >= 21);
}

function proxyEnvironment({ url, username, password, noProxy }: ProxyOptions): Record<string, string> {
  const address = new URL(url);
  if (username) {
    address.username = encodeURIComponent(username);
    address.password = encodeURIComponent(password ?? '');
  }
  // A name stands for its sub-domains too, however it is written; Node.js wants to be told both.
  const names = noProxy.map((pattern) => pattern.trim().replace(/^\*?\./, '')).filter((name) => name !== '');
  return {
    HTTP_PROXY: address.href,
    HTTPS_PROXY: address.href,
    NO_PROXY: names.flatMap((name) => (name === '*' ? [name] : [name, `.${name}`])).join(','),
  };
}
