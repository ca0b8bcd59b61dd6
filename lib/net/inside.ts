// Tells addresses of this computer and of its link from all others: what stands there is nobody else's to point to.
import dns, { type LookupOptions } from 'node:dns';
import { BlockList, isIP } from 'node:net';

const inside = new BlockList();
// Loopback, link-local, and "this host". The list finds IPv4 addresses within IPv6 ones of the form ::ffff:1.2.3.4, too.
for (const [address, bits] of [
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['0.0.0.0', 8],
] as const) {
  inside.addSubnet(address, bits);
}
// Addresses that stand for IPv4 addresses in other ways: compatible (RFC 4291), translated (RFC 7915), NAT64 (RFC 6052).
for (const [address, bits] of [
  ['::', 96],
  ['fe80::', 10],
  ['::ffff:0:7f00:0', 104],
  ['::ffff:0:a9fe:0', 112],
  ['64:ff9b::7f00:0', 104],
  ['64:ff9b::a9fe:0', 112],
] as const) {
  inside.addSubnet(address, bits, 'ipv6');
}

/** @param address of the Internet Protocol, as a URL has it or as a look-up gives it */
export function isInsideAddress(address: string): boolean {
  const bare = address.replace(/^\[|\]$/g, '');
  const version = isIP(bare);
  return version !== 0 && inside.check(bare, version === 6 ? 'ipv6' : 'ipv4');
}

/** Names that every computer has for itself, with or without the dot at the end. Others show when they are looked up. */
export function isOwnName(hostname: string): boolean {
  return /^(?:.*\.)?localhost\.?$/i.test(hostname);
}

export type Lookup = (
  hostname: string,
  options: object,
  done: (error: Error | null, addresses: { address: string; family: 4 | 6 }[]) => void,
) => void;

/** Looks names up as usual. @param found gets what was found; what it throws ends the request */
export function checkedLookup(found: (hostname: string, isInside: boolean) => void): Lookup {
  return (hostname, options, done) => {
    dns.lookup(hostname, { ...(options as LookupOptions), all: true }, (error, addresses) => {
      if (error) return done(error, []);
      try {
        found(
          hostname,
          addresses.some(({ address }) => isInsideAddress(address)),
        );
      } catch (refusal) {
        return done(refusal as Error, []);
      }
      done(
        null,
        addresses.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 })),
      );
    });
  };
}
