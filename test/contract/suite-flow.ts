import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import type { Clip, ClipRequest } from '../../lib/provider';
import type { Message } from '../../lib/node-red/node-red';
import { providers } from '../../lib/providers';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import type { Harness, World } from './harness';
import { expectNoSecret, leaveOut, respectException, useRig } from './rig';

type Properties = Record<string, unknown>;
const helpers = ['created', 'polled', 'progress', 'failed', 'file', 'downloading', 'caught', 'completed'];

/** The way that people take: nodes, messages, status and log. */
export function flowSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  beforeEach(function () {
    respectException(this, rig().world);
  });

  /** At the end, nothing that anybody can see may hold a secret. */
  async function run(test: (flow: Flow) => Promise<void>, credentials = rig().world.credentials): Promise<void> {
    const { world } = rig();
    const added = offer(world);
    try {
      await withFlow(
        flowFor(world),
        async (flow) => {
          await test(flow);
          const messages = JSON.stringify(helpers.map((id) => flow.received(id)));
          const statuses = JSON.stringify(['create', 'poll', 'download'].map((id) => flow.statuses(id)));
          expectNoSecret(world, messages, statuses, ...flow.logged());
        },
        { credentials: { connection: credentials } },
      );
    } finally {
      if (added) providers.splice(providers.indexOf(world.definition), 1);
    }
  }

  const ask = (changes: Partial<ClipRequest> = {}): Properties => {
    const { camera, footage } = rig().world;
    return { camera, ...footage, ...changes };
  };

  it('turns a message into a verified file', async () => {
    const { world } = rig();
    await run(async (flow) => {
      flow.send('create', { ...ask(), payload: 'alarm', topic: 'door' });
      const message = await arrival(flow, 'file');
      const { file, ...clip } = message.clip as Clip;
      assert.deepEqual([message.topic, message.filename, message.payload], ['door', file!.path, file!.path]);
      const sha256 = createHash('sha256').update(readFileSync(file!.path)).digest('hex');
      assert.deepEqual([file!.sha256, sha256], [sha256, await world.sha256Of(clip.id)]);
      assert.deepEqual(file!.problems, []);
      assert.equal(world.clipCount(), 1);
      await eventually(() => readdirSync(`${flow.userDir}/video-clips/jobs`).length === 0);
      assert.deepEqual(flow.received('caught'), []);
    });
  });

  it('refuses an impossible camera before a clip is asked for', async function () {
    const { world } = rig();
    const { impossibleCamera } = world;
    if (impossibleCamera === undefined) leaveOut(this, 'any text can be a camera');
    await run(async (flow) => {
      flow.send('create', ask({ camera: impossibleCamera }));
      const error = (await arrival(flow, 'caught')).error as Properties;
      assert.equal(error.code, 'EINVALID');
      // Cameras may be given by their names, so the list of them may be.
      assert.equal(world.requestsFor('create').length, 0);
    });
  });

  it('refuses a range that is too long before anything is sent', async function () {
    const { world } = rig();
    const longest = world.definition.maxClipSeconds?.(world.settings);
    if (longest === undefined) leaveOut(this, 'the vendor makes clips of any length');
    await run(async (flow) => {
      const end = Date.parse(world.footage.end);
      flow.send('create', ask({ start: new Date(end - longest * 1000 - 1000).toISOString() }));
      const error = (await arrival(flow, 'caught')).error as Properties;
      assert.equal(error.code, 'ELIMIT');
      assert.match(String(error.message), new RegExp(String(longest)));
      assert.equal(world.requests().length, 0);
    });
  });

  it('tells of wrong credentials once, and sends nothing for the messages after', async () => {
    const { world } = rig();
    await run(async (flow) => {
      const error = async (): Promise<unknown> => {
        flow.send('create', ask());
        return ((await arrival(flow, 'caught')).error as Properties).code;
      };
      assert.equal(await error(), 'EAUTH');
      const sent = world.requests().length;
      for (let times = 0; times < 5; times += 1) assert.equal(await error(), 'EAUTH');
      assert.equal(world.requests().length, sent);
      if (world.expireSessions) assert.equal(sent, 1);
    }, world.wrongCredentials);
  });

  it('shows a secret that the vendor echoes to nobody', async () => {
    const { world } = rig();
    const { username, password, token } = world.credentials;
    const basic = Buffer.from(`${username}:${password}`).toString('base64');
    const echo = `Refused: ${token} ${password} ${encodeURIComponent(password)} ${basic}`;
    world.force('create', {
      status: 400,
      headers: { 'content-type': 'application/json' },
      body: `{"message":"${echo}"}`,
    });
    await run(async (flow) => {
      flow.send('create', ask());
      await eventually(
        () =>
          flow.received('caught').length + flow.received('created').length > 0 ||
          flow.statuses('create').some(({ text }) => text?.includes('retrying')),
      );
    });
  });

  it('goes on after a redeploy', async () => {
    const { world } = rig();
    await run(async (flow) => {
      flow.send('create', ask());
      await arrival(flow, 'created');
      await flow.deploy(flowFor(world));
      const message = await arrival(flow, 'file');
      assert.deepEqual((message.clip as Clip).file?.problems, []);
      assert.equal(world.clipCount(), 1);
    });
  });
}

/** Lets the nodes find a provider that is not one of ours; true where that was needed. */
function offer({ definition }: World): boolean {
  if (providers.includes(definition)) return false;
  providers.push(definition);
  return true;
}

function flowFor({ definition, settings }: World): Properties[] {
  const connection = 'connection';
  return [
    { id: connection, type: 'clip-provider', provider: definition.id, settings },
    {
      ...{ id: 'create', type: 'create-clip', connection, range: 'between', settle: 0, title: 'Contract' },
      titleType: 'str',
      wires: [['poll', 'created']],
    },
    { id: 'poll', type: 'poll-clip', interval: 0.1, wires: [['download', 'polled'], ['progress'], ['failed']] },
    { id: 'download', type: 'download-clip', wires: [['file'], ['downloading']] },
    ...helpers.map((id) => ({ id, type: 'helper' })),
    { id: 'catcher', type: 'catch', scope: null, uncaught: false, wires: [['caught']] },
    { id: 'completer', type: 'complete', scope: ['create', 'poll', 'download'], wires: [['completed']] },
  ];
}

/** The next message at a helper node; a failure that comes instead is told. */
async function arrival(flow: Flow, wanted: string): Promise<Message> {
  const unwanted = ['caught', 'failed'].filter((id) => id !== wanted);
  return Promise.race([
    flow.next(wanted),
    ...unwanted.map((id) => flow.next(id).then((message) => assert.fail(`${id}: ${JSON.stringify(message.error)}`))),
  ]);
}
