import assert from 'node:assert/strict';
import { readCameras } from '../../../lib/clips/camera';
import { CameraList } from '../../../lib/connection/cameras';
import type { Connection } from '../../../lib/connection/connection';
import type { ClipError } from '../../../lib/errors';
import { readRanges } from '../../../lib/exports/request';
import { manualClock } from '../../support/manual-clock';

const now = Date.UTC(2025, 2, 1, 9);
const start = '2025-03-01T08:00:00.000Z';
const between = '2025-03-01T08:10:00.000Z';
const end = '2025-03-01T08:30:00.000Z';
const own = { start: '2025-03-01T07:00:00.000Z', end: '2025-03-01T07:10:00.000Z' };

const connection = {
  cameras: new CameraList(manualClock(), async () => [{ id: '7/9', name: 'Gate' }]),
  definition: { cameraProblem: (camera: string) => (camera.includes('?') ? 'ids have no question marks' : undefined) },
} as unknown as Connection;

function read(cameras: unknown, common: { start?: unknown; end?: unknown } = { start, end }) {
  const named = (name: string, value: unknown) => ({ name: `msg.${name}`, value });
  const asked = {
    cameras: named('cameras', cameras),
    start: named('start', common.start),
    end: named('end', common.end),
  };
  return readCameras(connection, (readCamera) => readRanges(asked, now, readCamera));
}

describe('what a message asks to export', () => {
  before(() => connection.cameras.load());

  const accepted: [what: string, cameras: unknown, expected: object[]][] = [
    ['one id', '7/2', [{ camera: '7/2', start, end }]],
    ['a name', 'gate', [{ camera: '7/9', start, end }]],
    ['one id that is a number', 12, [{ camera: '12', start, end }]],
    ['an array of ids', ['7/2', ' 7/3 '], [{ camera: '7/2', start, end }, { camera: '7/3', start, end }]],
    ['entries with a range of their own', [{ camera: '7/2', ...own }, '7/3'], [{ camera: '7/2', ...own }, { camera: '7/3', start, end }]],
    ['an entry with only an end of its own', [{ camera: '7/2', end: between }], [{ camera: '7/2', start, end: between }]],
    ['one entry without an array', { camera: '7/2' }, [{ camera: '7/2', start, end }]],
    ['times in any form', [{ camera: '7/2', start: Date.parse(start), end: new Date(end) }], [{ camera: '7/2', start, end }]],
  ]; // prettier-ignore
  for (const [what, cameras, expected] of accepted) {
    it(`may be ${what}`, async () => {
      assert.deepEqual(await read(cameras), expected);
    });
  }

  it('needs no common range when each camera has its own', async () => {
    assert.deepEqual(await read([{ camera: '7/2', ...own }], {}), [{ camera: '7/2', ...own }]);
  });

  const refused: [what: string, cameras: unknown, common: object | undefined, message: RegExp][] = [
    ['no cameras', [], undefined, /msg\.cameras is empty/],
    ['nothing at all', undefined, undefined, /msg\.cameras must be the id or the name of a camera/],
    ['an empty id', ['7/2', ' '], undefined, /msg\.cameras\[1\] must be the id/],
    ['an entry without a camera', [{ start, end }], undefined, /msg\.cameras\[0\]\.camera must be the id/],
    ['an array in an array', [['7/2']], undefined, /msg\.cameras\[0\] must be the id/],
    ['a number that has lost digits', [6917529027641082000], undefined, /msg\.cameras\[0\] must be the id/],
    ['an id that the vendor cannot have', ['7?2'], undefined, /msg\.cameras\[0\] \("7\?2"\): ids have no question marks/],
    ['a camera twice', ['7/2', { camera: '7/2', ...own }], undefined, /msg\.cameras\[1\]: camera 7\/2 is there twice/],
    ['a range that is missing for one', [{ camera: '7/2', ...own }, '7/3'], {}, /msg\.start \(for camera 7\/3\) .*missing/],
    ['a time without a zone', [{ camera: '7/2', start: '2025-03-01T08:00:00' }], undefined, /msg\.cameras\[0\]\.start needs a zone/],
    ['an end before the start', [{ camera: '7/2', start: end, end: start }], undefined, /The start .* must be before the end .*camera 7\/2/],
  ]; // prettier-ignore
  for (const [what, cameras, common, message] of refused) {
    it(`may not be ${what}`, async () => {
      await assert.rejects(
        () => read(cameras, common),
        (error: ClipError) => error.code === 'EINVALID' && message.test(error.message),
      );
    });
  }
});
