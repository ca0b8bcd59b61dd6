import assert from 'node:assert/strict';
import { exampleCameras, rhombusCamera } from '../../../simulators/rhombus';
import { eventually } from '../../../support/eventually';
import { closeAll, connectTo, dock, fails, never, NOON, startCloud } from './support';

const hour = 3600_000;
const iso = (ms: number): string => new Date(Date.parse(NOON) + ms).toISOString();
const range = { start: iso(-3 * hour), end: iso(-2 * hour) };

describe('Rhombus: what a range is made of', () => {
  afterEach(closeAll);

  it('is told by the longest clip of the organisation, and by the gaps', async () => {
    const uuid = 'gapsK9w2Q1u3xkQ7n5T1Zg';
    const camera = rhombusCamera({ uuid, cloud: [{ from: iso(-2.5 * hour) }], local: [] });
    const sim = await startCloud({ cameras: [camera], splice: { maxDuration: 900 } });
    assert.deepEqual(await connectTo(sim).surveyFootage(`${uuid}.v0`, range, never), {
      maxClipSeconds: 900,
      gaps: [{ start: range.start, end: iso(-2.5 * hour) }],
    });
  });

  for (const tell of ['missing', 'error', '403'] as const) {
    it(`goes by what is documented where the organisation does not tell (${tell})`, async () => {
      const sim = await startCloud({ splice: { tell } });
      assert.deepEqual(await connectTo(sim).surveyFootage(dock, range, never), { maxClipSeconds: 3600, gaps: [] });
    });
  }

  it('is asked for day by day, and a gap over midnight is one', async () => {
    const uuid = 'gapsK9w2Q1u3xkQ7n5T1Zg';
    const camera = rhombusCamera({
      uuid,
      cloud: [{ from: iso(-100 * hour), to: iso(-60 * hour) }, { from: iso(-30 * hour) }],
      local: [],
    });
    const sim = await startCloud({ cameras: [camera] });
    const days = { start: iso(-96 * hour), end: iso(-10 * hour) };
    const { gaps } = await connectTo(sim).surveyFootage(uuid, days, never);
    assert.deepEqual(gaps, [{ start: iso(-60 * hour), end: iso(-30 * hour) }]);
    assert.equal(sim.requestsFor('getPresenceWindows').length, 4);
  });

  it('has no gaps where nobody can tell: clips are worth asking for', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    for (const answer of ['missing', 'null', 'error', '403', '500'] as const) {
      sim.options.presence.answer = answer;
      assert.deepEqual((await connection.surveyFootage(exampleCameras.empty, range, never)).gaps, [], answer);
    }
  });

  it('cannot be told with a key that is refused, or after it is no longer wanted', async () => {
    const sim = await startCloud();
    await assert.rejects(
      connectTo(sim, { token: 'wrong-key-000000000000' }).surveyFootage(dock, range, never),
      fails('EAUTH'),
    );
    sim.failNext({ kind: 'delay', ms: Infinity }, 'getPresenceWindows');
    const stop = new AbortController();
    const asking = connectTo(sim).surveyFootage(dock, range, stop.signal);
    await eventually(() => sim.requestsFor('getPresenceWindows').length > 0);
    stop.abort();
    await assert.rejects(asking, fails('EABORTED'));
  });
});
