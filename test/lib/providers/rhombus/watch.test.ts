// Tests: the news of alerts that Rhombus tells over STOMP.
import assert from 'node:assert/strict';
import type { Clock } from '../../../../lib/async/clock';
import { readFields } from '../../../../lib/fields';
import type { Credentials } from '../../../../lib/provider';
import { rhombus } from '../../../../lib/providers/rhombus';
import { openRhombus } from '../../../../lib/providers/rhombus/clips';
import { exampleKeys, startRhombus, type Rhombus } from '../../../simulators/rhombus';
import { eventually } from '../../../support/eventually';
import { manualClock } from '../../../support/manual-clock';
import { atEnd, closeAll, endsWithTest } from '../support';

interface Listening {
  sim: Rhombus;
  news(): number;
  stop(): Promise<void>;
  /** Resolves where there is nothing to listen to. */
  watching: Promise<void>;
}

async function listen(
  {
    settings = {},
    credentials = {},
    path = '',
  }: { settings?: object; credentials?: Partial<Credentials>; path?: string } = {},
  clock?: Clock,
): Promise<Listening> {
  const sim = endsWithTest(await startRhombus());
  const { apiUrl, mediaUrl, pushUrl } = sim;
  const provider = openRhombus(
    {
      settings: readFields(rhombus.settings, {
        region: 'custom',
        apiUrl,
        mediaUrl,
        pushUrl: pushUrl + path,
        ...settings,
      }),
      credentials: { username: '', password: '', token: exampleKeys.key, ...credentials },
      now: Date.now,
    },
    clock,
  );
  const end = new AbortController();
  let heard = 0;
  const watching = provider.watchEvents?.(() => (heard += 1), { signal: end.signal, session: undefined });
  const stop = async (): Promise<void> => {
    end.abort();
    await watching;
  };
  atEnd(async () => {
    await stop();
    await provider.close?.(undefined);
  });
  return { sim, news: () => heard, stop, watching: Promise.resolve(watching) };
}

const subscribed = (sim: Rhombus) => sim.push.clients.filter(({ isOpen, destination }) => isOpen && destination);

describe('Rhombus: news of alerts', () => {
  afterEach(closeAll);

  it('come for alerts of the own organization, and for nothing else', async () => {
    const { sim, news, stop } = await listen();
    await eventually(() => assert.equal(subscribed(sim).length, 1));
    const [client] = subscribed(sim);
    assert.match(client!.target, /\?x-auth-scheme=api-token$/);
    assert.equal(client!.destination, '/topic/change/0rg_Own-9w2Q1u3xkQ7n5T');
    assert.deepEqual(
      client!.frames.map((frame) => frame.split('\n')[0]),
      ['CONNECT', 'SUBSCRIBE'],
    );
    sim.push.announce('CAMERA', 'UPDATE', 'c1');
    sim.addAlert();
    await eventually(() => assert.equal(news(), 1));
    await stop();
    await eventually(() => assert.equal(subscribed(sim).length, 0));
    sim.addAlert();
    assert.equal(news(), 1);
  });

  it('come to partners, who name their client', async () => {
    const settings = { authScheme: 'partner-api-token', organization: exampleKeys.organization };
    const { sim, news } = await listen({ settings, credentials: { token: exampleKeys.partner } });
    await eventually(() => assert.equal(subscribed(sim).length, 1));
    sim.addAlert();
    await eventually(() => assert.equal(news(), 1));
  });

  it('are listened for again after a broken line, which is news itself', async () => {
    const { sim, news } = await listen();
    await eventually(() => assert.equal(subscribed(sim).length, 1));
    subscribed(sim)[0]!.close();
    await eventually(() => assert.equal(news(), 1));
    await eventually(() => assert.equal(subscribed(sim).length, 1));
  });

  it('keep the line alive, and give it up when nothing is heard of it', async () => {
    const clock = manualClock();
    const { sim } = await listen({}, clock);
    await eventually(() => assert.equal(subscribed(sim).length, 1));
    const [client] = subscribed(sim);
    client!.isSilent = true;
    for (let beat = 0; beat < 3; beat += 1) await clock.advance(10_000);
    await eventually(() => assert.equal(client!.isOpen, false));
    assert.equal(client!.frames.filter((frame) => frame === '\n').length, 2);
  });

  for (const [what, settings] of [
    ['it is switched off', { push: false }],
    ['the key needs a certificate', { authScheme: 'api' }],
    ['there is no address', { pushUrl: '' }],
  ] as const) {
    it(`are not listened for where ${what}`, async () => {
      const { sim } = await listen({ settings });
      assert.deepEqual([sim.requests, sim.push.clients], [[], []]);
    });
  }

  it('are not asked for again where there is nothing of the kind', async () => {
    const { sim, watching } = await listen({ path: '/elsewhere' });
    await watching;
    assert.deepEqual(sim.push.refused, [404]);
  });
});
