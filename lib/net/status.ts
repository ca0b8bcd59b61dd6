// Maps HTTP statuses to errors, and headers to pauses.
import { ClipError, reasonFirst } from '../errors';
import type { HttpHead } from './http';

/**
 * The error that an HTTP status stands for; `undefined` below 400. `vendorText` is what the vendor said, if anything. A
 * status alone is `inconclusive`: gateways and proxies send every one of them.
 */
export function statusError(reply: HttpHead, action: string, vendorText = ''): ClipError | undefined {
  const { status } = reply;
  if (status < 400) return undefined;
  const said = vendorText ? `: ${vendorText}` : '';
  const message = reasonFirst(`the server answered HTTP ${status}${said}`, action);
  const details = {
    vendorCode: `HTTP ${status}`,
    retryAfterMs: retryAfterMs(
      status === 429 || status === 503 ? reply.headers : { 'retry-after': reply.headers['retry-after'] },
    ),
    inconclusive: true,
  };
  if (status === 401)
    return new ClipError(
      'EAUTH',
      `${message}. ${digestAdvice(reply) || 'Check the credentials of the connection'}`,
      details,
    );
  if (status === 403) return new ClipError('EFORBIDDEN', `${message}. Check the rights of the account`, details);
  if (status === 404 || status === 410) return new ClipError('ENOTFOUND', message, details);
  // The proxy's word, which says nothing about the credentials of the connection.
  if (status === 407) return new ClipError('ENETWORK', `${message}. ${proxyLoginAdvice}`, details);
  if (status === 408) return new ClipError('ETIMEOUT', message, details);
  if (status === 429) return new ClipError('ETHROTTLED', message, details);
  if (status === 502 || status === 503 || status === 504) return new ClipError('ENETWORK', message, details);
  if (status >= 500) return new ClipError('EFAILED', message, { ...details, retryable: true });
  return new ClipError('EPROTOCOL', message, details);
}

/** A 407 is never the video system's own. */
export const proxyLoginAdvice =
  'A proxy on the way wants a user name and a password: set them in the proxy of the connection, or in HTTP_PROXY and HTTPS_PROXY';

/** Advice for a 401 that asks for Digest while the connection sends Basic; empty for any other. */
export function digestAdvice({ headers }: HttpHead): string {
  const wanted = headers['www-authenticate'] ?? '';
  return /\bdigest\b/i.test(wanted) && !/\bbasic\b/i.test(wanted)
    ? 'The server wants HTTP Digest logins, which this connection does not speak: let it take Basic logins, over https'
    : '';
}

/** No pause that a server may ask for is longer. */
const longestPauseMs = 24 * 3600_000;
/** Larger numbers of seconds are points in time. */
const leastEpochSeconds = 1e9;

/**
 * The wait that the server asks for: `Retry-After` in seconds or as a date, else `RateLimit-Reset` or `X-RateLimit-Reset`, which are seconds to
 * wait or, in some servers, the second, or a fraction of it, at which the limit ends. Points in time are by the clock of the server,
 * which may be another hour.
 */
export function retryAfterMs(
  headers: Record<string, string | undefined>,
  now = Date.parse(headers['date'] ?? '') || Date.now(),
): number | undefined {
  const pauseMs =
    readPause(headers['retry-after'], now) ??
    readPause(headers['ratelimit-reset'], now) ??
    readPause(headers['x-ratelimit-reset'], now);
  return pauseMs === undefined ? undefined : Math.min(Math.max(0, Math.ceil(pauseMs)), longestPauseMs);
}

/** Some servers add a unit, the parameters of a later standard, or the same once more. */
const pausePattern = /^\s*\+?(\d+(?:\.\d+)?)\s*(?:s|secs?|seconds?)?\s*(?:[,;].*)?$/i;

function readPause(header: string | undefined, now: number): number | undefined {
  if (!header) return undefined;
  const [, digits] = pausePattern.exec(header) ?? [];
  if (digits !== undefined) {
    const value = Number(digits);
    const epochMs = value >= 1e18 ? value / 1e6 : value >= 1e15 ? value / 1e3 : value;
    if (value >= 1000 * leastEpochSeconds) return epochMs >= 1e15 ? Infinity : epochMs - now;
    return value >= leastEpochSeconds && value < 10 * leastEpochSeconds ? value * 1000 - now : value * 1000;
  }
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : at - now;
}
