// Decides which redirects are followed, with which headers, and where to an unfollowed one points. Pure.
import { ClipError, reasonFirst } from '../errors';
import { isInsideAddress, isOwnName } from './inside';

/**
 * A redirect must not take the request out of TLS, nor from elsewhere into this computer; and an answer of the API of another
 * server is none of this one. Media may be elsewhere: credentials do not go along.
 */
export function checkRedirect(from: string, target: URL | undefined, isMedia: boolean, action: string): URL {
  const source = new URL(from);
  const refuse = (why: string): never => {
    throw refused(why, action);
  };
  if (!target || !/^https?:$/.test(target.protocol)) return refuse('to an address that cannot be read');
  if (source.protocol === 'https:' && target.protocol !== 'https:')
    refuse('from https to an address without encryption');
  if (leadsInside(from, target)) refuse(insideWords);
  const isSame =
    source.host === target.host || (source.hostname === target.hostname && source.protocol !== target.protocol);
  if (!isMedia && !isSame) refuse(`to another server (${target.host})`);
  // Whoever redirects has no credentials to give.
  target.username = target.password = '';
  return target;
}

function isInside({ hostname }: URL): boolean {
  return isOwnName(hostname) || isInsideAddress(hostname);
}

/** Does an address that a server names, other than by a redirect, lead from elsewhere into this computer? */
export function leadsInside(from: string, target: URL): boolean {
  return isInside(target) && !isInside(new URL(from));
}

const insideWords = 'to this computer itself, or to its neighbours without an address';

/** The same for the name of a redirect, as it is looked up: it may be another address than that of the look-up before. */
export function checkLookedUp(isInsideHost: boolean, action: string): void {
  if (isInsideHost) throw refused(insideWords, action);
}

function refused(why: string, action: string): ClipError {
  const advice = 'Set the address it points to as the address of the connection, if that is right';
  return new ClipError('EPROTOCOL', reasonFirst(`the server redirects ${why}`, action, advice), { retryable: false });
}

/** They say what is wanted, and nothing of who asks. */
const openHeaders: ReadonlySet<string> = new Set([
  ...['accept', 'accept-encoding', 'accept-language', 'content-type', 'if-range', 'range', 'user-agent'],
]);

/** The headers that another origin may see: keys and sessions have headers of any name. */
export function withoutSecrets(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => openHeaders.has(name.toLowerCase())));
}

/** Tokens and session ids are longer than this, the names of pages and views are not. */
const longestShownValue = 15;

/** Target of a redirect, without anything that may be a secret. */
export function redirectTarget(location: string | undefined, from: string | undefined): URL | undefined {
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
