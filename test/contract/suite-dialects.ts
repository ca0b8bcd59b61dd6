import assert from 'node:assert/strict';
import { join } from 'node:path';
import { dialects } from './dialects';
import type { Harness } from './harness';
import { checkCameras, checkCheck, done, leaveOut, respectException, runDownload, useRig } from './rig';

const never = (): AbortSignal => new AbortController().signal;

/** What is said counts, not how: nobody knows what a server of this vendor, or a proxy in front of it, makes of its answers. */
export function dialectSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  beforeEach(function () {
    respectException(this, rig().world);
  });

  for (const [name, dress] of dialects) {
    it(`understands answers ${name}`, async () => {
      const { world, provider, connect, finishedClip, folder } = rig();
      world.dress(dress);
      const connection = connect();
      checkCheck(await connection.check(never()));
      if (provider.listCameras) {
        const cameras = await connection.listCameras(never());
        checkCameras(cameras);
        assert.ok(cameras.some(({ id }) => id === world.camera));
      }
      const before = world.clipCount();
      const clip = await finishedClip(connection);
      const { file } = (await done(runDownload(connection, clip, join(folder, 'clip.mp4')))).clip;
      assert.deepEqual([file?.sha256, file?.problems], [await world.sha256Of(clip.id), []]);
      assert.equal(world.clipCount() - before, 1);
      if (provider.deleteClip) await connection.deleteClip(clip, never());
    });
  }

  it('takes silence for an answer when a clip is deleted', async function () {
    const { world, provider, connect, finishedClip } = rig();
    if (!provider.deleteClip) leaveOut(this, 'the vendor does not delete clips');
    const connection = connect();
    const clip = await finishedClip(connection);
    for (const status of [200, 204]) {
      world.force('delete', { status, body: '' });
      await connection.deleteClip(clip, never());
    }
  });
}
