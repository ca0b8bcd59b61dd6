import assert from 'node:assert/strict';
import { statusOf } from '../../../../lib/providers/aipix/records';
import type { Clip } from '../../../../lib/provider';
import { aipixCamera } from '../../../simulators/aipix';
import {
  calls,
  closeAll,
  connectTo,
  createFinished,
  errorOf,
  fails,
  hour,
  minute,
  never,
  NOON,
  poll,
  request,
  start,
} from './support';

const lists = (sim: Awaited<ReturnType<typeof start>>): string[] =>
  calls(sim).filter((call) => /^GET .*downloads/.test(call));

describe('Aipix: status', () => {
  afterEach(closeAll);

  describe('of a record', () => {
    const now = Date.parse(NOON);
    const file = 'https://vms.local/s3/bucket/archive/a.mp4';
    const known = { wasFinished: false, now };
    const fresh = { createdAt: NOON, exists: true };
    const cases: [string, Parameters<typeof statusOf>[0], Partial<Parameters<typeof statusOf>[1]>, string][] = [
      ['a fresh one without an address', fresh, {}, 'busy'],
      ['an unknown word without an address', { ...fresh, word: 'gerendert' }, {}, 'busy'],
      ['an unknown word with an address', { ...fresh, word: 'gerendert', url: file }, {}, 'finished'],
      ['no word, with an address', { ...fresh, url: file }, {}, 'finished'],
      ['no word and no flag, with an address', { url: file }, {}, 'finished'],
      ['in progress, with an address', { ...fresh, word: 'in progress', url: file }, {}, 'busy'],
      ['queued', { ...fresh, word: 'queued', url: file }, {}, 'busy'],
      ['new', { ...fresh, word: 'new', url: file }, {}, 'busy'],
      ['waiting', { ...fresh, word: 'waiting', url: file }, {}, 'busy'],
      ['ready, without an address', { ...fresh, word: 'ready' }, {}, 'busy'],
      ['error', { ...fresh, word: 'error' }, {}, 'failed'],
      ['failed, with an address', { ...fresh, word: 'failed', url: file }, {}, 'failed'],
      ['cancelled, with an address', { ...fresh, word: 'cancelled', url: file }, {}, 'failed'],
      ['renewed, with an address', { ...fresh, word: 'renewed', url: file }, {}, 'finished'],
      ['deleted', { ...fresh, word: 'deleted', url: file }, {}, 'expired'],
      ['done, but the file is gone', { ...fresh, word: 'done', url: file, exists: false }, {}, 'expired'],
      ['no file yet', { ...fresh, exists: false }, {}, 'busy'],
      ['no file any more, as it was finished', { ...fresh, exists: false }, { wasFinished: true }, 'expired'],
      ['no file any more, as it is old', { ...fresh, exists: false }, { now: now + 4 * hour }, 'expired'],
      [
        'no file, and made again just now',
        { createdAt: NOON, exists: false, updatedAt: '2025-03-01T15:59:00Z' },
        { now: now + 4 * hour },
        'busy',
      ],
      [
        'in progress again, though it was finished',
        { ...fresh, word: 'in progress', exists: false },
        { wasFinished: true },
        'busy',
      ],
      ['pushed as finished', { ...fresh }, { outcome: { isError: false, url: file, at: now } }, 'finished'],
      [
        'pushed as finished, listed as in progress',
        { ...fresh, word: 'in progress' },
        { outcome: { isError: false, url: file, at: now } },
        'finished',
      ],
      ['pushed as failed', { ...fresh }, { outcome: { isError: true, at: now } }, 'failed'],
      [
        'pushed as failed, but there it is',
        { ...fresh, url: file },
        { outcome: { isError: true, at: now } },
        'finished',
      ],
      ['broken is not ok', { ...fresh, word: 'broken', exists: false }, {}, 'busy'],
    ];
    for (const [what, record, more, status] of cases) {
      it(`${what}: ${status}`, () => assert.equal(statusOf(record, { ...known, ...more }), status));
    }
  });

  for (const url of ['root', 'empty', 'null'] as const) {
    for (const exists of [true, false]) {
      it(`is not finished before there is a file, though a fresh record has ${url} as its address and says ${exists}`, async () => {
        const sim = await start({ making: { makeMs: 1000 }, record: { url, exists, statusIn: [] } });
        const connection = connectTo(sim);
        const clip = await connection.createClip(request(), never);
        assert.equal(clip.status, 'pending');
        assert.equal((await poll(connection, clip))?.status, 'busy');
        sim.advance(1000);
        assert.equal((await poll(connection, clip))?.status, 'finished');
      });
    }
  }

  it('is found out for many clips in one round, page by page', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    const clips: Clip[] = [];
    for (let count = 0; count < 12; count += 1) {
      clips.push(await connection.createClip(request({ end: `2025-03-01T11:00:${10 + count}.000Z` }), never));
    }
    sim.options.list.maxPerPage = 5;
    const found = await Promise.all(clips.map((clip) => poll(connection, clip)));
    assert.deepEqual(
      found.map((clip) => [clip?.id, clip?.status]),
      clips.map(({ id }) => [id, 'finished']),
    );
    assert.equal(lists(sim).length, 3);
  });

  it('is not asked for on more pages than it takes', async () => {
    const sim = await start({ list: { maxPerPage: 2 } });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    const range = { from: Date.parse(clip.start), to: Date.parse(clip.end) };
    for (let count = 0; count < 9; count += 1) sim.putRecord({ camera: '2', ...range });
    const before = lists(sim).length;
    await poll(connection, clip);
    assert.equal(lists(sim).length, before + 1);
    sim.options.list.order = 'newest';
    await poll(connection, clip);
    assert.equal(lists(sim).length, before + 1 + 5);
  });

  it('is looked for among the records made since, with time for clocks that differ', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    sim.advance(2 * hour);
    await poll(connection, clip);
    const { query } = sim.requestsFor('list')[0]!;
    assert.deepEqual(Object.fromEntries(query), {
      page: '1',
      per_page: '100',
      from: '2025-03-01T11:50:00Z',
      to: '2025-03-02T14:00:00Z',
    });
    delete clip.ref;
    assert.equal((await poll(connection, clip))?.status, 'finished');
    assert.equal(sim.requestsFor('list')[1]!.query.has('from'), false);
  });

  for (const list of [{ filter: 'refused' }, { maxPerPage: 50, tooMany: 'refuse' }] as const) {
    it(`is found by a server that refuses ${Object.keys(list)[0]}, which is asked more plainly from then on`, async () => {
      const sim = await start({ list });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      await poll(connection, clip);
      assert.deepEqual(
        sim.requestsFor('list').map(({ query, status }) => [query.has('per_page'), status]),
        [
          [true, 422],
          [false, 200],
          [false, 200],
        ],
      );
    });
  }

  it('is read from a list without pages', async () => {
    const sim = await start({ list: { wrapper: 'array' } });
    await createFinished(connectTo(sim));
    assert.equal(lists(sim).length, 1);
  });

  it('is read from pages that are described beside their entries', async () => {
    const sim = await start({ list: { wrapper: 'flat page', maxPerPage: 2 } });
    const connection = connectTo(sim);
    for (let seconds = 3; seconds < 7; seconds += 1) {
      await createFinished(connection, { end: `2025-03-01T11:00:0${seconds}.000Z` });
    }
    // The last one is on the second of two pages.
    assert.deepEqual(
      sim
        .requestsFor('list')
        .slice(-2)
        .map(({ query }) => query.get('page')),
      ['1', '2'],
    );
  });

  it('is read whatever the form of times', async () => {
    const sim = await start({ record: { created: 'bare' } });
    assert.equal((await createFinished(connectTo(sim))).ref?.createdAt, '2025-03-01T12:00:00.000Z');
  });

  describe('below paths that differ by release', () => {
    for (const unserved of [403, 404, 405, 'page'] as const) {
      for (const family of ['downloads', 'users/downloads'] as const) {
        it(`is found when all is below ${family} and the rest answers ${unserved}, which is remembered`, async () => {
          const paths = { create: [family], list: [family], delete: [family], repeat: [family], unserved };
          const sim = await start({ paths });
          const connection = connectTo(sim);
          for (let count = 0; count < 2; count += 1) {
            const clip = await createFinished(connection, { end: `2025-03-01T11:00:0${5 + count}.000Z` });
            sim.expireFile(clip.id);
            assert.equal((await poll(connection, clip))?.status, 'busy');
            await connection.deleteClip(clip, never);
          }
          assert.deepEqual(sim.records, []);
          const other = family === 'downloads' ? 'users/downloads' : 'downloads';
          const elsewhere = sim.requests.filter(({ path }) => path.startsWith(`/api/v1/${other}`));
          // Each action finds out once; which path it tries first differs.
          assert.equal(elsewhere.length, 2);
        });
      }
    }

    it('is a refusal where the right is missing, whichever path is asked', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      sim.failNext({ kind: 'reply', reply: { status: 403, body: '{"message":"No."}' } }, 'list', 2);
      await assert.rejects(poll(connection, clip), fails('EFORBIDDEN', /HTTP 403: No \(/));
      assert.equal(lists(sim).length, 2);
      // Once a path is known, there is no need to look elsewhere.
      await poll(connection, clip);
      sim.failNext({ kind: 'reply', reply: { status: 403 } }, 'list');
      await assert.rejects(poll(connection, clip), fails('EFORBIDDEN'));
      assert.equal(lists(sim).length, 4);
    });

    it('says so where there is no list at all', async () => {
      const sim = await start({ paths: { list: [] } });
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      await assert.rejects(poll(connection, clip), fails('EUNSUPPORTED', /no list.*camera 2, /));
    });
  });

  it('of a clip that was deleted elsewhere is none', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.removeRecord(clip.id);
    assert.equal(await poll(connection, clip), undefined);
    await connection.deleteClip(clip, never);
  });

  it('of a clip whose record goes with its file is none', async () => {
    const sim = await start({ retention: { records: 'removed' } });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.advance(4 * hour);
    assert.equal(await poll(connection, clip), undefined);
  });

  it('of a clip whose footage is missing in part is failed where the server makes no part of it', async () => {
    const camera = aipixCamera({ id: '2', footage: [{ from: '2025-03-01T11:00:05Z', to: '2025-03-01T11:00:15Z' }] });
    const sim = await start({ cameras: [camera], making: { partial: 'fails' } });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request({ end: '2025-03-01T11:00:20.000Z' }), never);
    assert.equal((await poll(connection, clip))?.status, 'failed');
  });

  it('of a clip whose footage is missing in part names the gaps', async () => {
    const camera = aipixCamera({ id: '2', footage: [{ from: '2025-03-01T11:00:05Z', to: '2025-03-01T11:00:15Z' }] });
    const sim = await start({ cameras: [camera] });
    const connection = connectTo(sim);
    const clip = await createFinished(connection, { end: '2025-03-01T11:00:20.000Z' });
    assert.deepEqual([clip.start, clip.end], ['2025-03-01T11:00:00.000Z', '2025-03-01T11:00:20.000Z']);
    assert.deepEqual(clip.gaps, [
      { start: '2025-03-01T11:00:00.000Z', end: '2025-03-01T11:00:05.000Z' },
      { start: '2025-03-01T11:00:15.000Z', end: '2025-03-01T11:00:20.000Z' },
    ]);
    sim.options.making.tellsPart = false;
    assert.equal((await connection.pollClip({ ...clip, gaps: undefined }, 1000, never))?.gaps, undefined);
  });

  it('of a clip without footage is a failure with what there is of a reason', async () => {
    const sim = await start({ cameras: [aipixCamera({ id: '2', footage: [] })] });
    const connection = connectTo(sim);
    const found = await poll(connection, await connection.createClip(request(), never));
    assert.deepEqual([found?.status, found?.reason], ['failed', 'the server says "error"']);
  });

  it('is unknown, and no failure, while the server is throttled, down or talks nonsense', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    const replies: [number, string, string][] = [
      [429, '{}', 'ETHROTTLED'],
      [503, '', 'ENETWORK'],
      [500, '{"message":"Server Error"}', 'EFAILED'],
      [200, '<html>', 'EPROTOCOL'],
      [200, '', 'EPROTOCOL'],
      [200, ' \r\n', 'EPROTOCOL'],
      [204, '', 'EPROTOCOL'],
      [200, 'null', 'EPROTOCOL'],
      [200, '7', 'EPROTOCOL'],
      [200, '"ok"', 'EPROTOCOL'],
    ];
    for (const [status, body, code] of replies) {
      // What is no answer at all could come from a path that this server does not have.
      sim.failNext({ kind: 'reply', reply: { status, body } }, 'list', code === 'EPROTOCOL' ? 2 : 1);
      assert.equal((await errorOf(poll(connection, clip))).code, code);
      sim.clearFaults();
    }
    assert.equal((await poll(connection, clip))?.status, 'finished');
  });

  it('is not needed of what has been deleted: an empty answer will do, nonsense will not', async () => {
    const sim = await start();
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    for (const status of [200, 204]) {
      sim.failNext({ kind: 'reply', reply: { status } }, 'delete');
      await connection.deleteClip(clip, never);
    }
    for (const [status, body] of [
      [200, 'null'],
      [200, '7'],
      [200, '<html>'],
      [304, ''],
    ] as const) {
      sim.failNext({ kind: 'reply', reply: { status, body } }, 'delete');
      await assert.rejects(connection.deleteClip(clip, never), fails('EPROTOCOL', /\(deleting the clip/));
    }
  });

  describe('of an expired file', () => {
    it('is busy again, since it is made again, once', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.advance(4 * hour);
      sim.options.making.makeMs = minute;
      assert.equal((await poll(connection, clip))?.status, 'busy');
      assert.equal((await poll(connection, clip))?.status, 'busy');
      assert.equal(sim.requestsFor('repeat').length, 1);
      sim.advance(minute);
      const again = await poll(connection, { ...clip, status: 'busy' });
      assert.deepEqual([again?.id, again?.status], [clip.id, 'finished']);
    });

    it('is found where the server makes a new record of it', async () => {
      const sim = await start({ repeat: 'new id' });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.advance(4 * hour);
      assert.equal((await poll(connection, clip))?.status, 'busy');
      const again = await poll(connection, clip);
      assert.deepEqual([again?.id, again?.status], [clip.id, 'finished']);
    });

    it('is expired where the server does not make files again', async () => {
      const sim = await start({ repeat: 'missing' });
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.advance(4 * hour);
      assert.equal((await poll(connection, clip))?.status, 'expired');
    });

    it('is expired when making it again did not help', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.expireFile(clip.id);
      sim.options.making.makeMs = Infinity;
      sim.options.record.exists = false;
      sim.options.record.statusIn = [];
      assert.equal((await poll(connection, clip))?.status, 'busy');
      sim.advance(11 * minute);
      assert.equal((await poll(connection, clip))?.status, 'expired');
      assert.equal(sim.requestsFor('repeat').length, 1);
    });

    it('is made again also when that one has expired in turn', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      for (let count = 1; count <= 2; count += 1) {
        sim.advance(4 * hour);
        assert.equal((await poll(connection, clip))?.status, 'busy');
        assert.equal((await poll(connection, clip))?.status, 'finished');
        assert.equal(sim.requestsFor('repeat').length, count);
      }
    });

    it('is an error of that clip alone when it cannot be asked for', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const [one, two] = [await createFinished(connection), await createFinished(connection)];
      sim.expireFile(one.id);
      sim.failNext({ kind: 'reply', reply: { status: 503 } }, 'repeat');
      const polled = [errorOf(poll(connection, one)), poll(connection, two)] as const;
      assert.equal((await polled[0]).code, 'ENETWORK');
      assert.equal((await polled[1])?.status, 'finished');
      assert.equal((await poll(connection, one))?.status, 'busy');
    });

    it('is a matter of the connection when the token is over', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      const clip = await createFinished(connection);
      sim.expireFile(clip.id);
      sim.failNext({ kind: 'reply', reply: { status: 401, body: '{}' } }, 'repeat');
      assert.equal((await poll(connection, clip))?.status, 'busy');
      assert.equal(sim.logins, 2);
    });
  });
});
