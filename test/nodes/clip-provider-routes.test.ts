/** What the dialogs ask the runtime about a connection: against a real Node-RED, with real logins. */
import assert from 'node:assert/strict';
import { startAipix, type Aipix } from '../simulators/aipix';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { startRuntime, type Runtime } from '../support/runtime';

const password = 'pass-9f3b-word';
const login = { username: 'dialog-user', password };
const elsewhere = { username: 'dialog-user', password: 'other-77c1-word' };

interface JobResult {
  name?: string;
  version?: string;
  cameras?: unknown;
  clockSkewMs?: number;
  warnings?: string[];
  error?: { code: string; message: string; obstacle?: string };
}

describe('what dialogs ask about a connection', function () {
  this.timeout(90_000);
  let sim: VdgSense;
  let other: VdgSense;
  let aipix: Aipix;
  let runtime: Runtime;
  let text = '';

  before(async () => {
    sim = await startVdgSense({ users: [login], version: '2.7.2' });
    other = await startVdgSense({ users: [elsewhere, login] });
    aipix = await startAipix();
    const sense = (id: string, settings: object = {}, more: object = {}): Record<string, unknown> => {
      const { url } = sim;
      return { id, type: 'clip-provider', provider: 'vdg-sense', settings: { url, ...settings }, ...more };
    };
    runtime = await startRuntime({
      source: 'link',
      flow: [
        { id: 'tab', type: 'tab', label: 'Clips', env: [{ name: 'SERVER', value: sim.url, type: 'str' }] },
        { id: 'on-tab', type: 'comment', z: 'tab', x: 100, y: 100, wires: [] },
        sense('deployed'),
        sense('switched'),
        sense('refused'),
        sense('refused-in-dialog'),
        sense('from-tab', { url: '${SERVER}' }, { z: 'tab' }),
        sense('broken', { auth: 'nonsense' }),
        sense('disabled', {}, { d: true }),
        { id: 'no-proxy', type: 'http proxy', name: '', url: 'http://127.0.0.1:9', noproxy: ['127.0.0.1'] },
      ],
      credentials: {
        ...Object.fromEntries(['deployed', 'switched', 'from-tab', 'broken', 'disabled'].map((id) => [id, login])),
        refused: { username: login.username, password: 'wrong-51d0-word' },
        'refused-in-dialog': { username: login.username, password: 'also-wrong-51d0' },
      },
    });
  });
  after(async () => {
    await runtime?.close();
    for (const each of [sim, other, aipix]) await each?.close();
  });

  async function ask(path: string, body?: unknown, signal?: AbortSignal): Promise<JobResult> {
    const request = { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
    const response = await runtime.admin(`/video-clips/${path}`, body === undefined ? {} : { ...request, signal });
    text = await response.text();
    assert.doesNotMatch(text, /9f3b|77c1|51d0/, 'no secret is in the answer');
    return JSON.parse(text) as JobResult;
  }

  const draft = (id: string, settings: object = {}, more: object = {}): object => ({
    id,
    provider: 'vdg-sense',
    settings: { url: sim.url, ...settings },
    credentials: { username: login.username },
    ...more,
  });
  const check = (id: string, settings?: object, more?: object): Promise<JobResult> =>
    ask('check', draft(id, settings, more));
  const statusOf = async (path: string, body: unknown): Promise<number> => {
    const headers = { 'content-type': 'application/json' };
    return (await fetch(`${runtime.url}/video-clips/${path}`, { method: 'POST', headers, body: JSON.stringify(body) }))
      .status;
  };

  describe('a test of what is deployed', () => {
    it('tells what the server is, and uses the connection that the flows use', async () => {
      const before = sim.logins;
      const first = await check('deployed');
      const second = await check('deployed', {}, { credentials: login });
      assert.deepEqual([first.name, first.version, first.cameras], ['VDG Sense', '2.7.2', 3]);
      assert.ok(Math.abs(first.clockSkewMs ?? Infinity) < 60_000);
      assert.match(String(first.warnings), /http/);
      assert.deepEqual({ ...second, clockSkewMs: 0 }, { ...first, clockSkewMs: 0 });
      assert.equal(sim.logins - before, 1);
    });

    it('finds its variables where the connection is', async () => {
      const found = await check('from-tab', { url: '${SERVER}' }, { z: 'tab' });
      assert.equal(found.name, 'VDG Sense');
    });

    it('logs in no more once the login was refused, also where a switch was changed since', async () => {
      const before = sim.refusedLogins;
      const first = await check('refused');
      const refused = sim.refusedLogins - before;
      const again = await check('refused');
      const switched = await check('refused', { milliseconds: false });
      for (const { error } of [first, again, switched]) assert.equal(error?.code, 'EAUTH', JSON.stringify(error));
      assert.equal(refused, 1);
      assert.equal(sim.refusedLogins - before, 1);
    });
  });

  describe('a test of what is not deployed', () => {
    it('uses what was typed, for a connection that does not exist yet', async () => {
      const before = sim.logins;
      const { name } = await check('new', {}, { credentials: login });
      assert.equal(name, 'VDG Sense');
      assert.equal(sim.logins - before, 1);
    });

    it('logs out after it', async () => {
      const { username, password } = { username: 'nodered', password: 's3cret' };
      aipix.options.users = [{ ...aipix.options.users[0]!, login: username, password }];
      const before = [aipix.logins, aipix.logouts];
      const found = await ask('check', {
        id: 'new',
        provider: 'aipix',
        settings: { url: aipix.url, push: false },
        credentials: { username, password },
      });
      assert.equal(found.name, 'Aipix', text);
      assert.equal(aipix.logins, before[0]! + 1);
      await eventually(() => aipix.logouts === before[1]! + 1);
    });

    it('uses the stored password where only a switch was changed', async () => {
      const before = sim.logins;
      const found = await check('switched', { milliseconds: false });
      assert.equal(found.name, 'VDG Sense', text);
      assert.equal(sim.logins - before, 1);
    });

    it('says what is wrong with the settings', async () => {
      const { error } = await check('deployed', { url: 'sense.example' });
      assert.equal(error?.code, 'EINVALID');
      assert.match(error?.message ?? '', /must start with http/);
    });

    it('says that nothing answers', async () => {
      const { error } = await check('new', { url: 'http://127.0.0.1:9' }, { credentials: login });
      assert.equal(error?.code, 'ENETWORK', text);
    });

    it('does not send what was refused before, but tries another password', async () => {
      const wrong = { username: login.username, password: 'mistyped-51d0' };
      const before = sim.refusedLogins;
      for (let turn = 0; turn < 3; turn += 1) {
        const { error } = await check('typed', {}, { credentials: wrong });
        assert.equal(error?.code, 'EAUTH', text);
      }
      assert.equal(sim.refusedLogins - before, 1);
      const { name } = await check('typed', {}, { credentials: login });
      assert.equal(name, 'VDG Sense', text);
    });

    it('asks once when asked twice at the same time with what is refused', async () => {
      const wrong = { username: login.username, password: 'mistyped-twice-51d0' };
      const before = sim.refusedLogins;
      const answers = await Promise.all([1, 2, 3].map(() => check('typed', {}, { credentials: wrong })));
      for (const { error } of answers) assert.equal(error?.code, 'EAUTH');
      assert.equal(sim.refusedLogins - before, 1);
    });

    it('ends with whoever asked for it', async () => {
      const leave = new AbortController();
      sim.options.latencyMs = 60_000;
      const before = sim.connections;
      const asking = ask('check', draft('leaving', {}, { credentials: login }), leave.signal);
      await eventually(() => sim.connections > before);
      leave.abort();
      await assert.rejects(asking, { name: 'AbortError' });
      await eventually(() => sim.connections <= before);
      sim.options.latencyMs = 0;
    });

    it('knows what a provider is not installed', async () => {
      const { error } = await check('new', {}, { provider: 'acme' });
      assert.equal(error?.code, 'ENOTFOUND');
      assert.match(error?.message ?? '', /acme/);
    });
  });

  it('what a test was refused with is not sent by the flows either, until they are deployed again', async () => {
    const refusedBefore = sim.refusedLogins;
    const refused = async (id: string, settings?: object): Promise<number> => {
      const { error } = await check(id, settings);
      assert.equal(error?.code, 'EAUTH', text);
      return sim.refusedLogins - refusedBefore;
    };
    assert.equal(await refused('refused-in-dialog', { milliseconds: false }), 1);
    assert.equal(await refused('refused-in-dialog'), 1);
    const headers = { 'content-type': 'application/json', 'Node-RED-Deployment-Type': 'reload' };
    const starts = (): number => runtime.logs().split('Started flows').length;
    const before = starts();
    await runtime.admin('/flows', { method: 'POST', headers, body: '{}' });
    await eventually(() => starts() > before);
    assert.equal(await refused('refused-in-dialog'), 2);
  });

  describe('variables', () => {
    it('are taken from the tab of the connection, also for one that is not deployed', async () => {
      const found = await check('new', { url: '${SERVER}' }, { z: 'tab', credentials: login });
      assert.equal(found.name, 'VDG Sense', text);
    });

    it('that are not set are named, and nothing is sent', async () => {
      const before = sim.requests.length;
      const unset = { username: login.username, password: '${NOT_SET_ANYWHERE}' };
      const { error } = await check('new', {}, { credentials: unset });
      assert.equal(error?.code, 'EINVALID');
      assert.match(error?.message ?? '', /\$\{NOT_SET_ANYWHERE\}/);
      assert.equal(sim.requests.length, before);
    });
  });

  describe('a stored password', () => {
    const changes: [string, string, () => [object, object?]][] = [
      ['to another server', 'deployed', () => [{ url: other.url }]],
      ['to another path of the same server', 'deployed', () => [{ url: `${sim.url}/elsewhere` }]],
      ['with another kind of login', 'deployed', () => [{ auth: 'basic' }]],
      ['through another proxy', 'deployed', () => [{}, { proxy: 'no-proxy' }]],
      ['to another provider', 'deployed', () => [{ url: other.url }, { provider: 'aipix' }]],
      ['of a connection that is not running', 'disabled', () => [{}]],
      ['of a connection that could not start', 'broken', () => [{}]],
    ];
    for (const [name, id, change] of changes) {
      it(`is not sent ${name}`, async () => {
        const before = [sim.requests.length, other.requests.length];
        const { error } = await check(id, ...change());
        assert.equal(error?.obstacle, 'retype', text);
        const cameras = await ask('cameras', draft(id, ...change()));
        assert.equal(cameras.error?.obstacle, 'retype');
        assert.deepEqual([sim.requests.length, other.requests.length], before);
      });
    }

    it('is not needed where another one was typed', async () => {
      const { name } = await check('deployed', { url: other.url }, { credentials: elsewhere });
      assert.equal(name, 'VDG Sense', text);
    });

    it('is not used where none is wanted', async () => {
      const { error } = await check('deployed', {}, { credentials: { username: login.username, password: '' } });
      assert.equal(error?.code, 'EINVALID', text);
      assert.match(error?.message ?? '', /"Password" is missing/);
    });
  });

  it('names a TLS configuration or proxy that only the editor knows', async () => {
    for (const what of ['tls', 'proxy']) {
      const { error } = await check('deployed', {}, { [what]: 'only-in-editor' });
      assert.deepEqual([error?.code, error?.obstacle], ['EINVALID', what]);
    }
  });

  describe('secrets', () => {
    const echo = (): void => {
      const body = `<?xml version="1.0"?><result errorcode="-4"><description>no ${password} for you</description></result>`;
      sim.failNext({ kind: 'reply', reply: { body, headers: { 'content-type': 'text/xml' } } }, 'getDeviceList');
    };

    it('are not in what the server echoes as an error', async () => {
      echo();
      const stored = await check('deployed');
      assert.match(stored.error?.message ?? '', /no \*\*\* for you/);
      echo();
      const typed = await check('echo', {}, { credentials: login });
      assert.match(typed.error?.message ?? '', /no \*\*\* for you/);
    });

    it('are not in what the server says of itself', async () => {
      sim.options.version = `2.7.${password}`;
      const stored = await check('deployed');
      const typed = await check('echo', {}, { credentials: login });
      sim.options.version = '2.7.2';
      assert.deepEqual([stored.version, typed.version], ['2.7.***', '2.7.***']);
    });
  });

  describe('cameras', () => {
    const dock = { id: '6917529027641081901/2', name: 'Dock 1' };

    it('are listed by name for a deployed connection', async () => {
      const { cameras } = (await ask('cameras/deployed')) as { cameras: Record<string, unknown>[] };
      assert.ok(cameras.length > 1);
      for (const camera of cameras) {
        const known = ['id', 'name', 'online'];
        assert.ok(Object.keys(camera).every((key) => known.includes(key)));
        assert.equal(typeof camera.id, 'string');
      }
      assert.ok(
        cameras.some(({ id }) => id === dock.id),
        text,
      );
    });

    it('are listed for what is in a dialog', async () => {
      const { cameras } = await ask('cameras', draft('new', {}, { credentials: login }));
      assert.deepEqual((await ask('cameras/deployed')).cameras, cameras);
    });

    it('of a connection that is not there are a plain failure', async () => {
      for (const id of ['nobody', 'on-tab', '__proto__', 'broken']) {
        const { error } = await ask(`cameras/${id}`);
        assert.ok(['ENOTFOUND', 'EINVALID'].includes(error?.code ?? ''), text);
      }
    });
  });

  it('refuses what is no connection at all', async () => {
    const good = draft('new', {}, { credentials: login }) as Record<string, unknown>;
    const many = Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`field${index}`, 1]));
    for (const bad of [
      [],
      {},
      { ...good, id: '' },
      { ...good, id: 7 },
      { ...good, provider: undefined },
      { ...good, provider: { id: 'vdg-sense' } },
      { ...good, settings: 'url' },
      { ...good, settings: [sim.url] },
      { ...good, settings: many },
      { ...good, settings: { url: 'x'.repeat(100_000) } },
      { ...good, credentials: 'user' },
      { ...good, credentials: { password: ['a'] } },
      { ...good, credentials: { password: 'x'.repeat(100_000) } },
      { ...good, tls: {} },
      { ...good, proxy: 1 },
      { ...good, z: [] },
    ]) {
      for (const path of ['check', 'cameras'])
        assert.equal(await statusOf(path, bad), 400, JSON.stringify(bad)?.slice(0, 80));
    }
  });

  it('leaves the runtime without a complaint, but for the connection that could not start', () => {
    assert.deepEqual(
      runtime.problems().filter((line) => !/broken/.test(line)),
      [],
    );
  });
});
