import assert from 'node:assert/strict';
import { readClip, updateClip } from '../../../lib/clips/clip';
import { createClip } from '../../../lib/clips/create';
import { markClip, readEventMark } from '../../../lib/clips/event-mark';
import { aClip, aContext, aJob, connect } from './fake';

const mark = { event: '1764.5-abc', label: 'person' };

describe('the event that a clip is made for', () => {
  it('is read from the message of whoever sends one with an id', () => {
    assert.deepEqual(readEventMark({ id: '1764.5-abc', label: 'person', type: 'motion' }), mark);
    assert.deepEqual(readEventMark({ id: 7, type: 'motion' }), { event: '7', label: 'motion' });
    for (const none of [undefined, null, 'event', 7, [], {}, { id: '' }, { id: {} }]) {
      assert.equal(readEventMark(none), undefined);
    }
  });

  it('stays with the clip, whatever the vendor keeps there', async () => {
    const made = { ...aClip({ status: 'pending' }), ref: { place: '1' } };
    const request = { camera: '7/2', start: made.start, end: made.end, title: '', options: {} };
    const connection = connect({ createClip: async () => made });
    const work = { connection: 'connection-1', request, event: mark };
    const result = await createClip(aJob(work), connection, aContext());
    const clip = result.data!.clip!;
    assert.deepEqual(clip.ref, { place: '1', ...mark });
    // As a message brings it to poll-clip.
    const read = readClip(JSON.parse(JSON.stringify(clip)), Date.parse(made.end));
    assert.deepEqual(updateClip(read, { ...made, status: 'finished', ref: { place: '2' } }).ref, {
      place: '2',
      ...mark,
    });
    assert.deepEqual(updateClip(read, { ...made, ref: undefined }).ref, { place: '1', ...mark });
    assert.equal(updateClip(aClip(), made).ref?.event, undefined);
  });

  it('leaves clips without one alone', () => {
    const clip = aClip();
    assert.equal(markClip(clip, undefined), clip);
  });
});
