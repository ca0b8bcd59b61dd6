// Tests: the policy alerts of Rhombus as events.
import assert from 'node:assert/strict';
import type { EventQuery } from '../../../../lib/provider';
import { readFields } from '../../../../lib/fields';
import { rhombus } from '../../../../lib/providers/rhombus';
import {
  exampleCameras,
  exampleKeys,
  startRhombus,
  type Rhombus,
  type RhombusAlert,
  type RhombusSettings,
} from '../../../simulators/rhombus';
import { only, follow, idsOf, type Follower } from '../../../support/event-follower';
import { atEnd, closeAll, endsWithTest, fails, never, NOON, plain } from '../support';

const noonMs = Date.parse(NOON);
const at = (seconds: number): string => new Date(noonMs + seconds * 1000).toISOString();

async function begin(
  settings: RhombusSettings = {},
  changes: Partial<EventQuery> = {},
): Promise<{ sim: Rhombus; events: Follower }> {
  const sim = endsWithTest(await startRhombus({ clock: { at: NOON }, ...settings }));
  const provider = await rhombus.open({
    settings: readFields(rhombus.settings, { region: 'custom', apiUrl: sim.apiUrl, mediaUrl: sim.mediaUrl }),
    credentials: { username: '', password: '', token: exampleKeys.key },
    now: sim.now,
  });
  atEnd(async () => provider.close?.(undefined));
  const call = { signal: never, session: undefined };
  const events = follow((query) => provider.listEvents!(query, call), { kinds: ['alert'], ...changes });
  assert.deepEqual(await events.look(), []);
  return { sim, events };
}

describe('Rhombus: events', () => {
  afterEach(closeAll);

  it('says what an alert tells, and no address of its picture', async () => {
    const { sim, events } = await begin();
    const { uuid } = sim.addAlert({ durationSec: 14, triggers: ['MOTION_HUMAN', 'MOTION_CAR'] });
    assert.deepEqual(plain(await only(events)), {
      id: uuid,
      kind: 'alert',
      camera: `${exampleCameras.dock}.v0`,
      start: at(0),
      end: at(14),
      type: 'person',
      label: 'MOTION_HUMAN',
      labels: ['MOTION_HUMAN', 'MOTION_CAR'],
      text: 'Human movement',
      ref: { type: 'MOTION_HUMAN', location: 'L0c_K9w2Q1u3xkQ7n5T1Zg' },
    });
  });

  for (const [triggers, type] of [
    [['MOTION_CAR'], 'vehicle'],
    [['MOTION'], 'motion'],
    [['LICENSEPLATE_ALERT'], 'plate'],
    [['FACE_ALERT'], 'face'],
    [['DOOR_AJAR'], 'door'],
    [['SOUND_LOUD'], 'sound'],
    [['LINE_CROSSING'], 'line'],
    [['SOMETHING_NEW'], 'alarm'],
    [[], 'alarm'],
  ] as const) {
    it(`has the common word "${type}" for ${triggers.join() || 'nothing'}`, async () => {
      const { sim, events } = await begin();
      sim.addAlert({ triggers: [...triggers], durationSec: 4 });
      assert.equal((await only(events)).type, type);
    });
  }

  it('takes alerts of doors and sensors as they are, without a camera', async () => {
    const { sim, events } = await begin();
    const door = { type: 'ACCESS_CONTROLLED_DOOR_POLICY_ALERT', deviceUuid: undefined, triggers: [], durationSec: 4 };
    sim.addAlert(door);
    const first = await only(events);
    assert.deepEqual([first.camera, first.type, first.ref?.type], [undefined, 'door', door.type]);
    sim.addAlert({ deviceUuid: 's3nsor', deviceType: 'CLIMATE_SENSOR', triggers: ['TEMP_HIGH'], durationSec: 4 });
    const second = await only(events);
    assert.deepEqual([second.camera, second.ref?.device], [undefined, 's3nsor']);
  });

  it('finds an alert that was processed fourteen minutes later', async () => {
    const { sim, events } = await begin();
    sim.advance(3600_000);
    await events.look();
    const { uuid } = sim.addAlert({ timestampMs: sim.now(), listedAt: sim.now() + 14 * 60_000, durationSec: 4 });
    sim.advance(10 * 60_000);
    assert.deepEqual(await events.look(), []);
    sim.advance(4 * 60_000);
    assert.deepEqual(idsOf(await events.look()), [uuid]);
  });

  for (const unknown of ['null', '404', 'in-band'] as const) {
    it(`follows an alert that goes on for an hour, and lets go of one that is deleted (${unknown})`, async () => {
      const { sim, events } = await begin({ alerts: { unknown } });
      const [long, deleted]: RhombusAlert[] = [sim.addAlert(), sim.addAlert()];
      assert.deepEqual(
        (await events.look()).map(({ open }) => open),
        [true, true],
      );
      sim.alerts.splice(sim.alerts.indexOf(deleted!), 1);
      sim.advance(3600_000);
      await events.look();
      await events.look();
      assert.deepEqual([...events.open], [long!.uuid]);
      long!.durationSec = 3600;
      assert.equal((await only(events)).end, at(3600));
    });
  }

  it('leaves out what somebody has deleted', async () => {
    const { sim, events } = await begin();
    sim.addAlert({ deleted: true, durationSec: 4 });
    assert.deepEqual(await events.look(), []);
  });

  it('notices that the server cuts its lists, whatever was asked for', async () => {
    const { sim, events } = await begin({ alerts: { mostListed: 30 } });
    const ids = Array.from({ length: 200 }, () => {
      sim.advance(5_000);
      return sim.addAlert({ durationSec: 4 }).uuid;
    });
    assert.deepEqual(idsOf(await events.look()), ids);
  });

  it('asks once a look, and little more than once a page of a backlog', async () => {
    const { sim, events } = await begin();
    const asked = (): number => sim.requestsFor('getPolicyAlerts').length;
    let before = asked();
    await events.look();
    assert.equal(asked() - before, 1);
    const ids = Array.from({ length: 3_000 }, () => {
      sim.advance(7_000);
      return sim.addAlert({ durationSec: 4 }).uuid;
    });
    before = asked();
    assert.deepEqual(idsOf(await events.look()), ids);
    assert.ok(asked() - before < 250, `${asked() - before} requests`);
  });

  const answers: [what: string, body: string, code?: string][] = [
    ['null for a list', '{"policyAlerts":null,"error":false,"other":{}}'],
    ['nothing but that all is well', '{"error":false,"errorMsg":null}'],
    ['something else', '{"alerts":{"items":[]}}', 'EPROTOCOL'],
    ['entries of an unknown form', '{"policyAlerts":[{"id":"x","time":"2026-01-01T00:00:00Z"}]}', 'EPROTOCOL'],
  ];
  for (const [what, body, code] of answers) {
    it(`takes ${what} for ${code ? 'no answer' : 'no alerts'}`, async () => {
      const { sim, events } = await begin();
      sim.failNext(
        { kind: 'reply', reply: { headers: { 'content-type': 'application/json' }, body } },
        'getPolicyAlerts',
      );
      if (code) await assert.rejects(events.look(), fails('EPROTOCOL'));
      else assert.deepEqual(idsOf(await events.look()), []);
    });
  }
});
