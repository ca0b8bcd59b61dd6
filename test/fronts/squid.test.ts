import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { World } from '../contract/harness';
import { checkError, done, failure, openRig, runCreate, runDownload, runPoll, type OpenRig } from '../contract/rig';
import { harnessOf, providerIds } from '../faults/cells';
import { good } from '../faults/families/certificates';
import { startProxy } from '../faults/proxy';
import { describeWith } from '../support/programs';
import { tempFolder } from '../support/temp-folder';
import { squidProgram, startSquid, type Squid } from './squid';

const [username, password] = ['proxy-user', 'pr0xy: w/rd@'];

for (const harness of providerIds.map(harnessOf)) {
  describeWith(squidProgram, 'squid', `${harness.id} through squid`, () => {
    const folder = tempFolder();
    let squid: Squid;
    let rig: OpenRig;
    before(async () => {
      squid = await startSquid(username, password);
    });
    after(() => squid.close());
    afterEach(() => rig.close());

    async function open(world: World, changes = {}): Promise<OpenRig> {
      const { definition } = world;
      const proxy = { ...squid.proxy, ...changes };
      const proxied = {
        ...definition,
        open: (config: Parameters<typeof definition.open>[0]) => definition.open({ ...config, proxy }),
      };
      return (rig = await openRig({ ...world, definition: proxied }, folder));
    }

    for (const scheme of ['http', 'https']) {
      it(`brings a clip by ${scheme}`, async () => {
        const world = await harness.start();
        const { connect, request } = await open(scheme === 'http' ? world : (await startProxy(world, good())).world);
        const connection = connect();
        const made = (await done(runCreate(connection, request()))).clip!;
        const { clip } = await done(runPoll(connection, made));
        const { file } = (await done(runDownload(connection, clip, join(folder(), 'clip.mp4')))).clip;
        assert.equal(file?.sha256, await world.sha256Of(clip.id));
      });

      it(`names the proxy when that refuses its own login (${scheme})`, async () => {
        const world = await harness.start();
        const wrong = { password: 'wr0ng w/rd' };
        const front = scheme === 'http' ? world : (await startProxy(world, good())).world;
        const { connect, request } = await open(front, wrong);
        const error = checkError(await failure(runCreate(connect(), request())), world);
        assert.equal(error.code, 'ENETWORK');
        assert.match(error.message, /set them in the proxy of the connection/);
        assert.doesNotMatch(error.message, /wr0ng/);
        assert.deepEqual(world.requests(), []);
      });
    }
  });
}
