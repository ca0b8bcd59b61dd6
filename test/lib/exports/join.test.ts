import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cp, mkdir, open, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { freeBytes } from '../../../lib/files/folder';
import { hashWhileWritten } from '../../../lib/exports/hash-along';
import { inspect } from '../../../lib/mp4/inspect';
import { joinParts, type Join } from '../../../lib/exports/join';
import { readPackets, repeatsFrom, type JoinPart, type Packet } from '../../../lib/exports/overlap';
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

  const order = (joined: JoinPart[], more: Partial<Join> = {}): Join => ({
    parts: joined,
    folder: rig.temp(),
    name: 'joined.mp4',
    ffmpeg: rig.ffmpeg(),
    freeBytes,
    signal: new AbortController().signal,
    onProgress: () => undefined,
    ...more,
  });
  const film = (seconds: number) => rig.pictures(rig.film(), { seconds });

  it('have every picture once, and are what their hash says', async () => {
    const seen: number[] = [];
    const joined = await joinParts(order(await parts([[0, 2], [2, 4], [4, 6]]), { onProgress: (done) => seen.push(done) })); // prettier-ignore
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
      const joined = await joinParts(order(await parts([[0, 2], [2, 4], [4, 6]], held))); // prettier-ignore
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
    const other = rig.film('other', { args: ['-crf', '30'] });
    const [first] = await parts([[0, 2]]);
    const [second] = await parts([[2, 4]], [[0, 4]], other);
    const joined = await joinParts(order([first!, second!]));
    assert.match(joined.problems.join(), /2\.0 s around .*08:50:02.000Z may be there twice/);
    assert.equal(rig.pictures(joined.path).length, 60);
  });

  it('keep their sound', async () => {
    const source = rig.film('sound', { audio: true, args: ['-c:a', 'aac', '-shortest'] });
    const joined = await joinParts(order(await parts([[0, 2], [2, 4]], undefined, source))); // prettier-ignore
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
    const joined = await joinParts(order(moved, { folder }));
    assert.equal(dirname(joined.path), folder);
    assert.deepEqual(rig.pictures(joined.path), film(4));
  });

  describe('are not', () => {
    it('when ffmpeg fails', async () => {
      const ffmpeg = fakeProgram(rig.temp(), 'ffmpeg', 'echo "broken: Invalid data found" >&2; exit 1');
      await failsWith(joinParts(order(await parts([[0, 2], [2, 4]]), { ffmpeg })), 'EFFMPEG', /Joining the parts/); // prettier-ignore
    });

    it('when ffmpeg says that all is well, and it is not', async () => {
      const none = fakeProgram(rig.temp(), 'none', 'exit 0');
      const made = await parts([[0, 2], [2, 4]]); // prettier-ignore
      await failsWith(joinParts(order(made, { ffmpeg: none })), 'EFFMPEG', /wrote no file/);
      const out = join(rig.temp(), 'joined.mp4');
      const half = fakeProgram(rig.temp(), 'half', `cp '${made[0]!.path}' '${out}'`);
      await failsWith(joinParts(order(made, { ffmpeg: half })), 'EFFMPEG', /has 2\.0 s, its parts have 4\.0 s/);
      const junk = fakeProgram(rig.temp(), 'junk', `echo junk > '${out}'`);
      await failsWith(joinParts(order(made, { ffmpeg: junk })), 'EFFMPEG', /is not the video/);
    });

    it('when the disk has no room for them', async () => {
      await failsWith(joinParts(order(await parts([[0, 2], [2, 4]]), { freeBytes: async () => 1 })), 'ENOSPACE'); // prettier-ignore
    });

    it('when they are not wanted any more', async () => {
      const stop = new AbortController();
      stop.abort();
      await failsWith(joinParts(order(await parts([[0, 2], [2, 4]]), { signal: stop.signal })), 'EABORTED'); // prettier-ignore
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

  it('keeps the clips when there is no room for a joined file', async () => {
    const answer = await rig.run(rig.aWork(), { options: { freeBytes: async () => 1 } });
    assert.ok(answer.type === 'failed');
    assert.equal(answer.error.code, 'ENOSPACE');
    assert.deepEqual(await rig.files(), [name(1), name(2), name(3), 'SHA256SUMS', 'manifest.json']);
  });

  it('keeps the clips when they cannot be joined, and fails with the reason', async () => {
    const findFfmpeg = async () => fakeProgram(rig.temp(), 'ffmpeg', 'echo "Conversion failed!" >&2; exit 1');
    const answer = await rig.run(rig.aWork(), { options: { findFfmpeg } });
    assert.ok(answer.type === 'failed');
    assert.equal(answer.error.code, 'EFFMPEG');
    assert.match(answer.error.message, /Joining the parts.*Everything else is there/);
    assert.deepEqual(await rig.files(), [name(1), name(2), name(3), 'SHA256SUMS', 'manifest.json']);
    assert.equal(showFilesExport(answer.data!).cameras[0]!.parts!.length, 3);
  });
});

describe('pictures that come twice', () => {
  const packets = (text: string, from = 0): Packet[] =>
    [...text].map((hash, index) => ({ at: from + index, size: '1', hash }));

  const cases: [what: string, tail: string, start: string, most: number, expected: number | undefined][] = [
    ['are found where one ends as the other starts', 'abcdef', 'efgh', 3, 4],
    ['are none where nothing is the same', 'abc', 'def', 3, undefined],
    ['are none where only the first is the same', 'abcdef', 'exyz', 3, undefined],
    ['are as many as there can be', 'xaaaa', 'aaaab', 10, 1],
    ['are not more than there can be', 'xaaaa', 'aaaab', 2, 3],
    ['are not more than the next part has', 'abcdef', 'cde', 10, undefined],
    ['are none without pictures', '', 'abc', 3, undefined],
    ['are none without a next one', 'abc', '', 3, undefined],
  ];
  for (const [what, tail, start, most, expected] of cases) {
    it(what, () => assert.equal(repeatsFrom(packets(tail), packets(start), most), expected));
  }

  it('are told apart by what ffmpeg prints of them', () => {
    const text = `#format: frame checksums
#tb 0: 1/1000
0,        -40,          0,       40,     1234, ab12
0,          0,         40,       40,      567, cd34
`;
    assert.deepEqual(readPackets(text), [
      { at: -0.04, size: '1234', hash: 'ab12' },
      { at: 0, size: '567', hash: 'cd34' },
    ]);
  });
});

describe('a file that is hashed while it is written', () => {
  const rig = exportRig();
  const mdat = (size: number, length: number): Buffer => {
    const box = Buffer.alloc(8 + length, 7);
    box.writeUInt32BE(size, 0);
    box.write('mdat', 4, 'latin1');
    return box;
  };
  const box = (type: string, length: number): Buffer => {
    const made = Buffer.alloc(length, 1);
    made.writeUInt32BE(length, 0);
    made.write(type, 4, 'latin1');
    return made;
  };
  const sha = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex');

  /** Writes as ffmpeg does: the length of the media data comes last. */
  async function written(mediaBytes: number, expected: number): Promise<[string, Buffer]> {
    const path = join(rig.temp(), 'growing.mp4');
    const hash = hashWhileWritten(path, expected);
    const handle = await open(path, 'w');
    await handle.write(Buffer.concat([box('ftyp', 32), box('free', 8), mdat(0, mediaBytes >> 1)]));
    await new Promise((resolve) => setTimeout(resolve, 50));
    await handle.write(Buffer.alloc(mediaBytes - (mediaBytes >> 1), 9));
    await handle.write(box('moov', 500));
    const size = Buffer.alloc(4);
    size.writeUInt32BE(mediaBytes + 8);
    await handle.write(size, 0, 4, 40);
    await handle.close();
    const found = await hash.finish();
    await hash.stop();
    return [found, await readFile(path)];
  }

  for (const mediaBytes of [10, 5000, 3_000_001]) {
    it(`has the hash of all of it (${mediaBytes} bytes), whatever was expected`, async () => {
      for (const expected of [mediaBytes, mediaBytes + 1, 0, 2 ** 33]) {
        const [hash, bytes] = await written(mediaBytes, expected);
        assert.equal(hash, sha(bytes), `expected ${expected}`);
      }
    });
  }

  it('may be no MP4 at all, or not come', async () => {
    const path = join(rig.temp(), 'other');
    const hash = hashWhileWritten(path, 10);
    await writeFile(path, 'text');
    assert.equal(await hash.finish(), sha(Buffer.from('text')));
    const none = hashWhileWritten(join(rig.temp(), 'none'), 10);
    await none.stop();
  });
});
