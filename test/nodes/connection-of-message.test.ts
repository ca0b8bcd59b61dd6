import assert from 'node:assert/strict';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { withFlow, type Flow } from '../support/flows';
import { clipOf, credentials, dock, outcome, senseFlow } from '../support/sense-flow';

describe('values that a message brings because the dialog says so', () => {
  let sim: VdgSense;
  beforeEach(async () => {
    sim = await startVdgSense({ queue: { makeMs: 0 } });
  });
  afterEach(() => sim.close());

  const run = (create: Record<string, unknown>, test: (flow: Flow) => Promise<void>) => {
    const flow = senseFlow(sim, { sense: { name: 'Harbour' }, create: { wires: [['created']], ...create } });
    const twins = ['twin-1', 'twin-2'].map((id) => ({ ...flow[0], id, name: 'Twin' }));
    return withFlow([...flow, ...twins], test, { credentials });
  };
  const time = (): number => Date.now() - 60_000;
  const seconds = ({ start, end }: { start: string; end: string }): number =>
    (Date.parse(end) - Date.parse(start)) / 1000;

  describe('a connection', () => {
    const byMessage = { connection: '', connectionType: 'msg' };
    for (const connection of ['sense', 'Harbour']) {
      it(`is found as "${connection}"`, () =>
        run(byMessage, async (flow) => {
          flow.send('create', { connection, camera: dock, payload: time() });
          assert.equal(clipOf(await outcome(flow, 'created')).connection, 'sense');
        }));
    }

    const refused: [connection: unknown, code: string, said: RegExp][] = [
      [undefined, 'EINVALID', /msg\.connection must be/],
      [7, 'EINVALID', /msg\.connection must be/],
      ['Nowhere', 'ENOTFOUND', /no connection "Nowhere"/],
      ['Twin', 'EINVALID', /2 connections are called "Twin"/],
      ['create', 'ENOTFOUND', /no connection "create"/],
    ];
    for (const [connection, code, said] of refused) {
      it(`is refused as ${JSON.stringify(connection)}`, () =>
        run(byMessage, async (flow) => {
          flow.send('create', { connection, camera: dock });
          const { clipError } = await flow.next('caught');
          assert.equal((clipError as { code: string }).code, code);
          assert.match((clipError as { message: string }).message, said);
        }));
    }

    it('of the dialog counts, whatever the message says, unless the dialog says so', () =>
      run({}, async (flow) => {
        flow.send('create', { connection: 'twin-1', camera: dock });
        assert.equal(clipOf(await outcome(flow, 'created')).connection, 'sense');
      }));

    it('that nobody chose is named as what is missing', () =>
      run({ connection: '' }, async (flow) => {
        flow.send('create', { camera: dock });
        assert.match(
          ((await flow.next('caught')).clipError as { message: string }).message,
          /choose one in the dialog/,
        );
      }));
  });

  describe('a number of seconds', () => {
    const typed = {
      before: 'pre',
      beforeType: 'msg',
      after: 'post',
      afterType: 'msg',
      settle: 'late',
      settleType: 'msg',
    };

    it('is that of each message', () =>
      run(typed, async (flow) => {
        flow.send('create', { camera: dock, pre: 2, post: '3', late: 0 });
        flow.send('create', { camera: dock, pre: 1, post: 0, late: 0 });
        assert.equal(seconds(clipOf(await outcome(flow, 'created'))), 1);
        assert.equal(seconds(clipOf(await outcome(flow, 'created'))), 5);
      }));

    for (const pre of [undefined, -1, 'soon', NaN, '', {}]) {
      it(`is refused as ${JSON.stringify(pre)}`, () =>
        run(typed, async (flow) => {
          flow.send('create', { camera: dock, pre, post: 1, late: 0 });
          const { clipError } = await flow.next('caught');
          assert.match((clipError as { message: string }).message, /^msg\.pre must be a number of seconds/);
        }));
    }
  });
});
