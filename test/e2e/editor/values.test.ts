// Values that people get wrong in dialogs and messages, and whether their row says so: in words that can be read there.
import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../../simulators/vdg-sense';
import { selfSignedCertificate } from '../../simulators/vdg-sense/self-signed';
import { eventually } from '../../support/eventually';
import { demoCameras } from '../../support/examples';
import { describeWithChromium } from './browser';
import { startEditor, type EditorRig } from './rig';
import { driveSidebar, type Sidebar } from './sidebar';

const login = { username: 'nodered', password: 's3cret' };
const dock = '6917529027641081901/2';
const ago = (seconds: number): number => Date.now() - seconds * 1000;
const range = { start: '2026-01-02T08:00:00Z', end: '2026-01-02T08:00:10Z' };
const finished = { ...range, id: '1', provider: 'vdg-sense', connection: 'sense', camera: dock, status: 'finished' };

interface Mistake {
  what: string;
  /** Id of the node that the message goes to. */
  into: string;
  message?: Record<string, unknown>;
  says: RegExp;
}

const mistakes = (): Mistake[] => [
  { what: 'a password with a space at its end', into: 'spaced', says: /login was refused.*password begins or ends with a space/i },
  { what: 'an address that ends in a page', into: 'page', says: /HTTP 404.*Check the address: VDG Sense does not answer there/ },
  { what: 'http where there is https', into: 'plain-http', says: /https/ },
  { what: 'an address with a user in it', into: 'user-in-url', says: /"Address".*must not hold a user name or password/ },
  { what: 'a name of a host with a space', into: 'spaced-host', says: /"Address".*is not a valid address/ },
  { what: 'the camera of another server', into: 'create', message: { camera: '17/2' }, says: /No such server.*Check the camera id/ },
  { what: 'a clip of a connection that was deleted', into: 'poll', message: { clip: { ...finished, status: 'pending', connection: 'gone' } }, says: /no connection "gone"/ },
  { what: 'a clip of another kind of system', into: 'poll', message: { clip: { ...finished, status: 'pending', provider: 'rhombus' } }, says: /the connection is to VDG Sense/ },
  { what: 'a start that is its end', into: 'between', message: { start: ago(20), end: ago(20) }, says: /start must be before the end: both are/ },
  { what: 'a range of no length', into: 'nothing', says: /before and after are both 0/ },
  { what: 'seconds below zero', into: 'negative', says: /"before" must be a number of at least 0/ },
  { what: 'seconds in words', into: 'words', says: /"before" must be a number/ },
  { what: 'a connection that no message names', into: 'by-message', says: /msg\.connection must be the id or the name of a connection/ },
  { what: 'a connection by a name that none has', into: 'by-message', message: { connection: 'Attic' }, says: /no connection "Attic"/ },
  { what: 'a connection by a name that two have', into: 'by-message', message: { connection: 'Twin' }, says: /2 connections are called "Twin"/ },
  { what: 'an interval of nothing', into: 'interval', message: { clip: finished }, says: /"interval" must be a number of at least 0\.1/ },
  { what: 'a name of a file that is empty', into: 'unnamed', message: { clip: finished }, says: /file name is empty/ },
  { what: 'a name of a file that no message has', into: 'named-by-message', message: { clip: finished }, says: /msg\.filename must be text/ },
  { what: 'a file outside of the folder', into: 'outside', message: { clip: finished, filename: '../../../etc/{id}.mp4' }, says: /leaves its folder/ },
  { what: 'days below zero', into: 'days', message: { clip: finished }, says: /"keepDays" must be a number of at least 0/ },
  { what: 'an export of no camera', into: 'export', message: { cameras: [], ...range }, says: /nothing to export/ },
  { what: 'an export of one camera twice', into: 'export', message: { cameras: [dock, dock], ...range }, says: /is there twice/ },
]; // prettier-ignore

describeWithChromium('values that do not fit', function () {
  this.timeout(90_000);
  let sim: VdgSense;
  let secure: VdgSense;
  let rig: EditorRig;
  let sidebar: Sidebar;

  before(async () => {
    sim = await startVdgSense({ users: [login], devices: demoCameras(), queue: { makeMs: 20 } });
    secure = await startVdgSense({ users: [login], tls: selfSignedCertificate() });
    const urls = connections(sim.url, secure.url);
    const credentials = { sense: login, ...Object.fromEntries(Object.keys(urls).map((id) => [id, login])) };
    rig = await startEditor(
      { nodeRed: '5' },
      {
        flow: flowFor(sim.url, urls),
        credentials: { ...credentials, 'to-spaced': { ...login, password: `${login.password} ` } },
      },
    );
    sidebar = driveSidebar(rig.page);
    await sidebar.open();
  });
  after(async () => {
    await rig?.close();
    await sim?.close();
    await secure?.close();
  });

  for (const { what, into, message, says } of mistakes()) {
    it(`names what is wrong about ${what}`, async () => {
      await rig.runtime.admin('/video-clips/activity', { method: 'DELETE' });
      const since = Date.now();
      await rig.runtime.inject(`into-${into}`, { camera: dock, at: ago(60), ...message });
      await eventually(async () => {
        const { rows } = (await (await rig.runtime.admin('/video-clips/activity')).json()) as {
          rows: { id: string; createdAt: number; error?: unknown }[];
        };
        const row = rows.findLast(({ createdAt, error }) => createdAt >= since && error);
        assert.ok(row, 'there is no row');
        assert.match(await sidebar.visibleText(row.id), says);
      }, 20_000);
    });
  }

  it('names the camera of a message that was refused', async () => {
    await rig.runtime.inject('into-create', { camera: dock, at: ago(60) });
    await eventually(async () => assert.match(await sidebar.row().innerText(), /Dock 1[\s\S]*Asked for/));
    await rig.runtime.inject('into-create', { camera: dock, at: '2026-01-02T08:00:00' });
    await eventually(async () => assert.match(await sidebar.row().innerText(), /Dock 1[\s\S]*needs a zone/));
  });
});

/** By what is wrong with them. */
function connections(url: string, secure: string): Record<string, string> {
  return {
    'to-spaced': url,
    'to-page': `${url}/index.html`,
    'to-plain-http': secure.replace('https:', 'http:'),
    'to-user-in-url': url.replace('://', '://nodered:s3cret@'),
    'to-spaced-host': 'http://sense server',
  };
}

function flowFor(url: string, urls: Record<string, string>): object[] {
  const at = { z: 'tab', x: 200, y: 100 };
  const provider = { type: 'clip-provider', provider: 'vdg-sense' };
  const create = {
    ...{ ...at, type: 'create-clip', connection: 'sense', camera: 'camera', cameraType: 'msg', range: 'around' },
    ...{ time: 'at', timeType: 'msg', before: 3, after: 0, settle: 0, wires: [[]] },
  };
  const poll = { ...at, type: 'poll-clip', wires: [[], [], []] };
  const download = { ...at, type: 'download-clip', filename: 'clips/{id}.mp4', wires: [[], []] };
  const between = { range: 'between', start: 'start', startType: 'msg', end: 'end', endType: 'msg' };
  const nodes: Record<string, object> = {
    create,
    ...Object.fromEntries(Object.keys(urls).map((id) => [id.replace('to-', ''), { ...create, connection: id }])),
    between: { ...create, ...between },
    nothing: { ...create, before: 0 },
    negative: { ...create, before: -5 },
    words: { ...create, before: 'ten' },
    'by-message': { ...create, connectionType: 'msg' },
    poll,
    interval: { ...poll, interval: 0 },
    unnamed: { ...download, filename: '' },
    'named-by-message': { ...download, filename: 'filename', filenameType: 'msg' },
    outside: { ...download, filename: 'filename', filenameType: 'msg' },
    days: { ...download, keepDays: -1 },
    export: { ...at, type: 'export-video', connection: 'sense', wires: [[], [], []] },
  };
  return [
    { id: 'tab', type: 'tab', label: 'Values' },
    { ...provider, id: 'sense', settings: { url } },
    ...['twin-1', 'twin-2'].map((id) => ({ ...provider, id, name: 'Twin', settings: { url } })),
    ...Object.entries(urls).map(([id, address]) => ({ ...provider, id, settings: { url: address } })),
    ...Object.entries(nodes).flatMap(([id, node]) => [
      { ...at, id: `into-${id}`, type: 'inject', props: [], wires: [[id]] },
      { ...node, id },
    ]),
  ];
}
