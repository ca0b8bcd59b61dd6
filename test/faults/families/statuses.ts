// HTTP statuses of all kinds, with bodies of all kinds.
import { headOf, html, json, writeAndEnd, xml, type Family, type Fault } from '../fault';

const known = [
  ...[
    400, 401, 402, 403, 404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424,
  ],
  ...[425, 426, 428, 429, 431, 444, 451, 495, 499],
  ...[500, 501, 502, 503, 504, 505, 506, 507, 508, 510, 511, 520, 521, 522, 525, 530, 561, 599],
];

const bodies: [headers: Record<string, string>, body: string][] = [
  [html, '<!DOCTYPE html><html><head><title>Sorry</title></head><body><h1>It is not to be had</h1></body></html>'],
  [{}, ''],
  [json, '{"error":"nothing","message":"There is no such thing","errors":{"field":["is wrong"]},"code":17}'],
  [json, '{"error":{"code":[null],"toString":1},"message":{"a":1},"errors":[[{}],null,7],"errorMsg":["x"]}'],
  [xml, '<result errorcode="-17"><description>There is no such thing</description></result>'],
  [{ 'content-type': 'text/plain' }, 'upstream connect error or disconnect/reset before headers'],
  [{}, '\0\u0001\u001b[31mred\u001b[0m\r\n\u202etxt.exe'],
  [{ ...html, 'www-authenticate': 'Digest realm="x", nonce="y"', 'retry-after': 'soon' }, 'no '.repeat(100_000)],
];

const withBody = (status: number): Fault => ({
  name: `HTTP ${status}`,
  async meet({ forward, send, variant }) {
    const found = bodies[(status + variant) % (bodies.length + 1)];
    // One of them is the real answer under another status.
    if (!found) return send({ ...(await forward()), status });
    const [headers, body] = found;
    send({ status, headers, body: Buffer.from(body) });
  },
});

const unusual = [201, 203, 204, 205, 206, 207, 226, 299, 300, 304, 305, 306];
const startLines: Record<string, string> = {
  'HTTP 600': 'HTTP/1.1 600 Beyond\r\n',
  'HTTP 999': 'HTTP/1.1 999 Denied\r\n',
  'HTTP 1000': 'HTTP/1.1 1000 Too many digits\r\n',
  'HTTP 0': 'HTTP/1.1 0 Nothing\r\n',
  'HTTP -1': 'HTTP/1.1 -1 Less\r\n',
  'HTTP abc': 'HTTP/1.1 abc Letters\r\n',
  'HTTP/1.0': 'HTTP/1.0 200 Old\r\n',
  'HTTP/2.0': 'HTTP/2.0 200 New\r\n',
  'HTTP/0.9': '',
  'ICY 200': 'ICY 200 OK\r\n',
  'an SSH server': 'SSH-2.0-OpenSSH_9.6\r\n',
  'a status line with escapes': 'HTTP/1.1 200 \u001b[2J\u0007\u0008 OK\r\n',
  'a status line without end': `HTTP/1.1 200 ${'x'.repeat(200_000)}`,
};

export const statuses: Family = {
  name: 'HTTP statuses',
  faults: [
    ...known.map(withBody),
    ...unusual.map((status): Fault => ({
      name: `HTTP ${status}, in place of 200`,
      async meet({ forward, send }) {
        send({ ...(await forward()), status });
      },
    })),
    ...[100, 101, 102, 103, 150, 199].map((status): Fault => ({
      name: `HTTP ${status}, unasked`,
      async meet(exchange) {
        await writeAndEnd(exchange, `HTTP/1.1 ${status} Unasked\r\n\r\n`, '');
      },
    })),
    ...Object.entries(startLines).map(([name, startLine]): Fault => ({
      name,
      async meet(exchange) {
        const answer = await exchange.forward();
        const head = headOf(answer)
          .toString('latin1')
          .replace(/^.*\r\n/, startLine);
        await writeAndEnd(exchange, startLine === '' ? '' : Buffer.from(head, 'latin1'), answer.body);
      },
    })),
  ],
};
