import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, existsSync } from 'node:fs';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClipError, type ErrorCode } from '../../../lib/errors';
import { showFilesExport, type FilesJobData } from '../../../lib/exports/work';
import { workFolder } from '../../../lib/exports/folder';
import type { JobResult } from '../../../lib/jobs/job';
import { aContext } from '../clips/fake';
import { at, exportRig, range } from './rig';

const joinedName = '7_2 2025-03-01T08-50-00Z.mp4';

function done(answer: JobResult<FilesJobData>) {
  assert.ok(answer.type === 'done', JSON.stringify(answer));
  return showFilesExport(answer.data);
}

function failed(answer: JobResult<FilesJobData>, code: ErrorCode, message?: RegExp) {
  assert.ok(answer.type === 'failed', JSON.stringify(answer));
  assert.equal(answer.error.code, code, answer.error.message);
  if (message) assert.match(answer.error.message, message);
  return { error: answer.error, shown: showFilesExport(answer.data!) };
}

describe('an export to files', () => {
  const rig = exportRig();
  const starts = (method: string, camera?: string) =>
    rig.vendor.asked
      .filter((each) => each.method === method && (!camera || each.camera === camera))
      .map(({ start }) => start);

  it('joins the clips of a camera into one file, picture by picture', async () => {
    const shown = done(await rig.run(rig.aWork()));
    assert.deepEqual(await rig.files(), [joinedName, 'SHA256SUMS', 'manifest.json']);
    assert.deepEqual(rig.pictures(rig.path(joinedName)), rig.pictures(rig.film(), { seconds: 6 }));
    assert.deepEqual(shown, {
      id: '1234abcd-0000-4000-8000-000000000000',
      to: 'files',
      status: 'finished',
      progress: 100,
      cameras: [{ camera: '7/2', ...range(0, 6), status: 'finished', progress: 100, path: rig.path(joinedName) }],
      folder: rig.path(),
      manifest: rig.path('manifest.json'),
    });
    assert.ok(!existsSync(workFolder({ folder: rig.path(), id: shown.id })), 'the work folder is gone');
  });

  for (const seconds of [2, 6]) {
    it(`needs no ffmpeg for ${seconds / 2} clips`, async () => {
      const findFfmpeg = () => Promise.reject(new Error('it is not needed'));
      const shown = done(await rig.run(rig.aWork({}, seconds), { options: { findFfmpeg } }));
      assert.equal(shown.cameras[0]!.path, rig.path(joinedName));
      assert.deepEqual(rig.pictures(rig.path(joinedName)), rig.pictures(rig.film(), { seconds }));
    });
  }

  it('keeps the clips apart when told to', async () => {
    const findFfmpeg = () => Promise.reject(new Error('it is not needed'));
    const shown = done(await rig.run(rig.aWork({ join: false }), { options: { findFfmpeg } }));
    const names = ['00', '02', '04'].map((second) => join('7_2', `2025-03-01T08-50-${second}Z.mp4`));
    assert.deepEqual(await rig.files(), [...names, 'SHA256SUMS', 'manifest.json']);
    const [camera] = shown.cameras;
    assert.deepEqual(camera!.parts!.map(({ path }) => path), names.map((name) => rig.path(name))); // prettier-ignore
    assert.deepEqual(camera!.parts!.map(({ start, end }) => ({ start, end })), [range(0, 2), range(2, 4), range(4, 6)]); // prettier-ignore
    assert.equal(camera!.path, undefined);
  });

  it('takes all cameras on at once, oldest first, and never more transfers than the connection allows', async () => {
    const work = rig.aWork({}, 8, ['7/1', '7/2', '7/3']);
    let making = 0;
    let mostMaking = 0;
    rig.vendor.onCreate = () => void (mostMaking = Math.max(mostMaking, (making += 1)));
    rig.vendor.onOpen = () => void (making -= 1);
    const shown = done(await rig.run(work));
    assert.deepEqual(shown.cameras.map(({ status }) => status), ['finished', 'finished', 'finished']); // prettier-ignore
    const asked = starts('create');
    assert.deepEqual(asked, [0, 0, 0, 2, 2, 2, 4, 4, 4, 6, 6, 6]);
    assert.equal(rig.vendor.mostOpen, 2);
    assert.ok(mostMaking > 2 && mostMaking <= 4, `${mostMaking} clips under way`);
  });

  it('gives files a number when their names are taken', async () => {
    await mkdir(rig.path(), { recursive: true });
    for (const name of [joinedName, 'manifest.json', 'SHA256SUMS']) await writeFile(rig.path(name), 'mine');
    const shown = done(await rig.run(rig.aWork()));
    assert.equal(shown.cameras[0]!.path, rig.path('7_2 2025-03-01T08-50-00Z-1.mp4'));
    assert.equal(shown.manifest, rig.path('manifest-1.json'));
    for (const name of [joinedName, 'manifest.json', 'SHA256SUMS'])
      assert.equal(await readFile(rig.path(name), 'utf8'), 'mine');
    const sums = await readFile(rig.path('SHA256SUMS-1'), 'utf8');
    assert.match(sums, /00Z-1\.mp4\n.*manifest-1\.json\n$/);
  });

  it('has progress that only grows, and ends below 100 until all is done', async () => {
    const seen: number[] = [];
    done(await rig.run(rig.aWork({}, 10), { options: { onProgress: ({ progress }) => void seen.push(progress) } }));
    assert.ok(seen.length > 1);
    assert.deepEqual(
      seen,
      [...seen].sort((a, b) => a - b),
    );
    assert.ok(seen.at(-1)! <= 99);
  });

  describe('where there is no footage', () => {
    it('does not ask for gaps that are known, and reports them', async () => {
      rig.vendor.footage = () => ({ gaps: [range(2, 5)] });
      const shown = done(await rig.run(rig.aWork({}, 8)));
      assert.deepEqual(starts('create'), [0, 5, 6]);
      assert.deepEqual(shown.cameras[0]!.gaps, [range(2, 5)]);
      const film = rig.pictures(rig.film(), { seconds: 8 });
      assert.deepEqual(rig.pictures(rig.path(joinedName)), [...film.slice(0, 20), ...film.slice(50)]);
    });

    it('takes a clip without footage for a gap, whether asking for it or making it tells', async () => {
      rig.vendor.onCreate = ({ start }) => {
        if (start === at(2)) throw new ClipError('ENOFOOTAGE', 'no recordings');
      };
      rig.vendor.onPoll = ({ start }) =>
        start === at(4) ? { status: 'failed', reason: 'nothing there', gaps: [range(4, 6)] } : undefined;
      const shown = done(await rig.run(rig.aWork({}, 8)));
      assert.deepEqual(shown.cameras[0]!.gaps, [range(2, 6)]);
      assert.deepEqual(rig.vendor.deleted, []);
    });

    it('reports gaps within clips, too', async () => {
      rig.vendor.onPoll = ({ start, end }) => (start === at(2) ? { gaps: [{ start: at(3.5), end }] } : undefined);
      const shown = done(await rig.run(rig.aWork()));
      assert.deepEqual(shown.cameras[0]!.gaps, [range(3.5, 4)]);
    });

    it('is incomplete when a camera has none at all, and keeps the others', async () => {
      rig.vendor.footage = (camera) => ({ gaps: camera === '7/1' ? [range(-5, 50)] : [] });
      const { error, shown } = failed(
        await rig.run(rig.aWork({}, 4, ['7/1', '7/2'])),
        'EINCOMPLETE',
        /^There is no recording of camera 7\/1/,
      );
      assert.equal(error.retryable, false);
      assert.equal(shown.cameras[0]!.error!.code, 'ENOFOOTAGE');
      assert.equal(shown.cameras[1]!.status, 'finished');
      assert.deepEqual(await rig.files(), [joinedName, 'SHA256SUMS', 'manifest.json']);
    });

    it('takes the page of a gateway for no gap, however long it stays', async () => {
      rig.vendor.onCreate = ({ start }) => {
        if (start === at(2)) throw new ClipError('ENOTFOUND', 'HTTP 404', { inconclusive: true });
      };
      const { shown } = failed(await rig.run(rig.aWork()), 'EINCOMPLETE', /HTTP 404/);
      assert.equal(shown.cameras[0]!.gaps, undefined);
    });

    it('fails in the words of the vendor when no camera has any', async () => {
      rig.vendor.onCreate = () => {
        throw new ClipError('ENOTFOUND', 'no such device');
      };
      failed(await rig.run(rig.aWork()), 'ENOTFOUND', /^No such device.*Nothing was exported/);
      assert.deepEqual(await rig.files(), []);
    });
  });

  describe('when a clip fails', () => {
    it('asks once more, for a new one', async () => {
      rig.vendor.onPoll = ({ start }, count) =>
        start === at(2) && count === 1 ? { status: 'failed', reason: 'disk' } : undefined;
      done(await rig.run(rig.aWork()));
      assert.deepEqual(
        starts('create').filter((start) => start === 2),
        [2, 2],
      );
      assert.deepEqual(rig.vendor.deleted, [`7/2 ${at(2)} ${at(4)}`]);
    });

    it('makes the clip again when it is gone before it is here', async () => {
      rig.vendor.onOpen = ({ start }, count) => {
        if (start === at(2) && count === 1) throw new ClipError('EEXPIRED', 'swept away');
      };
      done(await rig.run(rig.aWork()));
      assert.deepEqual(
        starts('create').filter((start) => start === 2),
        [2, 2],
      );
    });

    it('goes on with all others, then names what is missing', async () => {
      rig.vendor.onPoll = ({ start }) =>
        [at(2), at(4)].includes(start) ? { status: 'failed', reason: 'disk' } : undefined;
      const { error, shown } = failed(await rig.run(rig.aWork({}, 10)), 'EINCOMPLETE');
      assert.match(
        error.message,
        /^Disk.*\(missing: 2025-03-01T08:50:02.000Z to 2025-03-01T08:50:06.000Z\) \(camera 7\/2\)/,
      );
      assert.equal(error.retryable, false);
      assert.equal(shown.status, 'failed');
      const [camera] = shown.cameras;
      assert.deepEqual(
        [camera!.status, camera!.error!.code, camera!.path],
        ['failed', 'EINCOMPLETE', rig.path(joinedName)],
      );
      assert.deepEqual(
        camera!.missing?.map(({ start, end, code }) => [start, end, code]),
        [[at(2), at(6), 'EFAILED']],
      );
      const film = rig.pictures(rig.film(), { seconds: 10 });
      assert.deepEqual(rig.pictures(rig.path(joinedName)), [...film.slice(0, 20), ...film.slice(60)]);
      assert.deepEqual(await rig.files(), [joinedName, 'SHA256SUMS', 'manifest.json']);
    });

    it('is worth another try when the trouble is', async () => {
      rig.vendor.onCreate = ({ start }) => {
        if (start === at(2)) throw new ClipError('ENETWORK', 'the server is away');
      };
      const { error } = failed(await rig.run(rig.aWork()), 'EINCOMPLETE', /server is away/);
      assert.equal(error.retryable, true);
      assert.equal(starts('create').filter((start) => start === 2).length, 2 * 20);
    });

    it('keeps a clip that has less than it should, and says so', async () => {
      rig.vendor.maxClipSeconds = 6;
      rig.vendor.filmOf = ({ start }) => (start === at(6) ? rig.cutOf(rig.film(), 6, 3) : rig.film());
      rig.vendor.onOpen = () => undefined;
      const work = rig.aWork({}, 12);
      const { error, shown } = failed(
        await rig.run(work),
        'EINCOMPLETE',
        /the video has 0\.\d of 6\.0 s|has .* of 6\.0 s/,
      );
      assert.equal(error.retryable, false);
      assert.equal(shown.cameras[0]!.path, rig.path(joinedName));
    });

    it('takes files that are only unusual, and says what is', async () => {
      rig.vendor.spoil = (path) => appendFileSync(path, Buffer.alloc(4));
      const shown = done(await rig.run(rig.aWork()));
      assert.deepEqual(starts('open').sort(), [0, 2, 4]);
      assert.deepEqual(rig.pictures(shown.cameras[0]!.path!), rig.pictures(rig.film(), { seconds: 6 }));
      const manifest = JSON.parse(await readFile(rig.path('manifest.json'), 'utf8')) as {
        cameras: { files: { problems: string[] }[] }[];
      };
      assert.match(manifest.cameras[0]!.files[0]!.problems.join(), /4 bytes of padding/);
    });

    it('keeps a damaged clip in a file of its own, once the same has come twice', async () => {
      rig.vendor.spoil = (path, { start }) => {
        if (start === at(2)) appendFileSync(path, '<html>Bad gateway</html>');
      };
      const { shown } = failed(await rig.run(rig.aWork()), 'EINCOMPLETE', /past the end|does not go on/);
      assert.deepEqual(
        starts('open').filter((start) => start === 2),
        [2, 2],
      );
      assert.equal((await rig.files()).length, 5);
      assert.match(shown.cameras[0]!.problems!.join(), /cannot be joined \(it is damaged\)/);
    });

    it('halves a part that is refused as a whole until only the trouble is left out', async () => {
      rig.vendor.maxClipSeconds = 12;
      rig.vendor.onPoll = ({ start, end }) =>
        start < at(4.5) && end > at(4.5) ? { status: 'failed', reason: 'bad fragment' } : undefined;
      const { error, shown } = failed(await rig.run(rig.aWork({}, 12)), 'EINCOMPLETE');
      assert.match(error.message, /^Bad fragment.*\(missing: 2025-03-01T08:50:03.000Z to 2025-03-01T08:50:06.000Z\)/);
      const film = rig.pictures(rig.film(), { seconds: 12 });
      assert.deepEqual(rig.pictures(shown.cameras[0]!.path!), [...film.slice(0, 30), ...film.slice(60)]);
    });

    it('halves no further where both halves are refused', async () => {
      rig.vendor.maxClipSeconds = 12;
      rig.vendor.onPoll = () => ({ status: 'failed', reason: 'out of order' });
      const { error } = failed(await rig.run(rig.aWork({}, 12)), 'EFAILED');
      assert.match(error.message, /^Out of order/);
      assert.deepEqual(starts('create'), [0, 0, 0, 0, 6, 6]);
    });

    it('stops at once when the login is refused, and keeps what is there', async () => {
      rig.vendor.maxConcurrent = 1;
      rig.vendor.onCreate = ({ start }) => {
        if (start === at(6)) throw new ClipError('EAUTH', 'wrong password');
      };
      const { shown } = failed(await rig.run(rig.aWork({}, 12)), 'EAUTH', /^Wrong password/);
      assert.ok(!starts('create').includes(10));
      assert.equal(shown.cameras[0]!.error!.code, 'EINCOMPLETE');
      assert.ok(existsSync(shown.cameras[0]!.path!));
    });

    it('ends with what is there when the time is over', async () => {
      const clock = rig.impatientClock();
      rig.vendor.onPoll = ({ start }, count) => {
        if (start !== at(4)) return undefined;
        if (count === 20) clock.strike();
        return { status: 'busy' };
      };
      const work = rig.aWork({ giveUpAt: Date.now() + 7_200_000 });
      const { error, shown } = failed(await rig.run(work, { clock }), 'ETIMEOUT', /^The time for the export was over/);
      assert.equal(error.retryable, true);
      assert.deepEqual(rig.pictures(shown.cameras[0]!.path!), rig.pictures(rig.film(), { seconds: 4 }));
    });
  });

  describe('before anything is asked', () => {
    it('says that the folder cannot be written', async () => {
      await writeFile(rig.path(), 'a file');
      failed(await rig.run(rig.aWork()), 'EINVALID', /^A part of the path is a file.*\(exporting to .*exports\)/);
      assert.deepEqual(rig.vendor.asked, []);
    });

    it('says that there are too many clips', async () => {
      rig.vendor.footage = () => ({
        pieces: Array.from({ length: 10_001 }, (_, n) => ({ ...range(n / 1000, (n + 1) / 1000), bytes: 1 })),
        maxPieces: 1,
      });
      failed(await rig.run(rig.aWork({}, 11)), 'ELIMIT', /at most 10000 clips/);
      assert.deepEqual(rig.vendor.asked, []);
    });
  });

  it('leaves out a camera that cannot be asked about, and says why', async () => {
    rig.vendor.footage = (camera) => {
      if (camera === '7/1') throw new ClipError('EFORBIDDEN', 'not for you');
      return {};
    };
    const { shown } = failed(
      await rig.run(rig.aWork({}, 4, ['7/1', '7/2'])),
      'EINCOMPLETE',
      /^Not for you \(camera 7\/1\)/,
    );
    assert.deepEqual(shown.cameras.map(({ status }) => status), ['failed', 'finished']); // prettier-ignore
    assert.equal(starts('create', '7/1').length, 0);
  });

  it('stops when it is told to, and lets go of nothing it has reached', async () => {
    const context = aContext<FilesJobData>();
    rig.vendor.onOpen = ({ start }) => {
      if (start === at(4)) context.stop.abort();
    };
    const { shown } = failed(await rig.run(rig.aWork(), { context }), 'EABORTED');
    assert.equal(shown.status, 'failed');
    assert.ok(existsSync(workFolder({ folder: rig.path(), id: shown.id })));
  });

  it('gives no name to a file that another program has changed after it was looked at', async () => {
    const context = aContext<FilesJobData>();
    const work = rig.aWork();
    context.save = async ({ cameras: [camera] }) => {
      if (!camera!.publishing) return;
      const inside = await readdir(workFolder(work), { recursive: true });
      const made = inside.find((name) => name.endsWith('joined-1.mp4'));
      if (made) appendFileSync(join(workFolder(work), made), 'x');
    };
    const [camera] = done(await rig.run(work, { context })).cameras;
    assert.match(camera!.problems!.join(), /Another program has changed/);
    assert.deepEqual(camera!.parts!.map(({ start, end }) => ({ start, end })), [range(0, 2), range(2, 4), range(4, 6)]); // prettier-ignore
    assert.ok(!existsSync(rig.path(joinedName)));
  });

  it('has a manifest that tells all, and sums that can be checked', async () => {
    rig.vendor.footage = () => ({ gaps: [range(2, 4)] });
    rig.vendor.onPoll = ({ start }) => (start === at(4) ? { status: 'failed', reason: 'disk' } : undefined);
    const before = Date.now();
    const { shown } = failed(await rig.run(rig.aWork({}, 8)), 'EINCOMPLETE');
    const manifest = JSON.parse(await readFile(shown.manifest!, 'utf8'));
    assert.equal(manifest.export, shown.id);
    assert.ok(Date.parse(manifest.written) >= before);
    assert.equal(manifest.tool.name, '@vms-nodes/node-red-video-clips');
    assert.match(manifest.tool.version, /^\d+\.\d+\.\d+/);
    assert.deepEqual(manifest.request, {
      provider: 'fake',
      connection: 'connection-1',
      join: true,
      cameras: [{ camera: '7/2', ...range(0, 8) }],
    });
    const [camera] = manifest.cameras;
    const [file] = camera.files;
    assert.deepEqual([file.file, file.start, file.end], [joinedName, at(0), at(8)]);
    assert.ok(Math.abs(file.duration - 4) < 0.2);
    assert.deepEqual([file.width, file.height, file.codec, file.problems], [128, 96, 'h264', []]);
    assert.deepEqual(camera.gaps, [range(2, 4)]);
    assert.deepEqual(camera.missing.map(({ start, end, code }: { start: string; end: string; code: string }) => [start, end, code]), [[at(4), at(6), 'EFAILED']]); // prettier-ignore
    assert.equal(camera.error.code, 'EINCOMPLETE');
    assert.ok(!JSON.stringify(manifest).includes(rig.temp()), 'paths are relative');
    const checked = execFileSync('sha256sum', ['-c', '--strict', 'SHA256SUMS'], { cwd: rig.path(), encoding: 'utf8' });
    assert.equal(checked, `${joinedName}: OK\nmanifest.json: OK\n`);
  });
});
