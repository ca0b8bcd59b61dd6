import assert from 'node:assert/strict';
import { ClipError, type ErrorCode } from '../../../../lib/errors';
import type { JobEvent } from '../../../../lib/node-red/job-node/event';
import type { Node, Status } from '../../../../lib/node-red/node-red';
import { nodeStatus, type NodeStatus } from '../../../../lib/node-red/job-node/status';
import { manualClock, type ManualClock } from '../../../support/manual-clock';

const texts: Record<string, string> = {
  downloading: '{percent} %',
  several: '{now} · {number} of {of}',
  waitingUntil: 'footage at {time}',
  retrying: '{reason}, again in {seconds} s',
  retryingAt: '{reason}, again at {time}',
  failedMany: '{failed} of {of} failed: {reason}',
  EAUTH: 'login refused',
  EINVALID: 'input refused',
  ENETWORK: 'server unreachable',
};

const downloading = (percent: number): JobEvent => ({ type: 'working', words: ['downloading', { percent }] });
const saved: JobEvent = { type: 'finished', words: ['saved'] };
const failed = (code: ErrorCode, message = 'No'): JobEvent => ({ type: 'failed', error: new ClipError(code, message) });

describe('the status of a node', () => {
  let clock: ManualClock;
  let shown: Status[];
  let status: NodeStatus;

  beforeEach(() => {
    clock = manualClock();
    shown = [];
    const node = { type: 'download-clip', status: (next: Status) => shown.push(next) } as unknown as Node;
    const translate = (key: string, values: Record<string, unknown> = {}): string =>
      (texts[key.split('.').at(-1)!] ?? key.split('.').at(-1)!).replace(/\{(\w+)\}/g, (_, name: string) =>
        String(values[name]),
      );
    status = nodeStatus({ translate: (_set, key, values) => translate(key, values), clock }, node);
  });

  const now = (): string => {
    const { fill, text } = shown.at(-1) ?? {};
    return fill ? `${fill} ${text}` : '';
  };

  it('shows what its only job is at', () => {
    status.report('a', downloading(42));
    assert.equal(now(), 'blue 42 %');
  });

  it('holds no control characters, and not more than there is room for', async () => {
    status.report('a', { type: 'working', words: ['downloading', { percent: 1, vendorStatus: '\u001b[2J\n\u202ex' }] });
    assert.equal(now(), 'blue 1 % ( [2J x)');
    await clock.advance(2_000);
    status.report('a', { type: 'working', words: ['downloading', { percent: 2, vendorStatus: 'x'.repeat(5_000) }] });
    assert.ok(now().length < 200, now());
  });

  it('tells which of several jobs it is at', async () => {
    for (const job of ['a', 'b', 'c']) status.report(job, downloading(1));
    status.report('a', saved);
    status.report('b', downloading(42));
    await clock.advance(1000);
    assert.equal(now(), 'blue 42 % · 2 of 3');
  });

  for (const hours of [-1, 1]) {
    it(`goes on changing when the clock of the system is set by ${hours} h`, async () => {
      status.report('a', downloading(1));
      clock.step(hours * 3_600_000);
      status.report('a', downloading(42));
      await clock.advance(1000);
      assert.equal(now(), 'blue 42 %');
    });
  }

  it('counts afresh once it has had nothing to do', async () => {
    status.report('a', downloading(1));
    status.report('a', saved);
    await clock.advance(1000);
    status.report('b', downloading(42));
    await clock.advance(1000);
    assert.equal(now(), 'blue 42 %');
  });

  it('is yellow while it waits for footage, with the time at which it will ask', () => {
    const until = clock.now() + 90_000;
    status.report('a', { type: 'waiting', until: until + 5_000 });
    status.report('b', { type: 'waiting', until });
    assert.match(now(), /^yellow footage at \d\d:\d\d:\d\d$/);
    assert.ok(now().includes(new Date(until + 5_000).toTimeString().slice(0, 8)));
  });

  it('goes on showing who waits when another job has ended', async () => {
    status.report('a', { type: 'waiting', until: clock.now() + 90_000 });
    status.report('b', downloading(1));
    assert.match(now(), /^blue/);
    status.report('b', saved);
    await clock.advance(1000);
    assert.match(now(), /^yellow footage/);
  });

  it('counts short waits in seconds, and gives the time of long ones', () => {
    const error = new ClipError('ENETWORK', 'No');
    status.report('a', { type: 'retrying', until: clock.now() + 8_000, error });
    assert.equal(now(), 'yellow server unreachable, again in 8 s');
    status.report('a', downloading(1));
    status.report('a', { type: 'retrying', until: clock.now() + 600_000, error });
    assert.match(now(), /^yellow server unreachable, again at \d\d:\d\d:\d\d$/);
  });

  it('keeps a failure to be seen, and says how many of how many', async () => {
    status.report('a', downloading(1));
    status.report('b', downloading(1));
    status.report('a', failed('EAUTH'));
    status.report('b', saved);
    await clock.advance(1000);
    assert.equal(now(), 'red 1 of 2 failed: login refused');
  });

  it('says why the only job failed, not by which code', async () => {
    status.report('a', failed('EAUTH', 'Login refused: wrong password'));
    assert.equal(now(), 'red login refused');
    await clock.advance(1000);
    status.report('b', failed('EINVALID', 'msg.start needs a zone (Z or an offset), as in 2025-03-01T08:50:00Z'));
    assert.equal(now(), 'red input refused: msg.start needs a zone');
  });

  it('keeps a failure in sight beside what runs, until something has gone well', async () => {
    status.report('a', downloading(1));
    status.report('refused', failed('EINVALID', 'msg.clip must be a clip, as create-clip makes it'));
    await clock.advance(1000);
    assert.equal(now(), 'blue 1 % · 2 of 2 · ✗ input refused: msg.clip must be a clip');
    status.report('b', downloading(2));
    status.report('a', saved);
    status.report('c', failed('EABORTED'));
    await clock.advance(1000);
    assert.equal(now(), 'blue 2 % · 4 of 4');
  });

  it("shows the vendor's own word for what it does, while that lasts", async () => {
    status.report('a', { type: 'working', words: ['busy', { vendorStatus: 'RENDERING' }] });
    assert.equal(now(), 'blue busy (RENDERING)');
    status.report('a', { type: 'working', words: ['busy', { vendorStatus: undefined }] });
    await clock.advance(1000);
    assert.equal(now(), 'blue busy');
  });

  it('is grey after a cancel', () => {
    status.report('a', failed('EABORTED'));
    assert.equal(now(), 'grey cancelled');
  });

  it('changes its numbers no more than once a second', async () => {
    for (let percent = 1; percent <= 50; percent += 1) status.report('a', downloading(percent));
    assert.deepEqual(
      shown.map(({ text }) => text),
      ['1 %'],
    );
    await clock.advance(1000);
    assert.deepEqual(
      shown.map(({ text }) => text),
      ['1 %', '50 %'],
    );
  });

  it('shows nothing but the pause while jobs are paused', async () => {
    status.report('a', downloading(1));
    status.pause(true);
    assert.equal(now(), 'yellow paused');
    status.report('a', downloading(2));
    await clock.advance(1000);
    assert.equal(now(), 'yellow paused');
    status.pause(false);
    assert.equal(now(), 'blue 2 %');
  });

  it('stays red while the node is not configured', () => {
    status.misconfigured();
    status.report('a', failed('EABORTED'));
    assert.equal(now(), 'red misconfigured');
  });

  it('is off once it is closed, and stays so', async () => {
    status.report('a', downloading(1));
    status.report('a', downloading(2));
    status.close();
    await clock.advance(1000);
    assert.deepEqual(shown.at(-1), {});
  });
});
