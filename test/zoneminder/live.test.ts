// Makes clips and exports of what a real ZoneMinder is recording meanwhile, and compares what their pictures show.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually';
import { addLiveCamera, cancelAlarm, raiseAlarm, type LiveCamera } from './cameras';
import { eventsOf } from './events';
import { clipOf, exportOf, rangeOf, withClipFlow } from './flow';
import { hashPictures, makeFootage, shownTimes } from './footage';
import { describeWithZoneMinder, startZoneMinder, type ZoneMinderServer } from './server';

/** Camera and recorder keep pictures back, and times are whole seconds. */
const lateMs = 2000;
/** A clip holds the margin and a part of a fragment beyond its range. */
const widerMs = 4000;

describeWithZoneMinder('a live ZoneMinder', function () {
  this.timeout(300_000);
  let server: ZoneMinderServer;
  let changing: ZoneMinderServer;
  let pictures: string[];
  let alarms: LiveCamera;
  let endless: LiveCamera;
  let sections: LiveCamera;
  let turned: LiveCamera;
  const cameras: LiveCamera[] = [];

  /** Clocks of Amsterdam are set back from 3:00 to 2:00. */
  const changeMs = Date.parse('2026-10-25T01:00:00Z');
  /** So long a server and its camera may take to start. */
  const beforeChangeMs = 50_000;

  before('servers in other time zones, one of which is about to set its clock back', async () => {
    const clockOffsetMs = Math.round((changeMs - beforeChangeMs - Date.now()) / 1000) * 1000;
    [server, changing] = await Promise.all([
      startZoneMinder({ timeZone: 'America/St_Johns' }),
      startZoneMinder({ timeZone: 'Europe/Amsterdam', clockOffsetMs }),
    ]);
    const file = await makeFootage(server.pathOf('live.mp4'), { seconds: 300, layout: 'plain' });
    pictures = await hashPictures(file);
    const records = { function: 'Record', sectionSeconds: 10 } as const;
    turned = await addLiveCamera(changing, file, { name: 'Turned', ...records });
    sections = await addLiveCamera(server, file, { name: 'Sections', ...records });
    endless = await addLiveCamera(server, file, { name: 'Endless', ...records, sectionSeconds: 600 });
    alarms = await addLiveCamera(server, file, { name: 'Alarms', function: 'Nodect' });
    cameras.push(turned, sections, endless, alarms);
  });
  after(async () => {
    await Promise.all([server?.close(), changing?.close()]);
    for (const camera of cameras) await camera.close();
  });

  /** The file shows the whole range, without a picture lost or doubled, and little more. */
  async function expectRange(path: string, startedAt: number, startMs: number, seconds: number): Promise<void> {
    const { fromMs, toMs } = await shownTimes(path, pictures, startedAt);
    const [before, after] = [startMs - fromMs, toMs - startMs - seconds * 1000];
    const shown = `${before} ms before the start, ${after} ms after the end`;
    assert.ok(before >= 0 && before <= widerMs + lateMs && after >= -lateMs && after <= widerMs, shown);
  }

  /** Asks the database now and then only: the recorders need the processor. */
  const holds = (condition: () => boolean): Promise<void> =>
    eventually(async () => {
      await sleep(300);
      return condition();
    }, 90_000);

  it('gives a clip of an alarm that was raised on demand', async () => {
    const startMs = Date.now();
    const event = await raiseAlarm(server, alarms.id);
    await sleep(6000);
    await cancelAlarm(server, alarms.id);
    await withClipFlow(server.url, async (flow) => {
      const { file, status } = await clipOf(flow, alarms.id, rangeOf(startMs, 5));
      assert.deepEqual([status, file.problems, file.gaps], ['finished', [], []]);
      await expectRange(file.path, alarms.startedAt, startMs, 5);
    });
    const ended = eventsOf(server, alarms.id).map(({ id, isEnded }) => ({ id, isEnded }));
    assert.deepEqual(ended, [{ id: event, isEnded: true }]);
  });

  it('gives a clip out of an event that is still being recorded', async () => {
    const running = eventsOf(server, endless.id);
    assert.equal(running.length, 1);
    const startMs = Date.now() - 4000;
    await withClipFlow(server.url, async (flow) => {
      const { file, status } = await clipOf(flow, endless.id, rangeOf(startMs, 3));
      assert.deepEqual([status, file.problems, file.gaps], ['finished', [], []]);
      await expectRange(file.path, endless.startedAt, startMs, 3);
    });
    assert.deepEqual(eventsOf(server, endless.id), running);
  });

  it('gives an export over three events', async () => {
    await holds(() => eventsOf(server, sections.id).filter(({ isEnded }) => isEnded).length >= 3);
    const startMs = eventsOf(server, sections.id)[0]!.startMs + 4000;
    await withClipFlow(server.url, async (flow) => {
      const path = await exportOf(flow, sections.id, rangeOf(startMs, 20));
      await expectRange(path, sections.startedAt, startMs, 20);
    });
  });

  it('gives a clip over the border of two events', async () => {
    const startMs = eventsOf(server, sections.id)[1]!.startMs - 3000;
    await withClipFlow(server.url, async (flow) => {
      const { file } = await clipOf(flow, sections.id, rangeOf(startMs, 6));
      assert.deepEqual([file.problems, file.gaps], [[], []]);
      await expectRange(file.path, sections.startedAt, startMs, 6);
    });
  });

  it('gives what there is of an event whose recorder crashed, and says why there is no more', async () => {
    // To its successor, the camera shows everything from the first picture on.
    const { startedAt } = endless;
    await holds(() => Date.now() > startedAt + 25_000);
    const startMs = Date.now() - 20_000;
    server.killRecorder(endless.id);
    await holds(() => eventsOf(server, endless.id).length === 2);
    // Between the two, nothing can have been recorded.
    const seconds = Math.max(19, (eventsOf(server, endless.id)[1]!.startMs - startMs) / 1000 - 1);
    await withClipFlow(server.url, async (flow) => {
      const { file, reason } = await clipOf(flow, endless.id, rangeOf(startMs, seconds));
      assert.match(String(reason), /recorder stopped/);
      assert.equal(file.gaps.length, 1);
      const { fromMs, toMs } = await shownTimes(file.path, pictures, startedAt);
      assert.ok(fromMs <= startMs && toMs > startMs, `${fromMs - startMs} ms to ${toMs - startMs} ms from the start`);
    });
  });

  it('gives a clip across the hour that comes twice', async () => {
    const startMs = changeMs - 6000;
    await holds(() => eventsOf(changing, turned.id).length > 2 && changing.now() > changeMs + 25_000);
    // Recorded before and after, and told as if it had been the other way round.
    const texts = changing.query(`select StartDateTime from Events where MonitorId = ${turned.id} order by Id`).flat();
    assert.notDeepEqual(texts, texts.toSorted());
    await withClipFlow(changing.url, async (flow) => {
      const { file } = await clipOf(flow, turned.id, rangeOf(startMs, 12));
      assert.deepEqual([file.problems, file.gaps], [[], []]);
      await expectRange(file.path, turned.startedAt, startMs, 12);
    });
  });
});
