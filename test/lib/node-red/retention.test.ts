// Old files go by their age, also when somebody sets the clock of the system meanwhile.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeRetention } from '../../../lib/node-red/retention';
import type { Node } from '../../../lib/node-red/node-red';
import type { Runtime } from '../../../lib/node-red/runtime';
import type { ClipFile } from '../../../lib/provider';
import { eventually } from '../../support/eventually';
import { manualClock } from '../../support/manual-clock';
import { tempFolder } from '../../support/temp-folder';

const hourMs = 3_600_000;
const day = { keepMs: 24 * hourMs, keepBytes: 0 };

describe('files of a node that keeps them for a day', () => {
  const folder = tempFolder();

  function start() {
    const clock = manualClock();
    const forgotten: string[] = [];
    const warnings: string[] = [];
    const runtime = {
      clock,
      userFolder: folder(),
      playing: new Map<string, number>(),
      activity: { forgetFiles: (paths: string[]) => void forgotten.push(...paths) },
    } as unknown as Runtime;
    const node = { id: 'node', log: () => undefined, warn: (text: string) => void warnings.push(text) };
    const retention = nodeRetention(runtime, node as unknown as Node, day);
    return { clock, retention, forgotten, warnings, playing: runtime.playing };
  }

  async function save(name: string): Promise<string> {
    const path = join(folder(), name);
    await writeFile(path, 'video');
    return path;
  }

  for (const hours of [-1, 1]) {
    it(`go an hour ${hours > 0 ? 'earlier' : 'later'} when the clock is set by ${hours} h, and none is lost`, async () => {
      const { clock, retention, forgotten, warnings } = start();
      const old = await save('old.mp4');
      retention.add({ path: old } as ClipFile);
      const list = join(folder(), 'video-clips', 'written', 'node.jsonl');
      await eventually(() => assert.ok(existsSync(list)));
      await clock.advance(12 * hourMs);
      clock.step(hours * hourMs);
      const young = await save('young.mp4');
      retention.add({ path: young } as ClipFile);
      // It is looked once an hour, whatever the clock of the system says.
      await clock.advance((12 - hours - 1) * hourMs);
      assert.ok(existsSync(old));
      await clock.advance(2 * hourMs);
      await eventually(() => assert.deepEqual(forgotten, [old]));
      assert.deepEqual([existsSync(old), existsSync(young)], [false, true]);
      await clock.advance(13 * hourMs);
      await eventually(() => assert.deepEqual(forgotten, [old, young]));
      retention.close();
      assert.equal(clock.waiting, 0);
      assert.deepEqual(warnings, []);
    });
  }

  it('stay when the clock of the system jumps ahead by a year', async () => {
    const { clock, retention, forgotten } = start();
    const video = await save('video.mp4');
    retention.add({ path: video } as ClipFile);
    const list = join(folder(), 'video-clips', 'written', 'node.jsonl');
    await eventually(() => assert.ok(existsSync(list)));
    clock.step(365 * 24 * hourMs);
    await clock.advance(12 * hourMs);
    // What a sweep removes, it removes before the next one begins.
    retention.add({ path: await save('other.mp4') } as ClipFile);
    await eventually(async () => assert.match(await readFile(list, 'utf8'), /other\.mp4/));
    assert.deepEqual([forgotten, existsSync(video)], [[], true]);
    retention.close();
  });

  it('go with their pictures, but not while they are played', async () => {
    const { clock, retention, forgotten, playing } = start();
    const [path, thumbnail] = [await save('clip.mp4'), await save('clip.jpg')];
    retention.add({ path, thumbnail } as ClipFile);
    await eventually(() => existsSync(join(folder(), 'video-clips', 'written', 'node.jsonl')));
    playing.set(path, 1);
    await clock.advance(26 * hourMs);
    const other = await save('other.mp4');
    retention.add({ path: other } as ClipFile);
    // By then the sweeps before it are over: one at a time works with the list.
    await eventually(async () =>
      (await readFile(join(folder(), 'video-clips', 'written', 'node.jsonl'), 'utf8')).includes('other.mp4'),
    );
    assert.deepEqual([path, thumbnail].map(existsSync), [true, true]);
    playing.delete(path);
    await clock.advance(2 * hourMs);
    await eventually(() => assert.deepEqual(forgotten, [path, thumbnail]));
    assert.deepEqual([path, thumbnail].map(existsSync), [false, false]);
    retention.close();
  });

  it('are looked at by no timer once the node is closed, whatever is finished then', async () => {
    const { clock, retention } = start();
    retention.close();
    retention.add({ path: await save('late.mp4') } as ClipFile);
    assert.equal(clock.waiting, 0);
  });
});
