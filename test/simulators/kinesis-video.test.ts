import assert from 'node:assert/strict';
import {
  DescribeStreamCommand,
  GetDataEndpointCommand,
  KinesisVideoClient,
  ListStreamsCommand,
} from '@aws-sdk/client-kinesis-video';
import {
  GetClipCommand,
  KinesisVideoArchivedMediaClient,
  ListFragmentsCommand,
  type ListFragmentsCommandInput,
} from '@aws-sdk/client-kinesis-video-archived-media';
import { bufferSource, readMp4 } from '../../lib/mp4';
import { withoutAwsEnvironment } from '../support/aws-environment';
import {
  exampleKey,
  footage,
  startKinesisVideo,
  stream,
  type KinesisSettings,
  type KinesisVideo,
} from './kinesis-video';

const EIGHT = Date.UTC(2025, 2, 1, 8);
const when = (seconds: number): Date => new Date(EIGHT + seconds * 1000);

describe('Kinesis Video Streams simulator', () => {
  withoutAwsEnvironment();
  let sim: KinesisVideo;
  let close: (() => void)[];

  async function begin(settings: KinesisSettings = {}): Promise<KinesisVideo> {
    sim = await startKinesisVideo({
      streams: [stream('dock', { fragments: footage(EIGHT, EIGHT + 60_000) })],
      ...settings,
    });
    return sim;
  }

  beforeEach(() => {
    close = [];
  });
  afterEach(async () => {
    for (const end of close) end();
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });

  const common = { region: 'eu-west-1', credentials: exampleKey, maxAttempts: 1 };

  function control(change: object = {}): KinesisVideoClient {
    const client = new KinesisVideoClient({ ...common, endpoint: sim.url, ...change });
    close.push(() => client.destroy());
    return client;
  }

  function media(change: object = {}): KinesisVideoArchivedMediaClient {
    const client = new KinesisVideoArchivedMediaClient({ ...common, endpoint: sim.dataUrl, ...change });
    close.push(() => client.destroy());
    return client;
  }

  function list(change: Partial<ListFragmentsCommandInput> = {}) {
    const range = { StartTimestamp: when(0), EndTimestamp: when(60) };
    const selector = { FragmentSelectorType: 'PRODUCER_TIMESTAMP', TimestampRange: range } as const;
    return media().send(new ListFragmentsCommand({ StreamName: 'dock', FragmentSelector: selector, ...change }));
  }

  async function clip(start: Date, end: Date, type: 'PRODUCER_TIMESTAMP' | 'SERVER_TIMESTAMP' = 'PRODUCER_TIMESTAMP') {
    const range = { StartTimestamp: start, EndTimestamp: end };
    const selector = { FragmentSelectorType: type, TimestampRange: range };
    const reply = await media().send(new GetClipCommand({ StreamName: 'dock', ClipFragmentSelector: selector }));
    const bytes = Buffer.from(await reply.Payload!.transformToByteArray());
    return { bytes, type: reply.ContentType };
  }

  const seconds = async (bytes: Buffer): Promise<number | undefined> => (await readMp4(bufferSource(bytes))).duration;

  describe('signatures', () => {
    const named = (name: string) => ({ name });

    it('are accepted from the SDK, with and without a session token', async () => {
      await begin({ keys: [exampleKey, { accessKeyId: 'ASIA1', secretAccessKey: 'other', sessionToken: 'a+b/c==' }] });
      await control().send(new ListStreamsCommand({}));
      const credentials = { accessKeyId: 'ASIA1', secretAccessKey: 'other', sessionToken: 'a+b/c==' };
      await control({ credentials }).send(new ListStreamsCommand({}));
      await assert.rejects(
        control({ credentials: { ...credentials, sessionToken: 'x' } }).send(new ListStreamsCommand({})),
        named('UnrecognizedClientException'),
      );
    });

    it('are refused from an unknown key, with a wrong secret, and for another region', async () => {
      await begin();
      const unknown = { accessKeyId: 'AKIAUNKNOWN', secretAccessKey: 'x' };
      const wrong = { ...exampleKey, secretAccessKey: 'x' };
      for (const [change, name] of [
        [{ credentials: unknown }, 'UnrecognizedClientException'],
        [{ credentials: wrong }, 'InvalidSignatureException'],
        [{ region: 'us-east-1' }, 'InvalidSignatureException'],
      ] as const) {
        await assert.rejects(control(change).send(new ListStreamsCommand({})), named(name));
      }
    });

    it('are refused when they are too old, and the SDK can correct its clock by the answer', async () => {
      await begin({ skewMs: 20 * 60_000 });
      await assert.rejects(control().send(new ListStreamsCommand({})), named('InvalidSignatureException'));
      await control({ maxAttempts: 2 }).send(new ListStreamsCommand({}));
      sim.options.errors.skew = 'RequestExpired';
      await assert.rejects(control().send(new ListStreamsCommand({})), named('RequestExpired'));
    });

    it('are needed', async () => {
      await begin();
      const reply = await fetch(`${sim.url}/listStreams`, { method: 'POST', body: '{}' });
      assert.equal(reply.status, 403);
      assert.match(reply.headers.get('x-amzn-errortype') ?? '', /^MissingAuthenticationTokenException:https:/);
    });
  });

  describe('control host', () => {
    it('lists streams in pages, and describes one by name or ARN', async () => {
      await begin({ streams: [stream('a'), stream('b', { retentionHours: 0 }), stream('c')], streamsPerPage: 2 });
      const first = await control().send(new ListStreamsCommand({}));
      const second = await control().send(new ListStreamsCommand({ NextToken: first.NextToken }));
      const names = [first, second].map(({ StreamInfoList }) => StreamInfoList!.map(({ StreamName }) => StreamName));
      assert.deepEqual([names, second.NextToken ?? undefined], [[['a', 'b'], ['c']], undefined]);
      const described = await control().send(new DescribeStreamCommand({ StreamARN: sim.options.streams[1]!.arn }));
      assert.deepEqual([described.StreamInfo?.StreamName, described.StreamInfo?.DataRetentionInHours], ['b', 0]);
    });

    it('names the data host in every form there may be', async () => {
      await begin();
      const ask = async (): Promise<string | undefined> => {
        const command = new GetDataEndpointCommand({ StreamName: 'dock', APIName: 'GET_CLIP' });
        return (await control().send(command)).DataEndpoint;
      };
      assert.equal(await ask(), sim.dataUrl);
      sim.options.dataEndpointForm = 'slash';
      assert.equal(await ask(), `${sim.dataUrl}/`);
      sim.options.dataEndpointForm = 'no-scheme';
      assert.equal(await ask(), sim.dataUrl.replace('http://', ''));
      sim.options.dataEndpoint = 'control';
      sim.options.dataEndpointForm = 'plain';
      assert.equal(await ask(), sim.url);
    });

    it('refuses requests for the data host in both known ways', async () => {
      await begin();
      const post = async () => fetch(`${sim.url}/getClip`, { method: 'POST', body: '{}' });
      const xml = await post();
      assert.deepEqual([xml.status, /Unable to determine service/.test(await xml.text())], [403, true]);
      sim.options.wrongHost = 'json-200';
      const json = await post();
      assert.deepEqual([json.status, (await json.text()).length], [200, 90]);
    });

    it('throttles by stream and second when it is told to', async () => {
      await begin({ clock: { at: EIGHT }, signatures: 'ignored', limits: { on: true } });
      const command = new GetDataEndpointCommand({ StreamName: 'dock', APIName: 'GET_CLIP' });
      for (let count = 0; count < 5; count++) await control().send(command);
      await assert.rejects(control().send(command), { name: 'ClientLimitExceededException' });
      sim.advance(1000);
      await control().send(command);
    });
  });

  describe('list of fragments', () => {
    it('has those that start in the range, both ends included, in no order', async () => {
      await begin();
      const range = { StartTimestamp: when(4), EndTimestamp: when(20) };
      const selector = { FragmentSelectorType: 'PRODUCER_TIMESTAMP', TimestampRange: range } as const;
      const { Fragments: found = [] } = await list({ FragmentSelector: selector });
      const times = found.map(({ ProducerTimestamp }) => ProducerTimestamp!.getTime());
      assert.deepEqual(
        [...times].sort(),
        [4, 6, 8, 10, 12, 14, 16, 18, 20].map((second) => when(second).getTime()),
      );
      assert.notDeepEqual([...times].sort(), times);
      assert.match(found[0]!.FragmentNumber ?? '', /^\d{47}$/);
    });

    it('comes in pages that together hold each fragment once', async () => {
      await begin();
      const numbers: (string | undefined)[] = [];
      let token: string | undefined;
      do {
        const page = await list({ MaxResults: 7, NextToken: token });
        numbers.push(...page.Fragments!.map(({ FragmentNumber }) => FragmentNumber));
        token = page.NextToken;
      } while (token);
      assert.deepEqual([numbers.length, new Set(numbers).size], [30, 30]);
      await assert.rejects(list({ MaxResults: 1001 }), { name: 'InvalidArgumentException' });
    });

    it('holds a hundred without a number, and may want the selector beside the token', async () => {
      await begin({ streams: [stream('dock', { fragments: footage(EIGHT, EIGHT + 240_000, { fragmentMs: 1000 }) })] });
      const selector = {
        FragmentSelectorType: 'PRODUCER_TIMESTAMP',
        TimestampRange: { StartTimestamp: when(0), EndTimestamp: when(240) },
      } as const;
      const page = await list({ FragmentSelector: selector });
      assert.equal(page.Fragments?.length, 100);
      const rest = { FragmentSelector: undefined, NextToken: page.NextToken };
      assert.equal((await list(rest)).Fragments?.length, 100);
      sim.options.list.tokenAlone = 'InternalFailure';
      await assert.rejects(list(rest), { name: 'InternalFailure' });
    });

    it('forgets what is older than the retention, and says so only of arrival times', async () => {
      await begin({ streams: [stream('dock', { retentionHours: 1, fragments: footage(EIGHT, EIGHT + 60_000) })] });
      assert.deepEqual((await list()).Fragments, []);
      const selector = {
        FragmentSelectorType: 'SERVER_TIMESTAMP',
        TimestampRange: { StartTimestamp: when(0), EndTimestamp: when(60) },
      } as const;
      await assert.rejects(list({ FragmentSelector: selector }), /outside of the stream retention period/);
    });
  });

  describe('clips', () => {
    it('are real videos of the fragments that start in the range', async () => {
      await begin();
      const { bytes, type } = await clip(when(5), when(10));
      assert.deepEqual([await seconds(bytes), type], [6, 'video/mp4']);
    });

    it('go by arrival when asked to', async () => {
      await begin();
      const { bytes } = await clip(when(5.4), when(9.5), 'SERVER_TIMESTAMP');
      assert.equal(await seconds(bytes), 6);
    });

    it('end without a word at the cap of fragments and of bytes', async () => {
      await begin({ clip: { maxFragments: 5 } });
      assert.equal(await seconds((await clip(when(0), when(60))).bytes), 10);
      sim.options.clip.maxFragments = 200;
      sim.options.clip.maxBytes = 50_000;
      assert.equal(await seconds((await clip(when(0), when(60))).bytes), 4);
      sim.options.clip.crossing = 'kept';
      assert.equal(await seconds((await clip(when(0), when(60))).bytes), 6);
    });

    it('leave gaps out, or show the last picture in them', async () => {
      await begin();
      sim.streamNamed('dock').fragments.splice(5, 2);
      assert.equal(await seconds((await clip(when(0), when(19))).bytes), 16);
      sim.options.clip.gaps = 'freeze';
      assert.equal(await seconds((await clip(when(0), when(19))).bytes), 20);
    });

    it('use the oldest of footage that came twice', async () => {
      await begin();
      sim.streamNamed('dock').fragments.push(...footage(EIGHT, EIGHT + 60_000, { fragmentMs: 3000 }));
      assert.equal(await seconds((await clip(when(0), when(9))).bytes), 10);
    });

    it('fail where codec private data or tracks change, where there is nothing, and for bad ranges', async () => {
      await begin();
      sim.streamNamed('dock').fragments[3]!.tracks = 2;
      for (const [from, to, name] of [
        [0, 20, 'InvalidCodecPrivateDataException'],
        [600, 660, 'ResourceNotFoundException'],
        [20, 20, 'InvalidArgumentException'],
        [0, 25 * 3600, 'InvalidArgumentException'],
      ] as const) {
        await assert.rejects(clip(when(from), when(to)), { name });
      }
      sim.streamNamed('dock').retentionHours = 0;
      await assert.rejects(clip(when(0), when(20)), { name: 'NoDataRetentionException' });
    });

    it('can come in any framing, cut off, or not as video at all', async () => {
      await begin();
      const whole = (await clip(when(0), when(5))).bytes;
      for (const framing of ['chunked', 'close'] as const) {
        sim.options.clip.framing = framing;
        assert.ok((await clip(when(0), when(5))).bytes.equals(whole));
      }
      sim.options.clip.framing = 'length';
      sim.options.clip.truncateAfter = 1000;
      await assert.rejects(clip(when(0), when(5)));
      sim.options.clip.answer = 'empty';
      assert.equal((await clip(when(0), when(5))).bytes.length, 0);
    });
  });

  it('shapes errors in the ways there may be', async () => {
    await begin({ keys: [{ ...exampleKey, denied: ['ListStreams'] }] });
    const name = async (): Promise<unknown> =>
      control()
        .send(new ListStreamsCommand({}))
        .catch((error: Error & { $metadata: object }) => [error.name, error.message.slice(0, 5)]);
    assert.deepEqual(await name(), ['AccessDeniedException', 'User:']);
    sim.options.errors.type = 'body';
    sim.options.errors.textKey = 'message';
    assert.deepEqual(await name(), ['AccessDeniedException', 'User:']);
    sim.options.errors.type = 'amz';
    assert.deepEqual(await name(), ['Unknown', 'User:']);
    sim.options.errors = { ...sim.options.errors, type: 'amzn' };
    sim.options.errors.accessDenied = { status: 401, name: 'NotAuthorizedException' };
    assert.deepEqual(await name(), ['NotAuthorizedException', 'User:']);
  });

  it('keeps one record of both hosts, and lets faults hit either', async () => {
    await begin();
    sim.failNext(sim.refusal(503, 'ServiceUnavailable'), 'listFragments');
    await control().send(new ListStreamsCommand({}));
    await assert.rejects(list(), { name: 'ServiceUnavailable' });
    await list();
    assert.deepEqual(
      sim.requests.map(({ path, status }) => [path, status]),
      [
        ['/listStreams', 200],
        ['/listFragments', 503],
        ['/listFragments', 200],
      ],
    );
  });
});
