import assert from 'node:assert/strict';
import { evaluateCamera, evaluateExport } from '../../../lib/exports/outcome';
import {
  gapsOf,
  missingOf,
  newFilesJobData,
  type CameraJobData,
  type Failure,
  type Part,
  type SavedFile,
} from '../../../lib/exports/work';
import { at, range } from './rig';

const failure = (code: Failure['code'], message = 'why', retryable = false): Failure => ({ code, message, retryable });
const file = (from: number, to: number): SavedFile => ({
  ...{ path: '/x/a.mp4', size: 1, sha256: 'ab', ...range(from * 2, to * 2) },
  ...{ problems: [], parts: [from, to] },
});
const here = (more = {}): Pick<Part, 'file'> => ({
  file: { size: 1, sha256: 'ab', ...range(0, 2), gaps: [], problems: [], isShort: false, ...more },
});

/** Parts of two seconds each. */
function aCamera(parts: Omit<Part, 'start' | 'end'>[], more: Partial<CameraJobData> = {}): CameraJobData {
  const [camera] = newFilesJobData([{ camera: '7/2', ...range(0, parts.length * 2) }], {
    ...{ connection: 'c', id: 'i', folder: '/x', root: '/x', join: true, options: {} },
  }).cameras;
  return { ...camera!, parts: parts.map((part, n) => ({ ...range(n * 2, n * 2 + 2), ...part })), ...more };
}

function evaluated(camera: CameraJobData): CameraJobData {
  evaluateCamera(camera);
  return camera;
}

describe('what has become of a camera', () => {
  it('is all that there is to be had', () => {
    const camera = evaluated(aCamera([here(), { empty: 'none' }, here()], { files: [file(0, 3)] }));
    assert.deepEqual([camera.status, camera.error], ['finished', undefined]);
  });

  it('is nothing where there is no footage, in the words of the vendor where it has any', () => {
    assert.deepEqual(evaluated(aCamera([{ empty: 'no such device' }])).error, failure('ENOFOOTAGE', 'no such device'));
    const { error } = evaluated(aCamera([], range(0, 6)));
    assert.match(error!.message, /no recording of camera 7\/2, 2025-03-01T08:50:00.000Z to/);
  });

  it('is the first failure where nothing is there at all', () => {
    const camera = aCamera([{ empty: 'none' }, { error: failure('ENETWORK', 'away', true) }]);
    assert.deepEqual(evaluated(camera).error, failure('ENETWORK', 'away', true));
  });

  it('is incomplete, with each range that is missing, neighbours as one', () => {
    const lost = { error: failure('EFAILED', 'disk') };
    const camera = evaluated(
      aCamera([lost, lost, here(), lost, { error: failure('ENETWORK', 'away', true) }], { files: [file(2, 3)] }),
    );
    assert.equal(camera.status, 'failed');
    assert.deepEqual([camera.error!.code, camera.error!.retryable], ['EINCOMPLETE', true]);
    assert.equal(
      camera.error!.message,
      `disk (missing: ${at(0)} to ${at(4)}); disk (missing: ${at(6)} to ${at(8)}); away (missing: ${at(8)} to ${at(10)})`,
    );
  });

  it('names only so many ranges', () => {
    const parts = Array.from({ length: 20 }, (_, n) => (n % 2 ? here() : { error: failure('EFAILED') }));
    assert.match(evaluated(aCamera(parts, { files: [file(0, 20)] })).error!.message, /; and 5 more$/);
  });

  it('counts clips that are short as missing, one by one', () => {
    const short = here({ isShort: true, problems: ['the video has 1 of 2 s'] });
    const camera = aCamera([short, short, here()]);
    assert.deepEqual(missingOf(camera).map(({ start, message }) => [start, message]), [
      [at(0), 'the video has 1 of 2 s'],
      [at(2), 'the video has 1 of 2 s'],
    ]); // prettier-ignore
  });

  it('has its gaps in order, each once', () => {
    const camera = aCamera([here({ gaps: [range(1, 2)] }), { empty: 'none' }, here(), { empty: 'none' }], {
      gaps: [range(8, 9), range(-1, 0.5)],
    });
    assert.deepEqual(gapsOf(camera), [range(-1, 0.5), range(1, 4), range(6, 9)]);
  });
});

describe('what has become of an export', () => {
  const work = (...cameras: CameraJobData[]) => ({
    ...newFilesJobData([], { connection: 'c', id: 'i', folder: '/x', root: '/x', join: true, options: {} }),
    cameras,
  });
  const good = () => evaluated(aCamera([here()], { files: [file(0, 1)] }));
  const lost = (code: Failure['code'], more = {}) =>
    evaluated(aCamera([{ error: failure(code, 'why', code === 'ENETWORK') }], more));

  it('is good when all cameras are', () => assert.equal(evaluateExport(work(good(), good()), undefined), undefined));

  const cases: [what: string, cameras: CameraJobData[], ended: Failure | undefined, code: Failure['code'], message: RegExp, retryable: boolean][] = [
    ['nothing, with the reason that all have', [lost('ENOTFOUND'), lost('ENOTFOUND')], undefined, 'ENOTFOUND', /^Why \(camera 7\/2\).*\. Nothing was exported$/, false],
    ['nothing, for several reasons', [lost('ENOTFOUND'), lost('ENETWORK')], undefined, 'EINCOMPLETE', /^Why .*\. Nothing was exported$/, true],
    ['incomplete where one has no footage', [good(), lost('ENOTFOUND')], undefined, 'EINCOMPLETE', /^Why \(camera 7\/2\)\. The export to \/x is incomplete: everything else is there$/, false],
    ['incomplete, with the reason, where another camera failed', [good(), lost('EFORBIDDEN')], undefined, 'EINCOMPLETE', /^Why \(camera 7\/2\)/, false],
    ['what ended it', [good(), lost('ETIMEOUT')], failure('EAUTH', 'x', false), 'EAUTH', /incomplete/, false],
    ['in few words for many cameras', Array.from({ length: 8 }, () => lost('EFAILED')), undefined, 'EFAILED', /and 3 more cameras/, false],
  ]; // prettier-ignore
  for (const [what, cameras, ended, code, message, retryable] of cases) {
    it(`is ${what}`, () => {
      const error = evaluateExport(work(...cameras), ended)!;
      assert.deepEqual([error.code, error.retryable], [code, retryable]);
      assert.match(error.message, message);
    });
  }
});
