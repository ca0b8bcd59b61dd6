import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stream } from '../../../simulators/kinesis-video';
import { withoutAwsEnvironment } from '../../../support/aws-environment';
import { closeAll, connectTo, fails, never, operations, startKinesis } from './support';

const overHttp = 'Video and session token travel over http without encryption';
const hour = 3600_000;

describe('Kinesis Video Streams: checking a connection', () => {
  withoutAwsEnvironment();
  afterEach(closeAll);

  it('lists streams, and tries what clips need without a clip', async () => {
    const sim = await startKinesis();
    const { clockSkewMs, ...check } = await connectTo(sim).check(never);
    assert.deepEqual(check, {
      name: 'Amazon Kinesis Video Streams, eu-west-1',
      cameras: 1,
      warnings: [overHttp],
    });
    assert.ok(Math.abs(clockSkewMs!) < 5000);
    assert.deepEqual(operations(sim), [
      ...['listStreams', 'getDataEndpoint', 'listFragments', 'getDataEndpoint', 'getClip'],
    ]);
    assert.equal(sim.requestsFor('getClip')[0]!.status, 404);
  });

  it('tells how wrong the clock of this computer is', async () => {
    const sim = await startKinesis({ skewMs: 2 * hour });
    const { clockSkewMs } = await connectTo(sim).check(never);
    assert.ok(Math.abs(clockSkewMs! - 2 * hour) < 5000);
  });

  it('warns of streams that keep nothing, and of none at all', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g'];
    const sim = await startKinesis({ streams: names.map((name) => stream(name, { retentionHours: 0 })) });
    assert.deepEqual((await connectTo(sim).check(never)).warnings, [
      overHttp,
      'No clips of a, b, c, d, e and 2 more: data retention is 0, so no footage is kept',
    ]);
    sim.options.streams.length = 0;
    assert.deepEqual((await connectTo(sim).check(never)).warnings, [overHttp, 'There are no streams in eu-west-1']);
  });

  const rights: [string, RegExp[]][] = [
    ['ListStreams', [/kinesisvideo:ListStreams/, /names of streams by hand/]],
    ['ListFragments', [/kinesisvideo:ListFragments/, /limits and gaps of clips are not known/]],
    ['GetClip', [/^AWS answered .*\(trying kinesisvideo:GetClip on stream dock\)\. .*IAM policy/]],
    ['GetDataEndpoint', [/kinesisvideo:GetDataEndpoint/, /limits and gaps/, /kinesisvideo:GetDataEndpoint/]],
  ];
  for (const [right, expected] of rights) {
    it(`warns when ${right} is not allowed`, async () => {
      const sim = await startKinesis();
      sim.options.keys[0] = { ...sim.options.keys[0]!, denied: [right] };
      const { warnings, cameras } = await connectTo(sim).check(never);
      assert.equal(warnings.length, expected.length + 1);
      expected.forEach((pattern, index) => assert.match(warnings[index + 1]!, pattern));
      assert.equal(cameras, right === 'ListStreams' ? undefined : 1);
    });
  }

  it('fails with wrong credentials', async () => {
    const sim = await startKinesis();
    await assert.rejects(connectTo(sim, { credentials: { password: 'wrong-secret' } }).check(never), fails('EAUTH'));
  });

  it('fails when AWS is in trouble', async () => {
    const sim = await startKinesis();
    sim.failNext(sim.refusal(500, 'InternalFailure'), 'listFragments');
    await assert.rejects(connectTo(sim).check(never), fails('EFAILED', /\(trying kinesisvideo:ListFragments/));
  });
});

describe('Kinesis Video Streams: listing cameras', () => {
  withoutAwsEnvironment();
  afterEach(closeAll);

  it('has all streams of all pages, and says which make no clips', async () => {
    const sim = await startKinesis({
      streams: [stream('a'), stream('b', { retentionHours: 0 }), stream('c', { status: 'DELETING' })],
      streamsPerPage: 1,
    });
    const cameras = await connectTo(sim).listCameras(never);
    for (const { id, aliases = [] } of cameras)
      assert.match(aliases.join(), new RegExp(`^arn:[^,]*:stream/${id}/\\d+$`));
    assert.deepEqual(
      cameras.map(({ aliases: _, ...camera }) => camera),
      [
        { id: 'a', name: 'a' },
        { id: 'b', name: 'b (data retention 0: no footage is kept)' },
        { id: 'c', name: 'c (not active)', online: false },
      ],
    );
    assert.deepEqual(operations(sim), ['listStreams', 'listStreams', 'listStreams']);
  });

  it('fails where streams may not be listed', async () => {
    const sim = await startKinesis();
    sim.options.keys[0] = { ...sim.options.keys[0]!, denied: ['ListStreams'] };
    await assert.rejects(connectTo(sim).listCameras(never), fails('EFORBIDDEN', /\(asking for the list of streams/));
  });
});

describe('Kinesis Video Streams: loading', () => {
  it('loads neither the AWS SDK nor any HTTP library before a connection is used', async () => {
    const root = join(__dirname, '../../../..');
    const script = `
      const { providers } = require('./lib/providers');
      if (!providers.some(({ id }) => id === 'kinesis-video')) throw new Error('not registered');
      console.log(Object.keys(require.cache).filter((file) => /aws-sdk|smithy|axios/.test(file)).length);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--require', 'tsx/cjs', '-e', script], {
      cwd: root,
    });
    assert.equal(stdout.trim(), '0');
  });
});
