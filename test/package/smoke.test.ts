/** The package as it is shipped: packed, installed, and run by real Node-RED processes. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { globSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { isAbsolute, join, relative } from 'node:path';
import { promisify } from 'node:util';
import type { Clip } from '../../lib/provider';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { sha256Of } from '../simulators/video';
import { openDebugSidebar } from '../support/debug-sidebar';
import { connectTo, findNode, readExample, type FlowNode } from '../support/examples';
import { assertBuilt, packageName, packageRoot } from '../support/package';
import { startRuntime, type NodeRedVersion, type Runtime } from '../support/runtime';

const longestMs = 120_000;
const example = '01 - Event to MP4.json';
const login = { username: 'smoke-user', password: 'pass-9f3b-word' };
const forFirstUse = ['axios', 'fast-xml-parser', 'fluent-ffmpeg', '@aws-sdk', '@smithy', 'bullmq', 'ioredis'];
const nodeFiles = globSync('nodes/*.ts', { cwd: packageRoot }).map((path) => path.replace(/^.*[\\/]|\.ts$/g, ''));

for (const nodeRed of ['5', '4.1'] satisfies NodeRedVersion[]) {
  describe(`the installed package in Node-RED ${nodeRed}`, function () {
    this.timeout(longestMs);
    let sim: VdgSense;
    let runtime: Runtime;
    let flow: FlowNode[];

    before(async () => {
      sim = await startVdgSense({ users: [login] });
      const connected = connectTo(await readExample(example), sim.url, login);
      ({ flow } = connected);
      runtime = await startRuntime({ nodeRed, ...connected });
    });
    after(async () => {
      await runtime?.close();
      await sim?.close();
    });

    const admin = async <JobResult>(path: string, accept = 'application/json'): Promise<JobResult> => {
      const response = await runtime.admin(path, { headers: { accept } });
      return (accept === 'application/json' ? response.json() : response.text()) as Promise<JobResult>;
    };

    it('lies in the user directory, not in the working tree', async () => {
      const folder = join(runtime.userDir, 'node_modules', packageName);
      const names = await readdir(folder);
      assert.ok(names.includes('dist') && names.includes('examples') && names.includes('LICENSE'), names.join(', '));
      assert.ok(!names.includes('test') && !names.includes('lib') && !names.includes('nodes'), names.join(', '));
    });

    it('serves every script and style that its pages load', async () => {
      const pages = await Promise.all(['/nodes', '/plugins'].map((path) => admin<string>(path, 'text/html')));
      const loaded = pages.flatMap((html) => [...html.matchAll(/(?:src|href)="(resources\/@vms-nodes\/[^"]*)"/g)]);
      assert.ok(loaded.length > 0);
      for (const [, address = ''] of loaded) assert.notEqual(await admin<string>(`/${address}`, '*/*'), '', address);
    });

    it('registers every node without an error', async () => {
      const sets =
        await admin<{ module: string; name: string; types: string[]; enabled: boolean; err?: unknown }[]>('/nodes');
      const ours = sets.filter(({ module }) => module === packageName);
      assert.deepEqual(ours.map(({ name }) => name).sort(), [...nodeFiles].sort());
      for (const { name, types, enabled, err } of ours) {
        assert.deepEqual({ types, enabled, err }, { types: [name], enabled: true, err: undefined });
      }
    });

    it('serves dialogs, help, catalogs and icons to the editor', async () => {
      const html = await admin<string>('/nodes', 'text/html');
      const icons = await admin<Record<string, string[]>>('/icons');
      for (const name of nodeFiles) {
        assert.ok(html.includes(`data-template-name="${name}"`), `dialog of ${name}`);
        assert.ok(html.includes(`data-help-name="${name}"`), `help of ${name}`);
        const catalog = await admin<Record<string, unknown>>(`/locales/${packageName}/${name}?lng=en-US`);
        assert.ok(Object.keys(catalog).includes(name), `catalog of ${name}`);
      }
      assert.deepEqual(icons[packageName]?.sort(), (await readdir(join(packageRoot, 'icons'))).sort());
      for (const icon of icons[packageName] ?? []) {
        const svg = Buffer.from(await (await runtime.admin(`/icons/${packageName}/${icon}`)).arrayBuffer());
        assert.deepEqual(svg, await readFile(join(packageRoot, 'icons', icon)));
      }
    });

    it('offers its example in the import dialog', async () => {
      const name = example.replace(/\.json$/, '');
      const path = `/library/examples/flows/${packageName}/${encodeURIComponent(name)}`;
      assert.deepEqual(await admin(path), await readExample(example));
    });

    it('turns the event of the example into a whole MP4', async () => {
      const sidebar = await openDebugSidebar(runtime.url);
      try {
        await runtime.inject(findNode(flow, 'inject').id);
        const failed = sidebar
          .next(findNode(flow, 'debug', 'Failed').id, longestMs)
          .then((error) => assert.fail(JSON.stringify(error)));
        failed.catch(() => undefined);
        const message = (await Promise.race([
          sidebar.next(findNode(flow, 'debug', 'Video').id, longestMs / 2),
          failed,
        ])) as { clip: Clip; filename: string };
        const { clip, filename } = message;
        const clips = join(runtime.userDir, 'clips');
        assert.ok(isAbsolute(filename) && !relative(clips, filename).startsWith('..'), filename);
        const media = await sim.mediaOf(clip.id);
        const sha256 = createHash('sha256')
          .update(await readFile(filename))
          .digest('hex');
        assert.equal(sha256, await sha256Of(media));
        assert.equal(clip.file?.sha256, sha256);
        assert.equal(clip.file?.size, media.size);
        assert.deepEqual(clip.file?.problems, []);
        assert.deepEqual(await readdir(join(filename, '..')), [relative(join(filename, '..'), filename)]);
        assert.deepEqual(await readdir(join(runtime.userDir, 'video-clips', 'jobs')), []);
      } finally {
        sidebar.close();
      }
    });

    it('logs no trouble and no secret, and stops when it is asked to', async () => {
      const keys = [...sim.sessions.keys()];
      assert.equal(keys.length, 1);
      await runtime.stop();
      assert.deepEqual(runtime.problems(), []);
      assert.match(runtime.logs(), /Stopped flows/);
      for (const secret of [login.password, ...keys])
        assert.ok(!runtime.logs().includes(secret), 'a secret in the log');
      assert.deepEqual(sim.errors, []);
    });
  });
}

describe('registering the nodes', () => {
  before(assertBuilt);

  it('loads none of the large libraries: they are for first use', async function () {
    this.timeout(longestMs);
    const modules = nodeFiles.map((name) => join(packageRoot, 'dist', 'nodes', `${name}.js`));
    // Enough of a runtime to register types in; whatever else is called on it does nothing.
    const script = `
      const types = [];
      const RED = new Proxy(function () {}, { get: (_, name) => name === 'registerType' ? (type) => types.push(type) : RED });
      for (const path of JSON.parse(process.argv[1])) require(path)(RED);
      console.log(JSON.stringify({ types, loaded: Object.keys(require.cache) }));`;
    const { stdout } = await promisify(execFile)(process.execPath, ['-e', script, JSON.stringify(modules)]);
    const { types, loaded } = JSON.parse(stdout) as { types: string[]; loaded: string[] };
    assert.deepEqual(types.sort(), [...nodeFiles].sort());
    for (const library of forFirstUse) {
      assert.deepEqual(
        loaded.filter((path) => path.replaceAll('\\', '/').includes(`/node_modules/${library}/`)),
        [],
      );
    }
  });
});
