// What the sidebar tells of an export while it goes on: how fast it is, and how long the rest takes.
import assert from 'node:assert/strict';
import { connect, createServer, type AddressInfo, type Server } from 'node:net';
import { once } from 'node:events';
import { Transform } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { startVdgSense, type VdgSense } from '../../simulators/vdg-sense';
import { eventually } from '../../support/eventually';
import { demoCameras } from '../../support/examples';
import { describeWithChromium } from './browser';
import { looks, nameOf, startEditor, type EditorRig } from './rig';
import { driveSidebar, type Sidebar } from './sidebar';

const login = { username: 'nodered', password: 's3cret' };
const cameras = ['6917529027641081901/2', '6917529027641081901/4'];
const waitMs = 60_000;
const pieceMs = 50;

for (const look of looks.filter(({ dark }) => !dark)) {
  describeWithChromium(`an export in ${nameOf(look)}`, function () {
    this.timeout(120_000);
    let isSlow = true;
    let sim: VdgSense;
    let line: Server;
    let rig: EditorRig;
    let sidebar: Sidebar;

    before(async () => {
      sim = await startVdgSense({
        users: [login],
        devices: demoCameras(),
        queue: { makeMs: 20 },
        download: { largeMedia: 20_000_000 },
      });
      line = await slowLine(sim.url, () => isSlow);
      const url = `http://127.0.0.1:${(line.address() as AddressInfo).port}`;
      rig = await startEditor(look, { flow: flowFor(url), credentials: { sense: login } });
      sidebar = driveSidebar(rig.page);
      await sidebar.open();
    });
    after(async () => {
      isSlow = false;
      await rig?.close();
      line?.close();
      await sim?.close();
    });

    async function reads(says: RegExp): Promise<void> {
      await eventually(async () => {
        const { rows } = (await (await rig.runtime.admin('/video-clips/activity')).json()) as {
          rows: { id: string }[];
        };
        assert.ok(rows[0], 'there is no row');
        assert.match(await sidebar.visibleText(rows[0].id), says);
      }, waitMs);
    }

    it('says in its row how many bytes a second come, and how long the rest takes', async () => {
      const end = Date.now() - 60_000;
      await rig.runtime.inject('into-export', { cameras, start: end - 30_000, end });
      await reads(/\d+ % .*\d+(\.\d)? MB\/s · \d+(\.\d)? (sec|min) left/);
      await rig.screenshot('export under way');
    });

    it('writes anew nothing but what has changed', async () => {
      await rig.page.evaluate(`(() => {
        const list = document.querySelector('.video-clips-list');
        window.drawn = { texts: 0, elements: [] };
        new MutationObserver((found) => {
          for (const { type, target } of found) {
            if (type === 'characterData') window.drawn.texts += 1;
            else window.drawn.elements.push(target.className);
          }
        }).observe(list, { subtree: true, childList: true, characterData: true });
      })()`);
      await rig.page.waitForFunction('window.drawn.texts > 3', undefined, { timeout: waitMs });
      assert.deepEqual(await rig.page.evaluate('window.drawn.elements'), []);
    });

    it('says no such thing once it is over', async () => {
      isSlow = false;
      await reads(/^(?!.*(MB\/s|left)).*Saved: 2 files, \d+ MB/);
    });

    it('names in its details each camera where its file is, and none for all', async () => {
      await sidebar.press('Details');
      const details = sidebar.row().locator('.video-clips-details');
      await details.locator('.video-clips-file').nth(1).waitFor();
      const named = await details.locator('.video-clips-file .video-clips-camera').allTextContents();
      assert.deepEqual(named, ['Dock 1', 'Yard']);
      const lines = await details.locator('.video-clips-name').allTextContents();
      assert.ok(lines.includes('Folder') && !lines.includes('Camera'), lines.join(', '));
    });

    it('never made the page complain', () => {
      assert.deepEqual(rig.errors, []);
    });
  });
}

/** Stands before a server, and lets its answers through piece by piece for as long as it is slow. */
async function slowLine(target: string, isSlow: () => boolean): Promise<Server> {
  const { hostname, port } = new URL(target);
  const line = createServer((client) => {
    const server = connect(Number(port), hostname);
    const pieces = new Transform({
      transform(piece: Buffer, _encoding, done) {
        const pass = (): void => done(null, piece);
        if (isSlow()) void sleep(pieceMs).then(pass);
        else pass();
      },
    });
    client.pipe(server).pipe(pieces).pipe(client);
    for (const each of [client, server]) each.on('error', () => [client, server].forEach((end) => end.destroy()));
  });
  line.listen(0, '127.0.0.1');
  await once(line, 'listening');
  return line;
}

function flowFor(url: string): object[] {
  const at = { z: 'tab', x: 200, y: 100 };
  return [
    { id: 'tab', type: 'tab', label: 'Exports' },
    { id: 'sense', type: 'clip-provider', provider: 'vdg-sense', settings: { url } },
    { ...at, id: 'into-export', type: 'inject', props: [], wires: [['export']] },
    { ...at, id: 'export', type: 'export-video', connection: 'sense', settle: 0, join: false, wires: [[], [], []] },
  ];
}
