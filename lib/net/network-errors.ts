// Explains why a request got no answer, and what to do about it.
import { cancelled, ClipError, reasonFirst } from '../errors';
import { proxyRefused } from './agents';
import { isOwnName } from './inside';
import { proxyLoginAdvice } from './status';

/** A request, as far as it matters to what is said about it. */
export interface FailedRequest {
  signal: AbortSignal;
  action: string;
  /** Its address. */
  url?: string;
}

interface Meaning {
  pattern: RegExp;
  /** The reason, and what to do about it behind a full stop. `{host}` stands for host and port. */
  says: string;
  /** Would it be the same at the next try? */
  isLasting?: boolean;
}

/** By the code of the error, or the words of OpenSSL in its message. The first that fits counts. */
const meanings: Meaning[] = [
  {
    pattern: /^CERT_HAS_EXPIRED|certificate has expired/i,
    says: 'the certificate of {host} has expired. Renew it on the server; if it is still valid, set the clock of this computer',
    isLasting: true,
  },
  {
    pattern: /^CERT_NOT_YET_VALID|not yet valid/i,
    says: 'the certificate of {host} is not valid yet. Check the clock of this computer and of the server',
    isLasting: true,
  },
  {
    pattern: /ERR_TLS_CERT_ALTNAME_INVALID/,
    says: 'the certificate of the server is for another name than {host}. Use the name that it is for as the address, or enter that name as "Server Name" in the TLS configuration',
    isLasting: true,
  },
  {
    pattern: /^CERT_REVOKED/,
    says: 'the certificate of {host} has been revoked. Renew it on the server',
    isLasting: true,
  },
  {
    pattern: /^(DEPTH_ZERO_SELF_SIGNED_CERT|SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_(VERIFY|GET)_|CERT_)/,
    says: "the server's certificate is not trusted. Add its CA to the TLS configuration of the connection",
    isLasting: true,
  },
  {
    pattern: /WRONG_VERSION_NUMBER|wrong version number|PACKET_LENGTH_TOO_LONG|packet length too long|HTTP_REQUEST/i,
    says: '{host} does not speak TLS. Begin the address with http: instead of https:, or correct the port',
    isLasting: true,
  },
  {
    pattern: /CERTIFICATE_REQUIRED|certificate required/i,
    says: '{host} wants a certificate of this client. Add one with its key to the TLS configuration of the connection',
    isLasting: true,
  },
  {
    pattern: /UNSUPPORTED_PROTOCOL|unsupported protocol|ALERT_PROTOCOL_VERSION|alert protocol version/i,
    says: '{host} speaks only versions of TLS that are too old to be safe. Update it, or let a reverse proxy speak TLS for it',
    isLasting: true,
  },
  {
    pattern: /KEY_TOO_SMALL|key too small|MD_TOO_WEAK|md too weak/i,
    says: 'the key or certificate of {host} is too weak to be safe. Give the server a new one',
    isLasting: true,
  },
  {
    pattern: /HANDSHAKE_FAILURE|handshake failure|NO_CIPHERS|no ciphers/i,
    says: '{host} and this computer agree on no encryption. The server may be too old, or want a certificate of this client',
    isLasting: true,
  },
  {
    pattern: /^HPE_HEADER_OVERFLOW/,
    says: 'the answer of {host} has larger headers than can be read',
  },
  {
    pattern: /^HPE_/,
    says: 'the answer of {host} breaks the rules of HTTP, as that of some devices does. Where the connection has the switch "Accept malformed HTTP", turn it on; check the address, too',
  },
  {
    pattern: /^ENOTFOUND/,
    says: 'the name of {host} is not known here. Check the address; inside of a container, names of the local network may be unknown: use the IP address',
  },
  {
    pattern: /^EAI_/,
    says: 'the name of {host} cannot be looked up: no name server answers. Check the network and its DNS',
  },
  {
    pattern: /^ECONNREFUSED/,
    says: 'nothing listens at {host}. Check the port, and that the service is running',
  },
  {
    pattern: /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|ETIMEDOUT|EADDRNOTAVAIL)/,
    says: 'there is no way to {host}. Check the address, the network, VPN and firewalls in between',
  },
  {
    pattern: /^(ECONNRESET|EPIPE|ECONNABORTED)|socket hang up/,
    says: '{host} broke the connection. If it goes on doing so, check whether the address must begin with https: or http:',
  },
];

/**
 * The error of a request that got no answer; for providers whose vendor brings its own client, too.
 * @param lateMs the time that has run out, if that is what happened
 */
export function networkError(thrown: unknown, request: FailedRequest, lateMs?: number): ClipError {
  const { action, url = '' } = request;
  const ours = causesOf(thrown).find((error) => error instanceof ClipError);
  // Its stack names the insides of a library.
  if (ours) return new ClipError(ours.code, ours.message, ours);
  if (request.signal.aborted) return cancelled(reasonFirst('cancelled', action));
  if (lateMs !== undefined)
    return new ClipError('ETIMEOUT', reasonFirst(`no answer within ${lateMs / 1000} s`, action));
  const { code, message = '' } = thrown as { code?: string; message?: string };
  if (code === proxyRefused) return proxyError(message, action);
  if (code === 'ERR_INVALID_URL' || code === 'ERR_BAD_OPTION') {
    return new ClipError('EINVALID', reasonFirst('the address of the connection or its proxy is not valid', action));
  }
  const meaning = meanings.find(({ pattern }) => pattern.test(code ?? '') || pattern.test(message));
  const host = hostOf(url);
  const says = meaning?.says.replaceAll('{host}', () => host) ?? 'the server cannot be reached';
  const [why, ...advice] = says.split('. ');
  if (isLoopback(url) && /^ECONNREFUSED/.test(code ?? '')) advice.push(loopbackHint);
  const words = reasonFirst(`${why} (${code ?? 'connection failed'})`, action, advice.join('. '));
  return new ClipError('ENETWORK', words, {
    retryable: !meaning?.isLasting,
    ...(code ? { vendorCode: code } : {}),
  });
}

const loopbackHint =
  'This address is the computer itself; inside of a container it is the container: use the address of the host there';

function proxyError(message: string, action: string): ClipError {
  const [, status = ''] = /HTTP (\d{3})/.exec(message) ?? [];
  const reason = `the proxy refuses the way to the server (HTTP ${status})`;
  const details = { vendorCode: `HTTP ${status}`, inconclusive: true };
  const advice = status === '407' ? proxyLoginAdvice : 'Check that the proxy may reach it';
  return new ClipError('ENETWORK', reasonFirst(reason, action, advice), details);
}

/** Libraries wrap errors. */
function causesOf(thrown: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let error = thrown; error instanceof Error && causes.length < 5; error = error.cause) causes.push(error);
  return causes;
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).host : 'the server';
}

function isLoopback(url: string): boolean {
  if (!URL.canParse(url)) return false;
  const { hostname } = new URL(url);
  return isOwnName(hostname) || /^(127(\.\d+){3}|\[::1\])$/.test(hostname);
}

/** Did a connection that was kept from before end before any answer came? Then the server never saw the request. */
export function wasDead(thrown: unknown): boolean {
  const { code, request, response } = thrown as {
    code?: string;
    request?: { reusedSocket?: boolean; _currentRequest?: { reusedSocket?: boolean } };
    response?: unknown;
  };
  const isReused = (request?._currentRequest ?? request)?.reusedSocket === true;
  return isReused && !response && (code === 'ECONNRESET' || code === 'EPIPE');
}
