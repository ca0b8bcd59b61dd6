/** Messages of failed rows that are kept to be sent again. */
import assert from 'node:assert/strict';
import { keptMessages } from '../../../../lib/node-red/activity/messages';
import type { Runtime } from '../../../../lib/node-red/runtime';

describe('the message of a failed row', () => {
  it('that is too long for a text is not kept, and nothing is thrown', () => {
    const changes: [string, boolean][] = [];
    const kept = keptMessages({} as Runtime, (rowId, canRetry) => changes.push([rowId, canRetry]));
    kept.keep('row', 'node', { payload: 'x' });
    // JSON.stringify throws for this as it does for a text beyond its limit.
    kept.keep('row', 'node', { payload: 1n });
    assert.deepEqual(changes, [
      ['row', true],
      ['row', false],
    ]);
    assert.equal(kept.sendAgain('row'), false);
  });
});
