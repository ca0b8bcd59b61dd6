import { kinesisVideo } from '../../lib/providers/kinesis-video';
import { longestFragmentMs } from '../../lib/providers/kinesis-video/plan';
import { idOf } from '../../lib/providers/kinesis-video/planned';
import {
  exampleKey,
  footage,
  matcherOf,
  parseAuthorization,
  startKinesisVideo,
  stream,
  type Fault,
  type RecordedRequest,
  type SimFragment,
} from '../simulators/kinesis-video';
import { sha256Of } from '../simulators/video';
import { leaveAwsEnvironment } from '../support/aws-environment';
import { anHourAgo, faultsBy, hour, range } from './faults';
import type { Harness, Step } from './harness';

const camera = 'dock';

/** There is no login and nothing to delete. A clip is planned by the same request with which its status is asked for. */
const filters: Partial<Record<Step, string | ((request: RecordedRequest) => boolean)>> = {
  create: 'listFragments',
  status: 'listFragments',
  download: 'getClip',
  cameras: 'listStreams',
  events: 'listFragments',
  any: () => true,
};

export const harness: Harness = {
  id: 'kinesis-video',
  async start() {
    const comeBack = leaveAwsEnvironment();
    const startMs = anHourAgo();
    const fragments = footage(startMs - 60_000, startMs + 60_000);
    const sim = await startKinesisVideo({ streams: [stream(camera, { fragments }), stream('gate')] });
    const wrongSecret = 'wrong/secret/access/key+0123456789abcdef';

    function fail(step: Step, fault: Fault, times = 1): void {
      const filter = filters[step];
      if (filter) sim.failNext(fault, filter, times);
    }

    /** AWS keeps no clips: those that were planned can be told from the lists of fragments that were asked for. */
    function plannedClips(): Map<string, SimFragment[]> {
      const clips = new Map<string, SimFragment[]>();
      for (const { body } of sim.requestsFor('listFragments')) {
        const { StreamName, FragmentSelector } = JSON.parse(body.toString()) as {
          StreamName: string;
          FragmentSelector: { TimestampRange: { StartTimestamp: number; EndTimestamp: number } };
        };
        const { StartTimestamp, EndTimestamp } = FragmentSelector.TimestampRange;
        const from = Math.round(StartTimestamp * 1000) + longestFragmentMs;
        const to = Math.round(EndTimestamp * 1000);
        const asked = { camera: StreamName, ...range(from, (to - from) / 1000) };
        const kept = sim.options.streams.find(({ name }) => name === StreamName)?.fragments ?? [];
        const parts = kept.filter(({ producerMs, durationMs }) => producerMs + durationMs > from && producerMs < to);
        clips.set(idOf(asked, 'PRODUCER_TIMESTAMP'), parts);
      }
      return clips;
    }

    function partsOf(clipId: string): SimFragment[] {
      const parts = plannedClips().get(clipId);
      if (!parts) throw new Error(`Nobody has asked for the footage of clip ${clipId}`);
      return parts;
    }

    return {
      definition: kinesisVideo,
      settings: { region: 'eu-west-1', endpoint: sim.url, timestamps: 'PRODUCER_TIMESTAMP', profile: '' },
      credentials: { username: exampleKey.accessKeyId, password: exampleKey.secretAccessKey, token: '' },
      wrongCredentials: { username: exampleKey.accessKeyId, password: wrongSecret, token: '' },
      camera,
      unknownCamera: 'no-such-stream',
      impossibleCamera: 'dock/3',
      footage: range(startMs),
      noFootage: range(startMs - 24 * hour),
      secrets: () => [
        exampleKey.secretAccessKey,
        wrongSecret,
        ...sim.requests.flatMap((request) => parseAuthorization(request)?.signature ?? []),
      ],
      requests: () => sim.requests,
      requestsFor: (step) => (filters[step] ? sim.requestsFor(filters[step]) : []),
      isFor: (step, request) => filters[step] !== undefined && matcherOf(filters[step])(request),
      ...faultsBy(fail),
      generalError: {
        status: 500,
        headers: { 'content-type': 'application/json', 'x-amzn-errortype': 'InternalFailure' },
        body: '{"message":"Internal failure"}',
      },
      throttle: (step, times) =>
        fail(step, sim.refusal(400, 'ClientLimitExceededException', 'You have exceeded a limit.'), times),
      vanish(clipId) {
        const gone = partsOf(clipId);
        const kept = sim.streamNamed(camera);
        kept.fragments = kept.fragments.filter((fragment) => !gone.includes(fragment));
      },
      clipCount: () => plannedClips().size,
      async sha256Of(clipId) {
        const parts = partsOf(clipId);
        return sha256Of(
          await sim.mediaOf(camera, 'PRODUCER_TIMESTAMP', parts[0]!.producerMs, parts.at(-1)!.producerMs),
        );
      },
      events: {
        otherCamera: 'gate',
        lateMs: 60_000,
        now: sim.now,
        happen({ agoMs = 0, camera: own = camera, isOpen = false } = {}) {
          const at = sim.now() - agoMs;
          const parts = footage(at, at + 4_000, { arrivalMs: 0 });
          sim.streamNamed(own).fragments.push(...parts);
          // It is over when nothing has come for a while.
          sim.advance(isOpen ? 5_000 : 61_000);
          return `${own}/${parts[0]!.number}`;
        },
        pass: (ms) => sim.advance(ms),
        keepOpen() {
          const { fragments: kept } = sim.streamNamed(camera);
          const last = kept.at(-1)!;
          kept.push(...footage(last.producerMs + last.durationMs, sim.now() - 5_000, { arrivalMs: 0 }));
        },
        end: () => sim.advance(61_000),
        endless: () => void (sim.options.list.endless = true),
      },
      clearFaults: () => sim.clearFaults(),
      openConnections: () => sim.connections,
      exceptions: {
        'lists the cameras that are asked for':
          'AWS tells its time in its answers, and this test asks for none of them while its time goes on',
        'understands answers with a byte order mark': 'the AWS SDK reads the answers, and AWS sends none',
        'says that a clip is not there, and has nothing against deleting it':
          'clips are made from their range when they are downloaded, so there is none that could be missing',
      },
      async close() {
        await sim.close();
        comeBack();
      },
    };
  },
};
