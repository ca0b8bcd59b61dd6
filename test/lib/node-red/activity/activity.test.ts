import assert from 'node:assert/strict';
import { ClipError } from '../../../../lib/errors';
import { activityLog, type Activity, type ActivityJob } from '../../../../lib/node-red/activity/log';
import type { RowNode, Subject } from '../../../../lib/node-red/activity/row';
import type { JobEvent } from '../../../../lib/node-red/job-node/event';

const subject: Subject = {
  connection: 'sense',
  connectionName: 'Sense',
  camera: '7/2',
  cameraName: '',
  cameras: 1,
  start: '2026-03-01T08:50:00.000Z',
  end: '2026-03-01T08:50:30.000Z',
  title: 'Door',
};
const node = (id: string): RowNode => ({ node: id, nodeName: '', nodeType: id, flow: 'tab' });
const working = (word: string, percent?: number): JobEvent => ({ type: 'working', words: [word, { percent }] });
const finished = (word: string): JobEvent => ({ type: 'finished', words: [word] });
const failed = (code: 'EFAILED' | 'EABORTED' | 'EEXPIRED', message = 'No'): JobEvent => ({
  type: 'failed',
  error: new ClipError(code, message),
});

describe('the list of work', () => {
  let now: number;
  let log: Activity;

  beforeEach(() => {
    now = 1000;
    log = activityLog(3, () => now);
  });

  const job = (id: string, clip?: string): ActivityJob => ({ id, subject, ...(clip === undefined ? {} : { clip }) });
  const stages = (): string[] => log.list().map(({ stage }) => stage);

  it('has one row for a clip, from the event until the file', () => {
    const row = log.report(job('j1'), node('create'), { type: 'waiting', until: 5000 });
    log.report(job('j1'), node('create'), working('requesting'));
    log.report(job('j1', 'sense c1'), node('create'), finished('created'));
    log.report(job('j2', 'sense c1'), node('poll'), working('busyPercent', 40));
    assert.deepEqual([stages(), log.list()[0]?.progress], [['polling'], 40]);
    log.report(job('j2', 'sense c1'), node('poll'), finished('finished'));
    log.report(job('j3', 'sense c1'), node('download'), working('downloading', 70));
    log.report(job('j3', 'sense c1'), node('download'), finished('saved'));
    const [only, ...others] = log.list();
    assert.deepEqual(others, []);
    assert.equal(only?.id, row);
    assert.deepEqual(
      [only?.stage, only?.isRunning, only?.node, only?.title, only?.progress],
      ['saved', false, 'download', 'Door', undefined],
    );
  });

  it('shows texts of vendors plain and short', () => {
    const odd = { ...subject, camera: '7\u001b[2J/2', title: `a\r\nb ${'x'.repeat(9_000)}` };
    log.report({ id: 'j1', subject: odd }, node('create'), working('requesting'));
    const [row] = log.list();
    assert.equal(row?.camera, '7 [2J/2');
    assert.match(row.title, /^a b x/);
    assert.ok(row.title.length <= 500);
  });

  it('tells clips of the same id on two connections from one another', () => {
    log.report(job('j1', 'one c1'), node('poll'), working('pending'));
    log.report(job('j2', 'two c1'), node('poll'), working('pending'));
    assert.equal(log.list().length, 2);
  });

  it('says how a job failed, and which of them were cancelled or removed', () => {
    for (const [index, code] of (['EFAILED', 'EABORTED', 'EEXPIRED'] as const).entries()) {
      log.report(job(`j${index}`), node('poll'), failed(code, `because ${code}`));
    }
    assert.deepEqual(stages(), ['failed', 'cancelled', 'expired']);
    assert.deepEqual(log.list()[0]?.error, { code: 'EFAILED', message: 'because EFAILED' });
  });

  it('shortens what vendors say at length', () => {
    log.report(job('j1'), node('poll'), failed('EFAILED', 'x'.repeat(10_000)));
    assert.equal(log.list()[0]?.error?.message.length, 500);
  });

  it('goes on with the row of a job that is tried again, though its clip is another one', () => {
    const row = log.report(job('j1', 'sense c1'), node('poll'), failed('EFAILED'));
    log.report(job('j2', 'sense c2'), node('poll'), working('pending'), row);
    assert.deepEqual(
      log.list().map(({ id, stage, error }) => [id, stage, error]),
      [[row, 'polling', undefined]],
    );
  });

  it('makes room by forgetting what has rested longest, and never what is running', () => {
    log.report(job('running'), node('poll'), working('pending'));
    log.report(job('old'), node('poll'), failed('EFAILED'));
    log.report(job('new'), node('poll'), failed('EABORTED'));
    log.report(job('next'), node('poll'), working('busy'));
    assert.deepEqual(stages(), ['polling', 'cancelled', 'polling']);
    log.report(job('another'), node('poll'), working('busy'));
    assert.equal(log.report(job('too many'), node('poll'), working('busy')), undefined);
    assert.equal(log.list().length, 3);
  });

  it('keeps what is running when it is cleared', () => {
    log.report(job('running'), node('poll'), working('pending'));
    log.report(job('over'), node('poll'), failed('EFAILED'));
    log.clear();
    assert.deepEqual(stages(), ['polling']);
  });

  it('tells of each change once, and of none that is none', () => {
    const row = log.report(job('j1'), node('poll'), working('busyPercent', 1));
    assert.deepEqual(
      log.takeChanges()?.changed.map(({ id }) => id),
      [row],
    );
    now = 2000;
    log.report(job('j1'), node('poll'), working('busyPercent', 1));
    assert.equal(log.takeChanges(), undefined);
    log.report(job('j1'), node('poll'), working('busyPercent', 2));
    assert.deepEqual(
      log.takeChanges()?.changed.map(({ progress, updatedAt }) => [progress, updatedAt]),
      [[2, 2000]],
    );
  });

  it('tells which rows are gone', () => {
    const row = log.report(job('j1'), node('poll'), failed('EFAILED'));
    log.takeChanges();
    log.clear();
    assert.deepEqual(log.takeChanges(), { changed: [], removed: [row] });
  });

  it('says how fast a transfer is, while it lasts', () => {
    const values = { percent: 10, bytesPerSecond: 2_000_000, etaSeconds: 9 };
    log.report(job('j1'), node('download'), { type: 'working', words: ['downloading', values] });
    const [row] = log.list();
    assert.deepEqual([row?.progress, row?.bytesPerSecond, row?.etaSeconds], [10, 2_000_000, 9]);
    log.report(job('j1'), node('download'), working('converting', 5));
    assert.deepEqual([log.list()[0]?.bytesPerSecond, log.list()[0]?.etaSeconds], [undefined, undefined]);
  });

  it('puts rows of an earlier run before its own, as many as there is room for', () => {
    log.report(job('j1', 'sense c1'), node('poll'), failed('EFAILED'));
    log.report(job('j2', 'sense c2'), node('poll'), finished('finished'));
    const [first, second] = log.resting();
    log.takeChanges();
    const next = activityLog(3, () => now);
    for (const id of ['j3', 'j4']) next.report(job(id), node('poll'), working('busy'));
    next.restore([first!, second!]);
    assert.deepEqual(
      next.list().map(({ stage }) => stage),
      ['ready', 'polling', 'polling'],
    );
    next.report(job('j5', 'sense c2'), node('download'), finished('saved'));
    assert.deepEqual(
      next.list().map(({ id, stage }) => [id === second!.row.id, stage]),
      [
        [true, 'saved'],
        [false, 'polling'],
        [false, 'polling'],
      ],
    );
  });

  it('knows the unfinished jobs of a row', () => {
    const row = log.report(job('j1', 'sense c1'), node('poll'), working('pending'))!;
    log.report(job('j2', 'sense c1'), node('other'), working('pending'));
    assert.deepEqual([...log.jobsOf(row)].sort(), [
      ['j1', 'poll'],
      ['j2', 'other'],
    ]);
    log.report(job('j1', 'sense c1'), node('poll'), failed('EABORTED'));
    assert.deepEqual([...log.jobsOf(row)], [['j2', 'other']]);
    assert.equal(log.get(row)?.isRunning, true);
  });
});
