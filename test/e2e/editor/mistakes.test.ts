// Classic mistakes, and whether their reason can be read where people look: in the sidebar, as wide as it is by itself.
import assert from 'node:assert/strict';
import { rm } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { startVdgSense, type VdgSense } from '../../simulators/vdg-sense';
import { eventually } from '../../support/eventually';
import { demoCameras } from '../../support/examples';
import { freePort } from '../../support/free-port';
import { mountSmallDisk } from '../../support/small-disk';
import { describeWithChromium } from './browser';
import { looks, nameOf, startEditor, type EditorRig } from './rig';
import { driveSidebar, type Sidebar } from './sidebar';

const login = { username: 'nodered', password: 's3cret' };
const dock = '6917529027641081901/2';
const withoutFootage = '6917529027641081901/3';
const waitMs = 20_000;

interface Listed {
  rows: { id: string; createdAt: number; file?: { path: string } }[];
}

interface Mistake {
  what: string;
  /** Into `create`, unless it says otherwise. */
  message?: Record<string, unknown>;
  /** Id of the node that the message goes to. */
  into?: string;
  /** What the server does meanwhile. */
  server?(sim: VdgSense): void;
  says: RegExp;
  /** Also tried in the other looks. */
  isEverywhere?: boolean;
}

const ago = (seconds: number): number => Date.now() - seconds * 1000;
const clip = { camera: dock, start: '2026-01-02T08:00:00Z', end: '2026-01-02T08:00:10Z', provider: 'vdg-sense' };

const mistakes = (): Mistake[] => [
  { what: 'a wrong password', into: 'wrong-password', says: /login was refused/i, isEverywhere: true },
  { what: 'an unknown user', into: 'wrong-user', says: /login was refused/i },
  { what: 'no user and no password', into: 'no-login', says: /"User" and "Password" are missing/, isEverywhere: true },
  { what: 'an address without http://', into: 'no-scheme', says: /must start with http/ },
  { what: 'https where there is http', into: 'https', says: /does not speak TLS.*http:/s },
  { what: 'a wrong port', into: 'wrong-port', says: /cannot be reached.*(refused|listens|port)/is, isEverywhere: true },
  { what: 'an unknown host', into: 'wrong-host', says: /cannot be reached.*(host|name)/is },
  { what: 'the address of something else', into: 'other-server', says: /answered HTTP 404.*Check the address: VDG Sense does not answer there/ },
  { what: 'no connection', into: 'no-connection', says: /No connection is chosen/ },
  { what: 'a connection that is disabled', into: 'disabled', says: /disabled/ },
  { what: 'the name of no camera', message: { camera: 'Dock 99' }, says: /Dock 99/, isEverywhere: true },
  { what: 'no camera', message: { camera: '' }, says: /msg\.camera/ },
  { what: 'the id of no camera', message: { camera: '1/1' }, says: /1\/1|camera/i },
  { what: 'a time without zone', message: { at: '2026-01-02T08:00:00' }, says: /needs a zone/, isEverywhere: true },
  { what: 'a time that is none', message: { at: 'yesterday' }, says: /msg\.at must be a time/ },
  { what: 'no time', message: { at: null }, says: /msg\.at/ },
  { what: 'a time before the year 2000', message: { at: '1999-01-02T08:00:00Z' }, says: /before the year 2000/ },
  { what: 'a time in the future', message: { at: Date.now() + 172_800_000 }, says: /future/ },
  { what: 'a start after its end', into: 'between', message: { start: ago(10), end: ago(20) }, says: /start.*(after|before).*end|end.*start/is },
  { what: 'a range that is too long', into: 'between', message: { start: ago(7300), end: ago(100) }, says: /limit|longest|at most/i },
  { what: 'a time without recordings', message: { camera: withoutFootage }, says: /no recording/i },
  { what: 'a folder in place of which a file is', into: 'file-in-the-way', says: /a file, not a folder/ },
  { what: 'an unknown placeholder', into: 'placeholder', says: /\{nonsense\} is unknown/ },
  { what: 'a clip that is not finished', into: 'download', message: { clip: { ...clip, id: '1', connection: 'sense', status: 'pending' } }, says: /wait with poll-clip/ },
  { what: 'no clip', into: 'poll', message: { clip: null }, says: /msg\.clip/ },
  { what: 'no ffmpeg', into: 'convert', says: /no ffmpeg that can be run/, isEverywhere: true },
  { what: 'a page in place of the video', server: (sim) => void (sim.options.download.answer = 'html'), says: /answered something else than expected/ },
]; // prettier-ignore

for (const look of looks) {
  describeWithChromium(`mistakes in ${nameOf(look)}`, function () {
    this.timeout(90_000);
    const disk = look.dark || look.nodeRed === '4.1' ? { why: 'it is tried once' } : mountSmallDisk(1);
    let sim: VdgSense;
    let site: Server;
    let rig: EditorRig;
    let sidebar: Sidebar;

    before(async () => {
      sim = await startVdgSense({ users: [login], devices: demoCameras(), queue: { makeMs: 20 } });
      site = createServer((_request, response) => response.writeHead(404).end('<html>Not found</html>'));
      site.listen(0, '127.0.0.1');
      await once(site, 'listening');
      const other = `http://127.0.0.1:${(site.address() as AddressInfo).port}`;
      const folder = 'folder' in disk ? disk.folder : '/dev/null';
      rig = await startEditor(look, {
        flow: flowFor(sim.url, other, await freePort(), folder),
        credentials: credentialsFor(),
        settings: { clipProviderFfmpeg: '/nowhere/ffmpeg' },
      });
      sidebar = driveSidebar(rig.page);
      await sidebar.open();
    });
    after(async () => {
      await rig?.close();
      await sim?.close();
      site?.close();
      if ('folder' in disk) disk.unmount();
    });

    /** In the row of what was asked for since, and in no other one. */
    async function reads(says: RegExp, since: number): Promise<void> {
      await eventually(async () => {
        const { rows } = (await (await rig.runtime.admin('/video-clips/activity')).json()) as Listed;
        const row = rows.findLast(({ createdAt }) => createdAt >= since);
        assert.ok(row, 'there is no row');
        assert.match(await sidebar.visibleText(row.id), says);
      }, waitMs);
    }

    for (const { what, into = 'create', message = {}, server, says } of mistakes().filter(
      ({ isEverywhere }) => isEverywhere || look === looks[0],
    )) {
      it(`says what is wrong about ${what}`, async () => {
        const options = structuredClone({ answer: sim.options.download.answer });
        server?.(sim);
        try {
          await rig.runtime.admin('/video-clips/activity', { method: 'DELETE' });
          const since = Date.now();
          await rig.runtime.inject(`into-${into}`, { camera: dock, at: ago(60), ...message });
          await reads(says, since);
        } finally {
          Object.assign(sim.options.download, options);
        }
      });
    }

    if ('folder' in disk) {
      it('says what is wrong about a disk that is full', async () => {
        sim.options.download.largeMedia = 3_000_000;
        const since = Date.now();
        await rig.runtime.inject('into-full', { camera: dock, at: ago(60) });
        await reads(/not enough space|disk is full/i, since);
        sim.options.download.largeMedia = 0;
      });
    }

    it('says of what failed before a restart why it cannot be tried again', async () => {
      const said = (row: object): Promise<string> =>
        rig.page.evaluate(`RED.videoClips.rowDetails($('<div>'), ${JSON.stringify(row)}, {}).text()`);
      const row = { camera: dock, isRunning: false, error: { code: 'EFAILED', message: 'It broke' } };
      for (const stage of ['failed', 'expired', 'cancelled']) {
        assert.match(await said({ ...row, stage, canRetry: false }), /cannot be tried again from here.*in memory only/);
        assert.doesNotMatch(await said({ ...row, stage, canRetry: true }), /tried again/);
      }
      assert.doesNotMatch(await said({ ...row, stage: 'saved', canRetry: false, error: undefined }), /tried again/);
    });

    describe('of a video that was saved', () => {
      before(async () => {
        await rig.runtime.admin('/video-clips/activity', { method: 'DELETE' });
        await rig.runtime.inject('into-create', { camera: dock, at: ago(90) });
        await sidebar.row().getByRole('button', { name: 'Play' }).waitFor();
      });

      it('says that this browser cannot play it, and what to do then', async () => {
        await rig.page.route('**/video-clips/media/*/*', (route) =>
          route.fulfill({ contentType: 'video/mp4', body: 'no video' }),
        );
        await sidebar.press('Play');
        const trouble = rig.page.getByRole('alert');
        await trouble.getByText(/This browser cannot play.*convert to H\.264/s).waitFor();
        assert.doesNotMatch(
          (await trouble.textContent()) ?? '',
          /cannot play H\.?264/,
          'to what it is to be converted to',
        );
        const button = await trouble.getByRole('button', { name: 'Download' }).boundingBox();
        const pane = await trouble.boundingBox();
        assert.ok(button && pane && button.y + button.height <= pane.y + pane.height, 'the button is cut off');
        await rig.page.unroute('**/video-clips/media/*/*');
      });

      it('says that it is gone', async () => {
        const { rows } = (await (await rig.runtime.admin('/video-clips/activity')).json()) as Listed;
        const { file } = rows.findLast((row) => row.file)!;
        await rm(file!.path);
        await sidebar.press('Play');
        await rig.page
          .getByRole('alert')
          .getByText(/The file is gone/)
          .waitFor();
      });
    });

    it('never made the page complain', () => {
      assert.deepEqual(rig.errors, []);
    });
  });
}

/** By what is wrong with them. */
const connections: Record<string, { url?: string; users?: object; d?: boolean }> = {
  'wrong-password': { users: { ...login, password: 'wrong' } },
  'wrong-user': { users: { ...login, username: 'nobody' } },
  'no-login': { users: {} },
  'no-scheme': { url: 'sense.example' },
  https: {},
  'wrong-port': {},
  'wrong-host': { url: 'http://no-such-host.invalid' },
  'other-server': {},
  disabled: { d: true },
};

function credentialsFor(): Record<string, Record<string, string>> {
  const all = Object.entries(connections).map(([name, { users = login }]) => [`to-${name}`, users]);
  return Object.fromEntries([['sense', login], ...all]) as Record<string, Record<string, string>>;
}

function flowFor(url: string, other: string, port: number, disk: string): object[] {
  const urls: Record<string, string> = {
    https: url.replace('http:', 'https:'),
    'wrong-port': `http://127.0.0.1:${port}`,
    'other-server': other,
  };
  const at = { z: 'tab', x: 200, y: 100 };
  const provider = { type: 'clip-provider', provider: 'vdg-sense' };
  const create = {
    ...{ ...at, type: 'create-clip', connection: 'sense', camera: 'camera', cameraType: 'msg', range: 'around' },
    ...{ time: 'at', timeType: 'msg', before: 3, after: 0, settle: 0 },
  };
  const between = { range: 'between', start: 'start', startType: 'msg', end: 'end', endType: 'msg' };
  const into = (name: string, ...targets: string[]): object => ({
    ...{ ...at, id: `into-${name}`, type: 'inject', props: [], wires: [targets] },
  });
  /** The whole way, up to a download with these properties. */
  const way = (name: string, download: object): object[] => [
    into(name, `${name}-create`),
    { ...create, id: `${name}-create`, wires: [[`${name}-poll`]] },
    { ...at, id: `${name}-poll`, type: 'poll-clip', interval: 0.1, wires: [[`${name}-download`], [], []] },
    { ...at, id: `${name}-download`, type: 'download-clip', filename: 'clips/{id}.mp4', ...download, wires: [[], []] },
  ];
  return [
    { id: 'tab', type: 'tab', label: 'Mistakes' },
    { ...provider, id: 'sense', settings: { url } },
    ...Object.entries(connections).flatMap(([name, { url: own, d = false }]) => [
      { ...provider, id: `to-${name}`, settings: { url: own ?? urls[name] ?? url }, d },
      into(name, `create-${name}`),
      { ...create, id: `create-${name}`, connection: `to-${name}`, wires: [[]] },
    ]),
    into('no-connection', 'create-no-connection'),
    { ...create, id: 'create-no-connection', connection: '', wires: [[]] },
    into('between', 'create-between'),
    { ...create, ...between, id: 'create-between', wires: [[]] },
    ...way('create', {}),
    ...way('placeholder', { filename: '{nonsense}.mp4' }),
    ...way('file-in-the-way', { filename: '/etc/hostname/{id}.mp4' }),
    ...way('convert', { convert: 'h264' }),
    ...way('full', { filename: `${disk}/{id}.mp4` }),
    into('download', 'create-download'),
    into('poll', 'create-poll'),
  ];
}
