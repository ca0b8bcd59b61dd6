/** Who may ask what of the runtime, where people have to log in to the editor. */
import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { startRuntime, type Runtime } from '../support/runtime';

const { hashSync } = require('bcryptjs') as { hashSync(password: string, rounds: number): string };

const login = { username: 'nodered', password: 's3cret' };

describe('who may ask about a connection', function () {
  this.timeout(120_000);
  let sim: VdgSense;
  let runtime: Runtime;
  const at = { z: 'tab', x: 100, y: 100 };

  before(async () => {
    sim = await startVdgSense({ users: [login] });
    const people = {
      viewer: 'read',
      editor: '*',
      other: ['flows.read', 'flows.write'],
      tester: ['clip-provider.read', 'clip-provider.write'],
    };
    const users = Object.entries(people).map(([username, permissions]) => ({
      username,
      password: hashSync(username, 4),
      permissions,
    }));
    runtime = await startRuntime({
      source: 'link',
      flow: [
        { id: 'sense', type: 'clip-provider', provider: 'vdg-sense', settings: { url: sim.url } },
        { id: 'tab', type: 'tab', label: 'Clips' },
        { ...at, id: 'alarm', type: 'inject', props: [{ p: 'payload', v: '', vt: 'date' }], wires: [['create']] },
        {
          ...at,
          id: 'create',
          type: 'create-clip',
          connection: 'sense',
          camera: '6917529027641081901/2',
          cameraType: 'str',
          before: 3,
          after: 0,
          settle: 0,
          wires: [['poll']],
        },
        { ...at, id: 'poll', type: 'poll-clip', interval: 0.1, wires: [['download'], [], []] },
        { ...at, id: 'download', type: 'download-clip', wires: [[], []] },
      ],
      credentials: { sense: login },
      settings: { adminAuth: { type: 'credentials', users } },
    });
  });
  after(async () => {
    await runtime?.close();
    await sim?.close();
  });

  async function tokenOf(username: string): Promise<string> {
    const body = new URLSearchParams({
      client_id: 'node-red-admin',
      grant_type: 'password',
      scope: '',
      username,
      password: username,
    });
    const response = await runtime.admin('/auth/token', { method: 'POST', body });
    return ((await response.json()) as { access_token: string }).access_token;
  }

  async function statuses(username: string | undefined, settings = { url: sim.url }): Promise<number[]> {
    const authorization = username === undefined ? {} : { authorization: `Bearer ${await tokenOf(username)}` };
    const draft = { id: 'sense', provider: 'vdg-sense', settings, credentials: login };
    const headers = { ...authorization, 'content-type': 'application/json' };
    const post = { method: 'POST', headers, body: JSON.stringify(draft) };
    const found = await Promise.all([
      fetch(`${runtime.url}/video-clips/cameras/sense`, { headers: authorization as Record<string, string> }),
      fetch(`${runtime.url}/video-clips/cameras`, post),
      fetch(`${runtime.url}/video-clips/check`, post),
    ]);
    return found.map(({ status }) => status);
  }

  /** Of the list of work: to see it, to play from it, and to change it. */
  async function activityStatuses(username: string | undefined): Promise<number[]> {
    const headers: Record<string, string> =
      username === undefined ? {} : { authorization: `Bearer ${await tokenOf(username)}` };
    headers['content-type'] = 'application/json';
    const list = `${runtime.url}/video-clips/activity`;
    const found = await Promise.all([
      fetch(list, { headers }),
      fetch(`${list}/none/files`, { headers }),
      fetch(`${list}/none/ticket`, { method: 'POST', headers }),
      fetch(`${list}/none/files/0/delete`, { method: 'POST', headers }),
      fetch(`${list}/none/cancel`, { method: 'POST', headers }),
      fetch(`${list}/none/retry`, { method: 'POST', headers }),
      fetch(list, { method: 'DELETE', headers }),
    ]);
    return found.map(({ status }) => status);
  }

  it('the list of work is there for whoever may read, and to be changed by whoever may write', async () => {
    assert.deepEqual(await activityStatuses(undefined), [401, 401, 401, 401, 401, 401, 401]);
    assert.deepEqual(await activityStatuses('other'), [401, 401, 401, 401, 401, 401, 401]);
    assert.deepEqual(await activityStatuses('viewer'), [200, 404, 404, 401, 401, 401, 401]);
    assert.deepEqual(await activityStatuses('editor'), [200, 404, 404, 404, 404, 404, 204]);
  });

  it('variables of the environment are there for whoever may deploy flows', async () => {
    assert.deepEqual(await statuses('tester'), [200, 200, 200]);
    assert.deepEqual(await statuses('tester', { url: '${HOME}' }), [200, 401, 401]);
    assert.deepEqual(await statuses('editor', { url: '${HOME}' }), [200, 200, 200]);
  });

  it('a file is there for as long as the login of whoever plays it', async () => {
    const authorization = `Bearer ${await tokenOf('viewer')}`;
    const headers = { authorization, 'content-type': 'application/json' };
    await runtime.inject('alarm', undefined, { authorization: `Bearer ${await tokenOf('editor')}` });
    let row: { id: string; file?: object } | undefined;
    await eventually(async () => {
      const list = await fetch(`${runtime.url}/video-clips/activity`, { headers });
      row = ((await list.json()) as { rows: { id: string; file?: object }[] }).rows[0];
      return row?.file !== undefined;
    });
    const issued = await fetch(`${runtime.url}/video-clips/activity/${row?.id}/ticket`, { method: 'POST', headers });
    const { ticket } = (await issued.json()) as { ticket: string };
    const media = `${runtime.url}/video-clips/media/${ticket}/0`;
    assert.equal((await fetch(media)).status, 200);
    const body = JSON.stringify({ token: authorization.slice('Bearer '.length) });
    await runtime.admin('/auth/revoke', { method: 'POST', headers, body });
    assert.equal((await fetch(media)).status, 401);
  });

  it('nobody without a login', async () => {
    const before = sim.requests.length;
    assert.deepEqual(await statuses(undefined), [401, 401, 401]);
    assert.equal(sim.requests.length, before);
  });

  it('nobody with other rights', async () => {
    const before = sim.requests.length;
    assert.deepEqual(await statuses('other'), [401, 401, 401]);
    assert.equal(sim.requests.length, before);
  });

  it('for the cameras of what is deployed, whoever may read', async () => {
    assert.deepEqual(await statuses('viewer'), [200, 401, 401]);
  });

  it('for all of it, whoever may write', async () => {
    assert.deepEqual(await statuses('editor'), [200, 200, 200]);
  });
});
