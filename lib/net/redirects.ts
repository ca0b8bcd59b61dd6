// Decides which redirects are followed, and where to an unfollowed one points. Pure.
import { ClipError, reasonFirst } from '../errors';
import { isLoopback } from './network-errors';

/**
 * A redirect must not take the request out of TLS, nor from elsewhere into this computer; and an answer of the API of another
 * server is none of this one. Media may be elsewhere: credentials do not go along.
 */
export function checkRedirect(from: string, target: URL | undefined, isMedia: boolean, action: string): URL {
  const source = new URL(from);
  const refuse = (why: string): never => {
    const advice = 'Set the address it points to as the address of the connection, if that is right';
    throw new ClipError('EPROTOCOL', reasonFirst(`the server redirects ${why}`, action, advice), { retryable: false });
  };
  if (!target || !/^https?:$/.test(target.protocol)) return refuse('to an address that cannot be read');
  if (source.protocol === 'https:' && target.protocol !== 'https:')
    refuse('from https to an address without encryption');
  if (isInside(target) && !isInside(source)) refuse('to this computer itself, or to its neighbours without an address');
  const isSame =
    source.host === target.host || (source.hostname === target.hostname && source.protocol !== target.protocol);
  if (!isMedia && !isSame) refuse(`to another server (${target.host})`);
  // Whoever redirects has no credentials to give.
  target.username = target.password = '';
  return target;
}

/** Loopback and link-local addresses: what stands there is nobody else's to point to. */
function isInside({ href, hostname }: URL): boolean {
  return isLoopback(href) || /^(169\.254\.|0\.|\[(fe[89ab]|::\]|::ffff:(7f|a9fe)))/i.test(hostname);
}

/** Tokens and session ids are longer than this, the names of pages and views are not. */
const longestShownValue = 15;

/** Where a redirect points to, without anything that may be a secret. */
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
