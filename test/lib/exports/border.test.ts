import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { repeatsFrom, shownPictures, spanOf, type OpenTrack } from '../../../lib/exports/border';
import type { MediaTrack } from '../../../lib/mp4';
import { tempFolder } from '../../support/temp-folder';

/**
 * One letter is one picture of a second; capitals are key frames.
 * @param order places on the screen, where they are others than in the file
 */
function track(text: string, shown: Partial<MediaTrack['shown']> = {}, order?: number[]): MediaTrack {
  const indexes = [...text].map((_, index) => index);
  return {
    handler: 'vide',
    timescale: 1000,
    stsd: Buffer.alloc(0),
    display: Buffer.alloc(0),
    samples: {
      offset: indexes,
      bytes: indexes.map(() => 1),
      time: indexes.map((index) => index * 1000),
      shift: indexes.map((index) => ((order?.[index] ?? index) - index) * 1000),
      sync: [...text].map((letter) => letter !== letter.toLowerCase()),
      description: indexes.map(() => 1),
      end: text.length * 1000,
    },
    shown: { from: 0, to: Infinity, delay: 0, ...shown },
  };
}

describe('pictures that are in two parts', () => {
  const temp = tempFolder();
  async function repeated(part: string, next: string, mostSeconds: number): Promise<number | undefined> {
    const opened: OpenTrack[] = [];
    for (const text of [part, next]) {
      const path = join(temp(), `${opened.length}`);
      writeFileSync(path, text);
      opened.push({ track: track(text), handle: await open(path) });
    }
    try {
      return await repeatsFrom(opened[0]!, opened[1]!, mostSeconds);
    } finally {
      for (const { handle } of opened) await handle.close();
    }
  }

  const cases: [what: string, part: string, next: string, most: number, expected: number | undefined][] = [
    ['are found where one ends as the other starts', 'AbcdEf', 'EfGh', 3, 4],
    ['are none where nothing is the same', 'Abc', 'Def', 3, undefined],
    ['are none where only the first is the same', 'AbcdEf', 'ExYz', 3, undefined],
    ['are as many as there can be', 'XAAAA', 'AAAAb', 10, 1],
    ['are not more than there can be', 'XAAAA', 'AAAAb', 2, 3],
    ['are not more than the next part has', 'AbCdef', 'Cde', 10, undefined],
    ['begin with a key frame', 'Abcdef', 'efGh', 3, undefined],
    ['are none without a next one', 'Abc', '', 3, undefined],
  ];
  for (const [what, part, next, most, expected] of cases) {
    it(what, async () => assert.equal(await repeated(part, next, most), expected));
  }
});

describe('the pictures of a part that are shown', () => {
  const inside = { isFirst: false, isLast: false, repeats: false, to: undefined };
  const kept = (made: MediaTrack, where: Partial<Parameters<typeof shownPictures>[1]> = {}) => {
    const found = shownPictures(made, { ...inside, ...where });
    return found && [found.from, found.to, ...found.without];
  };

  it('are all of them without an edit list', () => assert.deepEqual(kept(track('Abcd')), [0, 4]));

  it('begin with the key frame at which an edit list begins', () => {
    assert.deepEqual(kept(track('AbCd', { from: 2000 })), [2, 4]);
  });

  it('cannot begin between key frames, unless they come first or again', () => {
    const cut = track('AbcdEf', { from: 2000 });
    assert.equal(kept(cut), undefined);
    assert.deepEqual(kept(cut, { isFirst: true }), [0, 6]);
    assert.deepEqual(kept(cut, { repeats: true }), [0, 6]);
  });

  it('are without those that an open group shows before its key frame', () => {
    assert.deepEqual(kept(track('Abcd', { from: 2000 }, [2, 0, 1, 3])), [0, 4, 1, 2]);
  });

  it('end where an edit list ends, and cannot where hidden ones are needed', () => {
    assert.deepEqual(kept(track('Abcd', { to: 3000 })), [0, 3]);
    const needed = track('Abcd', { to: 3000 }, [0, 3, 1, 2]);
    assert.equal(kept(needed), undefined);
    assert.deepEqual(kept(needed, { isLast: true }), [0, 4]);
  });

  it('end where the next part goes on with the same', () => assert.deepEqual(kept(track('AbCd'), { to: 2 }), [0, 2]));

  const spans: [what: string, made: MediaTrack, isFirst: boolean, first: number, end: number][] = [
    ['pictures in order', track('Abcd'), false, 0, 4],
    ['pictures that come late', track('Abcd', { delay: 10 }), false, 10, 14],
    ['pictures in another order', track('Abcd', {}, [2, 5, 3, 4]), false, 2, 6],
    ['pictures without those between', track('Abcd', {}, [0, 3, 1, 6]), false, 0, 7],
    ['a start that is hidden', track('Abcd', { from: 2000 }), true, 0, 2],
    ['an end that is hidden', track('Abcd', { to: 2500 }), true, 0, 2.5],
  ];
  for (const [what, made, isFirst, first, end] of spans) {
    it(`last as long as they should: ${what}`, () => {
      const found = shownPictures(made, { ...inside, isFirst, isLast: true })!;
      assert.deepEqual(spanOf(made, found, isFirst), { first, end });
    });
  }
});
