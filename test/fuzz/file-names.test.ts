import assert from 'node:assert/strict';
import nodePath from 'node:path';
import fc from 'fast-check';
import { expandFilename, numbered, rootFolder } from '../../lib/files/filename';
import { fuzz, oddText, resultOrError, suiteTimeoutMs } from './fuzz';

const placeholders = [
  'camera',
  'cameraName',
  'start',
  'end',
  'date',
  'time',
  'localTime',
  'id',
  'provider',
  'title',
  'x',
];
const pieces = fc.oneof(
  fc.constantFrom(...placeholders.map((name) => `{${name}}`)),
  fc.constantFrom('/', '\\', '..', '.', ':', '-', ' ', '.mp4', 'clips', '~', '//', 'C:'),
  oddText,
);
const templates = fc.array(pieces, { minLength: 1, maxLength: 8 }).map((parts) => parts.join(''));
const clips = fc.record({
  camera: oddText,
  cameraName: oddText,
  id: oddText,
  provider: oddText,
  title: oddText,
  start: fc.constantFrom('2025-03-01T08:50:00.000Z', '2025-03-01T08:50:00.123Z', 'soon'),
  end: fc.constant('2025-03-01T08:51:00.000Z'),
});

function isInside(relative: string, path: nodePath.PlatformPath): boolean {
  return ![
    relative === '',
    relative === '..',
    relative.startsWith(`..${path.sep}`),
    path.isAbsolute(relative),
  ].includes(true);
}

describe('Fuzz: file names', function () {
  this.timeout(suiteTimeoutMs);

  for (const [name, path, folder] of [
    ['POSIX', nodePath.posix, '/data/clips'],
    ['Windows', nodePath.win32, 'D:\\data\\clips'],
  ] as const) {
    it(`values never lead out of the folder (${name})`, async () => {
      await fuzz(fc.tuple(templates, clips), async ([template, clip]) => {
        const full = await resultOrError(() => expandFilename(template, clip, { folder, path }));
        if (full === undefined) return;
        assert.ok(path.isAbsolute(full), full);
        assert.ok(!full.includes('\0'));
        const root = rootFolder(template, { folder, path });
        const allowed = path.isAbsolute(template) ? root : folder;
        for (const file of [full, numbered(full, 7, path)]) {
          const inside = path.relative(allowed, file);
          assert.ok(isInside(inside, path), `${file} is not in ${allowed}`);
        }
        assert.ok(Buffer.byteLength(path.basename(full)) <= 255, path.basename(full));
      });
    });

    it(`values alone make one plain name (${name})`, async () => {
      await fuzz(clips, async (clip) => {
        const full = await resultOrError(() => expandFilename('{camera}-{title}-{id}.mp4', clip, { folder, path }));
        if (full === undefined) return;
        assert.equal(path.dirname(full), folder);
        assert.doesNotMatch(path.basename(full), /[\p{Cc}\p{Cf}\p{Cs}<>:"|?*\\/]/u);
      });
    });
  }
});
