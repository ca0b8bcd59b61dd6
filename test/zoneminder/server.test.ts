// Proves that test servers do not meet each other and leave nothing behind.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { eventually } from '../support/eventually';
import { tempFolder } from '../support/temp-folder';
import { addCamera } from './cameras';
import { addEvents, removeEvents, videoOf } from './events';
import { makeFootage, hashPictures } from './footage';
import { describeWithZoneMinder, startZoneMinder } from './server';

describeWithZoneMinder('the real ZoneMinder of the tests', function () {
  this.timeout(300_000);
  const folder = tempFolder();

  it('runs twice at once, each with its own cameras, events and zone, and is gone when it is closed', async () => {
    const servers = await Promise.all([
      startZoneMinder({ timeZone: 'Europe/Amsterdam' }),
      startZoneMinder({ timeZone: 'Asia/Tokyo' }),
    ]);
    const folders = servers.map((server) => server.pathOf('.'));
    try {
      const startMs = Date.parse('2026-07-01T12:00:00Z');
      const file = await makeFootage(servers[0].pathOf('footage.mp4'), { seconds: 2 });
      const camera = await addCamera(servers[0], { name: 'Gate' });
      const [event] = addEvents(servers[0], [{ camera, startMs, seconds: 2, file }]);
      const [row] = servers[0].query(`select StartDateTime, EndDateTime from Events where Id = ${event}`);
      assert.deepEqual(row, ['2026-07-01 14:00:00', '2026-07-01 14:00:02']);
      const video = videoOf(servers[0], event!);
      assert.deepEqual(await hashPictures(video), await hashPictures(file));
      assert.deepEqual(servers[1].query('select from_unixtime(1782907200)'), [['2026-07-01 21:00:00']]);
      assert.deepEqual(servers[1].query('select count(*) from Monitors'), [['0']]);
      await servers[0].restart();
      assert.deepEqual(servers[0].query('select count(*) from Events'), [['1']]);
      removeEvents(servers[0], [event!]);
      assert.equal(existsSync(video), false);
    } finally {
      await Promise.all(servers.map((server) => server.close()));
    }
    for (const path of folders) assert.deepEqual([existsSync(path), processesOf(path)], [false, []]);
  });

  it('ends when the process that started it is killed', async () => {
    // ZoneMinder runs as www-data.
    chmodSync(folder(), 0o755);
    const program = `require(${JSON.stringify(join(__dirname, 'server'))}).startZoneMinder().then((s) => console.log(s.pathOf('.')))`;
    const env = { ...process.env, TMPDIR: folder() };
    const owner = spawn(process.execPath, ['-r', 'tsx/cjs', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env,
    });
    const [path] = (await once(createInterface(owner.stdout), 'line')) as [string];
    assert.notDeepEqual(processesOf(path), []);
    owner.kill('SIGKILL');
    await eventually(() => processesOf(path).length === 0, 60_000);
  });
});

/** Processes whose command line names this folder. */
function processesOf(path: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      } catch {
        return '';
      }
    })
    .filter((command) => command.includes(path));
}
