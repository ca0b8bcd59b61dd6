/** Lists of Aipix, as frameworks may shape them. */
import assert from 'node:assert/strict';
import { objectsOf } from '../../../../lib/providers/aipix/json';
import { eachPage } from '../../../../lib/providers/aipix/pages';
import { fails } from './support';

const [first, second] = [{ id: 1 }, { id: 2 }];

async function read(answers: unknown[]): Promise<{ ids: unknown[]; asked: number }> {
  let asked = 0;
  const ask = async (page: number): Promise<unknown> => ((asked += 1), answers[page - 1] ?? answers.at(-1));
  const ids: unknown[] = [];
  for await (const items of eachPage(ask, 'Asking')) ids.push(...items.map(({ id }) => id));
  return { ids, asked };
}

describe('a list of Aipix', () => {
  const shapes: [what: string, reply: unknown][] = [
    ['bare', [first, second]],
    ['below data', { data: [first, second], meta: { total: 2 } }],
    ['below data twice', { data: { data: [first, second], total: 2 } }],
    ['an object with numbers for names', { data: { '0': first, '4': second } }],
  ];
  for (const [what, reply] of shapes) {
    it(`is read ${what}`, async () => assert.deepEqual(await read([reply]), { ids: [1, 2], asked: 1 }));
  }

  for (const reply of [{}, { items: [first] }, { data: { id: 1 } }, { message: 'no' }, { data: null }]) {
    it(`is not found in ${JSON.stringify(reply)}, which is no empty one`, async () => {
      await assert.rejects(read([reply]), fails('EPROTOCOL', /no list/));
    });
  }

  it('is read page by page to the last', async () => {
    const page = (item: object, current: number) => ({ data: [item], meta: { current_page: current, last_page: 2 } });
    assert.deepEqual(await read([page(first, 1), page(second, 2)]), { ids: [1, 2], asked: 2 });
  });

  it('ends where the server always sends the same page', async () => {
    const page = { data: [first], meta: { current_page: 1, last_page: 999 } };
    assert.deepEqual(await read([page]), { ids: [1], asked: 2 });
  });
});

describe('a record of Aipix', () => {
  it('may be wrapped like a list', () => {
    for (const reply of [first, [first], { data: first }, { data: [first] }, { data: { data: [first] } }]) {
      assert.deepEqual(objectsOf(reply), [first]);
    }
    assert.deepEqual(objectsOf({}), []);
  });
});
