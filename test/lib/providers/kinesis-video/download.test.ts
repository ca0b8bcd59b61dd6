import assert from 'node:assert/strict';
import { verify } from '../../../../lib/clips/verify';
import { bufferSource, readMp4 } from '../../../../lib/mp4';
import type { Clip } from '../../../../lib/provider';
import type { KinesisOptions as Switches, KinesisVideo } from '../../../simulators/kinesis-video';
import { withoutAwsEnvironment } from '../../../support/aws-environment';
import { eventually } from '../../../support/eventually';
import {
  at,
  bodies,
  closeAll,
  connectTo,
  create,
  download,
  EIGHT,
  fails,
  never,
  operations,
  poll,
  readAll,
  startKinesis,
} from './support';

async function prepare(clipSwitches: Partial<Switches['clip']> = {}, options: Parameters<typeof connectTo>[1] = {}) {
  const sim = await startKinesis({ clip: clipSwitches });
  const connection = connectTo(sim, options);
  const clip = await create(connection, 11, 15);
  const media = await sim.mediaOf('dock', 'PRODUCER_TIMESTAMP', EIGHT + 10_000, EIGHT + 14_000);
  return { sim, connection, clip, bytes: await readAll(media.read()) };
}

describe('Kinesis Video Streams: status of a clip', () => {
  withoutAwsEnvironment();
  afterEach(closeAll);

  it('stays finished as long as its footage is there, and sees new gaps', async () => {
    const { sim, connection, clip } = await prepare();
    assert.deepEqual(await poll(connection, clip), withoutTitle(clip));
    sim.streamNamed('dock').fragments.splice(0, 7);
    const found = await poll(connection, clip);
    assert.deepEqual([found?.status, found?.gaps], ['finished', [{ start: at(11), end: at(14) }]]);
  });

  it('is expired when its footage has left', async () => {
    const { sim, connection, clip } = await prepare();
    sim.streamNamed('dock').fragments.length = 0;
    assert.equal((await poll(connection, clip))?.status, 'expired');
  });

  it('is expired when AWS says that its arrival is outside of what the stream keeps', async () => {
    const sim = await startKinesis();
    const connection = connectTo(sim, { settings: { timestamps: 'SERVER_TIMESTAMP' } });
    const clip = await create(connection);
    sim.streamNamed('dock').retentionHours = 1;
    assert.equal((await poll(connection, clip))?.status, 'expired');
  });

  it('is unknown when the stream has been deleted', async () => {
    const { sim, connection, clip } = await prepare();
    sim.options.streams.length = 0;
    assert.equal(await poll(connection, clip), undefined);
  });

  it('is failed when more footage has come than fits', async () => {
    const { sim, connection, clip } = await prepare();
    sim.streamNamed('dock').fragments[6]!.bytes = 200e6;
    const found = await poll(connection, clip);
    assert.deepEqual([found?.status, /The first 1 s would fit/.test(found?.reason ?? '')], ['failed', true]);
  });

  it('goes by the clock that the clip was planned by', async () => {
    const { sim, clip } = await prepare();
    const other = connectTo(sim, { settings: { timestamps: 'SERVER_TIMESTAMP' } });
    assert.deepEqual((await poll(other, clip))?.ref, clip.ref);
  });

  it('keeps the plan when the right to list fragments is lost', async () => {
    const { sim, connection, clip } = await prepare();
    sim.options.keys[0] = { ...sim.options.keys[0]!, denied: ['ListFragments'] };
    const found = await poll(connection, clip);
    assert.deepEqual([found?.status, found?.ref, found?.gaps], ['finished', undefined, undefined]);
  });
});

function withoutTitle({ title: _, ...clip }: Clip): Partial<Clip> {
  return clip;
}

describe('Kinesis Video Streams: downloading a clip', () => {
  withoutAwsEnvironment();
  afterEach(closeAll);

  for (const framing of ['length', 'chunked', 'close'] as const) {
    it(`brings the video as planned (framing: ${framing})`, async () => {
      const { sim, connection, clip, bytes } = await prepare({ framing });
      const { body, ...rest } = await connection.openClip(clip, { offset: 0 }, never);
      const size = framing === 'length' ? { size: bytes.length } : {};
      assert.deepEqual(rest, { ...size, resumable: false, offset: 0 });
      assert.ok((await readAll(body)).equals(bytes));
      assert.deepEqual(operations(sim).slice(2), ['getDataEndpoint', 'getClip']);
      assert.deepEqual(bodies(sim, 'getDataEndpoint')[1], { APIName: 'GET_CLIP', StreamName: 'dock' });
      assert.deepEqual(bodies(sim, 'getClip')[0], {
        StreamName: 'dock',
        ClipFragmentSelector: {
          FragmentSelectorType: 'PRODUCER_TIMESTAMP',
          TimestampRange: { StartTimestamp: EIGHT / 1000 + 9.999, EndTimestamp: EIGHT / 1000 + 14.001 },
        },
      });
    });
  }

  it('begins anew whatever offset is asked for', async () => {
    const { connection, clip, bytes } = await prepare();
    const { body, offset } = await connection.openClip(clip, { offset: 5000, etag: '"x"' }, never);
    assert.equal(offset, 0);
    assert.ok((await readAll(body)).equals(bytes));
  });

  const lost: [string, Partial<Clip>][] = [
    ['has lost its plan', { ref: undefined }],
    ['has a plan that makes no sense', { ref: { start: at(20), end: at(10) } }],
    ['has a plan of more than a day', { ref: { start: at(0), end: at(100_000) } }],
    ['was not finished when it was seen last', { status: 'busy' }],
  ];
  for (const [how, change] of lost) {
    it(`plans again when the clip ${how}`, async () => {
      const { sim, connection, clip, bytes } = await prepare();
      assert.ok((await download(connection, { ...clip, ...change })).equals(bytes));
      assert.equal(sim.requestsFor('listFragments').length, 2);
    });
  }

  it('refuses what does not fit also when it plans again', async () => {
    const { sim, connection, clip } = await prepare();
    sim.streamNamed('dock').fragments[6]!.bytes = 200e6;
    await assert.rejects(download(connection, { ...clip, ref: undefined }), fails('ELIMIT', /\(downloading the clip/));
    assert.equal(sim.requestsFor('getClip').length, 0);
  });

  it('takes any type of video, and an unknown one that holds video', async () => {
    const { sim, connection, clip, bytes } = await prepare({ contentType: 'video/quicktime' });
    assert.ok((await download(connection, clip)).equals(bytes));
    sim.options.clip.answer = 'unknown-type';
    assert.ok((await download(connection, clip)).equals(bytes));
  });

  for (const [answer, what] of [
    ['json', 'a JSON document'],
    ['html', 'a web page'],
    ['empty', 'nothing'],
  ] as const) {
    it(`is an error when ${what} comes in place of video`, async () => {
      const { connection, clip } = await prepare({ answer });
      await assert.rejects(
        download(connection, clip),
        fails('EPROTOCOL', new RegExp(`^The server sent ${what} instead`)),
      );
    });
  }

  it('is taken for what it is when video comes under the name of JSON', async () => {
    const { connection, clip, bytes } = await prepare({ contentType: 'application/json' });
    assert.ok((await download(connection, clip)).equals(bytes));
  });

  it('ends in an error when the connection does, so that a short file is seen', async () => {
    const { connection, clip } = await prepare({ truncateAfter: 5000 });
    await assert.rejects(download(connection, clip), { code: 'ECONNRESET' });
  });

  it('is expired when the footage has left since, and not found when it was never there', async () => {
    const { sim, connection, clip } = await prepare();
    sim.streamNamed('dock').retentionHours = 24;
    await assert.rejects(download(connection, clip), fails('EEXPIRED', /no footage any more.*24 hours/));
    await assert.rejects(download(connection, { ...clip, ref: undefined }), fails('ENOFOOTAGE', /24 hours/));
    sim.options.streams.length = 0;
    await assert.rejects(download(connection, clip), fails('ENOTFOUND', /stream is not found or not active/));
  });

  it('is expired when the arrival of the footage is outside of what the stream keeps', async () => {
    const sim = await startKinesis();
    const connection = connectTo(sim, { settings: { timestamps: 'SERVER_TIMESTAMP' } });
    const clip = await create(connection);
    sim.streamNamed('dock').retentionHours = 1;
    await assert.rejects(download(connection, clip), fails('EEXPIRED', /outside of the stream retention period/));
  });

  for (const change of ['InvalidCodecPrivateDataException', 'MissingCodecPrivateDataException'] as const) {
    it(`explains a change of codec within the clip (${change})`, async () => {
      const { sim, connection, clip } = await prepare({ change });
      const { fragments } = sim.streamNamed('dock');
      for (const fragment of fragments.slice(6)) fragment.codecPrivateData = 'avcC-2';
      const instant = new Date(fragments[6]!.producerMs).toISOString();
      await assert.rejects(
        download(connection, clip),
        fails('EFAILED', new RegExp(`must not change within a clip.*It is at ${instant}: ask for what`), {
          vendorCode: change,
          retryable: false,
        }),
      );
      assert.ok(sim.requestsFor('getClip').length <= 9);
    });
  }

  it('gives up when nothing comes, before the answer and right after its head', async () => {
    const { sim, connection, clip } = await prepare({}, { timeoutMs: 1_000 });
    sim.failNext({ kind: 'delay', ms: Infinity }, 'getClip');
    await assert.rejects(download(connection, clip), fails('ETIMEOUT', /^No answer within 1 s \(downloading /));
    sim.failNext({ kind: 'stall', afterBytes: 0 }, 'getClip');
    await assert.rejects(download(connection, clip), fails('ETIMEOUT', /^No data within 1 s/));
  });

  it('has all the time once data flows', async () => {
    const { sim, connection, clip, bytes } = await prepare({}, { timeoutMs: 100 });
    sim.failNext({ kind: 'stall', afterBytes: 4000, ms: 300 }, 'getClip');
    assert.ok((await download(connection, clip)).equals(bytes));
  });

  it('ends in an error when the video stops coming', async () => {
    const { sim, connection, clip } = await prepare({}, { silenceMs: 500 });
    sim.failNext({ kind: 'stall', afterBytes: 4000 }, 'getClip');
    await assert.rejects(download(connection, clip), { name: 'TimeoutError' });
  });

  describe('compared with its plan', () => {
    async function verdictOf(sim: KinesisVideo, asked: [number, number]) {
      const connection = connectTo(sim);
      const clip = await create(connection, ...asked);
      const bytes = await download(connection, clip);
      return verify(clip, bytes.length, await readMp4(bufferSource(bytes)));
    }

    it('is whole', async () => {
      const { incomplete, problems } = await verdictOf(await startKinesis(), [11, 31]);
      assert.deepEqual([incomplete, problems], [false, []]);
    });

    for (const gaps of ['jump', 'freeze'] as const) {
      it(`is whole with a gap that AWS has no footage for, however that is shown (${gaps})`, async () => {
        const sim = await startKinesis({ clip: { gaps } });
        sim.streamNamed('dock').fragments.splice(8, 4);
        assert.equal((await verdictOf(sim, [10, 30])).incomplete, false);
      });
    }

    it('is seen to be short when AWS left out its end without a word', async () => {
      const sim = await startKinesis({ clip: { maxFragments: 5 } });
      const { incomplete, problems } = await verdictOf(sim, [10, 30]);
      assert.deepEqual([incomplete, problems], [true, ['the video has 10.0 of 20.0 s']]);
    });
  });

  it('stops when it is cancelled, before and within the video, and leaves no connection behind', async () => {
    const { sim, connection, clip } = await prepare();
    sim.failNext({ kind: 'delay', ms: Infinity }, 'getClip');
    const before = new AbortController();
    const opening = connection.openClip(clip, { offset: 0 }, before.signal);
    await eventually(() => sim.requestsFor('getClip').length === 1);
    before.abort();
    await assert.rejects(opening, fails('EABORTED'));

    sim.failNext({ kind: 'stall', afterBytes: 4000 }, 'getClip');
    const within = new AbortController();
    const { body } = await connection.openClip(clip, { offset: 0 }, within.signal);
    const reading = readAll(body);
    within.abort();
    await assert.rejects(reading);
    await connection.close();
    await eventually(() => sim.connections === 0);
  });

  it('frees the connection of a body that is not wanted', async () => {
    const { sim, connection, clip } = await prepare({ bytes: 50_000_000 });
    const { body } = await connection.openClip(clip, { offset: 0 }, never);
    const open = sim.connections;
    body.destroy();
    await eventually(() => sim.connections === open - 1);
  });
});
