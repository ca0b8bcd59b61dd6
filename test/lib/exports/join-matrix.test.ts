/**
 * Joins parts of all kinds, and decodes what came of it: every picture of every part has to be where it belongs, and every
 * beep with its picture. `JOIN_MATRIX=all` tries all kinds; otherwise a few are enough.
 */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { joinParts } from '../../../lib/exports/join';
import { planJoins, type JoinPart, type JoinPlan } from '../../../lib/exports/join-plan';
import { freeBytes } from '../../../lib/files/folder';
import { inspect } from '../../../lib/mp4/inspect';
import { realFfmpeg } from '../../support/ffmpeg';
import { tempFolder } from '../../support/temp-folder';
import { joinCases, makeParts, partSeconds, type JoinCase, type MadeParts } from './join-cases';
import { range } from './rig';

interface Picture {
  hash: string;
  /** Seconds. */
  at: number;
}

describe('a join of parts of every kind', function () {
  this.timeout(120_000);
  const temp = tempFolder();
  const ffmpeg = realFfmpeg();

  /** As they are shown: what edit lists hide is left out. */
  function picturesOf(file: string): Picture[] {
    const args = ['-v', 'error', '-i', file, '-map', '0:v:0', '-fps_mode', 'passthrough', '-enc_time_base', '1:100000'];
    const text = execFileSync(ffmpeg(), [...args, '-noautorotate', '-f', 'framemd5', '-'].filter((arg) => arg !== '-noautorotate'), { encoding: 'utf8', stdio: 'pipe' }); // prettier-ignore
    const [, numerator, denominator] = /^#tb 0: (\d+)\/(\d+)$/m.exec(text)!;
    const unit = Number(numerator) / Number(denominator);
    return text
      .split('\n')
      .map((line) => line.split(',').map((field) => field.trim()))
      .filter((fields) => fields[0] === '0')
      .map((fields) => ({ at: Number(fields[2]) * unit, hash: fields.at(-1)! }));
  }

  /** When beeps begin, in seconds: by the number of samples before them, or by their time stamps. */
  function beepsIn(file: string, by: 'samples' | 'times'): number[] {
    const filter = by === 'times' ? ['-af', 'aresample=async=1:first_pts=0'] : [];
    const format = ['-ac', '1', '-ar', '8000', '-f', 's16le', '-'];
    const bytes = execFileSync(ffmpeg(), ['-v', 'error', '-i', file, '-map', '0:a:0', ...filter, ...format], { maxBuffer: 2 ** 26 }); // prettier-ignore
    const found: number[] = [];
    let quiet = 1600;
    for (let index = 0; index * 2 + 1 < bytes.length; index += 1) {
      if (Math.abs(bytes.readInt16LE(index * 2)) < 4000) quiet += 1;
      else {
        if (quiet >= 1600) found.push(index / 8000);
        quiet = 0;
      }
    }
    return found;
  }

  async function planned({ paths }: MadeParts): Promise<JoinPlan[]> {
    const found: JoinPart[] = [];
    for (const [index, path] of paths.entries()) {
      const asked = range(index * partSeconds, (index + 1) * partSeconds);
      found.push({ ...asked, path, inspection: await inspect(path) });
    }
    return planJoins(found);
  }

  function checkPictures(file: string, { master, paths }: MadeParts, rate: number): void {
    const found = picturesOf(file);
    const expected = master
      ? picturesOf(master)
      : paths.flatMap((path, index) => {
          const pictures = picturesOf(path);
          return pictures.map(({ at, hash }) => ({ hash, at: at - pictures[0]!.at + index * partSeconds }));
        });
    assert.deepEqual(found.map(({ hash }) => hash), expected.map(({ hash }) => hash)); // prettier-ignore
    for (const [index, { at }] of found.entries()) {
      const away = Math.abs(at - found[0]!.at - expected[index]!.at + expected[0]!.at);
      assert.ok(away < 0.5 / rate, `picture ${index} is ${away.toFixed(3)} s from its place`);
    }
  }

  function checkSound(file: string, { soundSeconds = partSeconds, soundWithin = 0.04 }: JoinCase): void {
    // Cut off before the last second of a part, or going on into the next one, no beep is lost.
    const expected = Array.from({ length: 9 }, (_, second) => second).filter((second) => second % partSeconds < soundSeconds); // prettier-ignore
    const [first] = picturesOf(file);
    for (const by of ['samples', 'times'] as const) {
      const beeps = beepsIn(file, by).map((at) => at - first!.at);
      assert.equal(beeps.length, expected.length, `${by}: ${beeps.join()}`);
      for (const [index, at] of beeps.entries()) {
        const away = Math.abs(at - expected[index]!);
        assert.ok(away < soundWithin, `beep ${index} is ${away.toFixed(3)} s from its place by its ${by}`);
      }
    }
  }

  const chosen = process.env['JOIN_MATRIX'] === 'all' ? joinCases : joinCases.filter(({ quick }) => quick);
  for (const each of chosen) {
    it(`${each.apart ? 'keeps apart' : 'has all of'} ${each.name}`, async function () {
      const folder = join(temp(), 'parts');
      mkdirSync(folder, { recursive: true });
      const write = (text: string): string => {
        writeFileSync(join(folder, 'text.srt'), text);
        return join(folder, 'text.srt');
      };
      const made = makeParts(ffmpeg(), folder, each, write);
      const plans = await planned(made);
      const reasons = plans.map(({ reason }) => reason ?? '').join();
      if (each.apart) {
        assert.equal(plans.length, 3, reasons);
        return assert.match(reasons, each.apart);
      }
      assert.equal(plans.length, 1, reasons);
      const { path, problems, mp4 } = await joinParts({
        plan: plans[0]!,
        folder: temp(),
        name: 'joined.mp4',
        findFfmpeg: async () => ffmpeg(),
        freeBytes,
        signal: new AbortController().signal,
        onProgress: () => undefined,
      });
      checkPictures(path, made, each.rate ?? 25);
      if (each.sound) checkSound(path, each);
      assert.ok(Math.abs(mp4.duration! - 9) < 0.1, `${mp4.duration} s`);
      for (const problem of problems) assert.match(problem, /encoded/);
    });
  }
});
