// Publishes one record per request over `node:diagnostics_channel`, without anything that may be a secret.
import { channel } from 'node:diagnostics_channel';

export const requestChannelName = '@vms-nodes/node-red-video-clips:request';
const requests = channel(requestChannelName);

export interface RequestRecord {
  method: string;
  /** Scheme, host, path and query; what may be a secret is cut out of them. */
  url: string;
  /** Absent where no answer came. */
  status?: number;
  /** Of the answer's body, where that is known: a stream counts what was announced. */
  bytes?: number;
  ms: number;
  /** The code of the failure. */
  error?: string;
}

/** To be called when a request begins; the returned function publishes how it ended. */
export function traceRequest(method: string, url: string): (end: Omit<RequestRecord, 'method' | 'url' | 'ms'>) => void {
  const startedAt = performance.now();
  return (end) => {
    if (!requests.hasSubscribers) return;
    const ms = Math.round(performance.now() - startedAt);
    requests.publish({ method, url: withoutSecrets(url), ms, ...end } satisfies RequestRecord);
  };
}

/** Tokens, keys and signed addresses are longer than this; names of commands, cameras and files are not. */
const longestShown = 24;
const secretNames =
  /pass|pwd|secret|token|key|auth|sign|session|login|user|credential|cookie|ticket|nonce|hmac|sid\b|\bpin\b/i;

export function withoutSecrets(address: string): string {
  if (!URL.canParse(address)) return '(no address)';
  const url = new URL(address);
  const path = url.pathname.split('/').map(shortened).join('/');
  const query = [...url.searchParams]
    .map(([name, value]) => `${shortened(name)}=${secretNames.test(name) ? '…' : shortened(value)}`)
    .join('&');
  return `${url.protocol}//${url.host}${path}${query ? `?${query}` : ''}`;
}

function shortened(text: string): string {
  return text.length > longestShown ? `${text.slice(0, 4)}…` : text;
}
