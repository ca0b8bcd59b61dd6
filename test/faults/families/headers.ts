// Real answers under headers that are strange: dates, types, cookies, tags, ranges, characters that steer a terminal.
import { changed, headOf, writeAndEnd, type Family, type Fault } from '../fault';

const strange: Record<string, Record<string, string | string[] | undefined>> = {
  'no date': { date: undefined },
  'a date in the year 9999': { date: 'Fri, 31 Dec 9999 23:59:59 GMT' },
  'a date in 1970': { date: 'Thu, 01 Jan 1970 00:00:00 GMT' },
  'a date that is none': { date: 'yesterday' },
  'another type': { 'content-type': 'image/png' },
  'a type that is none': { 'content-type': ';;;===,,,' },
  'an unknown charset': { 'content-type': 'application/json; charset=klingon-9' },
  'a thousand cookies': { 'set-cookie': Array.from({ length: 300 }, (_, at) => `c${at}=${'v'.repeat(20)}`) },
  'cookies that are none': { 'set-cookie': ['=', ';;', 'a', '__proto__=1; Path=/', 'x=\u00ff\u0080; Max-Age=9e99'] },
  'names of the language': { __proto__x: '1', constructor: '2', 'to-string': '3', hasownproperty: '4' },
  'an empty tag': { etag: '' },
  'a tag of 7 KB': { etag: `"${'t'.repeat(7_000)}"` },
  'a tag with escapes': { etag: '"\u009b31m\u0085"' },
  'a range that was not asked for': { 'content-range': 'bytes 5-9/10' },
  'a range that cannot be': { 'content-range': 'bytes 9-5/3' },
  'a file name that climbs': { 'content-disposition': 'attachment; filename="../../../etc/passwd"' },
  'a link elsewhere': { link: '<http://127.0.0.1:1/x>; rel="next"', refresh: '0; url=http://127.0.0.1:1/' },
  'security policies': { 'strict-transport-security': 'max-age=1', 'content-security-policy': "default-src 'none'" },
  'bytes beyond ASCII': { server: '\u00e4\u00ff\u0080\u009b2J', 'x-name': '\u00ad' },
};

export const headers: Family = {
  name: 'strange headers',
  faults: [
    ...Object.entries(strange).map(([name, more]): Fault => ({
      name,
      meet: async (exchange) => {
        const answer = await exchange.forward();
        const all = Object.entries({ ...answer.headers, ...more }).filter(([, value]) => value !== undefined);
        await writeAndEnd(exchange, headOf({ ...answer, headers: Object.fromEntries(all) }), answer.body);
      },
    })),
    ...(['\u001b[2J', '\u0007', '\u0000', '\r'] as const).map((character): Fault => ({
      name: `a header with ${JSON.stringify(character)}`,
      passes: true,
      meet: async (exchange) => {
        const answer = await exchange.forward();
        await writeAndEnd(exchange, headOf(answer, { 'x-strange': `a${character}b` }), answer.body);
      },
    })),
    ...(['no colon', ' folded: 1', ': no name', 'name with blanks : 1'] as const).map((text): Fault => ({
      name: `a header line "${text}"`,
      passes: true,
      meet: async (exchange) => {
        const answer = await exchange.forward();
        const head = headOf(answer).toString('latin1').replace('\r\n', `\r\n${text}\r\n`);
        await writeAndEnd(exchange, Buffer.from(head, 'latin1'), answer.body);
      },
    })),
    {
      name: 'line feeds only',
      meet: async (exchange) => {
        const answer = await exchange.forward();
        const head = headOf(answer).toString('latin1').replaceAll('\r\n', '\n');
        await writeAndEnd(exchange, Buffer.from(head, 'latin1'), answer.body);
      },
    },
    {
      name: 'headers of 12 KB',
      passes: true,
      meet: changed((answer) => ({ headers: { ...answer.headers, 'x-padding': 'p'.repeat(12_000) } })),
    },
    { name: 'no type', meet: changed(({ headers: { 'content-type': _, ...rest } }) => ({ headers: rest })) },
  ],
};
