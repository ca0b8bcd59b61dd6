/** Which jobs a cancel message means. */
import assert from 'node:assert/strict';
import type { Job } from '../../../../lib/jobs/job';
import { namedBy } from '../../../../lib/node-red/job-node/cancel';
import type { Message } from '../../../../lib/node-red/node-red';

describe('a cancel message', () => {
  const jobs = ['a', 'b'].map(
    (id) => ({ data: { message: {}, task: { connection: 'x', clip: { id } } } }) as unknown as Job,
  );
  const meant = (message: Message): number => {
    const idOf = (task: object): string => (task as { clip: { id: string } }).clip.id;
    return jobs.filter(namedBy(message, { idOf })).length;
  };

  it('means all jobs of the node where it names none, and one by its id', () => {
    const messages = [{}, { clip: null }, { clip: {} }, { clip: { id: '' } }, { clip: { id: 'a' } }];
    assert.deepEqual(messages.map(meant), [2, 2, 2, 2, 1]);
  });

  it('means none where its id is no id of any of them', () => {
    const ids = [[], ['a', 'b'], {}, 0, false, 'c'];
    assert.deepEqual(
      ids.map((id) => meant({ clip: { id } })),
      [0, 0, 0, 0, 0, 0],
    );
  });
});
