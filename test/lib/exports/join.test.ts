import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdir, readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freeBytes } from '../../../lib/files/folder';
import { inspect } from '../../../lib/mp4/inspect';
import { joinParts, type Join } from '../../../lib/exports/join';
import { planJoins, type JoinPart } from '../../../lib/exports/join-plan';
import { showFilesExport } from '../../../lib/exports/work';
import { failsWith, fakeProgram, infoOf } from '../../support/ffmpeg';
import { at, exportRig, range } from './rig';

describe('parts of a camera that are joined', () => {
  const rig = exportRig();

  /** Cuts of the film, which hold what `asked` says unless they are cut from and to elsewhere. */
  async function parts(asked: [number, number][], held = asked, film = rig.film()): Promise<JoinPart[]> {
    return Promise.all(
      asked.map(async ([start, end], index) => {
        const path = rig.cutOf(film, held[index]![0], held[index]![1] - held[index]![0]);
        return { ...range(start, end), path, inspection: await inspect(path) };
      }),
    );
  }

  async function order(joined: JoinPart[], more: Partial<Join> = {}): Promise<Join> {
    const [plan, ...others] = await planJoins(joined);
    assert.equal(others.length, 0, others.map(({ reason }) => reason).join());
    return {
      plan: plan!,
      folder: rig.temp(),
      name: 'joined.mp4',
      findFfmpeg: async () => rig.ffmpeg(),
      freeBytes,
      signal: new AbortController().signal,
      onProgress: () => undefined,
      ...more,
    };
  }
  const film = (seconds: number) => rig.pictures(rig.film(), { seconds });

  it('have every picture once, and are what their hash says', async () => {
    const seen: number[] = [];
    const joined = await joinParts(await order(await parts([[0, 2], [2, 4], [4, 6]]), { onProgress: (done) => seen.push(done) })); // prettier-ignore
    assert.deepEqual(rig.pictures(joined.path), film(6));
    const bytes = await readFile(joined.path);
    assert.equal(joined.size, bytes.length);
    assert.equal(joined.sha256, createHash('sha256').update(bytes).digest('hex'));
    assert.deepEqual(joined.problems, []);
    assert.ok(Math.abs(joined.mp4.duration! - 6) < 0.05);
    assert.ok(seen.every((done) => done >= 0 && done <= 1));
  });

  const overlaps: [what: string, held: [number, number][]][] = [
    ['start at the key frame before', [[0, 2], [1, 4], [3, 6]]],
    ['end at the key frame after', [[0, 3], [2, 5], [4, 6]]],
    ['reach out on both sides', [[0, 3], [1, 5], [3, 6]]],
  ]; // prettier-ignore
  for (const [what, held] of overlaps) {
    it(`have every picture once, too, where clips ${what}`, async () => {
      const joined = await joinParts(await order(await parts([[0, 2], [2, 4], [4, 6]], held))); // prettier-ignore
      assert.deepEqual(rig.pictures(joined.path), film(6));
      assert.equal(
        joined.sha256,
        createHash('sha256')
          .update(await readFile(joined.path))
          .digest('hex'),
      );
      assert.deepEqual(joined.problems, []);
    });
  }

  it('are left as they are where nothing comes twice, and it is told', async () => {
    const other = rig.film('other', { args: ['-vf', 'hflip'] });
    const [first] = await parts([[0, 2]]);
    const [second] = await parts([[2, 4]], [[0, 4]], other);
    const joined = await joinParts(await order([first!, second!]));
    assert.match(joined.problems.join(), /2\.0 s around .*08:50:02.000Z may be there twice/);
    assert.equal(rig.pictures(joined.path).length, 60);
  });

  it('are kept apart where one needs pictures that are not there', async () => {
    const open = ['-bf', '2', '-x264-params', 'open-gop=1:scenecut=0'];
    const source = rig.film('open', { args: open });
    const [first, , third] = await parts([[0, 2], [2, 4], [4, 6]], undefined, source); // prettier-ignore
    const plans = await planJoins([first!, third!]);
    assert.match(plans[1]!.reason!, /begins with pictures that need others before them/);
    const closed = await parts([[0, 2], [2, 4], [4, 6]]); // prettier-ignore
    assert.equal((await planJoins([closed[0]!, closed[2]!])).length, 1);
  });

  it('keep their sound', async () => {
    const source = rig.film('sound', { audio: true, args: ['-c:a', 'aac', '-shortest'] });
    const joined = await joinParts(await order(await parts([[0, 2], [2, 4]], undefined, source))); // prettier-ignore
    assert.deepEqual([joined.mp4.audioCodec, joined.problems], ['aac', []]);
    assert.deepEqual(rig.pictures(joined.path), rig.pictures(source, { seconds: 4 }));
  });

  it('may have any folder', async () => {
    const folder = join(rig.temp(), "it's 100% [ä] #1");
    await mkdir(folder);
    const made = await parts([[0, 2], [2, 4]]); // prettier-ignore
    const moved = await Promise.all(
      made.map(async (part, index) => {
        const path = join(folder, `0000${index + 1}.mp4`);
        await cp(part.path, path);
        return { ...part, path };
      }),
    );
    const joined = await joinParts(await order(moved, { folder }));
    assert.equal(dirname(joined.path), folder);
    assert.deepEqual(rig.pictures(joined.path), film(4));
  });

  describe('are not', () => {
    it('when the disk has no room for them', async () => {
      await failsWith(joinParts(await order(await parts([[0, 2], [2, 4]]), { freeBytes: async () => 1 })), 'ENOSPACE'); // prettier-ignore
    });

    it('when they are not wanted any more', async () => {
      const stop = new AbortController();
      stop.abort();
      await failsWith(joinParts(await order(await parts([[0, 2], [2, 4]]), { signal: stop.signal })), 'EABORTED'); // prettier-ignore
    });
  });
});

describe('an export of clips that do not fit together', () => {
  const rig = exportRig();
  const name = (number: number) => `7_2 2025-03-01T08-50-00Z part ${number}.mp4`;

  it('keeps numbered files where the video changes, and says so', async () => {
    rig.film('large', { size: '160x120' });
    rig.vendor.filmOf = ({ start }) => (start >= at(4) ? rig.film('large') : rig.film());
    const answer = await rig.run(rig.aWork({}, 10));
    assert.ok(answer.type === 'done', JSON.stringify(answer));
    assert.deepEqual(await rig.files(), [name(1), name(2), 'SHA256SUMS', 'manifest.json']);
    assert.deepEqual(rig.pictures(rig.path(name(1))), rig.pictures(rig.film(), { seconds: 4 }));
    assert.deepEqual(rig.pictures(rig.path(name(2))), rig.pictures(rig.film('large')).slice(40, 100));
    const [camera] = showFilesExport(answer.data).cameras;
    assert.equal(camera!.path, undefined);
    assert.deepEqual(camera!.parts!.map(({ path, start, end }) => ({ path, start, end })), [
      { path: rig.path(name(1)), ...range(0, 4) },
      { path: rig.path(name(2)), ...range(4, 10) },
    ]); // prettier-ignore
    assert.match(camera!.problems!.join(), /the video changes at 2025-03-01T08:50:04.000Z \(now h264 160x120\)/);
  });

  it('tells an encoder that was only set otherwise from the same one', async () => {
    const baseline = rig.film('baseline', { args: ['-profile:v', 'baseline', '-level', '3.1', '-refs', '2'] });
    rig.vendor.filmOf = ({ start }) => (start === at(2) ? baseline : rig.film());
    const answer = await rig.run(rig.aWork());
    assert.equal(answer.type, 'done', JSON.stringify(answer));
    assert.deepEqual(await rig.files(), [name(1), name(2), name(3), 'SHA256SUMS', 'manifest.json']);
  });

  it('does not take another bit rate for another video', async () => {
    const audio = (rate: string) => rig.film(rate, { audio: true, args: ['-c:a', 'aac', '-b:a', rate, '-shortest'] });
    rig.vendor.filmOf = ({ start }) => audio(start === at(2) ? '32k' : '64k');
    assert.notDeepEqual(await infoOf(audio('32k')), undefined);
    const answer = await rig.run(rig.aWork());
    assert.equal(answer.type, 'done', JSON.stringify(answer));
    assert.equal((await rig.files()).length, 3);
  });

  it('keeps the clips when there is no room for a joined file, and says so', async () => {
    const answer = await rig.run(rig.aWork(), { options: { freeBytes: async () => 1 } });
    assert.ok(answer.type === 'done', JSON.stringify(answer));
    assert.deepEqual(await rig.files(), [name(1), name(2), name(3), 'SHA256SUMS', 'manifest.json']);
    const [camera] = showFilesExport(answer.data).cameras;
    assert.match(camera!.problems!.join(), /are in files of their own\. .*space.* \(joining the parts\)/);
  });

  it('keeps the clips when their sound can neither stay nor be encoded, and says so', async () => {
    const mov = rig.film('mov', { audio: true, args: ['-c:a', 'pcm_mulaw', '-ar', '8000', '-f', 'mov'] });
    rig.vendor.filmOf = () => mov;
    rig.vendor.format = 'mov';
    const findFfmpeg = async () => fakeProgram(rig.temp(), 'ffmpeg', 'echo "Conversion failed!" >&2; exit 1');
    const answer = await rig.run(rig.aWork(), { options: { findFfmpeg } });
    assert.ok(answer.type === 'done', JSON.stringify(answer));
    assert.deepEqual(await rig.files(), [name(1), name(2), name(3), 'SHA256SUMS', 'manifest.json']);
    const [camera] = showFilesExport(answer.data).cameras;
    assert.match(camera!.problems!.join(), /are in files of their own\. ffmpeg failed.* \(joining the parts\)/);
    assert.equal(camera!.parts!.length, 3);
  });
});
