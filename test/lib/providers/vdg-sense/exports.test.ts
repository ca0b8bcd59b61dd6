import assert from 'node:assert/strict';
import type { Connection } from '../../../../lib/connection/connection';
import type { ServerExport, ServerExportRequest } from '../../../../lib/provider';
import { resultError } from '../../../../lib/providers/vdg-sense/errors';
import type { VdgSense } from '../../../simulators/vdg-sense';
import { closeAll, commands, connectTo, errorOf, fails, never, ONE, plain, startSense, TWO } from './support';

const ten = { start: '2025-03-01T10:00:00.000Z', end: '2025-03-01T11:00:00.000Z' };
const half = { start: '2025-03-01T10:30:00.250Z', end: '2025-03-01T10:45:00.750Z' };

function request(change: Partial<ServerExportRequest> = {}): ServerExportRequest {
  const cameras = [
    { camera: `${ONE}/2`, ...ten },
    { camera: `${TWO}/2`, ...half },
  ];
  return { cameras, path: 'E:\\Exports\\case42', bandwidth: 0, ...change };
}

const begin = (connection: Connection, change: Partial<ServerExportRequest> = {}): Promise<ServerExport> =>
  connection.exportVideo(request(change), never);

/** What the server says of an export now. */
const look = (connection: Connection, started: ServerExport): Promise<ServerExport | undefined> =>
  connection.pollExport(started, 1000, never);

const bodyOf = (sim: VdgSense): string => sim.requestsFor('exportVideo').at(-1)!.body.toString('utf8');

describe('VDG Sense: starting an export onto the server', () => {
  afterEach(closeAll);

  it('sends every camera with its own range, in UTC to the millisecond', async () => {
    const sim = await startSense();
    const started = await begin(connectTo(sim), { bandwidth: 250_000 });
    assert.equal(
      bodyOf(sim),
      '<?xml version="1.0" encoding="UTF-8"?>\n<export><devices>' +
        `<device><serverid>${ONE}</serverid><deviceid>2</deviceid><starttime>2025-03-01 10:00:00.000</starttime><endtime>2025-03-01 11:00:00.000</endtime></device>` +
        `<device><serverid>${TWO}</serverid><deviceid>2</deviceid><starttime>2025-03-01 10:30:00.250</starttime><endtime>2025-03-01 10:45:00.750</endtime></device>` +
        '</devices><path>E:\\Exports\\case42</path><bandwidth>250000</bandwidth></export>',
    );
    const [sent] = sim.requestsFor('exportVideo');
    assert.deepEqual([sent!.method, sent!.target], ['POST', '/command?command=exportVideo']);
    assert.match(sent!.headers['content-type']!, /^text\/xml/);
    assert.deepEqual(started.cameras, [
      { camera: `${ONE}/2`, ...ten, status: 'pending', progress: 0 },
      { camera: `${TWO}/2`, ...half, status: 'pending', progress: 0 },
    ]);
    assert.deepEqual([started.id, started.status, started.path], ['1', 'pending', 'E:\\Exports\\case42']);
    assert.deepEqual(plain(started), started);
  });

  it('sends milliseconds even where clips are made without: they are documented', async () => {
    const sim = await startSense();
    await begin(connectTo(sim, { settings: { milliseconds: false } }));
    assert.match(bodyOf(sim), /10:30:00\.250/);
  });

  for (const path of [
    'E:\\R&D "quoted" \'single\' <b>\\Größe 監視 🎥',
    'E:\\a &amp; b',
    'E:\\]]>',
    'E:\\ends with a backslash\\',
    'E:/slashes/too',
  ]) {
    it(`takes the path ${path}`, async () => {
      const sim = await startSense();
      const connection = connectTo(sim);
      const started = await begin(connection, { path });
      assert.equal(sim.exports[0]!.path, path);
      assert.equal((await look(connection, started))?.path, path);
    });
  }

  it('takes a hundred cameras', async () => {
    const sim = await startSense();
    const cameras = Array.from({ length: 100 }, (_, minute) => ({
      camera: `${ONE}/2`,
      start: new Date(Date.UTC(2025, 2, 1, 8, minute)).toISOString(),
      end: new Date(Date.UTC(2025, 2, 1, 8, minute + 1)).toISOString(),
    }));
    const connection = connectTo(sim);
    const started = await begin(connection, { cameras });
    sim.advance(1000);
    const found = await look(connection, started);
    assert.deepEqual([found?.status, found?.cameras.length], ['finished', 100]);
    assert.deepEqual(
      found?.cameras.map(({ start, end, camera }) => ({ camera, start, end })),
      cameras,
    );
  });

  const refusals: [string, number, string, RegExp][] = [
    ['no such device', -2, 'ENOTFOUND', /no such device/],
    ['the form of the times', -4, 'EINVALID', /form of the times/],
    ['no such server', -17, 'ENOTFOUND', /no such server/],
    ['no server id', -33, 'EINVALID', /server id/],
    ['no device id', -34, 'EINVALID', /device id/],
    ['end before start', -37, 'EINVALID', /before the start/],
    ['no recordings', -48, 'ENOFOOTAGE', /no recordings/],
    ['no export id', -57, 'EINVALID', /export id/],
    ['the path', -58, 'EINVALID', /path on the server/],
    ['disk space', -60, 'ENOSPACE', /disk space/],
    ['the folder', -61, 'EFAILED', /cannot create the folder/],
    ['the licence', -1, 'EUNSUPPORTED', /2\.7\.3 and an API licence/],
  ];
  for (const [name, refusal, code, message] of refusals) {
    it(`says what is wrong: ${name} (${refusal})`, async () => {
      const sim = await startSense({ exports: { refusal } });
      const error = await errorOf(begin(connectTo(sim)));
      assert.ok(fails(code, message, { vendorCode: String(refusal), retryable: false })(error));
      assert.match(
        error.message,
        /\(starting the export of camera 6917529027641081901\/2, 2025-03-01T10:00:00\.000Z to /,
      );
      assert.match(error.message, /; camera 6917529027641081902\/2, .*, to "E:\\Exports\\case42"/);
      assert.equal(sim.exports.length, 0);
    });
  }

  it('sends an ampersand encoded as in an address where the server knows no path with one', async () => {
    const sim = await startSense();
    sim.failNext({ kind: 'reply', reply: { body: '<result errorcode="-58"/>' } }, 'exportVideo');
    await begin(connectTo(sim), { path: 'E:\\R&D' });
    assert.match(sim.requests.at(-1)!.body.toString(), /<path>E:\\R%26D<\/path>/);
  });

  it('hears the same from the server itself', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const camera = (id: string, range = ten): Partial<ServerExportRequest> => ({ cameras: [{ camera: id, ...range }] });
    await assert.rejects(begin(connection, camera('77/2')), fails('ENOTFOUND', /no such server/));
    await assert.rejects(begin(connection, camera(`${ONE}/9`)), fails('ENOTFOUND', /no such device/));
    await assert.rejects(begin(connection, camera(`${ONE}/3`)), fails('ENOFOOTAGE', /no recordings/));
    await assert.rejects(
      begin(connection, camera(`${ONE}/2`, { start: ten.end, end: ten.start })),
      fails('EINVALID', /before the start/),
    );
    await assert.rejects(begin(connection, { path: 'Q:\\x' }), fails('EINVALID', /path on the server/));
    sim.options.exports.diskFull = true;
    await assert.rejects(begin(connection), fails('ENOSPACE'));
    Object.assign(sim.options.exports, { diskFull: false, readOnly: true });
    await assert.rejects(begin(connection), fails('EFAILED', /folder/));
    assert.equal(sim.exports.length, 0);
  });

  for (const settings of [{ version: '2.7.2' }, { withoutLicence: ['exportVideo', 'getExportVideoStatus'] }]) {
    it(`says what it needs (${JSON.stringify(settings)})`, async () => {
      const sim = await startSense(settings);
      const connection = connectTo(sim);
      await assert.rejects(begin(connection), fails('EUNSUPPORTED', /2\.7\.3 and an API licence/));
      await assert.rejects(
        connection.findExport(request(), never),
        fails('EUNSUPPORTED', /2\.7\.3 and an API licence/),
      );
    });
  }

  it('takes no word of a path for the wish for a login', () => {
    const error = resultError('exportVideo', '-58', 'Path E:\\Login desk does not exist', 'Starting', true);
    assert.deepEqual([error.code, error.sessionExpired], ['EINVALID', undefined]);
  });

  it('logs in again when the session has ended, and makes one export', async () => {
    for (const unauthenticated of ['401', '403', 'errorcode'] as const) {
      const sim = await startSense({ unauthenticated });
      const connection = connectTo(sim);
      await connection.listCameras(never);
      sim.expireSessions();
      await begin(connection);
      assert.deepEqual([sim.exports.length, sim.logins], [1, 2]);
    }
  });

  const strange: [string, string][] = [
    ['a page', '<html><body>Proxy</body></html>'],
    ['nothing', ''],
    ['broken XML', '<result errorcode="0"><export>'],
  ];
  for (const [name, body] of strange) {
    it(`is not sent again at once after ${name} for an answer: the export may have been started`, async () => {
      const sim = await startSense();
      const connection = connectTo(sim);
      await connection.listCameras(never);
      sim.failNext({ kind: 'reply', reply: { body } }, 'exportVideo');
      await assert.rejects(begin(connection), fails('EPROTOCOL', /./, { retryable: true }));
      assert.equal(sim.requestsFor('exportVideo').length, 1);
    });
  }

  it('needs a number in the answer, wherever it stands', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const answer = (body: string) => sim.failNext({ kind: 'reply', reply: { body } }, 'exportVideo');
    answer('<RESULT ErrorCode="0"><ExportID> 0012 </ExportID></RESULT>');
    assert.equal((await begin(connection)).id, '0012');
    answer('<result errorcode="0"><export exportid="9007199254740993"/></result>');
    assert.equal((await begin(connection)).id, '9007199254740993');
    answer('<result errorcode="0"><export/></result>');
    await assert.rejects(begin(connection), fails('EPROTOCOL', /returned no number/, { retryable: false }));
  });
});

describe('VDG Sense: exports as they go on', () => {
  afterEach(closeAll);

  it('tells status and progress, of each camera too', async () => {
    const sim = await startSense({ exports: { waitMs: 100, makeMs: 1000 } });
    const connection = connectTo(sim);
    const started = await begin(connection);
    const seen = async () => {
      const found = await look(connection, started);
      return [
        found?.status,
        found?.progress,
        ...(found?.cameras.map((each) => `${each.status} ${each.progress}`) ?? []),
      ];
    };
    assert.deepEqual(await seen(), ['pending', 0, 'pending 0', 'pending 0']);
    sim.advance(500);
    assert.deepEqual(await seen(), ['busy', 40, 'busy 40', 'busy 40']);
    sim.advance(600);
    assert.deepEqual(await seen(), ['finished', 100, 'finished 100', 'finished 100']);
  });

  it('are asked about in one request, however many there are', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const started = [];
    for (const name of ['a', 'b', 'c']) started.push(await begin(connection, { path: `E:\\${name}` }));
    const found = await Promise.all(started.map((each) => look(connection, each)));
    assert.deepEqual(
      found.map((each) => each?.path),
      ['E:\\a', 'E:\\b', 'E:\\c'],
    );
    assert.equal(sim.requestsFor('getExportVideoStatus').length, 1);
  });

  const words: [word: string, percent: number, status: string][] = [
    ['Finished ', 0, 'finished'],
    ['COMPLETED', 0, 'finished'],
    ['complete', 7, 'finished'],
    ['done', 7, 'finished'],
    ['Ready', 7, 'finished'],
    ['completed with warnings', 7, 'finished'],
    ['failed', 7, 'failed'],
    ['Error 17', 7, 'failed'],
    ['cancelled', 7, 'failed'],
    ['canceled', 7, 'failed'],
    ['cancelling', 7, 'busy'],
    ['completing', 7, 'busy'],
    ['finishing', 7, 'busy'],
    ['incomplete', 7, 'busy'],
    ['not ready', 7, 'busy'],
    ['Exportiere', 7, 'busy'],
    ['', 7, 'busy'],
    ['4', 7, 'busy'],
    ['queued', 0, 'pending'],
    ['Waiting', 0, 'pending'],
    // At their end, all the same.
    ['Exportiere', 100, 'finished'],
    ['', 100, 'finished'],
    ['busy', 100, 'finished'],
    ['failed', 100, 'failed'],
    // Bytes, perhaps.
    ['busy', 48_000_000, 'busy'],
    ['', 101, 'busy'],
  ];
  for (const [word, percent, status] of words) {
    it(`are ${status} at "${word}" and ${percent}`, async () => {
      const sim = await startSense();
      const connection = connectTo(sim);
      const started = await begin(connection);
      const devices = [ONE, TWO].map(
        (id) => `<device><serverid>${id}</serverid><deviceid>2</deviceid><progress>${percent}</progress></device>`,
      );
      const body = `<result errorcode="0"><exports count="1"><export><exportid>1</exportid><path>E:\\Exports\\case42</path><status>${word}</status><devices>${devices.join('')}</devices></export></exports></result>`;
      sim.failNext({ kind: 'reply', reply: { body } }, 'getExportVideoStatus');
      const found = await look(connection, started);
      assert.equal(found?.status, status);
      if (percent > 100) assert.equal(found?.progress, undefined);
      else if (status !== 'finished') assert.equal(found?.progress, percent);
    });
  }

  it('are failed when one camera is, after the others have ended', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const started = await begin(connection);
    const answer = (first: string, second: string): void => {
      const device = (id: string, status: string): string =>
        `<device><serverid>${id}</serverid><deviceid>2</deviceid>${status}</device>`;
      const body = `<result errorcode="0"><exports><export><exportid>1</exportid><devices>${device(ONE, first)}${device(TWO, second)}</devices></export></exports></result>`;
      sim.failNext({ kind: 'reply', reply: { body } }, 'getExportVideoStatus');
    };
    answer('<status description="disk error">failed</status>', '<progress>50,5 %</progress>');
    const going = await look(connection, started);
    assert.deepEqual([going?.status, going?.cameras.map(({ status }) => status)], ['busy', ['failed', 'busy']]);
    assert.equal(going?.cameras[1]!.progress, 50);
    answer('<status description="disk error">failed</status>', '<status>finished</status>');
    const ended = await look(connection, started);
    assert.deepEqual([ended?.status, ended?.reason], ['failed', 'disk error']);
    assert.deepEqual(
      ended?.cameras.map(({ status, progress }) => [status, progress]),
      [
        ['failed', undefined],
        ['finished', 100],
      ],
    );
  });

  it('give the reason for a failure in the words of the server', async () => {
    const sim = await startSense({ exports: { makeMs: 0, fails: () => 'disk was unplugged' } });
    const connection = connectTo(sim);
    assert.equal((await look(connection, await begin(connection)))?.reason, 'disk was unplugged');
    sim.options.exports.words.failed = 'Error: write protected';
    sim.options.exports.fails = () => '';
    assert.equal((await look(connection, await begin(connection)))?.reason, 'write protected');
  });

  for (const replies of [
    { upperCaseTags: true, blanks: true, shuffleSeed: 5, debugTags: true },
    { prolog: 'comment' as const, milliseconds: false, indent: true, countAttribute: false },
  ]) {
    it(`are read whatever the answer looks like (${JSON.stringify(replies)})`, async () => {
      const sim = await startSense({ replies, exports: { makeMs: 1000 } });
      const connection = connectTo(sim);
      const started = await begin(connection);
      sim.advance(250);
      const found = await look(connection, started);
      assert.deepEqual([found?.status, found?.progress], ['busy', 25]);
      assert.deepEqual([found?.cameras[1]!.start, found?.cameras[1]!.end], [half.start, half.end]);
    });
  }

  it('are missing where the server does not list them', async () => {
    for (const emptyList of ['element', 'nothing'] as const) {
      const sim = await startSense({ replies: { emptyList } });
      const connection = connectTo(sim);
      const started = await begin(connection);
      sim.exports.length = 0;
      assert.equal(await look(connection, started), undefined);
    }
  });
});

describe('VDG Sense: the number of an export after its session', () => {
  afterEach(closeAll);

  it('is kept together with a mark of the session that is no secret', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const [first, second] = [await begin(connection), await begin(connection, { path: 'E:\\b' })];
    assert.equal(first.ref!.session, second.ref!.session);
    const keys = [...sim.sessions.keys()];
    assert.ok(!keys.some((key) => JSON.stringify(first).includes(key)));
    sim.expireSessions();
    const other = await begin(connection, { path: 'E:\\c' });
    assert.notEqual(other.ref!.session, first.ref!.session);
    assert.deepEqual([first.id, second.id, other.id], ['1', '2', '1']);
  });

  it('is looked for by path, cameras and times, and is another one then', async () => {
    const sim = await startSense({ exports: { foreign: 'renumbered' } });
    const started = await begin(connectTo(sim));
    sim.expireSessions();
    const connection = connectTo(sim);
    const stranger = await begin(connection, { path: 'E:\\other' });
    sim.advance(500);
    const found = await look(connection, started);
    assert.deepEqual([found?.path, found?.status], [started.path, 'busy']);
    assert.deepEqual([started.id, stranger.id, found?.id], ['1', '1', '2']);
    assert.equal(found?.ref!.session, stranger.ref!.session);
  });

  it('in the middle of waiting too', async () => {
    const sim = await startSense({ exports: { foreign: 'renumbered' } });
    const connection = connectTo(sim);
    await begin(connection, { path: 'E:\\first' });
    const started = await begin(connection);
    sim.expireSessions();
    assert.equal((await look(connection, started))?.path, started.path);
    assert.equal(sim.logins, 2);
  });

  it('names nothing where exports of other sessions are not listed: an error, and no report on a stranger', async () => {
    const sim = await startSense({ exports: { makeMs: 0 } });
    const started = await begin(connectTo(sim));
    sim.expireSessions();
    const connection = connectTo(sim);
    await begin(connection, { path: 'E:\\other' });
    await assert.rejects(look(connection, started), fails('EFAILED', /login .* has ended.*look into its folder/));
  });

  it('names nothing where several look alike', async () => {
    const sim = await startSense({ exports: { foreign: 'renumbered' } });
    const old = connectTo(sim);
    const started = await begin(old);
    await begin(old);
    await assert.rejects(look(connectTo(sim), started), fails('EFAILED', /tells it from others/));
  });

  it('does not spoil the answers for other exports', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const started = await begin(connection);
    sim.expireSessions();
    const fresh = await begin(connection, { path: 'E:\\fresh' });
    const [lost, found] = await Promise.allSettled([look(connection, started), look(connection, fresh)]);
    assert.equal(lost.status, 'rejected');
    assert.equal(found.status === 'fulfilled' && found.value?.path, 'E:\\fresh');
    assert.equal(sim.requestsFor('getExportVideoStatus').length, 1);
  });

  const others: [string, Partial<ServerExportRequest>][] = [
    ['to another path', { path: 'E:\\Exports\\case43' }],
    ['of fewer cameras', { cameras: [request().cameras[0]!] }],
    ['of another camera', { cameras: [request().cameras[0]!, { camera: `${ONE}/2`, ...half }] }],
    ['of other times', { cameras: [request().cameras[0]!, { camera: `${TWO}/2`, ...ten }] }],
  ];
  for (const [name, change] of others) {
    it(`is not taken for that of an export ${name}`, async () => {
      const sim = await startSense({ exports: { foreign: 'renumbered' } });
      await begin(connectTo(sim), change);
      const started = { ...(await begin(connectTo(sim))), id: '1', ref: { session: 'earlier' } };
      sim.exports.splice(1, 1);
      await assert.rejects(look(connectTo(sim), started), fails('EFAILED'));
    });
  }

  it('is found where the server writes path and times in its own way', async () => {
    const sim = await startSense({ exports: { foreign: 'renumbered' }, replies: { milliseconds: false } });
    const started = await begin(connectTo(sim));
    sim.exports[0]!.path = 'e:/exports/CASE42/';
    assert.equal((await look(connectTo(sim), started))?.path, 'e:/exports/CASE42/');
  });

  it('is found where the server does not resolve the ampersand', async () => {
    const sim = await startSense({ exports: { foreign: 'renumbered', unescapes: false } });
    const started = await begin(connectTo(sim), { path: 'E:\\R&D' });
    assert.equal((await look(connectTo(sim), started))?.path, 'E:\\R&amp;D');
  });

  it('is checked against the footage where nobody logs in, as nobody tells there when numbers begin anew', async () => {
    const sim = await startSense({ auth: ['open'] });
    const connection = connectTo(sim, { settings: { auth: 'none' } });
    const started = await begin(connection);
    assert.equal((await look(connection, started))?.id, '1');
    sim.exports.length = 0;
    sim.restartService();
    const later = { cameras: [{ camera: `${ONE}/2`, start: ten.end, end: '2025-03-01T11:30:00.000Z' }] };
    assert.equal((await begin(connection, later)).id, '1');
    assert.equal(await look(connection, started), undefined);
    await assert.rejects(connection.cancelExport(started, never), fails('EFAILED'));
    assert.equal(sim.exports.length, 1);
  });
});

describe('VDG Sense: an export whose start was not answered', () => {
  afterEach(closeAll);

  it('is found by path, cameras and times', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    await begin(connection, { path: 'E:\\other' });
    sim.failNext({ kind: 'reset', when: 'reply' }, 'exportVideo');
    await assert.rejects(begin(connection), fails('ENETWORK', /./, { retryable: true }));
    const found = await connection.findExport(request(), never);
    assert.deepEqual([found?.id, found?.path, found?.status], ['2', request().path, 'pending']);
    assert.equal((await look(connection, found!))?.id, '2');
  });

  it('is not found where it was never started, or has failed', async () => {
    const sim = await startSense({ exports: { makeMs: 0, fails: () => 'no' } });
    const connection = connectTo(sim);
    assert.equal(await connection.findExport(request(), never), undefined);
    await begin(connection);
    assert.equal(await connection.findExport(request(), never), undefined);
  });
});

describe('VDG Sense: cancelling an export', () => {
  afterEach(closeAll);

  for (const cancelBody of ['result', 'empty'] as const) {
    it(`is a DELETE with its number (answered with: ${cancelBody})`, async () => {
      const sim = await startSense({ exports: { waitMs: 1000, cancelBody } });
      const connection = connectTo(sim);
      await begin(connection, { path: 'E:\\other' });
      await connection.cancelExport(await begin(connection), never);
      const sent = sim.requestsFor('exportVideo').at(-1)!;
      assert.deepEqual([sent.method, sent.target], ['DELETE', '/command?command=exportVideo&exportid=2']);
      assert.deepEqual(
        sim.exports.map(({ path }) => path),
        ['E:\\other'],
      );
    });
  }

  it('that is busy is up to the server, whose words are reported', async () => {
    const sim = await startSense({ exports: { cancelBusy: 'refuse' } });
    const connection = connectTo(sim);
    const started = await begin(connection);
    await assert.rejects(
      connection.cancelExport(started, never),
      fails('EFAILED', /"Export is not pending".*\(cancelling the export of camera /, { vendorCode: '-18' }),
    );
    sim.options.exports.cancelBusy = 'cancel';
    await connection.cancelExport(started, never);
    assert.equal(sim.exports.length, 0);
  });

  it('never goes by a number of an earlier session', async () => {
    const sim = await startSense({ exports: { waitMs: 1000 } });
    const connection = connectTo(sim);
    const started = await begin(connection);
    sim.expireSessions();
    await begin(connection, { path: 'E:\\precious' });
    await assert.rejects(connection.cancelExport(started, never), fails('EFAILED', /login .* has ended/));
    assert.deepEqual(
      sim.exports.map(({ path, state }) => [path, state]),
      [
        ['E:\\Exports\\case42', 'pending'],
        ['E:\\precious', 'pending'],
      ],
    );
    assert.ok(!sim.requestsFor('exportVideo').some(({ method }) => method === 'DELETE'));
  });

  it('goes by its number in this session, where the server lists it under one', async () => {
    const sim = await startSense({ exports: { waitMs: 1000, foreign: 'renumbered' } });
    const started = await begin(connectTo(sim));
    const connection = connectTo(sim);
    await begin(connection, { path: 'E:\\precious' });
    await connection.cancelExport(started, never);
    assert.deepEqual(
      sim.exports.map(({ path }) => path),
      ['E:\\precious'],
    );
  });

  it('is refused where two of the listed exports have that number', async () => {
    const sim = await startSense({ exports: { waitMs: 1000, foreign: 'same-number' } });
    const started = await begin(connectTo(sim));
    await begin(connectTo(sim), { path: 'E:\\precious' });
    await assert.rejects(connectTo(sim).cancelExport(started, never), fails('EFAILED'));
    assert.equal(sim.exports.length, 2);
  });

  it('with a session that has ended just now looks before it cancels', async () => {
    for (const unauthenticated of ['401', '403', 'errorcode', 'login-page'] as const) {
      const sim = await startSense({ exports: { waitMs: 1000 }, unauthenticated });
      const connection = connectTo(sim);
      const started = await begin(connection);
      sim.restartService();
      await begin(connectTo(sim), { path: 'E:\\precious' });
      await assert.rejects(connection.cancelExport(started, never), fails('EFAILED'));
      assert.deepEqual(commands(sim).slice(-3), ['exportVideo', 'webservice', 'getExportVideoStatus']);
      assert.equal(sim.exports.length, 2);
    }
  });
});
