// Certificates and handshakes that are wrong in every way, in place of a good one.
import type { ServerOptions } from 'node:https';
import { makeCertificate, type Identity } from '../../simulators/vdg-sense/self-signed';
import type { Family, Fault } from '../fault';
import type { Certificates, Proxy } from '../proxy';

const dayMs = 24 * 3600_000;

/** Made once: keys take their time. */
function once<T>(make: () => T): () => T {
  let made: { value: T } | undefined;
  return () => (made ??= { value: make() }).value;
}

const authority = once((): Identity & { name: string } => ({
  name: 'Trusted',
  ...makeCertificate({ name: 'Trusted' }),
}));
const stranger = once((): Identity & { name: string } => ({
  name: 'Stranger',
  ...makeCertificate({ name: 'Stranger' }),
}));
const between = once((): Identity & { name: string } => ({
  name: 'Between',
  ...makeCertificate({ name: 'Between', issuer: authority() }),
}));

export const good = once((): Certificates => ({
  ...makeCertificate({ issuer: authority(), isAuthority: false }),
  ca: authority().cert,
}));

const identities: Record<string, () => Identity> = {
  'that has expired': once(() =>
    makeCertificate({ issuer: authority(), from: Date.now() - 9 * dayMs, to: Date.now() - dayMs }),
  ),
  'that is not valid yet': once(() =>
    makeCertificate({ issuer: authority(), from: Date.now() + dayMs, to: Date.now() + 9 * dayMs }),
  ),
  'for another name': once(() =>
    makeCertificate({ issuer: authority(), name: 'other.example', hosts: ['other.example'] }),
  ),
  'for no name': once(() => makeCertificate({ issuer: authority(), name: '', hosts: [] })),
  'of its own': once(() => makeCertificate({})),
  'of an unknown authority': once(() => makeCertificate({ issuer: stranger() })),
  'of an authority that lends its name only': once(() =>
    makeCertificate({ issuer: { ...stranger(), name: 'Trusted' } }),
  ),
  'whose issuer is not sent': once(() => makeCertificate({ issuer: between() })),
  'whose issuer may not sign': once(() => {
    const name = 'No authority';
    const issuer = { name, ...makeCertificate({ name, issuer: authority(), isAuthority: false }) };
    const leaf = makeCertificate({ issuer });
    return { key: leaf.key, cert: leaf.cert + issuer.cert };
  }),
};

const certificate = (name: string, identity: () => Identity): Fault => ({
  name: `a certificate ${name}`,
  certificates: good,
  line: presenting(identity),
});

function presenting(options: () => Partial<ServerOptions>): Fault['line'] {
  return { harm: (proxy) => proxy.present(options()), mend: (proxy: Proxy) => proxy.present({}) };
}

const handshakes: Fault[] = [
  ...Object.entries(identities).map(([name, identity]) => certificate(name, identity)),
  {
    name: 'versions of TLS that are too old',
    certificates: good,
    line: presenting(() => ({ minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' })),
  },
  {
    name: 'ciphers that nobody speaks',
    certificates: good,
    line: presenting(() => ({ maxVersion: 'TLSv1.2', ciphers: 'PSK-AES128-CBC-SHA' })),
  },
  {
    name: 'a certificate of the client is wanted',
    certificates: good,
    line: presenting(() => ({ requestCert: true, rejectUnauthorized: true })),
  },
  { name: 'plain HTTP in place of TLS', certificates: good, line: speaking('HTTP/1.1 400 Bad Request\r\n\r\n') },
  {
    name: 'rubbish in place of TLS',
    certificates: good,
    line: speaking('\u0016\u0003\u0001\u0002\u0000\u0001rubbish'.repeat(9)),
  },
  { name: 'a handshake that breaks', certificates: good, passes: true, line: speaking('') },
  { name: 'TLS, as it should be', certificates: good, passes: true, line: presenting(() => ({})) },
];

export const certificates: Family = {
  name: 'certificates and handshakes',
  // A handshake is the same whatever is asked for afterwards.
  faults: handshakes.map((fault) => ({ ...fault, isAt: (step) => /^(create|status|download|check)$/.test(step) })),
};

/** In place of a handshake. */
function speaking(text: string): Fault['line'] {
  return { harm: (proxy) => proxy.say(text), mend: (proxy) => proxy.say(undefined) };
}
