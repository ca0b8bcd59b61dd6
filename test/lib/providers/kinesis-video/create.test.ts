import assert from 'node:assert/strict';
import { bufferSource, readMp4 } from '../../../../lib/mp4';
import { kinesisVideo } from '../../../../lib/providers/kinesis-video';
import { footage, stream } from '../../../simulators/kinesis-video';
import type { Reply } from '../../../simulators/http-server';
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
  request,
  startKinesis,
} from './support';

const denied = (...actions: string[]) => ({
  keys: [{ accessKeyId: 'AKIAFEW', secretAccessKey: 'secret', denied: actions }],
});
const few = { credentials: { username: 'AKIAFEW', password: 'secret' } };

describe('Kinesis Video Streams: creating a clip', () => {
  withoutAwsEnvironment();
  afterEach(closeAll);

  it('plans it from the fragment on that is under way at its start, and is finished with that', async () => {
    const sim = await startKinesis();
    const clip = await create(connectTo(sim), 11, 15);
    assert.match(clip.id, /^[0-9a-f]{32}$/);
    assert.deepEqual(clip, {
      id: clip.id,
      camera: 'dock',
      cameraName: 'dock',
      start: at(11),
      end: at(15),
      status: 'finished',
      progress: 100,
      title: 'Alarm 17',
      gaps: [],
      ref: {
        timestamps: 'PRODUCER_TIMESTAMP',
        start: at(9.999),
        end: at(14.001),
        seconds: '6',
        fragments: '3',
      },
      connection: 'aws',
      provider: 'kinesis-video',
    });
    assert.deepEqual(operations(sim), ['getDataEndpoint', 'listFragments']);
    assert.deepEqual(bodies(sim, 'getDataEndpoint'), [{ APIName: 'LIST_FRAGMENTS', StreamName: 'dock' }]);
    assert.deepEqual(bodies(sim, 'listFragments'), [
      {
        StreamName: 'dock',
        MaxResults: 1000,
        FragmentSelector: {
          FragmentSelectorType: 'PRODUCER_TIMESTAMP',
          TimestampRange: { StartTimestamp: EIGHT / 1000 - 9, EndTimestamp: EIGHT / 1000 + 15 },
        },
      },
    ]);
  });

  it('gives the same id for the same request, and another one for any other', async () => {
    const sim = await startKinesis({
      streams: [
        stream('dock', { fragments: footage(EIGHT, EIGHT + 60_000) }),
        stream('gate', { fragments: footage(EIGHT, EIGHT + 60_000) }),
      ],
    });
    const connection = connectTo(sim);
    const ids = [
      await create(connection, 10, 14),
      await create(connection, 10, 14, { title: 'Another title' }),
      await create(connection, 10, 15),
      await create(connection, 9, 14),
      await create(connection, 10, 14, { camera: 'gate' }),
      await create(connectTo(sim, { settings: { timestamps: 'SERVER_TIMESTAMP' } }), 10, 14),
    ].map(({ id }) => id);
    assert.equal(ids[0], ids[1]);
    assert.equal(new Set(ids).size, 5);
  });

  it('puts gaps of the footage into the clip', async () => {
    const sim = await startKinesis();
    sim.streamNamed('dock').fragments.splice(6, 3);
    const clip = await create(connectTo(sim), 4, 30);
    assert.deepEqual(clip.gaps, [{ start: at(12), end: at(18) }]);
    assert.deepEqual([clip.ref?.seconds, clip.ref?.fragments], ['20', '10']);
  });

  it('takes the fragments by arrival when it is set to', async () => {
    const sim = await startKinesis();
    const connection = connectTo(sim, { settings: { timestamps: 'SERVER_TIMESTAMP' } });
    const clip = await create(connection, 11, 15);
    // Everything arrives a second and a half after its start.
    assert.deepEqual([clip.ref?.start, clip.ref?.end], [at(9.499), at(13.501)]);
    await download(connection, clip);
    const selector = bodies(sim, 'getClip')[0]!.ClipFragmentSelector as Record<string, unknown>;
    assert.equal(selector.FragmentSelectorType, 'SERVER_TIMESTAMP');
  });

  it('is not troubled by times finer than a millisecond', async () => {
    const fragments = footage(EIGHT + 0.4, EIGHT + 60_000.4).map((fragment, index) => ({
      ...fragment,
      producerMs: fragment.producerMs + (index % 2 ? 0.3 : 0),
    }));
    const sim = await startKinesis({ numbers: 'decimal' }, fragments);
    const connection = connectTo(sim);
    const clip = await create(connection, 11, 17);
    assert.equal(clip.ref?.fragments, '4');
    const bytes = await download(connection, clip);
    assert.equal((await readMp4(bufferSource(bytes))).duration, 8);
  });

  it('reads every page of a list that comes in no order', async () => {
    const sim = await startKinesis({ list: { tokenAlone: 'InternalFailure', shuffleSeed: 7 } }, [
      ...footage(EIGHT - 60_000, EIGHT + 60_000, { fragmentMs: 50 }),
    ]);
    const error = await create(connectTo(sim), 0, 60).catch((thrown: Error) => thrown);
    assert.match(String(error), /The range has 1200 fragments/);
    const pages = bodies(sim, 'listFragments');
    assert.deepEqual([pages.length, pages.map(({ MaxResults }) => MaxResults)], [2, [1000, 1000]]);
    assert.ok(pages[1]!.NextToken && pages[1]!.FragmentSelector);
  });

  it('gives up on a list that never ends', async () => {
    const sim = await startKinesis({ list: { endless: true } });
    await assert.rejects(create(connectTo(sim)), fails('EPROTOCOL', /the same page of a list again and again/));
  });

  it('gives up on a list whose pages are always new ones', async () => {
    const sim = await startKinesis();
    let page = 0;
    const dress = (reply: Reply): Reply => ({
      ...reply,
      status: 200,
      body: JSON.stringify({ Fragments: [], NextToken: `page ${(page += 1)}` }),
    });
    sim.failNext({ kind: 'dress', dress }, 'listFragments', Infinity);
    await assert.rejects(create(connectTo(sim)), fails('EPROTOCOL', /a list that does not end/));
    assert.ok(page <= 501, `${page} pages`);
  });

  for (const [what, body] of [
    ['longer', `{"Fragments":["${'x'.repeat(3_000_000)}"]}`],
    ['deeper', `{"Fragments":${'['.repeat(1000)}${']'.repeat(1000)}}`],
  ] as const) {
    it(`refuses an answer that is ${what} than any of AWS`, async () => {
      const sim = await startKinesis();
      sim.failNext({ kind: 'reply', reply: { body } }, 'listFragments', Infinity);
      await assert.rejects(create(connectTo(sim)), fails('EPROTOCOL', /larger than any of Kinesis Video Streams/));
    });
  }

  it('takes fragments without a time for no answer, and not for a lack of footage', async () => {
    const sim = await startKinesis();
    const body = JSON.stringify({ Fragments: [{ FragmentNumber: '1', ProducerTimestamp: null }], NextToken: null });
    sim.failNext({ kind: 'reply', reply: { body } }, 'listFragments', Infinity);
    await assert.rejects(create(connectTo(sim)), fails('EPROTOCOL', /no fragment has a time/i));
  });

  it('ends as soon as it is cancelled, also where the SDK never settles its promise', async () => {
    const sim = await startKinesis();
    sim.failNext({ kind: 'reply', reply: { status: 101, headers: { upgrade: 'x', connection: 'upgrade' } } });
    const stop = new AbortController();
    const creating = connectTo(sim).createClip(request(), stop.signal);
    await eventually(() => sim.requests.length > 0);
    setTimeout(() => stop.abort(), 50);
    await assert.rejects(creating, fails('EABORTED'));
  });

  describe('within the limits of a clip', () => {
    it('allows 200 fragments', async () => {
      const sim = await startKinesis({}, footage(EIGHT, EIGHT + 400_000));
      const clip = await create(connectTo(sim), 0, 400);
      assert.equal(clip.ref?.fragments, '200');
    });

    it('refuses more, saying how much would fit and what cuts long ranges up', async () => {
      const sim = await startKinesis({}, footage(EIGHT, EIGHT + 402_000));
      const connection = connectTo(sim);
      await assert.rejects(
        create(connection, 0, 402),
        fails(
          'ELIMIT',
          /^The range has 201 fragments.*\(planning the clip of camera dock, .*first 400 s would fit.*export-video/,
          {
            retryable: false,
          },
        ),
      );
      assert.equal((await create(connection, 0, 400)).status, 'finished');
    });

    it('refuses more than 100 MB', async () => {
      const sim = await startKinesis({}, footage(EIGHT, EIGHT + 60_000, { bytes: 8_000_000 }));
      const connection = connectTo(sim);
      await assert.rejects(create(connection, 1, 60), fails('ELIMIT', /240\.0 MB in all.*The first 23 s would fit/));
      assert.equal((await create(connection, 1, 24)).status, 'finished');
    });

    it('counts footage that came twice once', async () => {
      const fragments = footage(EIGHT, EIGHT + 300_000);
      const sim = await startKinesis({}, [...fragments, ...footage(EIGHT, EIGHT + 300_000)]);
      assert.equal((await create(connectTo(sim), 0, 300)).ref?.fragments, '150');
    });

    it('is known from the definition as far as it is the same for all cameras', () => {
      assert.equal(kinesisVideo.maxClipSeconds?.({}), 4000);
    });

    it('refuses more than a day at once without asking', async () => {
      const sim = await startKinesis();
      await assert.rejects(create(connectTo(sim), 0, 86_401), fails('ELIMIT', /at most 24 hours.*export-video/));
      assert.equal(sim.requests.length, 0);
    });
  });

  describe('without footage', () => {
    it('says so, and what to check', async () => {
      const sim = await startKinesis();
      await assert.rejects(
        create(connectTo(sim), 600, 610),
        fails('ENOFOOTAGE', /^There is no recording of camera dock, .* Check .* clock .* AWS's timestamps/, {
          retryable: false,
        }),
      );
      assert.deepEqual(operations(sim), ['getDataEndpoint', 'listFragments', 'describeStream']);
    });

    for (const empty of ['null', 'absent'] as const) {
      it(`takes a list that is ${empty} for an empty one`, async () => {
        const sim = await startKinesis({ list: { empty } });
        await assert.rejects(create(connectTo(sim), 600, 610), fails('ENOFOOTAGE', /no recording/));
      });
    }

    for (const withoutRetention of ['empty', 'ResourceNotFoundException', 'NoDataRetentionException'] as const) {
      it(`names a retention of 0 where the list answers ${withoutRetention}`, async () => {
        const sim = await startKinesis({ list: { withoutRetention } });
        sim.streamNamed('dock').retentionHours = 0;
        const code = withoutRetention === 'empty' ? 'ENOFOOTAGE' : 'ENOTFOUND';
        await assert.rejects(create(connectTo(sim)), fails(code, /retention/));
      });
    }

    it('tells for how long footage is kept', async () => {
      const sim = await startKinesis();
      sim.streamNamed('dock').retentionHours = 24;
      await assert.rejects(create(connectTo(sim)), fails('ENOFOOTAGE', /The stream keeps footage for 24 hours/));
      const byArrival = connectTo(sim, { settings: { timestamps: 'SERVER_TIMESTAMP' } });
      await assert.rejects(create(byArrival), fails('EEXPIRED', /outside of the stream retention period/));
    });

    it('explains less where the stream may not be described', async () => {
      const sim = await startKinesis(denied('DescribeStream'));
      await assert.rejects(
        create(connectTo(sim, few), 600, 610),
        fails('ENOFOOTAGE', /Check that the camera was sending/),
      );
    });

    it('says when there is no such stream', async () => {
      const sim = await startKinesis();
      await assert.rejects(
        create(connectTo(sim), 10, 14, { camera: 'dack' }),
        fails('ENOTFOUND', /The requested stream is not found or not active.*camera dack, /, {
          vendorCode: 'ResourceNotFoundException',
        }),
      );
    });
  });

  describe('without the right to list fragments', () => {
    for (const accessDenied of [
      { status: 403, name: 'AccessDeniedException' },
      { status: 400, name: 'AccessDeniedException' },
      { status: 401, name: 'NotAuthorizedException' },
    ] as const) {
      it(`goes by the range alone (${accessDenied.name}, HTTP ${accessDenied.status})`, async () => {
        const sim = await startKinesis({ ...denied('ListFragments'), errors: { accessDenied } });
        const connection = connectTo(sim, few);
        const clip = await create(connection, 11, 15);
        assert.deepEqual(
          [clip.status, clip.gaps, clip.ref],
          ['finished', undefined, { timestamps: 'PRODUCER_TIMESTAMP', start: at(11), end: at(15) }],
        );
        assert.equal((await poll(connection, clip))?.status, 'finished');
        const bytes = await download(connection, clip);
        assert.equal((await readMp4(bufferSource(bytes))).duration, 4);
        assert.equal(sim.requestsFor('getDataEndpoint').length, 2);
      });
    }

    it('fails where not even the address of the footage may be asked for', async () => {
      const sim = await startKinesis(denied('GetDataEndpoint'));
      await assert.rejects(
        create(connectTo(sim, few)),
        fails('EFORBIDDEN', /not authorized to perform: kinesisvideo:GetDataEndpoint.*IAM policy/),
      );
    });
  });

  describe('of what has just happened', () => {
    const seconds = 1000;
    const iso = (ms: number): string => new Date(ms).toISOString();
    let now: number;
    let recent: { start: string; end: string };
    beforeEach(() => {
      now = Math.floor(Date.now() / seconds) * seconds;
      recent = { start: iso(now - 30 * seconds), end: iso(now - 10 * seconds) };
    });

    it('waits for footage that is on its way, and takes it in', async () => {
      const sim = await startKinesis({}, footage(now - 60 * seconds, now - 20 * seconds));
      const connection = connectTo(sim);
      const clip = await connection.createClip({ ...request(), ...recent }, never);
      assert.deepEqual([clip.status, clip.gaps], ['busy', undefined]);
      await assert.rejects(
        connection.openClip(clip, { offset: 0 }, never),
        fails('EINCOMPLETE', /has not arrived.*poll-clip/, { retryable: true }),
      );
      assert.equal((await poll(connection, clip))?.status, 'busy');
      sim.streamNamed('dock').fragments.push(...footage(now - 20 * seconds, now - 8 * seconds));
      const found = await poll(connection, clip);
      assert.deepEqual([found?.status, found?.gaps, found?.ref?.seconds], ['finished', [], '20']);
    });

    it('finishes with a gap when nothing has come for a minute', async () => {
      const sim = await startKinesis({}, footage(now - 60 * seconds, now - 20 * seconds));
      const clip = await connectTo(sim).createClip({ ...request(), ...recent }, never);
      const later = connectTo(sim, { now: () => Date.now() + 60 * seconds });
      const found = await poll(later, clip);
      assert.deepEqual(
        [found?.status, found?.gaps],
        ['finished', [{ start: iso(now - 20 * seconds), end: recent.end }]],
      );
    });

    it('fails when nothing has come at all', async () => {
      const sim = await startKinesis({}, []);
      const clip = await connectTo(sim).createClip({ ...request(), ...recent }, never);
      assert.equal(clip.status, 'busy');
      const later = connectTo(sim, { now: () => Date.now() + 60 * seconds });
      await assert.rejects(poll(later, clip), fails('ENOFOOTAGE'));
    });

    it('never asks for arrivals of the future', async () => {
      const sim = await startKinesis({}, footage(now - 60 * seconds, now));
      const connection = connectTo(sim, { settings: { timestamps: 'SERVER_TIMESTAMP' } });
      const soon = { start: recent.start, end: iso(now + 30 * seconds) };
      assert.equal((await connection.createClip({ ...request(), ...soon }, never)).status, 'busy');
      const future = { start: iso(now + 60 * seconds), end: iso(now + 90 * seconds) };
      assert.equal((await connection.createClip({ ...request(), ...future }, never)).status, 'busy');
      assert.equal(sim.requestsFor('listFragments').length, 1);
    });
  });

  describe('of a stream given by its ARN', () => {
    const region = 'us-west-2';
    const streams = () => [stream('dock', { region, fragments: footage(EIGHT, EIGHT + 60_000) })];

    it('asks in the region of the ARN, whatever the connection is set to', async () => {
      const sim = await startKinesis({ region, streams: streams() });
      const { arn } = sim.streamNamed('dock');
      const connection = connectTo(sim, { settings: { region: 'eu-west-1' } });
      const clip = await create(connection, 10, 14, { camera: arn });
      assert.deepEqual([clip.camera, clip.cameraName], [arn, 'dock']);
      assert.deepEqual(bodies(sim, 'getDataEndpoint')[0], { APIName: 'LIST_FRAGMENTS', StreamARN: arn });
      await download(connection, clip);
      for (const { headers } of sim.requests) assert.match(headers.authorization ?? '', /\/us-west-2\/kinesisvideo\//);
    });

    const ids: [string, boolean][] = [
      ['dock-cam_3.a', true],
      ['arn:aws:kinesisvideo:us-west-2:111122223333:stream/dock/1700000000000', true],
      ['arn:aws-us-gov:kinesisvideo:us-gov-west-1:111122223333:stream/dock/1', true],
      ['arn:aws:kinesisvideo:us-west-2:111122223333:stream/dock', false],
      ['arn:aws:s3:::bucket', false],
      ['dock/3', false],
      ['dock 3', false],
      ['', false],
      ['x'.repeat(257), false],
    ];
    for (const [id, isOne] of ids) {
      it(`${isOne ? 'takes' : 'refuses'} "${id.slice(0, 60)}" as a camera`, () => {
        assert.equal(kinesisVideo.cameraProblem?.(id) === undefined, isOne);
      });
    }
  });
});
