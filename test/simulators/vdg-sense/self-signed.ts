/**
 * Certificates for 127.0.0.1 and localhost, made on the spot: none to keep in the repository, none that runs out. Without an
 * issuer, one is its own, so that a client trusts it when it is given as `ca`.
 */
import { createPrivateKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

const dayMs = 24 * 3600 * 1000;

export interface Identity {
  key: string;
  cert: string;
}

export interface CertificateOptions {
  /** Common name. */
  name?: string;
  /** Alternative names: host names and IPv4 addresses. */
  hosts?: string[];
  /** Epoch milliseconds. */
  from?: number;
  to?: number;
  issuer?: Identity & { name: string };
  /** May it sign others? */
  isAuthority?: boolean;
}

export function selfSignedCertificate(): Identity {
  return makeCertificate({});
}

export function makeCertificate({
  name = 'localhost',
  hosts = ['localhost', '127.0.0.1'],
  from = Date.now() - dayMs,
  to = Date.now() + dayMs,
  issuer,
  isAuthority = true,
}: CertificateOptions): Identity {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'prime256v1' });
  const ecdsaWithSha256 = sequence(hex('06082a8648ce3d040302'));
  const commonName = (text: string): Buffer =>
    sequence(der(0x31, sequence(hex('0603550403'), der(0x0c, Buffer.from(text)))));
  const alternativeNames = sequence(...hosts.map(alternativeName));
  const extensions = sequence(
    sequence(hex('0603551d11'), der(0x04, alternativeNames)),
    // basicConstraints, critical, CA: true
    ...(isAuthority ? [sequence(hex('0603551d130101ff'), der(0x04, sequence(hex('0101ff'))))] : []),
  );
  const certificate = sequence(
    der(0xa0, hex('020102')),
    der(0x02, Buffer.concat([Buffer.from([1]), randomBytes(8)])),
    ecdsaWithSha256,
    commonName(issuer?.name ?? name),
    sequence(time(from), time(to)),
    commonName(name),
    publicKey.export({ type: 'spki', format: 'der' }),
    der(0xa3, extensions),
  );
  const signer = issuer ? createPrivateKey(issuer.key) : privateKey;
  const signature = der(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', certificate, signer)]));
  const encoded = sequence(certificate, ecdsaWithSha256, signature).toString('base64');
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    cert: `-----BEGIN CERTIFICATE-----\n${encoded.replace(/.{1,64}/g, '$&\n')}-----END CERTIFICATE-----\n`,
  };
}

function alternativeName(host: string): Buffer {
  const isAddress = /^\d+(\.\d+){3}$/.test(host);
  return isAddress ? der(0x87, Buffer.from(host.split('.').map(Number))) : der(0x82, Buffer.from(host));
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  const { length } = content;
  const size = length < 128 ? [length] : length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([Buffer.from([tag, ...size]), content]);
}

function sequence(...parts: Buffer[]): Buffer {
  return der(0x30, ...parts);
}

function hex(text: string): Buffer {
  return Buffer.from(text, 'hex');
}

/** UTCTime: two digits of the year. */
function time(epochMs: number): Buffer {
  return der(0x17, Buffer.from(`${new Date(epochMs).toISOString().replace(/[-:T]/g, '').slice(2, 14)}Z`));
}
