/** Who may ask what of the runtime, where people have to log in to the editor. */
import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { startRuntime, type Runtime } from '../support/runtime';

const { hashSync } = require('bcryptjs') as { hashSync(password: string, rounds: number): string };

const login = { username: 'nodered', password: 's3cret' };

describe('who may ask about a connection', function () {
  this.timeout(60_000);
  let sim: VdgSense;
  let runtime: Runtime;

  before(async () => {
    sim = await startVdgSense({ users: [login] });
    const people = { viewer: 'read', editor: '*', other: ['flows.read', 'flows.write'] };
    const users = Object.entries(people).map(([username, permissions]) => ({
      username,
      password: hashSync(username, 4),
      permissions,
    }));
    runtime = await startRuntime({
      source: 'link',
      flow: [{ id: 'sense', type: 'clip-provider', provider: 'vdg-sense', settings: { url: sim.url } }],
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

  async function statuses(username: string | undefined): Promise<number[]> {
    const authorization = username === undefined ? {} : { authorization: `Bearer ${await tokenOf(username)}` };
    const draft = { id: 'sense', provider: 'vdg-sense', settings: { url: sim.url }, credentials: login };
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
    const list = `${runtime.url}/video-clips/activity`;
    const found = await Promise.all([
      fetch(list, { headers }),
      fetch(`${list}/none/ticket`, { method: 'POST', headers }),
      fetch(`${list}/none/cancel`, { method: 'POST', headers }),
      fetch(`${list}/none/retry`, { method: 'POST', headers }),
      fetch(list, { method: 'DELETE', headers }),
    ]);
    return found.map(({ status }) => status);
  }

  it('the list of work is there for whoever may read, and to be changed by whoever may write', async () => {
    assert.deepEqual(await activityStatuses(undefined), [401, 401, 401, 401, 401]);
    assert.deepEqual(await activityStatuses('other'), [401, 401, 401, 401, 401]);
    assert.deepEqual(await activityStatuses('viewer'), [200, 404, 401, 401, 401]);
    assert.deepEqual(await activityStatuses('editor'), [200, 404, 404, 404, 204]);
  });

  it('nobody without a login', async () => {
    assert.deepEqual(await statuses(undefined), [401, 401, 401]);
    assert.equal(sim.requests.length, 0);
  });

  it('nobody with other rights', async () => {
    assert.deepEqual(await statuses('other'), [401, 401, 401]);
    assert.equal(sim.requests.length, 0);
  });

  it('for the cameras of what is deployed, whoever may read', async () => {
    assert.deepEqual(await statuses('viewer'), [200, 401, 401]);
  });

  it('for all of it, whoever may write', async () => {
    assert.deepEqual(await statuses('editor'), [200, 200, 200]);
  });
});
