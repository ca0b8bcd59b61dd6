import assert from 'node:assert/strict';
import { aipix } from '../../../../lib/providers/aipix';
import { parseJson } from '../../../../lib/net/json';
import { readTime, writeId } from '../../../../lib/providers/aipix/json';
import { deviceId } from '../../../../lib/providers/aipix/api';
import type { AipixSettings } from '../../../simulators/aipix';
import { calls, closeAll, connectTo, errorOf, fails, never, root, start } from './support';

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

  it('are known to the server by one device for each connection and Node-RED', () => {
    const ids = ['a', 'b'].map((instance) => deviceId('http://vms', 'joe', instance));
    assert.equal(new Set(ids).size, 2);
    assert.equal(deviceId('http://vms', 'joe', 'a'), ids[0]);
  });

  it('are found below an address that was pasted from a browser or with the path of the API', async () => {
    const sim = await start();
    for (const pasted of ['/api/v1', '/api/v1/', '/archive#/cameras', '/#/archive', '/api/admin/v1']) {
      assert.equal((await connectTo(sim, { settings: { url: sim.url + pasted } }).listCameras(never)).length, 4);
    }
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
