/** Long lists in XML. */
import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import { findAll, parseXml, valueOf } from '../../../lib/net/xml';
import { parseXmlList } from '../../../lib/net/xml';
import { countTurns } from '../../support/turns';

const count = 900;
const list = (item: (number: number) => string, around: (items: string) => string): string =>
  around(Array.from({ length: count }, (_, number) => item(number)).join('\n'));
const result = (items: string): string => `<?xml version="1.0"?><result errorcode="0"><clips>${items}</clips></result>`;
const clip = (number: number): string =>
  `<clip n="${number}"><id>807045053224792${number}</id><description>a &amp; b</description><status x="1">busy</status></clip>`;

describe('a long list in XML', () => {
  it('is read like a short one, with the items below the root', async () => {
    const text = list(clip, result);
    const [read, expected] = [await parseXmlList(text, 'clip'), parseXml(text)];
    assert.deepEqual(read.attributes, { errorcode: '0' });
    assert.deepEqual(findAll(read, 'clip'), findAll(expected, 'clip'));
    assert.equal(findAll(read, 'clips').length, 1);
  });

  it('is read as it is where it is short', async () => {
    const text = result(clip(1));
    assert.deepEqual(await parseXmlList(text, 'clip'), parseXml(text));
  });

  it('lets others have their turn in between, again and again', async () => {
    const text = list(clip, result);
    const counter = countTurns();
    await parseXmlList(text, 'clip');
    counter.stop();
    assert.ok(counter.turns >= 20, `${counter.turns} turns`);
  });

  const items: Record<string, (number: number) => string> = {
    'capitals in names': (number) => `<Clip><ID>${number}</ID></Clip>`,
    'prefixed names': (number) => `<v:clip><v:id>${number}</v:id></v:clip>`,
    'blanks in tags': (number) => `<clip\n ><id>${number}</id></clip\t>`,
    'no content': (number) => `<clip id="${number}"/>`,
    'attributes with what ends a tag': (number) => `<clip a="/>" b='</clip>'><id>${number}</id></clip>`,
    'attributes without quotes': (number) => `<clip count=4><id>${number}</id></clip>`,
    'names that begin alike': (number) => `<clip><clipname>x</clipname><id>${number}</id></clip><clips2/>`,
    'items within items': (number) => `<clip><id>${number}</id><clip><id>inner</id></clip></clip>`,
    'comments with tags in them': (number) => `<!-- <clip> --><clip><!-- </clip> --><id>${number}</id></clip>`,
    'CDATA with tags in it': (number) => `<clip><id><![CDATA[</clip>${number}]]></id></clip>`,
    'instructions with tags in them': (number) => `<?x <clip> ?><clip><id>${number}</id></clip>`,
    'no clip at all': (number) => `<other><id>${number}</id></other>`,
  };
  for (const [what, item] of Object.entries(items)) {
    it(`may have ${what}`, async () => {
      const text = list((number) => item(number) + ' '.repeat(100), result);
      const idsIn = (root: ReturnType<typeof parseXml>): unknown[] =>
        findAll(root, 'clip').map((each) => valueOf(each, 'id'));
      assert.deepEqual(idsIn(await parseXmlList(text, 'clip')), idsIn(parseXml(text)));
      const wanted = new Set(['7', '880']);
      const isWanted = (id: unknown): boolean => /^(<\/clip>)?(7|880)$/.test(String(id));
      const found = idsIn(await parseXmlList(text, 'clip', wanted));
      assert.deepEqual(found.filter(isWanted), idsIn(parseXml(text)).filter(isWanted));
      assert.ok(found.length <= 4, `${found.length} have been read`);
    });
  }

  const whole = list(clip, result);
  const broken: Record<string, string> = {
    'ends between two items': whole.slice(0, whole.lastIndexOf('</clip>') + 7),
    'ends inside an item': whole.slice(0, -100),
    'ends inside a tag': whole.slice(0, whole.lastIndexOf('</clip>') + 4),
    'has an item that does not end': whole.replace('</clip>', ''),
    'has an item that does not begin': whole.replace('<clip n="7">', ''),
    'has an item that is malformed inside': whole.replace('<id>8070450532247927</id>', '<id>7</di>'),
    'has a bare ampersand in an item': whole.replace('a &amp; b', 'a & b'),
    'has a comment that does not end': whole.replace('<clip n="7">', '<!--'),
    'declares a document type': whole.replace('<result', '<!DOCTYPE a><result'),
    'declares one inside an item': whole.replace('a &amp; b', '<!DOCTYPE a>'),
    'has two roots': `${whole}${whole}`,
  };
  for (const [how, text] of Object.entries(broken)) {
    it(`is refused where it ${how}`, async () => {
      const isRefused = (error: unknown): boolean => error instanceof ClipError && error.code === 'EPROTOCOL';
      await assert.rejects(parseXmlList(text, 'clip'), isRefused);
      assert.throws(() => parseXml(text), isRefused);
    });
  }

  it('costs a hostile server more than us', async () => {
    for (const text of ['<clip ', '<!--', '<![CDATA[', '<clip>', '</clip>', '<clip a="']) {
      await assert.rejects(parseXmlList(`<a>${text.repeat(200_000)}`, 'clip'), { code: 'EPROTOCOL' });
    }
  });
});
