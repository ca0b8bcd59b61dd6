/** Reading and writing XML. */
import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { escapeXml, findAll, parseXml, parseXmlList, valueOf, type XmlElement } from '../../../lib/net/xml';

/** The short form of an element: `[name, attributes, text, children]`. */
type Short = [string, Record<string, string>, string, Short[]];

const short = ({ name, attributes, text, children }: XmlElement): Short => [
  name,
  attributes,
  text,
  children.map(short),
];

describe('parseXml', () => {
  const texts: [string, string, string][] = [
    ['a 64-bit number', '8070450532247928833', '8070450532247928833'],
    ['leading zeros', '007', '007'],
    ['a trailing zero', '1.50', '1.50'],
    ['an exponent', '1e5', '1e5'],
    ['a hexadecimal number', '0x1F', '0x1F'],
    ['a sign', '+12', '+12'],
    ['a boolean', 'TRUE', 'TRUE'],
    ['null', 'null', 'null'],
    ['blanks around', '\r\n  finished \t', 'finished'],
    ['blanks inside', 'a  b', 'a  b'],
    ['named references', '&lt;&gt;&amp;&quot;&apos;', '<>&"\''],
    ['numeric references', '&#38;&#x26;&#x1F6A8;&#252;', '&&🚨ü'],
    ['an escaped reference', '&amp;lt;', '&lt;'],
    ['an unknown reference', '&nothing;', '&nothing;'],
    ['characters beyond ASCII', 'Überfall 🚨', 'Überfall 🚨'],
    ['CDATA', '<![CDATA[a < b & c > 007]]>', 'a < b & c > 007'],
    ['text in pieces', 'a<!-- no -->b<![CDATA[c]]><?x y?>d', 'abcd'],
    ['nothing', '', ''],
  ];
  for (const [name, content, text] of texts) {
    it(`takes ${name} as text`, () => assert.equal(parseXml(`<a>${content}</a>`).text, text));
  }

  it('takes names without the prefixes of their namespaces', () => {
    const root = parseXml('<v:Result xmlns:v="urn:x"><v:id>1</v:id></v:Result>');
    assert.deepEqual([root.name, valueOf(root, 'id')], ['result', '1']);
  });

  it('takes a text that ends with a zero', () => assert.equal(parseXml('<a>x</a>\r\n\0').text, 'x'));

  const attributes: [string, string, Record<string, string>][] = [
    ['numbers', 'id="8070450532247928833" n="007"', { id: '8070450532247928833', n: '007' }],
    ['blanks around', 'a=" -38 "', { a: '-38' }],
    ['single quotes', `a='x "y"'`, { a: 'x "y"' }],
    ['references', 'a="&lt;&#38;&#x41;&quot;"', { a: '<&A"' }],
    ['capitals', 'ErrorCode="0" COUNT="1"', { errorcode: '0', count: '1' }],
    ['a prefix', 'xmlns:v="urn:x" v:code="0"', { 'xmlns:v': 'urn:x', 'v:code': '0', code: '0' }],
    ['a prefix beside the same name without one', 'id="7" xml:id="x"', { id: '7', 'xml:id': 'x' }],
    ['no value', 'checked', { checked: 'true' }],
    ['no quotes', 'count=4', { count: '4' }],
    ['no quotes, a sign and blanks around', 'errorcode = -38 b="x"', { errorcode: '-38', b: 'x' }],
    [
      'no quotes beside a value that looks like it',
      'count=4 text="a=b c=d" z=\'e=f\'',
      {
        count: '4',
        text: 'a=b c=d',
        z: 'e=f',
      },
    ],
    ['line breaks between them', 'a="1"\n  b="2"', { a: '1', b: '2' }],
  ];
  for (const [name, written, expected] of attributes) {
    it(`reads attributes with ${name}`, () => {
      assert.deepEqual(parseXml(`<a ${written}/>`).attributes, expected);
      assert.deepEqual(parseXml(`<a ${written}>x=y</a>`).text, 'x=y');
    });
  }

  it('keeps the order and the nesting, with names in lower case', () => {
    const root = parseXml('<Result><B>1</B><a/><b x="2"><C>3</C></b></Result>');
    assert.deepEqual(short(root), [
      'result',
      {},
      '',
      [
        ['b', {}, '1', []],
        ['a', {}, '', []],
        ['b', { x: '2' }, '', [['c', {}, '3', []]]],
      ],
    ]);
  });

  const beginnings: [string, string][] = [
    ['a prolog', '<?xml version="1.0" encoding="UTF-8"?>\n'],
    ['a prolog as a comment', '<!--?xml version="1.0" encoding="UTF-8"?-->\n'],
    ['a byte order mark', '\uFEFF'],
    ['a byte order mark and a prolog', '\uFEFF<?xml version="1.0"?>'],
    ['blanks', '\r\n  '],
    ['a stylesheet', '<?xml version="1.0"?><?xml-stylesheet href="x.xsl"?>'],
  ];
  for (const [name, beginning] of beginnings) {
    it(`reads a document after ${name}`, () => assert.equal(parseXml(`${beginning}<a>1</a>\n`).text, '1'));
  }

  const refused: [string, string, RegExp?][] = [
    ['nothing', ''],
    ['blanks', ' \n'],
    ['plain text', 'Service unavailable'],
    ['JSON', '{"a":1}'],
    ['only a comment', '<!-- a -->'],
    ['two roots', '<a/><b/>', /exactly one root/],
    ['an element that does not end', '<a><b></b>'],
    ['an element that ends as another one', '<a></b>'],
    ['an element that ends outside', '<a><b></a></b>'],
    ['half a tag', '<a><b'],
    ['half a document with an attribute without quotes', '<a><b count=4>'],
    ['the wrong end beside an attribute without quotes', '<a><b count=4><c></a>'],
    ['a bare ampersand', '<a>a & b</a>'],
    ['a document type', '<!DOCTYPE a><a/>', /document type/],
    ['a document type in lower case', '<!doctype html><html></html>', /document type/],
    ['an external entity', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>', /document type/],
    [
      'a bomb of entities',
      `<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "${'b'.repeat(100)}">${Array.from(
        { length: 9 },
        (_, index) => `<!ENTITY b${index} "${`&b${index - 1};`.repeat(10)}">`,
      ).join('')}]><a>&b8;</a>`,
      /document type/,
    ],
    ['5,000 levels', `${'<a>'.repeat(5_000)}${'</a>'.repeat(5_000)}`, /nested/i],
    ['5,000 levels that do not end', '<a>'.repeat(5_000)],
  ];
  for (const [name, document, message = /./] of refused) {
    it(`refuses ${name}`, () => {
      assert.throws(
        () => parseXml(document),
        (error) => {
          assert.ok(error instanceof ClipError, String(error));
          assert.equal(error.code, 'EPROTOCOL');
          assert.equal(error.retryable, false);
          assert.match(error.message, /^The answer is not well-formed XML: /);
          assert.match(error.message, message);
          return true;
        },
      );
    });
  }

  it('accepts the depth that real replies have', () => {
    let element = parseXml(`${'<a>'.repeat(40)}deep${'</a>'.repeat(40)}`);
    while (element.children[0]) element = element.children[0];
    assert.equal(element.text, 'deep');
  });

  it('lets no name reach into objects', () => {
    for (const name of ['__proto__', 'constructor', 'prototype', 'hasOwnProperty', 'toString', 'valueOf']) {
      for (const document of [
        `<a><${name}><polluted>yes</polluted></${name}></a>`,
        `<a ${name}="yes"/>`,
        `<${name} polluted="yes"/>`,
      ]) {
        try {
          findAll(parseXml(document), 'polluted');
        } catch (error) {
          assert.ok(error instanceof ClipError);
        }
      }
    }
    assert.equal(({} as Record<string, unknown>).polluted, undefined);
    assert.equal(typeof {}.toString, 'function');
  });

  it('refuses what would keep everything else waiting', () => {
    const large: Record<string, string> = {
      tags: `<r>${'<a/>'.repeat(500_000)}</r>`,
      levels: '<a>'.repeat(500_000),
      attributes: `<r ${Array.from({ length: 200_000 }, (_, index) => `a${index}="1"`).join(' ')}/>`,
      references: `<r>${'&amp;'.repeat(400_000)}</r>`,
      text: `<r>${'x'.repeat(2_000_000)}</r>`,
      'one attribute': `<r a="${'x'.repeat(2_000_000)}"/>`,
    };
    for (const [what, text] of Object.entries(large)) {
      assert.throws(() => parseXml(text), { code: 'EPROTOCOL', message: /larger than/ }, what);
    }
  });

  it('reads a list of thousands with references in each', async () => {
    const clip = '<clip><id>8070450532247928833</id><description>a &amp; b &#38; c &lt;1&gt;</description></clip>';
    const list = await parseXmlList(`<result><clips>${clip.repeat(5000)}</clips></result>`, 'clip');
    const clips = findAll(list, 'clip');
    assert.equal(clips.length, 5000);
    assert.ok(clips.every((each) => valueOf(each, 'description') === 'a & b & c <1>'));
  });
});

describe('findAll', () => {
  it('keeps the list of what is wrong short', () => {
    assert.throws(
      () => parseXml('<a>'.repeat(10_000)),
      (error: unknown) => error instanceof ClipError && error.code === 'EPROTOCOL' && error.message.length < 300,
    );
  });

  it('finds elements at any depth, in document order, and not the one it starts from', () => {
    const root = parseXml('<a n="0"><b><a n="1"><a n="2"/></a></b><a n="3"/></a>');
    assert.deepEqual(
      findAll(root, 'a').map((element) => element.attributes.n),
      ['1', '2', '3'],
    );
    assert.deepEqual(findAll(root, 'c'), []);
  });
});

describe('valueOf', () => {
  const root = parseXml('<clip id="attribute" size="1"><id> first </id><id>second</id><status/></clip>');

  it('prefers an element to an attribute, and the first of several', () => {
    assert.equal(valueOf(root, 'id'), 'first');
    assert.equal(valueOf(root, 'size'), '1');
  });

  it('tells an empty value from a missing one', () => {
    assert.equal(valueOf(root, 'status'), '');
    assert.equal(valueOf(root, 'other'), undefined);
  });

  it('knows only what the document says', () => {
    for (const name of ['constructor', '__proto__', 'tostring']) assert.equal(valueOf(root, name), undefined);
  });
});

describe('escapeXml', () => {
  const table = ['a & b', '<a>', ']]>', '"\'', '&amp;', 'Überfall 🚨', ''];
  for (const text of table) {
    it(`keeps ${JSON.stringify(text)} as it is for the reader`, () => {
      assert.equal(parseXml(`<a>${escapeXml(text)}</a>`).text, text);
      assert.doesNotMatch(escapeXml(text), /<|&(?!amp;|lt;|gt;)/);
    });
  }

  it('drops what XML cannot hold', () => {
    assert.equal(escapeXml('a\u0000\u0008b\uFFFEc\uD800d\te\n'), 'abcd\te\n');
  });
});
