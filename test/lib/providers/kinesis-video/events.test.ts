// Tests: stretches of footage as events.
import assert from 'node:assert/strict';
import type { Clip, EventQuery } from '../../../../lib/provider';
import { readFields } from '../../../../lib/fields';
import { kinesisVideo } from '../../../../lib/providers/kinesis-video';
import {
  exampleKey,
  footage,
  startKinesisVideo,
  stream,
  type KinesisSettings,
  type KinesisVideo,
} from '../../../simulators/kinesis-video';
import { leaveAwsEnvironment } from '../../../support/aws-environment';
import { only, follow, idsOf, type Follower } from '../../../support/event-follower';
import { atEnd, closeAll, endsWithTest, fails, never, plain, readAll } from '../support';

async function begin(
  settings: KinesisSettings = {},
  changes: Partial<EventQuery> = {},
  timestamps = 'PRODUCER_TIMESTAMP',
): Promise<{ sim: KinesisVideo; events: Follower; open(clip: Clip): Promise<Buffer> }> {
  const comeBack = leaveAwsEnvironment();
  atEnd(async () => comeBack());
  const sim = endsWithTest(await startKinesisVideo({ streams: [stream('dock'), stream('gate')], ...settings }));
  const provider = await kinesisVideo.open({
    settings: readFields(kinesisVideo.settings, { region: 'eu-west-1', endpoint: sim.url, timestamps }),
    credentials: { username: exampleKey.accessKeyId, password: exampleKey.secretAccessKey, token: '' },
    now: sim.now,
  });
  atEnd(async () => provider.close?.(undefined));
  const call = { signal: never, session: await provider.login!({ signal: never }) };
  const list = async (query: EventQuery) => {
    // The SDK learns the time of AWS from its answers; here, it goes on faster than that of this computer.
    await provider.listCameras!(call);
    return provider.listEvents!(query, call);
  };
  const events = follow(list, { kinds: ['footage'], ...changes });
  assert.deepEqual(await events.look(), []);
  const open = async (clip: Clip): Promise<Buffer> =>
    readAll((await provider.openClip(clip, { ...call, offset: 0 })).body);
  return { sim, events, open };
}

/** So many seconds are sent, beginning now; time goes on until half a second behind them. */
function send(sim: KinesisVideo, seconds: number, name = 'dock', settings: Parameters<typeof footage>[2] = {}): string {
  const at = sim.now();
  const parts = footage(at, at + seconds * 1000, { arrivalMs: 0, ...settings });
  sim.streamNamed(name).fragments.push(...parts);
  sim.advance(seconds * 1000 + 500);
  return `${name}/${parts[0]!.number}`;
}

const iso = (ms: number): string => new Date(ms).toISOString();

describe('Kinesis Video Streams: events', () => {
  afterEach(closeAll);

  it('tells that a camera sends, and what it has sent, with its clip', async () => {
    const { sim, events, open } = await begin();
    const id = send(sim, 10);
    const at = sim.streamNamed('dock').fragments[0]!.producerMs;
    const going = await only(events);
    assert.deepEqual([going.id, going.open, going.clip], [id, true, undefined]);
    sim.advance(31_000);
    const { clip, ...event } = plain(await only(events));
    assert.deepEqual(event, {
      id,
      kind: 'footage',
      camera: 'dock',
      cameraName: 'dock',
      start: iso(at),
      end: iso(at + 10_000),
      type: 'footage',
      ref: { type: 'footage', fragments: '5' },
    });
    assert.deepEqual([clip?.start, clip?.end, clip?.status], [iso(at), iso(at + 10_000), 'finished']);
    const bytes = await open({ ...clip!, connection: 'kvs', provider: 'kinesis-video' });
    const { size } = await sim.mediaOf('dock', 'PRODUCER_TIMESTAMP', at - 1, at + 8_001);
    assert.equal(bytes.length, size);
  });

  it('joins what lies less than twenty seconds apart, and parts what lies further apart', async () => {
    const { sim, events } = await begin();
    const first = send(sim, 4);
    sim.advance(15_000);
    send(sim, 4);
    sim.advance(25_000);
    const second = send(sim, 4);
    sim.advance(60_000);
    const seen = await events.look();
    assert.deepEqual(idsOf(seen), [first, second]);
    assert.deepEqual(
      seen.map(({ ref }) => ref?.fragments),
      ['4', '2'],
    );
  });

  it('follows a camera that sends without a pause, and counts nothing twice', async () => {
    const { sim, events } = await begin();
    const id = send(sim, 30);
    assert.equal((await only(events)).id, id);
    for (let looks = 0; looks < 10; looks += 1) {
      send(sim, 30);
      assert.deepEqual(await events.look(), []);
    }
    sim.advance(60_000);
    assert.equal((await only(events)).ref?.fragments, String((11 * 30) / 2));
    assert.ok(events.cursor.length < 500, events.cursor);
  });

  it('gives no clip of more than fits into one', async () => {
    const { sim, events } = await begin();
    send(sim, 410);
    sim.advance(60_000);
    assert.deepEqual((({ ref, clip }) => [ref?.fragments, clip])(await only(events)), ['205', undefined]);
  });

  it('takes the clock that the connection goes by', async () => {
    const { sim, events } = await begin({}, {}, 'SERVER_TIMESTAMP');
    const at = sim.now();
    const parts = footage(at - 3600_000, at - 3600_000 + 4_000, { arrivalMs: 3600_000 });
    sim.streamNamed('dock').fragments.push(...parts);
    sim.advance(60_000);
    const event = await only(events);
    assert.deepEqual([event.start, event.clip?.ref?.timestamps], [iso(at), 'SERVER_TIMESTAMP']);
  });

  it('finds footage of an hour ago that is sent now', async () => {
    const { sim, events } = await begin();
    const at = sim.now();
    sim.streamNamed('dock').fragments.push(...footage(at - 3600_000, at - 3596_000, { arrivalMs: 3600_000 }));
    sim.advance(60_000);
    assert.equal((await only(events)).start, iso(at - 3600_000));
  });

  it('holds lengths that are declared as nothing together', async () => {
    const { sim, events } = await begin();
    send(sim, 40, 'dock', { undeclaredMs: 'all', fragmentMs: 10_000 });
    sim.advance(60_000);
    assert.equal((await only(events)).ref?.fragments, '4');
  });

  it('begins with a stream that is made later, and goes on without one that is deleted', async () => {
    const { sim, events } = await begin();
    sim.options.streams.push(stream('yard'));
    sim.options.streams.splice(
      sim.options.streams.findIndex(({ name }) => name === 'gate'),
      1,
    );
    await events.look();
    const id = send(sim, 4, 'yard');
    sim.advance(60_000);
    assert.equal((await only(events)).id, id);
  });

  it('goes on where one of the chosen streams is not there, and says so where none is', async () => {
    const { sim, events } = await begin({}, { cameras: ['dock', 'cellar'] });
    const id = send(sim, 4);
    sim.advance(60_000);
    assert.equal((await only(events)).id, id);
    const { sim: other, events: none } = await begin({}, { cameras: ['cellar'] });
    other.advance(60_000);
    await assert.rejects(none.look(), fails('ENOTFOUND'));
  });

  it('reads a backlog of a day in stretches, and ends each run where its stretch tells', async () => {
    const { sim, events } = await begin({}, { cameras: ['dock'] });
    const ids = Array.from({ length: 24 }, () => {
      const id = send(sim, 4);
      sim.advance(3600_000);
      return id;
    });
    const seen = await events.look();
    assert.deepEqual(idsOf(seen), ids);
    assert.ok(seen.every(({ open }) => !open));
  });

  it('keeps its place moving while nothing comes', async () => {
    const { sim, events } = await begin({}, { cameras: ['dock'] });
    for (let looks = 0; looks < 5; looks += 1) {
      sim.advance(6 * 3600_000);
      assert.deepEqual(await events.look(), []);
    }
    const before = sim.requestsFor('listFragments').length;
    await events.look();
    assert.equal(sim.requestsFor('listFragments').length - before, 1);
  });
});
