import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { withFlow, type Flow } from '../support/flows';
import { clipOf, credentials, dock, outcome } from '../support/sense-flow';
import { tempFolder } from '../support/temp-folder';

type Properties = Record<string, unknown>;

describe('nodes inside a subflow', () => {
  let sim: VdgSense;
  const folder = tempFolder();
  beforeEach(async () => {
    sim = await startVdgSense({ queue: { makeMs: 0 } });
  });
  afterEach(() => sim.close());

  const connection = (id: string, more: Properties = {}): Properties => ({
    id,
    type: 'clip-provider',
    provider: 'vdg-sense',
    settings: { url: sim.url },
    ...more,
  });
  const set = (name: string, value: string, type = 'str'): Properties => ({ name, type, value });
  const port = (...wires: Properties[]): Properties => ({ x: 0, y: 0, wires });

  /** A clip from its creation to its file. */
  const maker = (create: Properties, ...more: Properties[]): Properties[] => [
    {
      id: 'maker',
      type: 'subflow',
      env: [set('CAMERA', ''), set('CONNECTION', '', 'conf-type'), set('BEFORE', '2', 'num')],
      in: [port({ id: 'inner-create' })],
      out: [port({ id: 'inner-download', port: 0 })],
    },
    {
      id: 'inner-create',
      z: 'maker',
      type: 'create-clip',
      camera: 'CAMERA',
      cameraType: 'env',
      before: '${BEFORE}',
      after: 0,
      settle: 0,
      wires: [['inner-poll']],
      ...create,
    },
    { id: 'inner-poll', z: 'maker', type: 'poll-clip', interval: 0.1, wires: [['inner-download'], [], []] },
    { id: 'inner-download', z: 'maker', type: 'download-clip', wires: [[], []] },
    ...more,
  ];
  const ends: Properties[] = [
    { id: 'catcher', type: 'catch', scope: null, uncaught: false, wires: [['caught']] },
    ...['file', 'caught', 'failed'].map((id) => ({ id, type: 'helper' })),
  ];
  const instance = (...env: Properties[]): Properties => ({
    id: 'instance',
    type: 'subflow:maker',
    env: [set('CAMERA', dock), ...env],
    wires: [['file']],
  });
  const run = (flow: Properties[], test: (flow: Flow) => Promise<void>, options: Properties = {}) =>
    withFlow([...flow, ...ends], test, {
      credentials: { ...credentials, inner: credentials.sense, 'instance-inner': credentials.sense },
      ...options,
    });

  it('read camera, connection and numbers from the variables of the instance', () =>
    run(
      [
        connection('sense'),
        ...maker({ connection: '${CONNECTION}' }),
        instance(set('CONNECTION', 'sense', 'conf-type'), set('BEFORE', '3', 'num')),
      ],
      async (flow) => {
        flow.send('instance', { topic: 'kept' });
        const message = await outcome(flow, 'file');
        const { camera, start, end } = clipOf(message);
        assert.deepEqual([camera, Date.parse(end) - Date.parse(start), message.topic], [dock, 3000, 'kept']);
      },
    ));

  const inside = (): Properties => connection('inner', { z: 'maker', name: '${SITE}' });
  const names: [name: string, create: Properties, message: Properties][] = [
    ['in their dialog', { connection: 'inner' }, {}],
    ['in the message, by its name', { connectionType: 'msg' }, { connection: 'Harbour' }],
    ['in the message, by its id', { connectionType: 'msg' }, { connection: 'instance-inner' }],
    ['in the message, by its id in the subflow', { connectionType: 'msg' }, { connection: 'inner' }],
  ];
  for (const [name, create, message] of names) {
    it(`find a connection that is inside as well, chosen ${name}`, () =>
      run([...maker(create, inside()), instance(set('SITE', 'Harbour'))], async (flow) => {
        flow.send('instance', message);
        assert.equal(clipOf(await outcome(flow, 'file')).connection, 'instance-inner');
      }));
  }

  it('go on with their jobs after having been disabled, also in a subflow of a subflow', async () => {
    const flowOf = (d: boolean): Properties[] => [
      connection('sense'),
      ...maker({ connection: 'sense' }),
      { id: 'outer', type: 'subflow', in: [port({ id: 'middle' })], out: [port({ id: 'middle', port: 0 })] },
      { ...instance(), id: 'middle', z: 'outer', wires: [[]] },
      { id: 'instance', type: 'subflow:outer', d, wires: [['file']] },
    ];
    const userDir = folder();
    sim.options.queue.makeMs = Infinity;
    await run(
      flowOf(false),
      async (flow) => {
        flow.send('instance', { topic: 'kept' });
        await eventually(() => sim.requestsFor('getClips').length > 1);
      },
      { userDir },
    );
    await run(flowOf(true), () => Promise.resolve(), { userDir });
    sim.options.queue.makeMs = 0;
    await run(flowOf(false), async (flow) => assert.equal((await outcome(flow, 'file')).topic, 'kept'), { userDir });
  });
});
