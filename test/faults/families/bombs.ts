// Answers that are small on the way, or cheap to send, and expensive to read.
import { brotliCompressSync, constants, deflateSync, gzipSync } from 'node:zlib';
import { instead, json, atKindsOfReading, xml, type Family, type Fault } from '../fault';

const many = 1_500_000;

/** Made when it is first met, and kept for all cells. */
function bomb(name: string, headers: Record<string, string>, make: () => string | Buffer): Fault {
  let made: string | Buffer | undefined;
  return { name, isAt: atKindsOfReading, meet: (exchange) => instead(200, headers, (made ??= make()))(exchange) };
}

const zeros = (mib: number): Buffer => Buffer.alloc(mib * 2 ** 20);
const quickly = { params: { [constants.BROTLI_PARAM_QUALITY]: 3 } };
const entities = (levels: number): string =>
  Array.from({ length: levels }, (_, level) => {
    const inner = level === 0 ? 'lol' : `&e${level - 1};`.repeat(10);
    return `<!ENTITY e${level} "${inner}">`;
  }).join('');

export const bombs: Family = {
  name: 'bombs',
  faults: [
    bomb('gzip', { ...json, 'content-encoding': 'gzip' }, () => gzipSync(zeros(256))),
    bomb('gzip within gzip', { ...json, 'content-encoding': 'gzip, gzip' }, () => gzipSync(gzipSync(zeros(256)))),
    bomb('deflate', { ...json, 'content-encoding': 'deflate' }, () => deflateSync(zeros(256))),
    bomb('Brotli', { ...xml, 'content-encoding': 'br' }, () => brotliCompressSync(zeros(256), quickly)),
    bomb('gzip of JSON', { ...json, 'content-encoding': 'gzip' }, () => gzipSync(`[${'[],'.repeat(9_000_000)}[]]`)),
    bomb('gzip of XML', { ...xml, 'content-encoding': 'gzip' }, () => gzipSync(`<r>${'<a/>'.repeat(7_000_000)}</r>`)),
    bomb('entities', xml, () => `<!DOCTYPE r [${entities(12)}]><result><id>&e11;</id></result>`),
    bomb(
      'one long entity',
      xml,
      () => `<!DOCTYPE r [<!ENTITY a "${'x'.repeat(100_000)}">]><r>${'&a;'.repeat(9_999)}</r>`,
    ),
    bomb('entities of HTML', xml, () => `<result><id>${'&amp;'.repeat(300_000)}</id></result>`),
    bomb('a file by an entity', xml, () => '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/hostname">]><r>&f;</r>'),
    bomb('deep arrays', json, () => '['.repeat(many / 2) + ']'.repeat(many / 2)),
    bomb('deep objects', json, () => `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`),
    bomb('deep arrays without end', json, () => '['.repeat(many)),
    bomb('deep elements', xml, () => `${'<a>'.repeat(200_000)}${'</a>'.repeat(200_000)}`),
    bomb('many empty objects', json, () => `[${'{},'.repeat(600_000)}{}]`),
    bomb('many keys', json, () => `{${Array.from({ length: 150_000 }, (_, key) => `"k${key}":1`).join()}}`),
    bomb('many empty elements', xml, () => `<result>${'<a/>'.repeat(450_000)}</result>`),
    bomb(
      'many attributes',
      xml,
      () => `<result ${Array.from({ length: 150_000 }, (_, at) => `a${at}=""`).join(' ')}/>`,
    ),
    bomb('many numbers', json, () => `[${'1,'.repeat(900_000)}1]`),
    bomb('a number of a million digits', json, () => `{"id":${'9'.repeat(1_000_000)}}`),
    bomb('a text of 30 MB', json, () => `{"id":"${'x'.repeat(30_000_000)}"}`),
    bomb('escapes', json, () => `{"id":"${'\\u0000'.repeat(300_000)}"}`),
    bomb('clips without end', xml, () => `<result errorcode="0">${'<clip><id>1</id></clip>'.repeat(80_000)}</result>`),
    bomb('comments', xml, () => `<result>${'<!---->'.repeat(250_000)}</result>`),
  ],
};
