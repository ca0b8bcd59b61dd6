/** The charset of answers. */
import assert from 'node:assert/strict';
import { decodeText } from '../../../lib/net/charset';
import { client, closeAll, get, serve } from './servers';

describe('the charset of an answer', () => {
  afterEach(closeAll);
  const latin = (text: string): Buffer => Buffer.from(text, 'latin1');
  const utf16be = (text: string): Buffer => Buffer.from(`\uFEFF${text}`, 'utf16le').swap16();

  const cases: [string, Buffer, string, string][] = [
    ['UTF-8', Buffer.from('<a>Käse</a>'), '', '<a>Käse</a>'],
    [
      'UTF-8 that calls itself another one',
      Buffer.from('<?xml version="1.0" encoding="ISO-8859-1"?><a>Käse</a>'),
      '',
      'Käse',
    ],
    [
      'declared by XML',
      latin('<?xml version="1.0" encoding="ISO-8859-1"?><a>K\xe4se T\xfcr</a>'),
      'text/xml',
      'Käse Tür',
    ],
    ['declared by HTML', latin('<meta charset="windows-1251"><p>\xcf\xf0\xe8</p>'), '', 'При'],
    ['declared by the header', latin('{"n":"\xcf\xf0\xe8"}'), 'application/json; charset=windows-1251', 'При'],
    ['declared nowhere', latin('<a>T\xfcr \x80</a>'), '', 'Tür €'],
    ['declared with a name that nobody knows', latin('<?xml encoding="x-unknown"?><a>T\xfcr</a>'), '', 'Tür'],
    [
      'GB 18030',
      Buffer.from([0x3c, 0x3f, ...Buffer.from('xml encoding="gb18030"?><a>'), 0xc4, 0xe3, 0xba, 0xc3]),
      '',
      '你好',
    ],
    ['UTF-16 with a mark', Buffer.from('\uFEFF<a>Käse</a>', 'utf16le'), '', 'Käse'],
    ['UTF-16 the other way round', utf16be('<a>Käse</a>'), '', 'Käse'],
    ['nothing', Buffer.alloc(0), '', ''],
  ];
  for (const [name, bytes, type, expected] of cases) {
    it(`is found: ${name}`, () => {
      assert.ok(decodeText(bytes, type).includes(expected), decodeText(bytes, type));
    });
  }

  it('is that of a reply', async () => {
    const server = await serve(() => ({ body: latin('<a>T\xfcr</a>') }));
    assert.equal((await client(server.url).request(get('/'))).text, '<a>Tür</a>');
  });
});
