/** Everything that a server can do wrong with a clip, from its socket to the file here, by way of a real provider. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { gzipSync } from 'node:zlib';
import type { DownloadJobData } from '../../../lib/clips/download';
import { systemClock } from '../../../lib/async/clock';
import { Connection } from '../../../lib/connection/connection';
import { readFields } from '../../../lib/fields';
import type { JobResult } from '../../../lib/jobs/job';
import type { ProviderDefinition } from '../../../lib/provider';
import { vdgSense } from '../../../lib/providers/vdg-sense';
import { startServer, type RecordedRequest, type Reply, type SimulatorServer } from '../../simulators/http-server';
import { mediaReply, type MediaReplyOptions } from '../../simulators/media-reply';
import { eventually } from '../../support/eventually';
import { box } from '../mp4/files';
import { downloadRig, expectError, expectFile, sha256 } from './download-rig';

type Behaviour = (request: RecordedRequest) => Reply;

const mebi = 2 ** 20;
const cameraId = '6917529027641081901/2';
/** How long a silence is borne: a busy machine is silent, too, and only where that is wanted is it short. */
const [patienceMs, hastyMs] = [30_000, 1_000];
const credentials = { username: 'nodered', password: 's3cret', token: '' };

describe('a download from a server', () => {
  const test = downloadRig();
  let whole: Buffer;
  /** The first for the first request and so on; the last for all others. */
  let behaviours: Behaviour[];
  let server: SimulatorServer;
  let connection: Connection;

  before(() => {
    whole = Buffer.concat([test.video, box('free', Buffer.alloc(6 * mebi, 'x'))]);
  });
  beforeEach(async () => {
    behaviours = [serve(whole)];
    server = await startServer({
      handle: (request) => (behaviours.length > 1 ? behaviours.shift()! : behaviours[0]!)(request),
    });
    const definition = vdgSense as ProviderDefinition;
    const settings = readFields(definition.settings, { url: server.url, auth: 'basic' });
    const config = { settings, credentials, now: Date.now };
    connection = new Connection({ id: 'sense', definition, config, maxConcurrent: 2, clock: systemClock });
  });
  afterEach(async () => {
    await connection.close();
    await server.stop();
    assert.deepEqual(server.errors, []);
  });

  function serve(bytes: Buffer, more: Partial<MediaReplyOptions> = {}): Behaviour {
    const options = { range: true, etag: 'strong', framing: 'length', truncateAfter: Infinity, ...more } as const;
    const etag = sha256(bytes).slice(0, 20);
    const read = async function* (start = 0, end = bytes.length) {
      for (let at = start; at < end; at += 64 * 1024) yield bytes.subarray(at, Math.min(end, at + 64 * 1024));
    };
    return (request) => mediaReply(request, { size: bytes.length, etag, read }, options);
  }

  /** Tries for as long as it is worth another try, at once. */
  async function download(
    work: Partial<DownloadJobData> = {},
    stallMs = patienceMs,
  ): Promise<JobResult<DownloadJobData>> {
    let failures = 0;
    for (;;) {
      const { answer } = await test.start({
        connection,
        clip: { connection: 'sense', provider: 'vdg-sense', camera: cameraId },
        work,
        job: { failures },
        options: { clock: systemClock, stallMs },
      });
      if (answer.type !== 'retry') return answer;
      failures = answer.error ? failures + 1 : 0;
      work = answer.data!;
    }
  }

  async function expectWhole(bytes = whole, tries = 2, stallMs?: number): Promise<ReturnType<typeof expectFile>> {
    const file = expectFile(await download({}, stallMs));
    assert.equal(file.sha256, sha256(bytes));
    assert.ok((await readFile(file.path)).equals(bytes));
    assert.deepEqual(await test.files(), ['clip.mp4']);
    assert.equal(server.requests.length, tries);
    return file;
  }

  async function expectNothing(...expected: Parameters<typeof isError>): Promise<void> {
    isError(...expected)(await download());
    assert.deepEqual(await test.files(), []);
  }

  const isError =
    (code: Parameters<typeof expectError>[2], says: RegExp) =>
    (answer: JobResult<DownloadJobData>): void =>
      assert.match(expectError(answer, 'failed', code).message, says);

  const rangesAsked = (): (string | undefined)[] => server.requests.map(({ headers }) => headers.range);

  for (const how of ['end', 'reset'] as const) {
    it(`that cuts it (${how}) goes on where it was`, async () => {
      server.fail({ kind: 'truncate', afterBytes: 3 * mebi, how });
      const file = await expectWhole();
      assert.equal(file.resumed, true);
      assert.match(rangesAsked()[1]!, /^bytes=[1-9]\d+-$/);
    });
  }

  it('that cuts it again and again goes on as long as it gets somewhere', async () => {
    server.fail({ kind: 'truncate', afterBytes: mebi + 100_000, how: 'end' }, { times: 5 });
    assert.equal((await expectWhole(whole, 6)).resumed, true);
  });

  it('that cuts it in the same place for ever ends after five tries', async () => {
    server.fail({ kind: 'truncate', afterBytes: 1000, how: 'end' }, { times: Infinity });
    await expectNothing('EINCOMPLETE', /broke off/);
    // Each brings a little, but no more than that.
    assert.equal(server.requests.length, 5);
  });

  it('that falls silent in the middle goes on where it was', async () => {
    server.fail({ kind: 'stall', afterBytes: 3 * mebi });
    assert.equal((await expectWhole(whole, 2, hastyMs)).resumed, true);
  });

  it('that takes its time is waited for', async () => {
    server.fail({ kind: 'stall', afterBytes: 3 * mebi, ms: 100 });
    assert.equal((await expectWhole(whole, 1)).resumed, false);
  });

  it('that announces more than it has fails', async () => {
    behaviours = [() => ({ headers: { 'content-length': whole.length + 1000 }, body: whole, framing: 'close' })];
    await expectNothing('EINCOMPLETE', new RegExp(`after ${whole.length} of ${whole.length + 1000} bytes`));
  });

  it('that announces less than it has fails', async () => {
    behaviours = [() => ({ headers: { 'content-length': whole.length - 1000 }, body: whole, framing: 'close' })];
    await expectNothing('EINCOMPLETE', /past the end of the file/);
  });

  it('that sends more than it announced takes what was announced', async () => {
    const more = Buffer.concat([whole, Buffer.alloc(5000, 'HTTP/1.1 200 OK\r\n\r\n')]);
    behaviours = [() => ({ headers: { 'content-length': whole.length }, body: more, framing: 'close' })];
    await expectWhole(whole, 1);
  });

  it('that has other bytes when it goes on starts anew', async () => {
    const other = Buffer.concat([test.video, box('free', Buffer.alloc(4 * mebi, 'y'))]);
    behaviours = [serve(whole), serve(other)];
    server.fail({ kind: 'truncate', afterBytes: 3 * mebi, how: 'end' });
    assert.equal((await expectWhole(other)).resumed, false);
    assert.match(rangesAsked()[1]!, /^bytes=/);
  });

  it('that has other bytes of the same length, and does not say so, is found out by its checksum', async () => {
    const other = Buffer.concat([test.video, box('free', Buffer.alloc(6 * mebi, 'y'))]);
    behaviours = [
      serve(whole),
      (request) => ({ ...serve(other)({ ...request, headers: { range: request.headers.range } }) }),
    ];
    server.fail({ kind: 'truncate', afterBytes: 3 * mebi, how: 'end' });
    const answer = await download({ clip: { ...clip(), sha256: sha256(other) } });
    assert.equal(expectFile(answer).sha256, sha256(other));
    assert.equal(server.requests.length, 3);
  });

  it('that ignores ranges starts anew', async () => {
    behaviours = [serve(whole, { range: false })];
    server.fail({ kind: 'truncate', afterBytes: 3 * mebi, how: 'end' });
    assert.equal((await expectWhole()).resumed, false);
    assert.deepEqual(rangesAsked(), [undefined, undefined]);
  });

  it('that answers 200 to a range, although it said that it takes them, starts anew', async () => {
    behaviours = [serve(whole), serve(whole, { range: false })];
    server.fail({ kind: 'truncate', afterBytes: 3 * mebi, how: 'end' });
    assert.equal((await expectWhole()).resumed, false);
    assert.match(rangesAsked()[1]!, /^bytes=/);
  });

  it('that sends another range than was asked for is not asked for one again', async () => {
    const shifted: Behaviour = (request) => serve(whole)({ ...request, headers: { range: 'bytes=5000000-' } });
    behaviours = [serve(whole), shifted, serve(whole)];
    server.fail({ kind: 'truncate', afterBytes: 3 * mebi, how: 'end' });
    assert.equal((await expectWhole(whole, 3)).resumed, false);
    assert.equal(rangesAsked()[2], undefined);
  });

  it('that sends a range although none was asked for fails', async () => {
    behaviours = [(request) => serve(whole)({ ...request, headers: { range: 'bytes=5000000-' } })];
    isError('EPROTOCOL', /./)(await download());
    assert.deepEqual(await test.files(), []);
    assert.ok(rangesAsked().every((range) => range === undefined));
  });

  it('that packs it, although nobody asked for that, is unpacked on the way', async () => {
    behaviours = [() => ({ headers: { 'content-encoding': 'gzip' }, body: gzipSync(whole) })];
    await expectWhole(whole, 1);
    assert.equal(server.requests[0]!.headers['accept-encoding'], 'identity');
  });

  it('that sends to another host takes it from there, and gives no credentials away', async () => {
    const other = await startServer({ handle: (request) => serve(whole)(request) });
    try {
      server.fail({ kind: 'redirect', location: `${other.url}/elsewhere.mp4` });
      await expectWhole(whole, 1);
      const [{ headers, target }] = other.requests as [RecordedRequest];
      assert.ok(server.requests[0]!.headers.authorization);
      assert.equal(headers.authorization, undefined);
      assert.equal(headers.cookie, undefined);
      assert.doesNotMatch(target + JSON.stringify(headers), /nodered|s3cret|bm9kZXJlZDpzM2NyZXQ/);
    } finally {
      await other.stop();
    }
  });

  it('that has only a part of the video, and says so rightly, fails once it has sent the same twice', async () => {
    behaviours = [serve(whole.subarray(0, 2 * mebi))];
    await expectNothing('EINCOMPLETE', /past the end of the file/);
    assert.equal(server.requests.length, 2);
  });

  it('that has a whole video of another length fails, and not five times', async () => {
    const answer = await download({ clip: { ...clip(), end: '2025-03-01T08:50:30.000Z' } });
    isError('EINCOMPLETE', /^The video has 2\.0 of 30\.0 s/)(answer);
    assert.deepEqual(await test.files(), []);
    assert.equal(server.requests.length, 1);
  });

  it('that goes down in the middle, and is up again later, goes on where it was', async () => {
    server.fail({ kind: 'stall', afterBytes: 3 * mebi });
    const downloading = expectWhole();
    await eventually(() => assert.equal(server.requests[0]?.bytesSent, 3 * mebi));
    await server.stop();
    await server.start();
    assert.equal((await downloading).resumed, true);
  });

  function clip(): DownloadJobData['clip'] {
    return {
      id: 'clip-1',
      connection: 'sense',
      provider: 'vdg-sense',
      camera: cameraId,
      start: '2025-03-01T08:50:00.000Z',
      end: '2025-03-01T08:50:02.000Z',
      status: 'finished',
    };
  }
});
