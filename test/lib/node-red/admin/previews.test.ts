import assert from 'node:assert/strict';
import { join } from 'node:path';
import { expandFilename } from '../../../../lib/files/filename';
import { registerDownloadPreviewRoutes, registerLongestClipRoute } from '../../../../lib/node-red/admin/previews';
import type { AdminRequest, AdminResponse, NodeRed } from '../../../../lib/node-red/node-red';
import { Runtime } from '../../../../lib/node-red/runtime';
import { fakeProgram, linesOf, realFfmpeg, runQuietly } from '../../../support/ffmpeg';
import { tempFolder } from '../../../support/temp-folder';

type Handler = (request: Partial<AdminRequest>, response: AdminResponse) => void;
type JobResult = Record<string, unknown> & { status?: number; error?: { code: string; message: string } };

/** The routes as the runtime would have them, each with the permission that it asks for. */
function routes(register: (runtime: Runtime) => void, settings: Record<string, unknown> = {}) {
  const found = new Map<string, { permission: unknown; handler: Handler }>();
  const add =
    (method: string) =>
    (path: string, ...handlers: unknown[]): void => {
      const [permission, handler] = handlers.slice(-2) as [unknown, Handler];
      found.set(`${method} ${path}`, { permission, handler });
    };
  const RED = {
    httpAdmin: { get: add('GET'), post: add('POST') },
    auth: { needsPermission: (name: string) => name },
    settings,
    events: { on: () => undefined },
  } as unknown as NodeRed;
  register(new Runtime(RED));
  return {
    permissions: () => Object.fromEntries([...found].map(([route, { permission }]) => [route, permission])),
    ask: (route: string, body?: unknown): Promise<JobResult> =>
      new Promise((resolve) => {
        const response: AdminResponse = {
          status: () => response,
          json: (answer) => resolve(answer as JobResult),
          sendStatus: (status) => resolve({ status }),
        };
        found.get(route)!.handler({ body }, response);
      }),
  };
}

describe('previews for the download dialog', () => {
  const folder = tempFolder();

  it('are for those who may read the node', () => {
    assert.deepEqual(routes(registerDownloadPreviewRoutes).permissions(), {
      'POST /video-clips/filename': 'download-clip.read',
      'GET /video-clips/ffmpeg': 'download-clip.read',
    });
  });

  describe('of the file name', () => {
    const preview = (template: unknown) =>
      routes(registerDownloadPreviewRoutes, { userDir: folder() }).ask('POST /video-clips/filename', { template });

    it('is where the file of such a clip goes', async () => {
      const { path } = await preview('{provider}/{camera}/{cameraName} {title} {date}/{start} {end} {time} {id}.mp4');
      const names = [
        ['vdg-sense', '6917529027641081901_2', 'Dock 1 Alarm 2026-03-01'],
        ['2026-03-01T08-50-00Z 2026-03-01T08-50-30Z 08-50-00 8070450532247928833.mp4'],
      ].flat();
      assert.equal(path, join(folder(), ...names));
    });

    it('starts where the core file nodes start', async () => {
      const working = join(folder(), 'files');
      const { ask } = routes(registerDownloadPreviewRoutes, { userDir: folder(), fileWorkingDirectory: working });
      const { path } = await ask('POST /video-clips/filename', { template: 'a.mp4' });
      assert.equal(path, join(working, 'a.mp4'));
    });

    for (const template of ['', '{camra}.mp4', '../{id}.mp4', 'clips/', '\0.mp4']) {
      it(`says what is wrong with ${JSON.stringify(template)}, in the words of the node`, async () => {
        const clip = { provider: '', id: '1', camera: '2', start: '2026-03-01T08:50:00Z', end: '2026-03-01T08:50:30Z' };
        const { error } = await preview(template);
        assert.ok(error);
        assert.throws(() => expandFilename(template, clip, { folder: folder() }), error);
      });
    }

    it('refuses what is no template', async () => {
      for (const template of [undefined, 7, {}, 'x'.repeat(5000)]) {
        assert.deepEqual(await preview(template), { status: 400 });
      }
      assert.deepEqual(await routes(registerDownloadPreviewRoutes).ask('POST /video-clips/filename'), { status: 400 });
    });
  });

  describe('of ffmpeg', () => {
    const ask = (setting: string) =>
      routes(registerDownloadPreviewRoutes, { clipProviderFfmpeg: setting }).ask('GET /video-clips/ffmpeg');
    const ffmpeg = realFfmpeg();

    it('name the one that will run', async () => {
      const version = runQuietly(ffmpeg(), ['-version']).split(' ')[2];
      assert.deepEqual(await ask(ffmpeg()), { path: ffmpeg(), version });
    });

    it('say where it was looked for in vain', async () => {
      const { error } = await ask(join(folder(), 'none'));
      assert.match(error!.message, /There is no ffmpeg that can be run at .*none, where the setting says it is/);
    });

    it('take no other program for it, nor one that does not run', async () => {
      const other = fakeProgram(folder(), 'other', 'echo "ffplay version 7"');
      assert.match((await ask(other)).error!.message, /does not run as ffmpeg \(it is not ffmpeg\)/);
      const broken = fakeProgram(folder(), 'broken', 'exit 3');
      assert.match((await ask(broken)).error!.message, /does not run as ffmpeg \(3\)/);
    });

    it('do not start it for each dialog', async () => {
      const program = fakeProgram(folder(), 'ffmpeg', 'echo "ffmpeg version 7.1-test Copyright"');
      const offered = routes(registerDownloadPreviewRoutes, { clipProviderFfmpeg: program });
      const answers = [1, 2, 3].map(() => offered.ask('GET /video-clips/ffmpeg'));
      for (const answer of await Promise.all(answers)) assert.deepEqual(answer, { path: program, version: '7.1-test' });
      assert.equal(linesOf(`${program}.starts`).length, 1);
    });
  });
});

describe('the longest clip, for the dialog of create-clip', () => {
  const offered = routes(registerLongestClipRoute);
  const longest = (provider: unknown, settings?: unknown) =>
    offered.ask('POST /video-clips/longest-clip', { provider, settings });

  it('is for those who may read the node', () => {
    assert.deepEqual(offered.permissions(), { 'POST /video-clips/longest-clip': 'create-clip.read' });
  });

  it('is that of the connection as it stands in the editor', async () => {
    assert.deepEqual(await longest('vdg-sense', { url: 'http://sense.example' }), { seconds: 300 });
    assert.deepEqual(await longest('aipix', { url: 'http://aipix.example', maxClip: 120 }), { seconds: 120 });
  });

  it('is not known for settings that hold variables or nonsense, and for strange providers', async () => {
    for (const [provider, settings] of [
      ['aipix', { url: 'http://aipix.example', maxClip: '${LONGEST}' }],
      ['vdg-sense', { url: 'no address' }],
      ['sample', {}],
      [undefined, undefined],
    ]) {
      assert.deepEqual(await longest(provider, settings), {});
    }
  });
});
