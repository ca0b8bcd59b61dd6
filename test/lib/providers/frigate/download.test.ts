// Tests: files of Frigate's exports, and deleting them.
import assert from 'node:assert/strict';
import type { Clip } from '../../../../lib/provider';
import { sha256Of } from '../../../simulators/video';
import {
  admin,
  calls,
  closeAll,
  connectTo,
  createFinished,
  download,
  errorOf,
  fails,
  guard,
  never,
  poll,
  readAll,
  request,
  start,
  versions,
} from './support';

const open = (connection: ReturnType<typeof connectTo>, clip: Clip, from = { offset: 0 }) =>
  connection.openClip(clip, from, never);

describe('Frigate: downloading', () => {
  afterEach(closeAll);

  for (const version of versions) {
    it(`brings the file of ${version}, and can go on in the middle`, async () => {
      const sim = await start({ version });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      const media = await sim.mediaOf(clip.id);
      const whole = await download(connection, clip);
      assert.equal(whole.length, media.size);
      const first = await open(connection, clip);
      first.body.destroy();
      assert.deepEqual([first.size, first.resumable], [media.size, true]);
      const rest = await open(connection, clip, { offset: 1000, etag: first.etag } as { offset: number });
      assert.equal(rest.offset, 1000);
      assert.ok(whole.subarray(1000).equals(await readAll(rest.body)));
      assert.equal(await sha256Of(media), await sha256Of({ ...media, read: () => [whole] as never }));
    });

    it(`never touches the file of ${version} before it is finished`, async () => {
      const sim = await start({ version, exports: { makeMs: 60_000 } });
      const connection = connectTo(sim);
      const made = await connection.createClip(request(), never);
      await poll(connection, made);
      for (const status of ['busy', 'finished'] as const) {
        const error = await errorOf(open(connection, { ...made, status }));
        // Waiting in the queue, it has no row: only who thought it finished takes it for gone.
        assert.ok(['EFAILED', 'ENOTFOUND', 'EEXPIRED'].includes(error.code), error.message);
      }
      sim.advance(60_000);
      await poll(connection, made);
      assert.equal(sim.requestsFor('download').length, 0);
    });
  }

  it('waits until the server has forgotten how long the file was', async () => {
    const sim = await start({ exports: { makeMs: 60_000 } });
    const connection = connectTo(sim);
    const made = await connection.createClip(request(), never);
    sim.advance(30_000);
    await poll(connection, made);
    // Somebody else looks at it too early.
    const file = (await (await fetch(`${sim.url}/exports/`)).json()) as { name: string }[];
    for (let worker = 0; worker < 2; worker += 1)
      await fetch(`${sim.url}/exports/${file[0]!.name}`, { method: 'HEAD' });
    sim.advance(30_000);
    const clip = { ...made, ...(await poll(connection, made)) };
    assert.equal(clip.status, 'finished');
    const error = await errorOf(open(connection, clip));
    assert.deepEqual([error.code, error.retryable], ['EINCOMPLETE', true]);
    assert.match(error.message, /announces \d+ of the \d+ bytes.*two minutes/);
    // As often as a job tries it.
    for (let tries = 1; tries < 4; tries += 1) sim.advance(error.retryAfterMs!);
    assert.equal((await download(connection, clip)).length, clip.size);
  });

  it('gives up a wrong length that does not pass', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.advance(140_000);
    const wrong = { ...clip, size: clip.size! + 1 };
    assert.equal((await errorOf(open(connection, wrong))).retryable, false);
  });

  it('takes the half of a file that a restart has left for none, so that it is made again', async () => {
    const sim = await start({ exports: { makeMs: 60_000 } });
    const connection = connectTo(sim);
    const made = await connection.createClip(request(), never);
    sim.advance(30_000);
    await poll(connection, made);
    sim.restart();
    const clip = { ...made, ...(await poll(connection, made)) };
    assert.equal(clip.status, 'finished');
    await assert.rejects(open(connection, clip), fails('EEXPIRED', /restarted.*made again/));
  });

  it('says that a file is gone although its row is there', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.failNext({ kind: 'reply', reply: { status: 404, body: '<html>404</html>' } }, 'download');
    sim.failNext({ kind: 'reply', reply: { body: '[]' } }, 'files');
    await assert.rejects(open(connection, clip), fails('EEXPIRED', /not in the folder of exports/));
  });

  it('says that a page stands where the file should be', async () => {
    const sim = await start({ files: 'page' });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    const error = await errorOf(open(connection, clip));
    assert.deepEqual([error.code, error.retryable], ['EINCOMPLETE', true]);
    assert.match(error.message, /something else than the video/);
  });

  it('needs no listing, which restricted roles may not read', async () => {
    const sim = await start({ login: { required: true } });
    const connection = connectTo(sim, { credentials: guard });
    const clip = await createFinished(connection, { camera: 'garden' });
    assert.equal(clip.size, undefined);
    assert.ok((await download(connection, clip)).length > 0);
  });

  for (const version of versions) {
    it(`deletes as ${version} wants it, and only what is there`, async () => {
      const sim = await start({ version, login: { required: true } });
      const connection = connectTo(sim, { credentials: admin });
      const clip = await createFinished(connection);
      await connection.deleteClip(clip, never);
      await connection.deleteClip(clip, never);
      const call = version === '0.18.0' ? 'POST /api/exports/delete' : `DELETE /api/export/${clip.id}`;
      assert.deepEqual(calls(sim).slice(-2), [call, call]);
      assert.deepEqual(
        sim.exports.map(({ isDeleted }) => isDeleted),
        [true],
      );
    });

    it(`does not delete what ${version} is still making`, async () => {
      const sim = await start({ version, exports: { makeMs: 60_000 } });
      const connection = connectTo(sim);
      const made = await connection.createClip(request(), never);
      const error = await errorOf(connection.deleteClip(made, never));
      assert.deepEqual([error.code, error.retryable], ['EFAILED', true]);
    });

    it(`says that a role of ${version} may not delete`, async () => {
      const sim = await start({ version, login: { required: true } });
      const credentials = { username: 'viewer', password: 'viewer-passw0rd', token: '' };
      const connection = connectTo(sim, { credentials });
      const clip = await createFinished(connection);
      await assert.rejects(connection.deleteClip(clip, never), fails('EFORBIDDEN', /Required: admin.*role admin/));
      assert.ok((await download(connection, clip)).length > 0);
    });
  }

  it('deletes after an update of the server, too', async () => {
    const sim = await start({ version: '0.17.2' });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    Object.assign(sim.options, { version: '0.18.0', versionText: '0.18.0-5f6043a' });
    assert.equal((await errorOf(connection.deleteClip(clip, never))).retryable, true);
    await connection.deleteClip(clip, never);
    assert.ok(sim.exports[0]!.isDeleted);
  });
});
