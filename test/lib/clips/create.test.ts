import assert from 'node:assert/strict';
import { createClip, type CreateJobData } from '../../../lib/clips/create';
import { ClipError } from '../../../lib/errors';
import type { ClipRequest } from '../../../lib/provider';
import { untilAborted } from '../../support/promises';
import { manualClock } from '../../support/manual-clock';
import { aClip, aContext, aJob, connect } from './fake';

const request: ClipRequest = {
  camera: '7/2',
  start: '2025-03-01T08:50:00.000Z',
  end: '2025-03-01T08:50:30.000Z',
  title: 'Door',
  options: { vca: 'none' },
};
const { options } = request;
const work: CreateJobData = { connection: 'connection-1', request };

describe('creating a clip', () => {
  it('hands the request on as it is, and gives the clip its connection and provider', async () => {
    const asked: ClipRequest[] = [];
    const { connection: _c, provider: _p, ...made } = aClip({ status: 'pending' });
    const connection = connect({ createClip: async (given) => (asked.push(given), made) });
    const answer = await createClip(aJob(work), connection, aContext());
    assert.deepEqual(asked, [request]);
    assert.deepEqual(answer, { type: 'done', data: { ...work, clip: aClip({ status: 'pending', options }) } });
  });

  describe('of a camera that the message names', () => {
    const named = { ...work, request: { ...request, camera: 'Yard' } };
    const made = async (given: ClipRequest) => aClip({ camera: given.camera, status: 'pending' });

    it('asks for its id, where one camera of the list is called so', async () => {
      const asked: string[] = [];
      const connection = connect({
        listCameras: async () => [{ id: '7/2', name: 'Yard' }],
        createClip: (given) => (asked.push(given.camera), made(given)),
      });
      const answer = await createClip(aJob(named), connection, aContext());
      assert.ok(answer.type === 'done');
      assert.deepEqual(
        [asked, answer.data.request.camera, answer.data.clip?.camera, answer.data.clip?.cameraName],
        [['7/2'], '7/2', '7/2', 'Yard'],
      );
    });

    it('takes the name for the id where there is no list, it is empty, or it cannot be had', async () => {
      for (const listCameras of [
        undefined,
        async () => [],
        () => Promise.reject(new ClipError('EFORBIDDEN', 'no list for you')),
      ]) {
        const connection = connect({ createClip: made, ...(listCameras ? { listCameras } : {}) });
        const answer = await createClip(aJob(named), connection, aContext());
        assert.ok(answer.type === 'done');
        assert.equal(answer.data.request.camera, 'Yard');
      }
    });

    it('is refused where several are called so', async () => {
      const cameras = [1, 2].map((number) => ({ id: `7/${number}`, name: 'Yard' }));
      const answer = await createClip(aJob(named), connect({ listCameras: async () => cameras }), aContext());
      assert.ok(answer.type === 'failed');
      assert.equal(answer.error.code, 'EINVALID');
    });

    it('stays with the id that was asked for, after a crash as well', async () => {
      const asked: string[] = [];
      const connection = connect(
        {
          listCameras: async () => [{ id: '7/2', name: 'Yard' }],
          createClip: (given) => (asked.push(given.camera), Promise.reject(new ClipError('ENETWORK', 'cut'))),
          findClip: async (given) => (asked.push(`found ${given.camera}`), made(given)),
        },
        manualClock(),
        2,
        false,
      );
      const context = aContext<CreateJobData>();
      await createClip(aJob(named), connection, context);
      const answer = await createClip(aJob(context.saved.at(-1)!), connection, aContext());
      assert.deepEqual([asked, answer.type], [['7/2', 'found 7/2'], 'done']);
    });
  });

  it('keeps with the clip only options that are not the defaults', async () => {
    const connection = connect({ createClip: async () => aClip() });
    const data = { ...work, request: { ...request, options: { vca: '' } } };
    const answer = await createClip(aJob(data), connection, aContext());
    assert.deepEqual(answer, { type: 'done', data: { ...data, clip: aClip() } });
  });

  it('asks nobody when an earlier run has made it', async () => {
    const connection = connect({});
    const data = { ...work, clip: aClip() };
    assert.deepEqual(await createClip(aJob(data), connection, aContext()), { type: 'done', data });
  });

  it('is tried five times when the trouble may pass', async () => {
    const trouble = new ClipError('ENETWORK', 'the server is down', { retryAfterMs: 90_000 });
    const clock = manualClock();
    const connection = connect({ createClip: () => Promise.reject(trouble) }, clock);
    for (const failures of [0, 1, 2, 3]) {
      const answer = await createClip(aJob(work, { failures }), connection, aContext());
      assert.deepEqual(answer, { type: 'retry', afterMs: 90_000, error: trouble });
      await clock.advance(90_000);
    }
    const last = await createClip(aJob(work, { failures: 4 }), connection, aContext());
    assert.deepEqual(last, { type: 'failed', error: trouble });
  });

  const noVerdicts = [
    new ClipError('EPROTOCOL', 'a page of maintenance'),
    new ClipError('ENOTFOUND', 'HTTP 404', { inconclusive: true }),
    new ClipError('EFORBIDDEN', 'HTTP 403', { inconclusive: true }),
  ];
  for (const error of noVerdicts) {
    it(`is tried again where the answer is no verdict (${error.message})`, async () => {
      const connection = connect({ createClip: () => Promise.reject(error) });
      const answer = await createClip(aJob(work), connection, aContext());
      assert.deepEqual([answer.type, answer.type === 'retry' && answer.error], ['retry', error]);
    });
  }

  it('waits longer after each failure', async () => {
    const connection = connect({ createClip: () => Promise.reject(new ClipError('ENETWORK', 'x')) });
    let shortest = 0;
    for (const failures of [0, 1, 2, 3]) {
      const answer = await createClip(aJob(work, { failures }), connection, aContext());
      assert.ok(answer.type === 'retry');
      assert.ok(answer.afterMs > shortest, `${answer.afterMs} after ${failures}`);
      // A quarter more or less than a power of two.
      shortest = 1_000 * 2 ** failures * 1.25;
    }
  });

  it('is not tried again when it was refused', async () => {
    const refusal = new ClipError('ELIMIT', 'at most 300 s');
    const connection = connect({ createClip: () => Promise.reject(refusal) });
    const answer = await createClip(aJob(work), connection, aContext());
    assert.deepEqual(answer, { type: 'failed', error: refusal });
  });

  it('ends with EABORTED when it is stopped', async () => {
    const context = aContext<CreateJobData>();
    const connection = connect({ createClip: (_request, { signal }) => untilAborted(signal) });
    const creating = createClip(aJob(work), connection, context);
    context.stop.abort();
    const answer = await creating;
    assert.equal(answer.type === 'failed' && answer.error.code, 'EABORTED');
  });

  describe('at a vendor that makes a second clip when asked twice', () => {
    const { connection: _c, provider: _p, ...made } = aClip({ status: 'pending' });
    const asked = { ...work, requestSent: true };

    it('notes that it asks before it does', async () => {
      const context = aContext<CreateJobData>();
      const createClip_ = async () => {
        assert.deepEqual(context.saved, [asked]);
        return made;
      };
      const connection = connect({ createClip: createClip_ }, undefined, 2, false);
      const answer = await createClip(aJob(work), connection, context);
      assert.equal(answer.type, 'done');
    });

    it('first looks for the clip of an earlier run', async () => {
      const connection = connect({ findClip: async () => made }, undefined, 2, false);
      const answer = await createClip(aJob(asked), connection, aContext());
      assert.deepEqual(answer, { type: 'done', data: { ...asked, clip: aClip({ status: 'pending', options }) } });
    });

    it('asks again when the earlier run has not made it', async () => {
      const connection = connect(
        { findClip: async () => undefined, createClip: async () => made },
        undefined,
        2,
        false,
      );
      const answer = await createClip(aJob(asked), connection, aContext());
      assert.equal(answer.type, 'done');
    });

    it('does not ask again while it cannot be told', async () => {
      const trouble = new ClipError('ENETWORK', 'down');
      const connection = connect({ findClip: () => Promise.reject(trouble) }, undefined, 2, false);
      const answer = await createClip(aJob(asked), connection, aContext());
      assert.equal(answer.type, 'retry');
    });
  });
});
