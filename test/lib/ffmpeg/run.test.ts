import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { runFfmpeg, type FfmpegRun } from '../../../lib/ffmpeg/run';
import { eventually } from '../../support/eventually';
import { failsWith, fakeProgram, infoOf, isRunning, linesOf, makeSource, realFfmpeg } from '../../support/ffmpeg';
import { manualClock } from '../../support/manual-clock';
import { expectNoUnhandledRejections } from '../../support/promises';
import { tempFolder } from '../../support/temp-folder';

const never = new AbortController().signal;
const hang = `echo 'frame= 1 time=00:00:01.00' >&2\nwhile :; do sleep 0.05; done`;
const stubborn = `trap '' TERM\n${hang}`;

describe('running a fake ffmpeg', () => {
  before(function () {
    // They are shell scripts.
    if (process.platform === 'win32') this.skip();
  });
  expectNoUnhandledRejections();
  const folder = tempFolder();
  const fake = (lines: string, name = 'ffmpeg') => fakeProgram(folder(), name, lines);
  const run = (ffmpeg: string, more: Partial<FfmpegRun> = {}) =>
    runFfmpeg({
      ffmpeg,
      inputs: [{ path: '/in.mp4', format: 'mp4' }],
      output: { path: '/out.mp4', format: 'mp4' },
      signal: never,
      ...more,
    });

  it('starts one process, with each argument as it was given', async () => {
    const ffmpeg = fake('');
    await run(ffmpeg, {
      inputs: [
        { path: '/a b/-x%d:1.mp4', format: 'mp4', options: ['-ss', '1'] },
        { path: '/second', format: 'concat', options: ['-safe', '0'] },
      ],
      output: { path: '/o ut/$(id).mp4', format: 'mp4', options: ['-metadata', 'title=two words', '-c copy'] },
    });
    const args = linesOf(`${ffmpeg}.args`);
    const first = args.slice(0, args.indexOf('-i'));
    for (const flag of ['-nostdin', '-hide_banner', '-y', '-ss']) assert.ok(first.includes(flag), flag);
    assert.deepEqual(args.slice(args.indexOf('-protocol_whitelist')), [
      ...['-protocol_whitelist', 'file', '-f', 'mp4', '-i', 'file:/a b/-x%d:1.mp4'],
      ...['-safe', '0', '-protocol_whitelist', 'file', '-f', 'concat', '-i', 'file:/second'],
      ...['-metadata', 'title=two words', '-c copy', '-f', 'mp4', 'file:/o ut/$(id).mp4'],
    ]);
    assert.deepEqual(linesOf(`${ffmpeg}.starts`), ['start']);
  });

  it('makes relative names absolute, so that none begins with a dash', async () => {
    const ffmpeg = fake('');
    await run(ffmpeg, { output: { path: '-y', format: 'mp4' } });
    assert.equal(linesOf(`${ffmpeg}.args`).at(-1), `file:${join(process.cwd(), '-y')}`);
  });

  it('writes nothing without an output path', async () => {
    const ffmpeg = fake('');
    await run(ffmpeg, { output: { format: 'null' } });
    assert.deepEqual(linesOf(`${ffmpeg}.args`).slice(-3), ['-f', 'null', '-']);
  });

  it('runs different programs at the same time', async () => {
    const programs = ['one', 'two', 'three'].map((name) => fake('sleep 0.05', name));
    await Promise.all(programs.map((program) => run(program)));
    for (const program of programs) assert.equal(linesOf(`${program}.starts`).length, 1);
  });

  it('keeps the time of pictures in the words of old and of new versions', async () => {
    const output = { path: '/out.mp4', format: 'mp4', keepFrameTimes: true };
    const current = fake('');
    await run(current, { output });
    assert.match(linesOf(`${current}.args`).join(' '), /-fps_mode vfr -f mp4 file:\/out\.mp4$/);
    const unknown = `echo "Unrecognized option 'fps_mode'." >&2; exit 1`;
    const old = fake(`case "$*" in *fps_mode*) ${unknown};; esac`, 'old');
    await run(old, { output });
    assert.match(linesOf(`${old}.args`).join(' '), /-vsync vfr -f mp4 file:\/out\.mp4$/);
    assert.equal(linesOf(`${old}.starts`).length, 2);
  });

  it('reports progress that only grows', async () => {
    const times = [
      'N/A',
      '-00:00:00.02',
      '00:00:00.00',
      '00:00:01.50',
      '00:00:01.20',
      '-577014:32:22.77',
      '01:02:03.04',
    ];
    const ffmpeg = fake(times.map((time) => `printf 'frame= 1 time=${time} bitrate=N/A\\r' >&2`).join('\n'));
    const seen: number[] = [];
    await run(ffmpeg, { onProgress: ({ seconds }) => seen.push(seconds) });
    assert.deepEqual(seen, [1.5, 3723.04]);
  });

  it('says in plain words why it failed', async () => {
    const full = fake('echo "av_interleaved_write_frame(): No space left on device" >&2; exit 1', 'full');
    await failsWith(run(full), 'ENOSPACE', /disk is full/);
    await failsWith(run(fake('echo "Odd: thing" >&2; exit 1', 'odd')), 'EFFMPEG', /^ffmpeg failed: Odd: thing$/);
    await failsWith(run(fake('kill -9 $$', 'killed')), 'EFFMPEG', /SIGKILL/);
    await failsWith(run(fake('exit 3', 'silent')), 'EFFMPEG', /exit code 3/);
  });

  it('says that it could not be started', async () => {
    const missing = await failsWith(run(join(folder(), 'missing')), 'EFFMPEG', /could not be started \(ENOENT\)/);
    assert.equal(missing.retryable, false);
    const plain = join(folder(), 'plain');
    writeFileSync(plain, 'no program');
    await failsWith(run(plain), 'EFFMPEG', /could not be started \(EACCES\)/);
    await failsWith(run(fake('exit 0'), { output: { path: '/a\0b', format: 'mp4' } }), 'EFFMPEG');
  });

  it('does not start after an abort', async () => {
    const ffmpeg = fake('');
    await failsWith(run(ffmpeg, { signal: AbortSignal.abort() }), 'EABORTED');
    assert.ok(!existsSync(`${ffmpeg}.starts`));
  });

  it('ends the process when aborted right after the call', async () => {
    const ffmpeg = fake(stubborn.replace("trap '' TERM", ''));
    const stop = new AbortController();
    const running = run(ffmpeg, { signal: stop.signal });
    stop.abort();
    await failsWith(running, 'EABORTED');
    const [pid] = linesOf(`${ffmpeg}.pid`);
    assert.ok(pid === undefined || !isRunning(Number(pid)));
  });

  it('ends the process when aborted while it hangs', async () => {
    const ffmpeg = fake(hang);
    const stop = new AbortController();
    await failsWith(run(ffmpeg, { signal: stop.signal, onProgress: () => stop.abort() }), 'EABORTED');
    assert.ok(!isRunning(Number(linesOf(`${ffmpeg}.pid`)[0])));
  });

  it('kills a process that ignores the request to stop', async () => {
    const ffmpeg = fake(stubborn);
    const stop = new AbortController();
    const clock = manualClock();
    const running = run(ffmpeg, { signal: stop.signal, clock, onProgress: () => stop.abort() });
    const outcome = failsWith(running, 'EABORTED');
    await eventually(() => stop.signal.aborted && clock.waiting === 1);
    const pid = Number(linesOf(`${ffmpeg}.pid`)[0]);
    await clock.advance(1999);
    assert.ok(isRunning(pid));
    await clock.advance(1);
    await outcome;
    assert.ok(!isRunning(pid));
    assert.equal(clock.waiting, 0);
  });

  it('ends a process that says nothing for two minutes', async () => {
    const ffmpeg = fake(`echo 'time=00:00:01.00' >&2\nwhile :; do sleep 0.05; done`);
    const clock = manualClock();
    let isStarted = false;
    const running = run(ffmpeg, { clock, onProgress: () => (isStarted = true) });
    let isOver = false;
    const outcome = failsWith(running, 'EFFMPEG', /did nothing for two minutes/).finally(() => (isOver = true));
    await eventually(() => isStarted);
    const pid = Number(linesOf(`${ffmpeg}.pid`)[0]);
    let looks = 0;
    for (; !isOver && looks < 20; looks += 1) {
      await clock.advance(15_000);
      await eventually(() => isOver || clock.waiting === 1);
    }
    await outcome;
    assert.ok(looks >= 8 && looks <= 10, `${looks} looks`);
    assert.ok(!isRunning(pid));
  });

  it('lets a process go on that speaks, or writes to its file', async () => {
    const path = join(folder(), 'growing.mp4');
    const go = join(folder(), 'go');
    const ffmpeg = fake(`while [ ! -e '${go}' ]; do sleep 0.02; done`);
    const clock = manualClock();
    const running = run(ffmpeg, { clock, output: { path, format: 'mp4' } });
    for (let minute = 0; minute < 6; minute += 1) {
      writeFileSync(path, '');
      utimesSync(path, minute, minute);
      await eventually(() => clock.waiting === 1);
      for (let look = 0; look < 4; look += 1) {
        await clock.advance(15_000);
        await eventually(() => clock.waiting === 1);
      }
    }
    writeFileSync(go, '');
    await running;
  });

  it('tells what the process complained of', async () => {
    const ffmpeg = fake(
      `echo '[h264 @ 0x1234] error while decoding MB 3 4' >&2\necho 'frame= 1 time=00:00:01.00' >&2\necho 'x: y' >&2`,
    );
    assert.deepEqual(await run(ffmpeg), { complaints: 2, first: 'h264: error while decoding MB 3 4' });
    assert.deepEqual(await run(fake(`echo 'frame= 1 time=00:00:01.00' >&2`, 'good')), { complaints: 0 });
  });

  it('ends what a wrapper script started, too', async () => {
    const inner = fake(hang, 'inner');
    const ffmpeg = fake(`'${inner}'\necho never`);
    const stop = new AbortController();
    await failsWith(run(ffmpeg, { signal: stop.signal, onProgress: () => stop.abort() }), 'EABORTED');
    await eventually(() => !isRunning(Number(linesOf(`${inner}.pid`)[0])));
    assert.ok(!isRunning(Number(linesOf(`${ffmpeg}.pid`)[0])));
  });

  it('takes an abort at the very end for an abort, and one after it for nothing', async () => {
    const ffmpeg = fake(`echo 'time=00:00:01.00' >&2\nexec 2>&-\nexit 0`);
    const stop = new AbortController();
    await failsWith(run(ffmpeg, { signal: stop.signal, onProgress: () => stop.abort() }), 'EABORTED');
    const late = new AbortController();
    await run(ffmpeg, { signal: late.signal });
    late.abort();
  });
});

describe('running a real ffmpeg', () => {
  const ffmpeg = realFfmpeg();
  const folder = tempFolder();

  it('reads and writes files whatever they are called', async () => {
    const names = ['-a.mp4', 'b%03d.mp4', 'http:c.mp4', "d 'e' #&?.mp4", 'ünï.part', 'pipe:1'];
    const source = makeSource(ffmpeg(), join(folder(), 'source.mp4'), { seconds: 1, args: ['-c:v', 'mpeg4'] });
    let path = source;
    for (const name of process.platform === 'win32' ? ['-a.mp4', 'b%03d.mp4', 'ünï.part'] : names) {
      const next = join(folder(), name);
      await runFfmpeg({
        ffmpeg: ffmpeg(),
        inputs: [{ path, format: 'mp4' }],
        output: { path: next, format: 'mp4', options: ['-c', 'copy'] },
        signal: never,
      });
      assert.ok((await infoOf(next)).whole, name);
      path = next;
    }
  });

  it('reaches no network through a playlist', async () => {
    const path = join(folder(), 'list.mp4');
    writeFileSync(path, "ffconcat version 1.0\nfile 'http://127.0.0.1:9/x.mp4'\n");
    const output = { format: 'null', options: ['-c', 'copy'] };
    const work = (format: string) =>
      runFfmpeg({
        ffmpeg: ffmpeg(),
        inputs: [{ path, format, options: format === 'concat' ? ['-safe', '0'] : [] }],
        output,
        signal: never,
      });
    await failsWith(work('concat'), 'EFFMPEG', /another place \(http\)/);
    await failsWith(work('mp4'), 'EFFMPEG', /damaged, or not video/);
  });

  it('ends in time when aborted', async () => {
    const path = makeSource(ffmpeg(), join(folder(), 'in.mp4'), { seconds: 2, args: ['-c:v', 'mpeg4'] });
    const stop = new AbortController();
    const running = runFfmpeg({
      ffmpeg: ffmpeg(),
      inputs: [{ path, format: 'mp4', options: ['-re'] }],
      output: { format: 'null' },
      signal: stop.signal,
      onProgress: () => stop.abort(),
    });
    await failsWith(running, 'EABORTED');
  });
});

describe('the module for ffmpeg', () => {
  it('loads no library before it is used', () => {
    const module = JSON.stringify(join(__dirname, '../../../lib/ffmpeg/run'));
    const list = `require(${module}); console.log(Object.keys(require.cache).filter((file) => /ffmpeg/.test(file)).join())`;
    const loaded = execFileSync(process.execPath, ['--require', 'tsx/cjs', '-e', list], { encoding: 'utf8' });
    assert.match(loaded, /lib.ffmpeg.run\.ts/);
    assert.doesNotMatch(loaded, /fluent-ffmpeg|ffmpeg-installer/);
  });

  it('overrides private members of the one version of fluent-ffmpeg that has them', () => {
    const { version } = require('fluent-ffmpeg/package.json') as { version: string };
    const { dependencies } = require('../../../package.json') as { dependencies: Record<string, string> };
    assert.equal(dependencies['fluent-ffmpeg'], version, 'pinned exactly');
    const command = (require('fluent-ffmpeg') as () => Record<string, { length: number }>)();
    const parameters = ['_getArguments', '_prepare', '_getFfmpegPath', '_spawnFfmpeg'].map(
      (name) => command[name]?.length,
    );
    assert.deepEqual(parameters, [0, 2, 1, 4]);
  });
});
