/** The promise of the journal: whatever moment the process dies at, every job ends, and with one file. */
import assert from 'node:assert/strict';
import { createHash, randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256Of } from '../simulators/video';
import { seededRandom } from '../support/seeded-random';
import { eventually } from '../support/eventually';
import { startCrashRig, type CrashRig, type Request } from './crash-rig';

const rounds = Number(process.env['CRASH_ROUNDS'] ?? 20);
const seed = Number(process.env['CRASH_SEED'] ?? randomInt(2 ** 31));
const jobsPerRound = 20;
/** From the last request being journalled until well after most of them would have ended. */
const latestKillMs = 1500;
const settleMs = 60_000;

describe(`${jobsPerRound} jobs of a Node-RED that is killed at a random moment, ${rounds} times (CRASH_SEED=${seed})`, function () {
  this.timeout(Math.max(600_000, rounds * 60_000));
  let rig: CrashRig;
  const requests: Request[] = [];
  /** Which nodes had unfinished jobs when the process died, over all rounds. */
  const interrupted = new Set<string>();

  before(async () => {
    rig = await startCrashRig();
  });
  after(() => rig?.close());

  it('go on after each restart until all are over', async () => {
    const random = seededRandom(seed);
    for (let round = 1; round <= rounds; round += 1) {
      const names = Array.from({ length: jobsPerRound }, (_, index) => `${round}.${index + 1}`);
      requests.push(...(await rig.request(names)));
      await sleep(random() * latestKillMs);
      await rig.runtime.kill();
      for (const nodeId of await rig.nodesAtWork()) interrupted.add(nodeId);
      // Jobs of this round meet the next ones, and the next kill.
      await rig.runtime.start();
    }
    await eventually(async () => assert.deepEqual(await rig.journal(), []), settleMs);
    assert.deepEqual([...interrupted].sort(), ['create', 'download', 'poll'], 'the kills missed a phase');
  });

  it('have at least one outcome each, and no failure', async () => {
    const outcomes = await rig.outcomes();
    assert.deepEqual(
      outcomes.filter(({ error }) => error !== undefined),
      [],
    );
    const told = new Set(outcomes.map(({ name }) => name));
    assert.deepEqual(
      requests.filter(({ name }) => !told.has(name)),
      [],
    );
  });

  it('have exactly one clip at the server each', () => {
    const asked = requests.map(({ start, end }) => `${start}-${end}`).sort();
    assert.deepEqual(rig.sim.clips.map(({ start, end }) => `${start}-${end}`).sort(), asked);
  });

  it('have exactly one whole file each, and leave nothing else behind', async () => {
    const clips = rig.sim.clips;
    assert.deepEqual((await rig.files()).sort(), clips.map(({ id }) => `${id}.mp4`).sort());
    for (const { id } of clips) {
      const found = createHash('sha256')
        .update(await rig.read(`${id}.mp4`))
        .digest('hex');
      assert.equal(found, await sha256Of(await rig.sim.mediaOf(id)), `${id}.mp4`);
    }
  });

  it('log no error', () => {
    assert.deepEqual(
      rig.runtime.problems().filter((line) => line.includes('[error]')),
      [],
    );
    assert.deepEqual(rig.sim.errors, []);
  });
});
