/** JSON of vendors: digits that stay, long texts in pieces, and tolerant readers. */
import assert from 'node:assert/strict';
import { isModest, parseJson, parseLongJson, readCount, readId, readNumber, readText } from '../../../lib/net/json';
import { countTurns } from '../../support/turns';

const wide = {
  id: 7,
  name: 'a "quoted" \\ text, with [brackets] {and} commas',
  list: [1, { a: null }],
  empty: [],
  none: {},
};

describe('JSON of vendors', () => {
  it('is read with a byte order mark, and not at all where it is none', async () => {
    for (const parse of [parseJson, parseLongJson]) {
      assert.deepEqual(await parse('\uFEFF {"a":1}'), { a: 1 });
      for (const text of ['', ' ', '{', '[1', 'no', '{"a":}']) assert.equal(await parse(text), undefined, text);
    }
  });

  it('keeps the digits of whole numbers that a double cannot hold', async () => {
    const text =
      '{"id":12345678901234567890,"n":-9223372036854775808,"s":"12345678901234567890","d":1.2345678901234567}';
    const expected = {
      id: '12345678901234567890',
      n: '-9223372036854775808',
      s: '12345678901234567890',
      d: 1.2345678901234567,
    };
    assert.deepEqual(parseJson(text), expected);
    assert.deepEqual(parseJson('[9007199254740991,9007199254740993]'), [9007199254740991, '9007199254740993']);
    const many = await parseLongJson(`[${Array.from({ length: 5000 }, () => text).join(',')}]`);
    assert.deepEqual((many as unknown[]).at(-1), expected);
  });

  const shapes: Record<string, unknown> = {
    'a list': Array.from({ length: 5_000 }, (_, n) => ({ ...wide, n })),
    'a list below a name': { ok: true, data: Array.from({ length: 5_000 }, (_, n) => ({ ...wide, n })), page: 1 },
    'lists in lists': Array.from({ length: 20 }, () => Array.from({ length: 300 }, () => wide)),
    'an object of many members': Object.fromEntries(Array.from({ length: 5_000 }, (_, n) => [`camera ${n}`, wide])),
    'a long text': ['x'.repeat(500_000), { y: `"${'y'.repeat(500_000)}` }],
  };
  for (const [name, value] of Object.entries(shapes)) {
    for (const indent of [0, 2]) {
      it(`is read in pieces when it is long: ${name}, indent ${indent}`, async () => {
        const text = `\uFEFF\n${JSON.stringify(value, null, indent)}\n`;
        assert.ok(text.length > 300_000);
        assert.deepEqual(await parseLongJson(text), value);
      });
    }
  }

  it('lets others have their turn in between', async () => {
    const text = JSON.stringify(Array.from({ length: 8_000 }, (_, n) => ({ ...wide, n })));
    const counter = countTurns();
    await parseLongJson(text);
    counter.stop();
    assert.ok(counter.turns >= 1, `${counter.turns} turns`);
  });

  const whole = JSON.stringify(shapes['a list below a name']);
  for (const [how, text] of Object.entries({
    'is cut': whole.slice(0, -100),
    'is cut in a text': `["${'x'.repeat(300_000)}`,
    'is closed by the wrong bracket': `${whole.slice(0, -1)}]`,
    'has a member without a name': whole.replace('"page":', ''),
    'has something broken inside': whole.replace('"n":77}', '"n":}'),
    'is more than one': `${whole}${whole}`,
  })) {
    it(`is none when it is long and ${how}`, async () => {
      assert.ok((await parseLongJson(text)) === undefined);
    });
  }

  for (const [what, text] of Object.entries({
    numbers: `[${'1,'.repeat(3_000_000)}1]`,
    'empty lists': `[${'[],'.repeat(2_000_000)}[]]`,
  })) {
    it(`is refused when it is long and lists too many ${what}`, async () => {
      await assert.rejects(parseLongJson(text), { code: 'EPROTOCOL', message: /more than can be read/ });
    });
  }

  it('is refused when it is long and deep', async () => {
    const text = '['.repeat(2_000_000) + ']'.repeat(2_000_000);
    await assert.rejects(parseLongJson(text), { code: 'EPROTOCOL', message: /nested too deeply/ });
  });

  it('changes no prototype', async () => {
    const text = `{"__proto__":{"polluted":1},"x":[${'{"__proto__":{"polluted":1}},'.repeat(20_000)}1]}`;
    const read = (await parseLongJson(text)) as { polluted?: number };
    assert.equal(read.polluted, undefined);
    assert.equal(({} as { polluted?: number }).polluted, undefined);
  });

  it('of moderate size is told from what would keep everything else waiting', () => {
    assert.ok(isModest(JSON.stringify(shapes['a list'])));
    assert.ok(!isModest(`[${'1,'.repeat(100_000)}1]`));
    assert.ok(!isModest('['.repeat(1000)));
    assert.ok(isModest(JSON.stringify('['.repeat(1000))));
  });
});

describe('readers of JSON values', () => {
  it('take what says something, and nothing else', () => {
    assert.deepEqual([' a ', '', '  ', 7, null].map(readText), ['a', undefined, undefined, undefined, undefined]);
    assert.deepEqual(['7', ' 7.5 ', '1e3', '', NaN, 7].map(readNumber), [7, 7.5, undefined, undefined, undefined, 7]);
    assert.deepEqual(['7', 0, -1, 1.5, 9].map(readCount), [7, undefined, undefined, undefined, 9]);
    assert.deepEqual([7, '7', 7.5, ''].map(readId), ['7', '7', undefined, undefined]);
  });
});
