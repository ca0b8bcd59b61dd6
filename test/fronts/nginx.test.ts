import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  checkCameras,
  checkCheck,
  checkError,
  done,
  failure,
  openRig,
  runCreate,
  runDownload,
  runPoll,
  type OpenRig,
} from '../contract/rig';
import { harnessOf, providerIds } from '../faults/cells';
import { eventually } from '../support/eventually';
import { describeWith } from '../support/programs';
import { tempFolder } from '../support/temp-folder';
import { nginxProgram, startNginx, type Nginx, type NginxOptions } from './nginx';

const never = (): AbortSignal => new AbortController().signal;

/** As administrators set it up, knowingly or not. */
const setups: Record<string, NginxOptions> = {
  'as it comes': {},
  'with HTTP/1.1 to the server': { location: 'proxy_http_version 1.1; proxy_set_header Connection "";' },
  'without buffers': { location: 'proxy_buffering off; proxy_request_buffering off;' },
  'compressing everything': { server: 'gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;' },
  'with one request for each connection': { server: 'keepalive_requests 1;' },
  'closing each connection at once': { server: 'keepalive_timeout 0;' },
  'without ranges': { location: 'max_ranges 0; proxy_set_header Range ""; proxy_hide_header Accept-Ranges;' },
  'making ranges of its own': {
    location: 'proxy_force_ranges on; proxy_set_header Range ""; proxy_set_header If-Range "";',
  },
  'with a cache': {
    http: 'proxy_cache_path cache levels=1 keys_zone=one:1m;',
    location: 'proxy_cache one; proxy_cache_valid 206 10m;',
  },
};

/** What it says by itself, and the codes that make sense of that. */
const refusals: Record<number, RegExp> = {
  401: /^(EAUTH|EFORBIDDEN|EPROTOCOL)$/,
  403: /^(EFORBIDDEN|EPROTOCOL)$/,
  413: /^EPROTOCOL$/,
  503: /^ENETWORK$/,
  // It closes the connection without a word.
  444: /^ENETWORK$/,
};

for (const harness of providerIds.map(harnessOf)) {
  describeWith(nginxProgram, 'nginx', `${harness.id} behind nginx`, () => {
    const folder = tempFolder();
    let nginx: Nginx;
    let rig: OpenRig;

    async function open(options?: NginxOptions): Promise<OpenRig> {
      nginx = await startNginx(await harness.start(), options);
      rig = await openRig(nginx.world, folder);
      return rig;
    }
    afterEach(async () => {
      await rig.close();
      await nginx.close();
    });
    const sha256Of = (path: string): string => createHash('sha256').update(readFileSync(path)).digest('hex');

    for (const [name, options] of Object.entries(setups)) {
      it(`brings a clip through it ${name}`, async () => {
        const { connect, provider, request, world } = await open(options);
        const connection = connect();
        checkCheck(await connection.check(never()));
        if (provider.listCameras) checkCameras(await connection.listCameras(never()));
        const made = (await done(runCreate(connection, request()))).clip!;
        const { clip } = await done(runPoll(connection, made));
        const path = join(folder(), 'clip.mp4');
        const { file } = (await done(runDownload(connection, clip, path))).clip;
        assert.equal(sha256Of(path), await world.sha256Of(clip.id));
        assert.deepEqual(file?.problems, []);
      });
    }

    it('goes on with a clip after it was ended and started in the middle', async () => {
      const { connect, finishedClip, files, world } = await open({ location: 'limit_rate_after 40k; limit_rate 4k;' });
      const connection = connect();
      const clip = await finishedClip(connection);
      const path = join(folder(), 'clip.mp4');
      const work = done(runDownload(connection, clip, path, { sleepMs: 300 }));
      work.catch(() => undefined);
      // Kinesis Video Streams and Aipix name other addresses for their files: those come past it, and at once.
      await eventually(() => assert.equal(files().length, 1));
      await nginx.stop();
      await nginx.configure({});
      await nginx.start();
      await work;
      assert.equal(sha256Of(path), await world.sha256Of(clip.id));
      assert.deepEqual(files(), [path]);
    });

    it('waits for a server that is down behind it', async () => {
      const { connect, request } = await open({ server: 'return 502;' });
      const work = done(runCreate(connect(), request(), { sleepMs: 500 }));
      work.catch(() => undefined);
      await sleep(100);
      await nginx.stop();
      await nginx.configure({});
      await nginx.start();
      assert.ok((await work).clip);
    });

    for (const [status, codes] of Object.entries(refusals)) {
      it(`says that it answers ${status}`, async () => {
        const { connect, request, world } = await open({ server: `return ${status};` });
        const error = await failure(runCreate(connect(), request()));
        assert.match(checkError(error, world).code, codes, error.message);
      });
    }
  });
}
