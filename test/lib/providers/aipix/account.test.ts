import assert from 'node:assert/strict';
import { aipix } from '../../../../lib/providers/aipix';
import { parseJson } from '../../../../lib/net/json';
import { readTime, writeId } from '../../../../lib/providers/aipix/json';
import { gapsBetween } from '../../../../lib/providers/aipix/records';
import { aipixCamera, type AipixSettings } from '../../../simulators/aipix';
import { calls, closeAll, connectTo, errorOf, fails, never, NOON, pasted, root, start } from './support';

describe('Aipix: cameras', () => {
  afterEach(closeAll);

  const all = [
    { id: '2', name: 'Yard', online: true },
    { id: '3', name: 'Ворота, ул. Ленина 5 "Север"', online: true },
    { id: '9007199254740995', name: 'Far away', online: false },
    { id: '4', name: 'Blocked', online: false },
  ];

  it('are listed from all pages, with names of all kinds and ids of any size', async () => {
    const sim = await start();
    assert.deepEqual(await connectTo(sim).listCameras(never), all);
    assert.equal(sim.requestsFor('cameras').length, 2);
  });

  for (const unlisted of [403, 404, 422] as const) {
    it(`are listed once each from the tree where the plain list answers ${unlisted}`, async () => {
      const sim = await start({ cameraLists: ['flat-tree'], unlisted });
      assert.deepEqual(await connectTo(sim).listCameras(never), all);
    });
  }

  for (const [name, settings] of [
    ['pages that are described beside their entries', { list: { wrapper: 'flat page' } }],
    ['a flat tree without folders', { cameraLists: ['flat-tree'], folders: false }],
    ['the tree, where the flat one is missing', { cameraLists: ['tree'] }],
  ] as [string, AipixSettings][]) {
    it(`are listed from ${name}`, async () => {
      const sim = await start(settings);
      assert.deepEqual(await connectTo(sim).listCameras(never), all);
    });
  }

  it('of a tree that comes level by level are not mistaken for its folders', async () => {
    const sim = await start({ cameraLists: ['tree'], tree: 'progressive' });
    const { cameras, warnings } = await connectTo(sim).check(never);
    assert.equal(cameras, undefined);
    assert.match(warnings.join('\n'), /type their ids/);
  });

  it('have to be typed where there is no list', async () => {
    const sim = await start({ cameraLists: [] });
    await assert.rejects(connectTo(sim).listCameras(never), fails('EUNSUPPORTED', /type the camera id/));
  });

  it('may be none', async () => {
    const sim = await start({ cameras: [] });
    assert.deepEqual(await connectTo(sim).listCameras(never), []);
  });

  for (const [status, body] of [
    [200, ''],
    [200, ' \r\n'],
    [204, ''],
    [200, 'null'],
    [200, '7'],
  ] as const) {
    it(`are not known, rather than none, after an answer of ${JSON.stringify(body)} (HTTP ${status})`, async () => {
      const sim = await start();
      const connection = connectTo(sim);
      sim.failNext({ kind: 'reply', reply: { status, body } }, ({ path }) => path.includes('/cameras'), 9);
      await assert.rejects(
        connection.listCameras(never),
        fails('EUNSUPPORTED', /answered with (nothing|JSON that is)/),
      );
      assert.equal((await connection.check(never)).cameras, undefined);
    });
  }

  it('are not looked for elsewhere while the server has trouble', async () => {
    const sim = await start();
    sim.failNext({ kind: 'reply', reply: { status: 503 } }, 'cameras');
    const connection = connectTo(sim);
    assert.equal((await errorOf(connection.listCameras(never))).code, 'ENETWORK');
    assert.deepEqual(calls(sim), ['POST token', 'GET cameras']);
  });

  it('of administrators are listed where the server does so', async () => {
    const sim = await start({ admin: { cameras: true } });
    const connection = connectTo(sim, { settings: { api: 'admin' }, credentials: root });
    assert.equal((await connection.listCameras(never)).length, 4);
    sim.options.admin.cameras = false;
    await assert.rejects(connection.listCameras(never), fails('EUNSUPPORTED'));
  });

  it('have ids that fit into an address', () => {
    const { cameraProblem } = aipix;
    for (const id of ['2', '9007199254740995', '2f7c1c9e-6a51-4f0e-9b6f-0d6d5a4f3b21'])
      assert.equal(cameraProblem!(id), undefined);
    for (const id of ['', 'a b', '../users', '2/3', 'x'.repeat(65)]) assert.match(cameraProblem!(id)!, /whole number/);
  });

  describe('tell where they were not recorded', () => {
    const gaps = async (footage: { from?: string; to?: string }[], range: [string, string]) => {
      const sim = await start({ cameras: [aipixCamera({ id: '2', footage })] });
      const provider = await aipix.open({
        settings: { url: sim.url, api: 'client', push: false },
        credentials: pasted,
        now: () => sim.now(),
      });
      const session = await provider.login!({ signal: never });
      const [start_, end] = range;
      const found = await provider.surveyFootage!('2', { start: start_, end }, { signal: never, session });
      await provider.close!(session);
      return found.gaps;
    };
    const range: [string, string] = ['2025-03-01T11:00:00.000Z', '2025-03-01T11:10:00.000Z'];

    it('before, between and after recordings', async () => {
      const footage = [
        { from: '2025-03-01T11:01:00Z', to: '2025-03-01T11:02:00Z' },
        { from: '2025-03-01T11:05:00Z', to: '2025-03-01T11:06:00Z' },
      ];
      assert.deepEqual(await gaps(footage, range), [
        { start: '2025-03-01T11:00:00.000Z', end: '2025-03-01T11:01:00.000Z' },
        { start: '2025-03-01T11:02:00.000Z', end: '2025-03-01T11:05:00.000Z' },
        { start: '2025-03-01T11:06:00.000Z', end: '2025-03-01T11:10:00.000Z' },
      ]);
    });

    it('but not where the server does not tell of the camera', async () => {
      const sim = await start();
      const connection = connectTo(sim);
      await connection.listCameras(never);
      for (const status of [403, 404, 422]) {
        sim.failNext({ kind: 'reply', reply: { status, body: '{}' } });
        assert.deepEqual(await connection.surveyFootage('2', { start: range[0], end: range[1] }, never), {
          maxClipSeconds: 600,
          gaps: [],
        });
      }
      sim.failNext({ kind: 'reply', reply: { status: 503, body: '' } });
      await assert.rejects(
        connection.surveyFootage('2', { start: range[0], end: range[1] }, never),
        ({ retryable }: { retryable: boolean }) => retryable,
      );
    });

    it('but not while the recording goes on, nor where nothing is known', async () => {
      assert.deepEqual(await gaps([{ to: '2025-03-01T11:55:00Z' }], ['2025-03-01T11:50:00.000Z', NOON]), []);
      assert.deepEqual(await gaps([], range), []);
    });

    it('and overlap does not matter', () => {
      const at = (minutes: number): number => Date.parse(range[0]) + minutes * 60_000;
      const recordings = [
        { start: at(-5), end: at(4) },
        { start: at(1), end: at(2) },
        { start: at(4), end: at(30) },
      ];
      assert.deepEqual(gapsBetween(recordings, { start: range[0], end: range[1] }), []);
    });
  });
});

describe('Aipix: test of a connection', () => {
  afterEach(closeAll);

  it('tells version, cameras and clock', async () => {
    const sim = await start();
    const check = await connectTo(sim).check(never);
    assert.deepEqual(check, {
      name: 'Aipix',
      version: '24.03.0.0',
      cameras: 4,
      clockSkewMs: 0,
      warnings: ['The password travels over http without encryption'],
    });
  });

  it('does without what tells the version', async () => {
    for (const basics of [404, 'page'] as const) {
      const check = await connectTo(await start({ basics })).check(never);
      assert.deepEqual([check.version, check.cameras], [undefined, 4]);
    }
  });

  it('warns of a captcha, a missing permission and a missing push channel', async () => {
    const sim = await start({ login: { captcha: 'available', tokenIdIn: [] } });
    sim.options.users[0]!.permissions = ['archives-show'];
    const { warnings } = await connectTo(sim, { settings: { push: true } }).check(never);
    assert.match(warnings.join('\n'), /captcha.*\n.*archives-download.*\n.*polling only/);
  });

  it('warns of the admin API', async () => {
    const sim = await start();
    const { warnings, cameras } = await connectTo(sim, { settings: { api: 'admin' }, credentials: root }).check(never);
    assert.equal(cameras, undefined);
    assert.match(warnings.join('\n'), /type their ids\n.*hardly documented/);
  });

  it('fails with what is wrong', async () => {
    const sim = await start();
    await assert.rejects(connectTo(sim, { credentials: { password: 'x' } }).check(never), fails('EAUTH'));
  });
});

describe('Aipix: JSON', () => {
  it('keeps the digits of numbers that a double would round', () => {
    assert.deepEqual(parseJson('{"id":9007199254740993,"small":7,"real":1.5,"list":[-9007199254740999]}'), {
      id: '9007199254740993',
      small: 7,
      real: 1.5,
      list: ['-9007199254740999'],
    });
  });

  it('sends ids back as the server wants them', () => {
    assert.deepEqual(['2', '0', '9007199254740991', '9007199254740993', '007', '1e3', '-4', ' 2', 'abc'].map(writeId), [
      2,
      0,
      9007199254740991,
      '9007199254740993',
      '007',
      '1e3',
      -4,
      ' 2',
      'abc',
    ]);
  });

  it('reads both forms of times as UTC', () => {
    const cases: [unknown, string | undefined][] = [
      ['2024-05-01 10:20:00', '2024-05-01T10:20:00.000Z'],
      ['2024-05-01T11:58:41.123456Z', '2024-05-01T11:58:41.123Z'],
      ['2024-05-01T13:20:00+03:00', '2024-05-01T10:20:00.000Z'],
      ['2024-05-01T13:20:00+0300', '2024-05-01T10:20:00.000Z'],
      ['', undefined],
      [null, undefined],
      ['2024-13-01 10:20:00', undefined],
      [1714558800, undefined],
    ];
    for (const [given, read] of cases) assert.equal(readTime(given), read);
  });
});
