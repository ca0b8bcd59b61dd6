// Headers and bodies that never end.
import { headOf, html, json, atKindsOfReading, pour, untilGone, xml, type Family, type Fault } from '../fault';
import type { Exchange } from '../proxy';

const piece = (text: string, bytes: number): Buffer => Buffer.from(text.repeat(Math.ceil(bytes / text.length)));
const ftyp = '\u0000\u0000\u0000\u0014ftypisom\u0000\u0000\u0000\u0001isom';
const mp4 = { 'content-type': 'video/mp4' };

/** More than any limit of the product. What would go on has served its purpose, and is followed by silence. */
const pieces = 700;
/** More than the disk of a cell has room for. */
const piecesOfVideo = 1_100;

/** @param bytes of each piece that is written: where many answers lie in one, reading it takes its time */
function endless(
  name: string,
  start: (exchange: Exchange) => Buffer | Promise<Buffer>,
  filling: string,
  { bytes = 64 * 1024, count = pieces } = {},
): Fault {
  return {
    name,
    isAt: atKindsOfReading,
    // A video without end fills the disk up to its reserve, which no other try would change.
    passes: !/video/.test(name),
    async meet(exchange) {
      const { socket, signal } = exchange;
      socket.write(await start(exchange));
      await pour(socket, signal, piece(filling, bytes), count);
      await untilGone(signal);
    },
  };
}

const noLength = { 'content-length': undefined };
const chunks = { ...noLength, 'transfer-encoding': 'chunked' };
const empty = Buffer.alloc(0);
const started = (headers: Record<string, string | undefined>, body = ''): Buffer =>
  Buffer.concat([headOf({ status: 200, headers: {}, body: empty }, headers), Buffer.from(body, 'latin1')]);

export const endlessness: Family = {
  name: 'endless headers and bodies',
  faults: [
    endless('one header without end', () => Buffer.from('HTTP/1.1 200 OK\r\nX-Long: '), 'x'),
    endless('headers without end', () => Buffer.from('HTTP/1.1 200 OK\r\n'), 'X-Many: 1\r\n'),
    endless('cookies without end', () => Buffer.from('HTTP/1.1 200 OK\r\n'), 'Set-Cookie: a=1; Path=/\r\n'),
    endless('answers that are none yet', () => empty, 'HTTP/1.1 100 Continue\r\n\r\n', { bytes: 2_000 }),
    endless('early hints without end', () => empty, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n', {
      bytes: 2_000,
    }),
    endless('a chunk size without end', () => started(chunks), '0'),
    endless('a chunk extension without end', () => started(chunks, '5;'), 'x'),
    endless('chunks without end', () => started(chunks), '5\r\nhello\r\n'),
    endless('empty lines', () => empty, '\r\n'),
    endless('a body of nothing but x', () => started({ ...noLength, ...html }), 'x'),
    endless('a list of JSON', () => started({ ...noLength, ...json }, '['), '{"id":"1"},'),
    endless('a text of JSON', () => started({ ...noLength, ...json }, '{"id":"'), 'x'),
    endless('elements of XML', () => started({ ...noLength, ...xml }, '<result>'), '<clip><id>1</id></clip>'),
    endless('a video', () => started({ ...noLength, ...mp4 }, `${ftyp}\u0000\u0000\u0000\u0000mdat`), '\u0001video', {
      count: piecesOfVideo,
    }),
    endless('a gigabyte, announced', () => started({ ...json, 'content-length': '1073741824' }, '["'), 'y'),
    endless(
      'a petabyte of video, announced',
      () => started({ ...mp4, 'content-length': '1125899906842624' }, ftyp),
      'z',
    ),
    endless(
      'more behind the answer',
      async ({ forward }) => {
        const answer = await forward();
        return Buffer.concat([headOf(answer), answer.body]);
      },
      'more and more ',
    ),
    endless(
      'more of the answer than it has',
      async ({ forward }) => {
        const answer = await forward();
        return Buffer.concat([headOf(answer, noLength), answer.body]);
      },
      ' ',
    ),
  ],
};
