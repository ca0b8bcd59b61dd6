// Caches the data endpoint of each stream and API.
import { ClipError } from '../../errors';

/** AWS gives no lifetime; its own producers ask again after this long. */
const lifetimeMs = 40 * 60_000;
/** Nothing has reached the host, so that asking for its address again and sending again does no harm. */
const unreached = new Set([
  'EAI_AGAIN',
  'ECONNREFUSED',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENOTFOUND',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);
const suspect = new Set(['EFORBIDDEN', 'ENETWORK', 'EPROTOCOL', 'ETIMEOUT']);

export interface Endpoints {
  /**
   * Does something at the address that belongs to a key. An address from earlier on that turns out to be wrong is asked for
   * again, once. Source: https://docs.aws.amazon.com/kinesisvideostreams/latest/dg/limits.html
   */
  use<T>(key: string, ask: () => Promise<string>, work: (address: string) => Promise<T>): Promise<T>;
}

/** Data endpoints, kept for a while: asking for them is limited to 5 times a second for each stream. */
export function createEndpoints(now: () => number): Endpoints {
  const known = new Map<string, { address: string; askedAt: number }>();

  async function at<T>(key: string, address: string, work: (address: string) => Promise<T>): Promise<T> {
    try {
      return await work(address);
    } catch (thrown) {
      if (thrown instanceof ClipError && suspect.has(thrown.code)) known.delete(key);
      throw thrown;
    }
  }

  return {
    async use(key, ask, work) {
      const kept = known.get(key);
      if (kept && now() - kept.askedAt < lifetimeMs) {
        try {
          return await at(key, kept.address, work);
        } catch (thrown) {
          if (!isWrongAddress(thrown)) throw thrown;
        }
      }
      const address = await ask();
      known.set(key, { address, askedAt: now() });
      return at(key, address, work);
    },
  };
}

function isWrongAddress(thrown: unknown): boolean {
  if (!(thrown instanceof ClipError)) return false;
  return thrown.code === 'EPROTOCOL' || unreached.has(thrown.vendorCode ?? '');
}
