import assert from 'node:assert/strict';
import { startVdgSense, type SenseSettings, type VdgSense } from './vdg-sense';

const ONE = '6917529027641081901';
const TWO = '6917529027641081902';

describe('VDG Sense simulator: exports', () => {
  let sim: VdgSense;

  /** Time stands still and nobody has to log in, unless the test says otherwise. */
  async function begin(settings: SenseSettings = {}): Promise<void> {
    sim = await startVdgSense({ clock: { at: '2025-03-01T12:00:00Z' }, auth: ['open'], ...settings });
  }

  afterEach(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });

  async function ask(query: string, method = 'GET', body?: string, cookie = ''): Promise<string> {
    const init = { method, headers: { cookie }, ...(body === undefined ? {} : { body }) };
    return (await fetch(`${sim.url}/command?command=${query}`, init)).text();
  }

  const device = (change: Record<string, string> = {}): string => {
    const fields = {
      serverid: ONE,
      deviceid: '2',
      starttime: '2025-03-01 10:00:00.000',
      endtime: '2025-03-01 10:00:10.000',
      ...change,
    };
    const tags = Object.entries(fields).map(([name, value]) => (value ? `<${name}>${value}</${name}>` : ''));
    return `<device>${tags.join('')}</device>`;
  };

  const body = (devices = device(), path = 'E:\\Exports'): string =>
    `<?xml version="1.0"?><export><devices>${devices}</devices><path>${path}</path><bandwidth>0</bandwidth></export>`;

  const make = (devices?: string, path?: string, cookie?: string): Promise<string> =>
    ask('exportVideo', 'POST', body(devices, path), cookie);

  async function login(): Promise<string> {
    const text = '<AuthenticateUser><username>nodered</username><password>s3cret</password></AuthenticateUser>';
    const reply = await fetch(`${sim.url}/webservice`, { method: 'POST', body: text });
    return reply.headers.get('set-cookie')!;
  }

  const all = (text: string, tag: string): string[] =>
    [...text.matchAll(new RegExp(`<${tag}[^>]*>([^<]*)</${tag}>`, 'g'))].map(([, value]) => value!);
  const code = (text: string): number => Number(/errorcode="(-?\d+)"/.exec(text)![1]);

  it('are pending, busy and finished, one at a time', async () => {
    await begin({ exports: { waitMs: 100, makeMs: 1000 } });
    assert.deepEqual(all(await make(), 'exportid'), ['1']);
    await make(device({ serverid: TWO }), 'E:\\second');
    const states = async (): Promise<string[]> => {
      const text = await ask('getExportVideoStatus');
      return [...all(text, 'progress'), ...sim.exports.map(({ state }) => state)];
    };
    assert.deepEqual(await states(), ['0', '0', 'pending', 'pending']);
    sim.advance(600);
    assert.deepEqual(await states(), ['50', '0', 'busy', 'pending']);
    sim.advance(600);
    assert.deepEqual(await states(), ['100', '0', 'finished', 'busy']);
  });

  it('are listed with the fields that are documented, one of them by its number', async () => {
    await begin();
    await make();
    await make(`${device()}${device({ serverid: TWO })}`, 'E:\\R&amp;D &lt;2&gt;');
    const text = await ask('getExportVideoStatus&exportid=2');
    assert.match(text, /<result errorcode="0"><exports count="1"><export><exportid>2<\/exportid>/);
    assert.deepEqual(all(text, 'path'), ['E:\\R&amp;D &lt;2&gt;']);
    assert.equal(sim.exports[1]!.path, 'E:\\R&D <2>');
    assert.deepEqual(all(text, 'serverid'), [ONE, TWO]);
    assert.deepEqual(all(text, 'starttime'), Array(2).fill('2025-03-01 10:00:00.000'));
    assert.equal(code(await ask('getExportVideoStatus&exportid=3')), -9);
  });

  it('take tag names in any case', async () => {
    await begin();
    assert.equal(
      code(
        await ask(
          'EXPORTVIDEO',
          'POST',
          body().replace(/\w+(?=>)/g, (name) => name.toUpperCase()),
        ),
      ),
      0,
    );
  });

  const bad: [number, string, string?][] = [
    [-33, device({ serverid: '' })],
    [-34, device({ deviceid: '' })],
    [-34, ''],
    [-4, device({ starttime: '2025-03-01T10:00:00Z' })],
    [-4, device({ endtime: '' })],
    [-37, device({ endtime: '2025-03-01 09:00:00.000' })],
    [-17, device({ serverid: '5' })],
    [-2, device({ deviceid: '77' })],
    [-48, device({ deviceid: '3' })],
    [-58, device(), 'Q:\\x'],
    [-10, '<device>'],
  ];
  for (const [expected, devices, path] of bad) {
    it(`are refused with ${expected}: ${devices.slice(0, 120)} ${path ?? ''}`, async () => {
      await begin();
      assert.equal(code(await make(devices, path)), expected);
      assert.equal(sim.exports.length, 0);
    });
  }

  it('are refused by switch', async () => {
    await begin({ exports: { diskFull: true } });
    assert.equal(code(await make()), -60);
    Object.assign(sim.options.exports, { diskFull: false, readOnly: true });
    assert.equal(code(await make()), -61);
    sim.options.exports.refusal = -18;
    assert.equal(code(await make()), -18);
    sim.options.withoutLicence = ['exportVideo'];
    assert.equal(code(await make()), -1);
    sim.options.version = '2.7.2';
    assert.equal(code(await ask('getExportVideoStatus')), -1);
    assert.equal(code(await ask('exportVideo')), -1, 'a GET');
  });

  it('fail by switch, with a text', async () => {
    await begin({ exports: { makeMs: 0, fails: () => 'disk error' } });
    await make();
    assert.match(await ask('getExportVideoStatus'), /<status description="disk error">failed<\/status>/);
  });

  it('are told in other words and units by switch', async () => {
    await begin({ exports: { progress: 'bytes', deviceStatus: false } });
    sim.options.exports.words.busy = 'Exportiere';
    await make();
    sim.advance(500);
    const text = await ask('getExportVideoStatus');
    assert.deepEqual(all(text, 'status'), ['Exportiere']);
    assert.deepEqual(all(text, 'progress'), ['2500000']);
  });

  describe('in sessions', () => {
    it('have numbers that begin at 1 in each, and are not listed elsewhere', async () => {
      await begin({ auth: ['plain'] });
      const [one, two] = [await login(), await login()];
      const ids = [await make(device(), 'E:\\1', one), await make(device(), 'E:\\2', one)];
      ids.push(await make(device(), 'E:\\3', two));
      assert.deepEqual(
        ids.flatMap((text) => all(text, 'exportid')),
        ['1', '2', '1'],
      );
      assert.deepEqual(all(await ask('getExportVideoStatus', 'GET', undefined, two), 'path'), ['E:\\3']);
      assert.equal(code(await ask('exportVideo&exportid=2', 'DELETE', undefined, two)), -9);
    });

    for (const [foreign, expected] of [
      ['renumbered', ['2', '1']],
      ['same-number', ['1', '1']],
    ] as const) {
      it(`are listed elsewhere by switch (${foreign})`, async () => {
        await begin({ auth: ['plain'], exports: { foreign } });
        const [one, two] = [await login(), await login()];
        await make(device(), 'E:\\1', one);
        await make(device(), 'E:\\2', two);
        const text = await ask('getExportVideoStatus', 'GET', undefined, two);
        assert.deepEqual(all(text, 'path'), ['E:\\1', 'E:\\2']);
        assert.deepEqual(all(text, 'exportid'), expected);
      });
    }

    it('lose their numbers when the service restarts', async () => {
      await begin({ exports: { waitMs: 1000 } });
      await make();
      sim.restartService();
      assert.deepEqual(all(await make(device(), 'E:\\new'), 'exportid'), ['1']);
    });
  });

  describe('cancelled', () => {
    it('are gone, or listed', async () => {
      await begin({ exports: { waitMs: 1000 } });
      await make();
      assert.equal(code(await ask('exportVideo&exportid=1', 'DELETE')), 0);
      assert.equal(sim.exports.length, 0);
      sim.options.exports.cancelled = 'listed';
      await make();
      await ask('exportVideo&exportid=2', 'DELETE');
      assert.deepEqual(all(await ask('getExportVideoStatus'), 'status'), ['cancelled', 'cancelled']);
    });

    it('need a number', async () => {
      await begin();
      assert.equal(code(await ask('exportVideo', 'DELETE')), -57);
      assert.equal(code(await ask('exportVideo&exportid=1', 'DELETE')), -9);
    });

    it('while busy only by switch, and never when they have ended', async () => {
      await begin({ exports: { cancelBusy: 'refuse' } });
      await make();
      assert.equal(code(await ask('exportVideo&exportid=1', 'DELETE')), -18);
      sim.options.exports.cancelBusy = 'cancel';
      sim.options.exports.cancelBody = 'empty';
      assert.equal(await ask('exportVideo&exportid=1', 'DELETE'), '');
      await make();
      sim.advance(2000);
      assert.equal(code(await ask('exportVideo&exportid=2', 'DELETE')), -18);
    });
  });
});
