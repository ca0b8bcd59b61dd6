/** The door for others: a provider in a package of its own, installed beside ours as its users would do it. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Clip } from '../../lib/provider';
import { providers } from '../../lib/providers';
import { startSample, type SampleVendor } from '../simulators/sample';
import { sha256Of } from '../simulators/video';
import { openDebugSidebar } from '../support/debug-sidebar';
import { packageRoot } from '../support/package';
import { startRuntime, type NodeRedVersion, type Runtime } from '../support/runtime';

const longestMs = 120_000;
const hour = 3600_000;
const key = 'sample-key-of-the-door';

/** What is wrong with the plugins of one more package, by their ids. */
const broken = {
  'without-id': '{ ...whole, id: undefined }',
  'without-open': '{ ...whole, id: "a", open: undefined }',
  'throwing-id': '{ ...whole, get id() { throw new Error("not now") } }',
  'throwing-settings': '{ ...whole, id: "b", get settings() { throw new Error("not now") } }',
  'circular-settings': '{ ...whole, id: "c", settings: [circular] }',
  'strange-fields': '{ ...whole, id: "d", settings: [{ name: "x", kind: "colour" }] }',
  'no-object': '"rhombus"',
  'no-credentials': '{ ...whole, id: "e", credentials: undefined }',
  'one-of-ours': '{ ...whole, id: "rhombus", label: "Another Rhombus" }',
  'one-of-theirs': '{ ...whole, id: "sample", label: "Another sample" }',
};

function writeBrokenPackage(folder: string): void {
  mkdirSync(folder, { recursive: true });
  const register = Object.entries(broken).map(
    ([id, definition]) =>
      `  RED.plugins.registerPlugin('z-${id}', { type: 'clip-provider', definition: ${definition} });`,
  );
  const source = [
    'const circular = { name: "x", kind: "text", label: "X", default: "" };',
    'circular.self = circular;',
    'const whole = { label: "Broken", settings: [], credentials: {}, clipOptions: [], idempotentCreate: true, open: async () => ({}) };',
    'module.exports = (RED) => {',
    ...register,
    "  RED.plugins.registerPlugin('z-throwing', { type: 'clip-provider', get definition() { throw new Error('not now'); } });",
    '};',
  ];
  writeFileSync(join(folder, 'index.js'), source.join('\n'));
  const manifest = {
    name: 'node-red-clips-z-broken',
    version: '1.0.0',
    'node-red': { version: '>=4.0.0', plugins: { broken: 'index.js' } },
  };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
}

function flowFor(url: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  return [
    { id: 'tab', type: 'tab', label: 'Door' },
    { id: 'connection', type: 'clip-provider', provider: 'sample', settings: { url } },
    { ...place, id: 'go', type: 'inject', props: [], repeat: '', crontab: '', once: false, wires: [['create']] },
    {
      ...place,
      ...{ id: 'create', type: 'create-clip', connection: 'connection', range: 'between', settle: 0 },
      options: { watermark: true },
      wires: [['poll']],
    },
    { ...place, id: 'poll', type: 'poll-clip', interval: 0.1, wires: [['download'], [], ['failed']] },
    {
      ...place,
      id: 'download',
      type: 'download-clip',
      filename: 'door/{id}.mp4',
      deleteAfter: true,
      wires: [['video'], []],
    },
    { ...place, id: 'catch', type: 'catch', scope: null, uncaught: false, wires: [['failed']] },
    ...['video', 'failed'].map((id) => ({
      ...place,
      id,
      type: 'debug',
      active: true,
      tosidebar: true,
      complete: 'true',
    })),
  ];
}

interface Offered {
  id: string;
  label: string;
  settings: { name: string; kind: string }[];
  credentials: Record<string, { label: string }>;
  clipOptions: { name: string }[];
  exportsToServer: boolean;
}

for (const nodeRed of ['5', '4.1'] satisfies NodeRedVersion[]) {
  describe(`a provider in a package of its own, in Node-RED ${nodeRed}`, function () {
    this.timeout(longestMs);
    let folder: string;
    let vendor: SampleVendor;
    let runtime: Runtime;

    before(async () => {
      folder = mkdtempSync(join(tmpdir(), 'clips-door-'));
      writeBrokenPackage(folder);
      vendor = await startSample({ key });
      runtime = await startRuntime({
        nodeRed,
        flow: flowFor(vendor.url),
        credentials: { connection: { token: key } },
        plugins: [join(packageRoot, 'test', 'sample-provider'), folder],
      });
    });
    after(async () => {
      await runtime?.close();
      await vendor?.close();
      await rm(folder, { recursive: true, force: true });
    });

    it('is offered in the editor with its form, beside ours', async () => {
      const settings = (await (await runtime.admin('/settings')).json()) as { clipProviderProviders: Offered[] };
      const offered = settings.clipProviderProviders;
      assert.deepEqual(
        offered.map(({ id }) => id),
        [...providers.map(({ id }) => id), 'sample'],
      );
      const sample = offered.at(-1)!;
      assert.equal(sample.label, 'Sample Video');
      assert.equal(sample.exportsToServer, true);
      assert.deepEqual(
        sample.settings.map(({ name, kind }) => [name, kind]),
        [
          ['url', 'url'],
          ['quality', 'select'],
        ],
      );
      assert.deepEqual(sample.credentials, { token: { label: 'API key', hint: 'Of a user who may export' } });
      assert.deepEqual(
        sample.clipOptions.map(({ name }) => name),
        ['watermark'],
      );
      assert.equal(offered.find(({ id }) => id === 'rhombus')?.label, 'Rhombus');
    });

    it('makes a clip, brings it here and deletes it at the vendor', async () => {
      const sidebar = await openDebugSidebar(runtime.url);
      try {
        const end = Math.floor(Date.now() / 1000) * 1000 - hour;
        const start = end - 4000;
        const properties = { camera: 'cam-1', start: new Date(start).toISOString(), end: new Date(end).toISOString() };
        await runtime.inject('go', properties);
        const failed = sidebar.next('failed', longestMs).then((error) => assert.fail(JSON.stringify(error)));
        failed.catch(() => undefined);
        const shown = await Promise.race([sidebar.next('video', longestMs / 2), failed]);
        const { clip, filename } = shown as { clip: Clip; filename: string };
        assert.deepEqual([clip.provider, clip.connection, clip.status], ['sample', 'connection', 'finished']);
        const sha256 = createHash('sha256')
          .update(await readFile(filename))
          .digest('hex');
        assert.deepEqual([clip.file?.sha256, clip.file?.problems], [sha256, []]);
        const create = vendor.server.requests.find(({ method }) => method === 'POST')!;
        const { watermark, quality } = JSON.parse(create.body.toString()) as Record<string, unknown>;
        assert.deepEqual({ watermark, quality }, { watermark: true, quality: 'high' });
        assert.equal(vendor.clips.length, 0);
        vendor.clips.push({ ...properties, id: clip.id, title: '', state: 'ready' });
        assert.equal(sha256, await sha256Of(await vendor.mediaOf(clip.id)));
      } finally {
        sidebar.close();
      }
    });

    it('is not harmed by plugins that do not hold to the contract: each is told of once', async () => {
      await runtime.admin('/settings');
      await runtime.stop();
      const problems = runtime.problems();
      const ids = [...Object.keys(broken), 'throwing'].map((id) => `z-${id}`);
      for (const id of ids) {
        const lines = problems.filter((line) => line.includes(`"${id}"`));
        assert.equal(lines.length, 1, `${id}: ${lines.join('\n')}`);
        assert.match(lines[0]!, /\[warn\] \[video clips\] The provider of the plugin "[\w-]+" is ignored: \S+/);
      }
      assert.equal(problems.length, ids.length, problems.join('\n'));
      assert.ok(!runtime.logs().includes(key), 'a secret in the log');
      assert.deepEqual(vendor.server.errors, []);
    });
  });
}
