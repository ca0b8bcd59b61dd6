// Follows the events of a real ZoneMinder while it records: sections without a break, and an alarm that somebody raises.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFields } from '../../lib/fields';
import { bufferSource, readMp4 } from '../../lib/mp4';
import type { CallOptions, Clip, Provider, ProviderEvent } from '../../lib/provider';
import { zoneMinder } from '../../lib/providers/zoneminder';
import type { ZoneMinderSession } from '../../lib/providers/zoneminder/types';
import { follow, type Follower } from '../support/event-follower';
import { addLiveCamera, cancelAlarm, raiseAlarm, type LiveCamera } from './cameras';
import { eventsOf } from './events';
import { makeFootage } from './footage';
import { describeWithZoneMinder, startZoneMinder, viewer, type ZoneMinderServer } from './server';

const never = new AbortController().signal;

describeWithZoneMinder('the events of a live ZoneMinder', function () {
  this.timeout(180_000);
  let server: ZoneMinderServer;
  let sections: LiveCamera;
  let alarms: LiveCamera;
  let provider: Provider<ZoneMinderSession>;
  let call: CallOptions<ZoneMinderSession>;

  before('a server that records', async () => {
    server = await startZoneMinder({ timeZone: 'America/St_Johns' });
    const file = await makeFootage(server.pathOf('live.mp4'), { seconds: 300, layout: 'plain' });
    sections = await addLiveCamera(server, file, { name: 'Sections', function: 'Record', sectionSeconds: 10 });
    alarms = await addLiveCamera(server, file, { name: 'Alarms', function: 'Nodect' });
    provider = await zoneMinder.open({
      settings: readFields(zoneMinder.settings, { url: server.url }),
      credentials: { ...viewer, token: '' },
      now: Date.now,
    });
    call = { signal: never, session: await provider.login!({ signal: never }) };
  });
  after(async () => {
    await provider?.close?.(undefined);
    await server?.close();
    await Promise.all([sections?.close(), alarms?.close()]);
  });

  const begin = async (camera: string): Promise<Follower> => {
    const events = follow((query) => provider.listEvents!(query, call), { kinds: ['event'], cameras: [camera] });
    assert.deepEqual(await events.look(), []);
    return events;
  };

  /** Looks every two seconds until there is enough. */
  async function until(events: Follower, isEnough: (seen: ProviderEvent[]) => boolean): Promise<ProviderEvent[]> {
    const seen: ProviderEvent[] = [];
    for (let looks = 0; looks < 45 && !isEnough(seen); looks += 1) {
      seen.push(...(await events.look()));
      await sleep(2000);
    }
    return seen;
  }

  const download = async ({ clip }: ProviderEvent): Promise<Buffer> => {
    const whole: Clip = { ...clip!, connection: 'zm', provider: 'zoneminder' };
    const { body } = await provider.openClip(whole, { ...call, offset: 0 });
    const chunks: Buffer[] = [];
    for await (const chunk of body) chunks.push(chunk as Buffer);
    return Buffer.concat(chunks);
  };

  it('tells an alarm when it begins, and gives its whole file when it has ended', async () => {
    const events = await begin(alarms.id);
    const id = await raiseAlarm(server, alarms.id);
    const startedAt = server.now();
    const [open] = await until(events, (seen) => seen.length > 0);
    assert.deepEqual([open?.id, open?.open, open?.type, open?.clip], [id, true, 'alarm', undefined]);
    assert.ok(
      Math.abs(Date.parse(open!.start) - startedAt) < 5000,
      `${open!.start}, ${new Date(startedAt).toISOString()}`,
    );
    await sleep(5000);
    await cancelAlarm(server, alarms.id);
    const [ended, ...others] = await until(events, (seen) => seen.length > 0);
    assert.deepEqual([ended?.id, ended?.open, others], [id, undefined, []]);
    const { duration } = await readMp4(bufferSource(await download(ended!)));
    const seconds = (Date.parse(ended!.end!) - Date.parse(ended!.start)) / 1000;
    assert.ok(duration! >= seconds - 1 && duration! <= seconds + 4, `${duration} s of ${seconds} s`);
  });

  it('tells each section of a recording without a break, once, in order', async () => {
    const events = await begin(sections.id);
    const isEnded = ({ open }: ProviderEvent): boolean => !open;
    const seen = await until(events, (all) => all.filter(isEnded).length >= 3);
    const ended = seen.filter(isEnded).map(({ id }) => id);
    const kept = eventsOf(server, sections.id).map(({ id }) => id);
    const first = kept.indexOf(ended[0]!);
    assert.deepEqual(ended, kept.slice(first, first + ended.length));
    assert.ok(seen.every(({ type, ref }) => type === 'footage' && ref?.type === 'Continuous'));
    const { clip } = seen.filter(isEnded)[1]!;
    assert.equal(Date.parse(clip!.end) - Date.parse(clip!.start) >= 9000, true, JSON.stringify(clip));
  });
});
