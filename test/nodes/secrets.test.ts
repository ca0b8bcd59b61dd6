/** No secret of six vendors, of a proxy or of a certificate is seen anywhere but where it belongs, whatever comes of their clips. */
import assert from 'node:assert/strict';
import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Harness, World } from '../contract/harness';
import { closeAll, startProxy } from '../lib/net/servers';
import { selfSignedCertificate } from '../simulators/vdg-sense/self-signed';
import { eventually } from '../support/eventually';
import { findProgram } from '../support/programs';
import { startRedis, type RedisServer } from '../support/redis';
import { startRuntime, type Runtime } from '../support/runtime';
import { formsOf, scanForSecrets, type SecretScan } from '../support/secret-scan';
import { tempFolder } from '../support/temp-folder';

const vendors = ['vdg-sense', 'rhombus', 'kinesis-video', 'aipix', 'zoneminder', 'frigate-17'];
const slots = ['username', 'password', 'token'] as const;
/** Node-RED shows a user name to whoever may edit: it is declared as text. */
const hiddenSlots = ['password', 'token'] as const;
const proxyLogin = { username: 'proxy-user', password: 'canary-proxy-5d21' };
const wrongProxyPassword = 'canary-wrong-proxy-88e0';
const passphrase = 'canary-passphrase-c3f7';
const redisPassword = 'canary-redis-19ab';
const longestMs = 120_000;

describe('secrets', function () {
  this.timeout(240_000);
  const temp = tempFolder();
  const file = (name: string): string => join(temp(), name);
  let usual: string | undefined;
  let worlds: Map<string, World>;
  let redis: RedisServer | undefined;
  let runtime: Runtime | undefined;
  let scan: SecretScan;

  const canaryOf = (vendor: string, slot: string): string => `canary-unused-${slot}-of-${vendor}`;

  /** What no one may see who is not the vendor, and of these what each vendor may. */
  function secretsOf(vendor: string): string[] {
    const world = worlds.get(vendor)!;
    const basic = [world.credentials, world.wrongCredentials].map(({ username, password }) =>
      Buffer.from(`${username}:${password}`).toString('base64'),
    );
    return [...world.secrets(), ...basic];
  }

  /** What belongs to no vendor. */
  function ownSecrets(key: string): string[] {
    const unused = vendors.flatMap((vendor) => hiddenSlots.map((slot) => canaryOf(vendor, slot)));
    const proxies = [proxyLogin.password, wrongProxyPassword].map((password) =>
      Buffer.from(`${proxyLogin.username}:${password}`).toString('base64'),
    );
    const keyLine = key.split('\n')[1]!;
    return [proxyLogin.password, wrongProxyPassword, passphrase, redisPassword, keyLine, ...unused, ...proxies];
  }

  beforeEach(async () => {
    usual = process.env.TMPDIR;
    worlds = new Map();
    for (const vendor of vendors) {
      const { harness } = require(`../contract/${vendor}`) as { harness: Harness };
      worlds.set(vendor, await harness.start());
    }
    // All that anybody writes is looked at.
    process.env.TMPDIR = temp();
  });
  afterEach(async () => {
    await runtime?.close();
    runtime = undefined;
    await redis?.close();
    redis = undefined;
    for (const world of worlds.values()) await world.close();
    await closeAll();
    if (usual === undefined) delete process.env.TMPDIR;
    else process.env.TMPDIR = usual;
  });

  for (const store of ['on disk', 'in Redis'] as const) {
    it(`stay where they belong, with jobs ${store}`, async function () {
      if (store === 'in Redis') {
        if (!findProgram('redis-server', 'valkey-server')) this.skip();
        redis = await startRedis({ keeps: true, password: redisPassword });
      }
      const { key, cert } = selfSignedCertificate();
      const proxy = await startProxy({ login: `${proxyLogin.username}:${proxyLogin.password}` });
      const own = ownSecrets(key);
      // Node-RED has it in its settings file, and it in its command line: both are ours.
      const seenByNobody = own.filter((secret) => secret !== redisPassword);
      scan = scanForSecrets(temp(), () => [...seenByNobody, ...vendors.flatMap(secretsOf)]);
      runtime = await startRuntime({
        source: 'link',
        flow: flowFor(worlds, proxy.url, file('messages')),
        credentials: credentialsFor(worlds, { key, cert }),
        settings: {
          fileWorkingDirectory: file('clips'),
          logging: { console: { level: 'trace', metrics: false, audit: true } },
          ...(redis ? { clipProviderJobs: { redis: redis.url } } : {}),
        },
      });

      const asked: string[] = [];
      const ask = async (name: string, connection: string, more: object): Promise<void> => {
        asked.push(name);
        await runtime!.inject('start', { name, connection, filename: `${name}.mp4`, ...more });
      };
      await mkdir(file('clips'));
      await writeFile(file('messages'), '');
      for (const [vendor, world] of worlds) {
        const { camera, unknownCamera, footage } = world;
        await ask(`good-${vendor}`, `good-${vendor}`, { camera, ...footage });
        await ask(`unknown-${vendor}`, `good-${vendor}`, { camera: unknownCamera, ...footage });
        await ask(`wrong-${vendor}`, `wrong-${vendor}`, { camera, ...footage });
        await ask(`refused-${vendor}`, `refused-${vendor}`, { camera, ...footage });
      }
      await untilEnded(asked);
      for (const [vendor, world] of worlds) {
        const { credentials, camera, footage } = world;
        const echo = slots.map((slot) => credentials[slot]).join(' ');
        const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
        const body = JSON.stringify({ message: `No: ${echo} ${encodeURIComponent(echo)} ${basic}` });
        for (const step of ['create', 'status', 'download'] as const) {
          world.force(step, { status: 400, headers: { 'content-type': 'application/json' }, body });
        }
        await ask(`echo-${vendor}`, `good-${vendor}`, { camera, ...footage });
      }
      await untilEnded(asked);
      await writeFile(file('admin'), await adminReplies());
      await runtime.stop();
      await writeFile(file('log'), runtime.logs());

      const outcomes = await ended();
      for (const vendor of vendors) {
        assert.equal(outcomes.get(`good-${vendor}`), 'file', vendor);
        for (const kind of ['unknown', 'wrong', 'refused']) {
          assert.notEqual(outcomes.get(`${kind}-${vendor}`), 'file', `${kind}-${vendor}`);
        }
      }
      assert.deepEqual(await scan.stop(), []);
      for (const name of ['messages', 'admin', 'log']) {
        assert.ok(!(await readFile(file(name), 'utf8')).includes(redisPassword), `${name} holds the password of Redis`);
      }
      expectOwnRequestsOnly([...own, ...vendors.map((vendor) => canaryOf(vendor, 'username'))]);
    });
  }

  /** By name: `file`, or the code of the error. */
  async function ended(): Promise<Map<string, string>> {
    const lines = (await readFile(file('messages'), 'utf8')).split('\n').filter(Boolean);
    const messages = lines.map((line) => JSON.parse(line) as { kind: string; msg: Record<string, unknown> });
    return new Map(
      messages.flatMap(({ kind, msg }) => {
        if (kind === 'file') return [[String(msg.name), kind]];
        const { code } = (msg.clipError ?? {}) as { code?: string };
        return kind === 'caught' ? [[String(msg.name), String(code)]] : [];
      }),
    );
  }

  async function untilEnded(names: string[]): Promise<void> {
    let missing = names;
    let seen = -1;
    await eventually(async () => {
      const { size } = await stat(file('messages'));
      if (size !== seen) {
        const outcomes = await ended();
        missing = names.filter((name) => !outcomes.has(name));
      }
      seen = size;
      assert.deepEqual(missing, []);
    }, longestMs);
  }

  /** Of all that the editor and the sidebar ask. */
  async function adminReplies(): Promise<string> {
    const replies: string[] = [];
    for (const path of ['/flows', '/settings', '/nodes', '/video-clips/activity', '/context/global']) {
      replies.push(await (await runtime!.admin(path)).text());
    }
    for (const [vendor, { definition, settings }] of worlds) {
      for (const connection of ['good', 'wrong', 'refused'].map((kind) => `${kind}-${vendor}`)) {
        replies.push(await (await runtime!.admin(`/video-clips/cameras/${connection}`)).text());
        replies.push(await (await runtime!.admin(`/credentials/clip-provider/${connection}`)).text());
        const draft = {
          id: connection,
          provider: definition.id,
          settings,
          credentials: {},
          tls: 'tls',
          proxy: 'proxy',
        };
        const request = {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(draft),
        };
        replies.push(await (await runtime!.admin('/video-clips/check', request)).text());
      }
    }
    return replies.join('\n');
  }

  /** Each vendor gets what is its own, and nothing of the others or of the way to it. */
  function expectOwnRequestsOnly(own: string[]): void {
    for (const [vendor, world] of worlds) {
      const foreign = [...own, ...vendors.filter((other) => other !== vendor).flatMap(secretsOf)];
      const mine = new Set(secretsOf(vendor));
      for (const { target, headers, body } of world.requests()) {
        const text = `${target}\n${JSON.stringify(headers)}\n${body.toString('latin1')}`;
        const secret = foreign.find((each) => !mine.has(each) && formsOf(each).some((form) => text.includes(form)));
        assert.equal(secret, undefined, `${vendor} is sent ${secret}: ${text.slice(0, 500)}`);
      }
    }
  }

  function credentialsFor(from: Map<string, World>, { key, cert }: { key: string; cert: string }) {
    const all: Record<string, Record<string, string>> = {
      tls: { keydata: key, certdata: cert, keyname: 'key.pem', certname: 'cert.pem', passphrase },
      proxy: proxyLogin,
      'wrong-proxy': { ...proxyLogin, password: wrongProxyPassword },
    };
    for (const [vendor, { credentials, wrongCredentials, definition }] of from) {
      const filled = (given: World['credentials']): Record<string, string> =>
        Object.fromEntries(
          slots.map((slot) => [slot, definition.credentials[slot] ? given[slot] : canaryOf(vendor, slot)]),
        );
      all[`good-${vendor}`] = filled(credentials);
      all[`refused-${vendor}`] = filled(credentials);
      all[`wrong-${vendor}`] = filled(wrongCredentials);
    }
    return all;
  }
});

function flowFor(worlds: Map<string, World>, proxyUrl: string, messages: string): object[] {
  const place = { z: 'tab', x: 100, y: 100 };
  const libs = [{ var: 'fs', module: 'fs' }];
  const note = (kind: string): object => ({
    ...{ ...place, id: kind, type: 'function', libs, wires: [[]] },
    func: `fs.appendFileSync(${JSON.stringify(messages)}, JSON.stringify({ kind: '${kind}', msg }) + '\\n');`,
  });
  const ranges = { range: 'between', start: 'start', startType: 'msg', end: 'end', endType: 'msg', settle: 0 };
  const filename = { filename: 'filename', filenameType: 'msg' };
  const connections = [...worlds].flatMap(([vendor, { definition, settings }]) =>
    ['good', 'wrong', 'refused'].map((kind) => ({
      ...{ id: `${kind}-${vendor}`, type: 'clip-provider', provider: definition.id, settings, tls: 'tls' },
      proxy: kind === 'refused' ? 'wrong-proxy' : 'proxy',
    })),
  );
  return [
    { id: 'tab', type: 'tab', label: 'Secrets' },
    { id: 'tls', type: 'tls-config', name: '', verifyservercert: true },
    ...['proxy', 'wrong-proxy'].map((id) => ({ id, type: 'http proxy', name: '', url: proxyUrl, noproxy: [] })),
    ...connections,
    { ...place, id: 'start', type: 'inject', props: [], wires: [['create']] },
    {
      ...{ ...place, id: 'create', type: 'create-clip', connectionType: 'msg', connection: 'connection' },
      ...ranges,
      wires: [['poll', 'created']],
    },
    { ...place, id: 'poll', type: 'poll-clip', interval: 0.2, wires: [['download'], ['progress'], []] },
    { ...place, id: 'download', type: 'download-clip', ...filename, wires: [['file'], ['progress']] },
    { ...place, id: 'catch', type: 'catch', scope: null, wires: [['caught']] },
    { ...place, id: 'status', type: 'status', scope: null, wires: [['shown']] },
    ...['created', 'progress', 'file', 'caught', 'shown'].map(note),
  ];
}
