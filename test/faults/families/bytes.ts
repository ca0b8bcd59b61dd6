// Answers that come cut, damaged, twice, or framed in a way that contradicts itself.
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { changed, headOf, writeAndEnd, type Family, type Fault } from '../fault';
import type { Answer } from '../proxy';

/** The body is another one, and its length says so. */
function body(name: string, change: (body: Buffer) => Buffer, passes = false): Fault {
  return { name, passes, meet: changed((answer) => ({ body: change(answer.body) })) };
}

/** The head says something else of the body. */
function framed(name: string, headers: (answer: Answer) => Record<string, string | undefined>, passes = true): Fault {
  return {
    name,
    passes,
    async meet(exchange) {
      const answer = await exchange.forward();
      await writeAndEnd(exchange, headOf(answer, headers(answer)), answer.body);
    },
  };
}

function chunked(name: string, chunks: (body: Buffer) => Buffer[]): Fault {
  return {
    name,
    passes: true,
    async meet(exchange) {
      const answer = await exchange.forward();
      const headers = { 'content-length': undefined, 'transfer-encoding': 'chunked' };
      await writeAndEnd(exchange, headOf(answer, headers), ...chunks(answer.body));
    },
  };
}

const flip = (bytes: Buffer, every: number, mask: number): Buffer => {
  const copy = Buffer.from(bytes);
  for (let at = every - 1; at < copy.length; at += every) copy[at]! ^= mask;
  return copy;
};
const size = (bytes: Buffer): Buffer => Buffer.from(`${bytes.length.toString(16)}\r\n`);
const end = Buffer.from('\r\n');
const last = Buffer.from('0\r\n\r\n');

export const bytes: Family = {
  name: 'cut, damaged and doubled answers',
  faults: [
    body('one byte only', (whole) => whole.subarray(0, 1), true),
    body('cut in the middle', (whole) => whole.subarray(0, whole.length >> 1), true),
    body('cut before the last byte', (whole) => whole.subarray(0, -1)),
    body('without its first byte', (whole) => whole.subarray(1)),
    body('the body twice', (whole) => Buffer.concat([whole, whole])),
    body('rubbish behind it', (whole) => Buffer.concat([whole, Buffer.from('\0\0trailing rubbish')])),
    body('each 50th byte turned', (whole) => flip(whole, 50, 0xff)),
    body('one bit of each 97th byte turned', (whole) => flip(whole, 97, 0x04)),
    body('zeros of the same length', (whole) => Buffer.alloc(whole.length)),
    body('the second half is zeros', (whole) =>
      Buffer.concat([whole.subarray(0, whole.length >> 1), Buffer.alloc(whole.length - (whole.length >> 1))]),
    ),
    body('backwards', (whole) => Buffer.from(whole).reverse()),
    body('as UTF-16', (whole) => Buffer.from(`\ufeff${whole.toString('latin1')}`, 'utf16le')),
    body('bytes that are no UTF-8', (whole) =>
      Buffer.concat([whole.subarray(0, 5), Buffer.from([0xc3, 0x28, 0xff, 0xfe]), whole.subarray(5)]),
    ),
    framed('more than announced', ({ body: whole }) => ({ 'content-length': String(whole.length >> 1) })),
    framed('less than announced', ({ body: whole }) => ({ 'content-length': String(whole.length + 100) })),
    framed('a negative length', () => ({ 'content-length': '-7' })),
    framed('a length that is no number', () => ({ 'content-length': 'many' })),
    framed('an enormous length', () => ({ 'content-length': '9007199254740993' })),
    framed('a length and chunks', () => ({ 'transfer-encoding': 'chunked' })),
    framed('an unknown transfer encoding', () => ({ 'content-length': undefined, 'transfer-encoding': 'rot13' })),
    framed('plain, said to be gzip', () => ({ 'content-encoding': 'gzip' }), false),
    framed('plain, said to be Brotli', () => ({ 'content-encoding': 'br' }), false),
    framed('plain, said to be of an unknown encoding', () => ({ 'content-encoding': 'zip, zip' }), false),
    chunked('chunks without an end', (whole) => [size(whole), whole, end]),
    chunked('chunks that are longer than they say', (whole) => [Buffer.from('3\r\n'), whole, end, last]),
    chunked('chunks that are shorter than they say', (whole) => [Buffer.from('fffff\r\n'), whole, end, last]),
    chunked('chunks without sizes', (whole) => [whole]),
    chunked('chunks of a size that is no number', (whole) => [Buffer.from('zz\r\n'), whole, end, last]),
    {
      name: 'gzip that is cut',
      meet: changed((answer) => ({
        headers: { ...answer.headers, 'content-encoding': 'gzip' },
        body: gzipSync(answer.body).subarray(0, -9),
      })),
    },
    {
      name: 'Brotli that is damaged',
      meet: changed((answer) => ({
        headers: { ...answer.headers, 'content-encoding': 'br' },
        body: flip(brotliCompressSync(answer.body), 11, 0x55),
      })),
    },
    {
      name: 'answered twice',
      passes: true,
      async meet(exchange) {
        const answer = await exchange.forward();
        const whole = Buffer.concat([headOf(answer, { connection: 'keep-alive' }), answer.body]);
        await writeAndEnd(exchange, whole, whole);
      },
    },
    {
      name: 'asked twice',
      passes: true,
      async meet({ forward, send }) {
        await forward();
        send(await forward());
      },
    },
  ],
};
