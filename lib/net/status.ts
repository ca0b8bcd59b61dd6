/** What the head of a reply says of how to go on. */
import { ClipError } from '../errors';
import type { HttpHead } from './http';

/**
 * The error that an HTTP status stands for; `undefined` below 400. `vendorText` is what the vendor said, if anything. A
 * status alone is `inconclusive`: gateways and proxies send every one of them.
 */
export function statusError(reply: HttpHead, action: string, vendorText = ''): ClipError | undefined {
  const { status } = reply;
  if (status < 400) return undefined;
  const said = vendorText ? `: ${vendorText}` : '';
  const message = `${action}: the server answered HTTP ${status}${said}`;
  const details = {
    vendorCode: `HTTP ${status}`,
    retryAfterMs: retryAfterMs(reply.headers['retry-after']),
    inconclusive: true,
  };
  if (status === 401) return new ClipError('EAUTH', `${message}. Check the credentials of the connection`, details);
  if (status === 403) return new ClipError('EFORBIDDEN', `${message}. Check the rights of the account`, details);
  if (status === 404 || status === 410) return new ClipError('ENOTFOUND', message, details);
  if (status === 407) {
    return new ClipError('EAUTH', `${message}. Check the user name and password of the proxy`, details);
  }
  if (status === 408) return new ClipError('ETIMEOUT', message, details);
  if (status === 429) return new ClipError('ETHROTTLED', message, details);
  if (status === 502 || status === 503 || status === 504) return new ClipError('ENETWORK', message, details);
  if (status >= 500) return new ClipError('EFAILED', message, { ...details, retryable: true });
  return new ClipError('EPROTOCOL', message, details);
}

/** `Retry-After` in seconds or as a date. */
export function retryAfterMs(header: string | undefined, now = Date.now()): number | undefined {
  if (!header) return undefined;
  if (/^\s*\d+(\.\d+)?\s*$/.test(header)) return Math.ceil(Number(header) * 1000);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
