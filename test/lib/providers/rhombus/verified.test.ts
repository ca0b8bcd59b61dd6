import assert from 'node:assert/strict';
import { downloadClip, type DownloadJobData } from '../../../../lib/clips/download';
import type { JobResult } from '../../../../lib/jobs/job';
import type { Clip } from '../../../../lib/provider';
import { systemClock } from '../../../../lib/async/clock';
import { clipUuid } from '../../../simulators/rhombus/clips';
import type { Rhombus } from '../../../simulators/rhombus';
import { closeAll, connectTo, createFinished, never, startCloud } from './support';

/** The whole way down to the file, where what the vendor declares is compared with what came. */
describe('Rhombus: a downloaded file', () => {
  afterEach(closeAll);

  async function fetchClip(sim: Rhombus, change: Partial<Clip> = {}): Promise<JobResult<DownloadJobData>> {
    const connection = connectTo(sim);
    const clip = { ...(await createFinished(connection)), ...change };
    const work: DownloadJobData = {
      connection: 'cloud',
      clip,
      output: 'buffer',
      maxBufferBytes: 2 ** 24,
      filename: '',
      root: '',
      exists: 'rename',
      convert: 'none',
      maxHeight: 0,
      maxBytes: 0,
      thumbnail: false,
      deleteAfter: true,
      strict: true,
    };
    const job = { id: 'aaaabbbb', nodeId: 'node', createdAt: 0, runAt: 0, failures: 0, data: work };
    const context = { signal: never, save: async () => undefined };
    return downloadClip(job, connection, context, {
      clock: systemClock,
      onBytes: () => undefined,
      findFfmpeg: () => Promise.reject(new Error('Not expected')),
      onBuffer: () => undefined,
    });
  }

  const troubleOf = (answer: JobResult<DownloadJobData>) => (answer.type === 'retry' ? answer.error : undefined);

  it('is what the vendor declared, and the clip can go then', async () => {
    const sim = await startCloud({ status: { sha256: 'upper-case' }, download: { framing: 'close' } });
    const answer = await fetchClip(sim);
    assert.equal(answer.type, 'done');
    const { file, size, sha256 } = (answer as { data: DownloadJobData }).data.clip;
    assert.deepEqual([file?.size, file?.sha256, file?.problems], [size, sha256, []]);
    assert.equal(sim.clips.length, 0);
  });

  it('of another checksum is not taken', async () => {
    const sim = await startCloud({ status: { sha256: 'wrong' } });
    const error = troubleOf(await fetchClip(sim));
    assert.equal(error?.code, 'EINCOMPLETE');
    assert.match(error?.message ?? '', /SHA-256/);
    assert.equal(sim.clips.length, 1);
  });

  it('of another length is not taken', async () => {
    const declared = await startCloud({ status: { byteCount: 'wrong', sha256: 'null' } });
    assert.equal(troubleOf(await fetchClip(declared))?.code, 'EINCOMPLETE');
    const proven = await startCloud({ status: { byteCount: 'wrong' } });
    assert.equal((await fetchClip(proven)).type, 'done');
    for (const framing of ['length', 'chunked', 'close'] as const) {
      const short = await startCloud({ download: { truncateAfter: 5000, framing } });
      assert.equal(troubleOf(await fetchClip(short))?.code, 'EINCOMPLETE', framing);
    }
  });

  it('is taken by its own structure where the vendor declares nothing', async () => {
    const sim = await startCloud({ status: { sha256: 'null', byteCount: 'null' }, download: { framing: 'close' } });
    assert.equal((await fetchClip(sim)).type, 'done');
    const short = await startCloud({
      status: { sha256: 'null', byteCount: 'null' },
      download: { framing: 'close', truncateAfter: 5000 },
    });
    assert.equal(troubleOf(await fetchClip(short))?.code, 'EINCOMPLETE');
  });

  it('of a clip that has never been there is an error at once', async () => {
    const sim = await startCloud();
    const answer = await fetchClip(sim, { id: clipUuid(999) });
    assert.equal(answer.type === 'failed' && answer.error.code, 'EEXPIRED');
  });
});
