/** What the cloud may say otherwise than its documents do. */
import assert from 'node:assert/strict';
import { readCamera, readClip, readList, readPresence } from '../../../../lib/providers/rhombus/types';

describe('Rhombus: words for a state that are not published', () => {
  const table: [word: string, status: string][] = [
    ['COMPLETED', 'finished'],
    ['Done', 'finished'],
    ['READY_TO_RENDER', 'busy'],
    ['ERROR', 'failed'],
    ['CANCELLED', 'failed'],
    ['FAILED_TO_UPLOAD', 'failed'],
    ['ARCHIVING', 'busy'],
  ];
  for (const [word, status] of table) {
    it(`take ${word} for ${status}`, () => {
      const clip = readClip({ uuid: 'x', status: word, currentOperation: 'Camera away' });
      assert.equal(clip?.status, status);
      assert.equal(clip?.reason, status === 'failed' ? 'Camera away' : undefined);
    });
  }
});

describe('Rhombus: a camera', () => {
  it('may have its facet in its id', () => {
    assert.deepEqual(
      readCamera({ uuid: 'b0Yw.v1', name: 'Dock' }).map(({ id }) => id),
      ['b0Yw.v1'],
    );
    assert.deepEqual(
      readCamera({ uuid: 'b0Yw.v0', supportedFacets: ['v0', 'v1'] }).map(({ id }) => id),
      ['b0Yw.v0', 'b0Yw.v1'],
    );
  });
});

describe('Rhombus: footage', () => {
  const span = { startSeconds: 10, durationSeconds: 5 };
  const table: [what: string, windows: unknown, spans: number | undefined][] = [
    ['one span', { VideoCloud: [span], VideoLocal: null }, 1],
    ['an empty map', {}, 0],
    ['empty lists', { VideoCloud: [], VideoLocal: null }, 0],
    ['sound only', { AudioCloud: [span] }, 0],
    ['a span of no length', { VideoCloud: [{ ...span, durationSeconds: 0 }] }, 0],
    ['spans in other units', { VideoCloud: [{ startMs: 10_000, durationMs: 5_000 }] }, undefined],
    ['kinds that nobody knows', { Cloud: [span] }, undefined],
    ['texts for spans', { VideoCloud: ['10-15'] }, undefined],
  ];
  for (const [what, presenceWindows, spans] of table) {
    it(`is ${spans === undefined ? 'not known' : spans === 0 ? 'none' : 'there'} with ${what}`, () => {
      assert.equal(readPresence({ presenceWindows })?.length, spans);
    });
  }
});

describe('Rhombus: a list', () => {
  const [entry] = [{ uuid: 'x' }];
  const table: [what: string, reply: Record<string, unknown>, entries: number | undefined][] = [
    ['as documented', { cameraStates: [entry], error: false }, 1],
    ['under another name', { cameras: [entry] }, 1],
    ['that is null', { cameraStates: null, more: {} }, 0],
    ['that is left out', { error: null, errorMsg: null, warningMsg: null }, 0],
    ['inside something else', { data: { cameraStates: [entry] } }, undefined],
    ['that is a text', { cameraStates: 'none' }, undefined],
  ];
  for (const [what, reply, entries] of table) {
    it(`${what} is ${entries === undefined ? 'not understood' : 'read'}`, () => {
      assert.equal(readList(reply, 'cameraStates')?.length, entries);
    });
  }
});
