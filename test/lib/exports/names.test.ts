/** An export takes cameras by their names, too. */
import assert from 'node:assert/strict';
import { runExport, type ExportJobData } from '../../../lib/exports/export';
import { serverExportWaiting } from '../../../lib/exports/server';
import { ClipError } from '../../../lib/errors';
import type { Camera, Provider } from '../../../lib/provider';
import { systemClock } from '../../../lib/async/clock';
import { aContext, aJob, connect } from '../clips/fake';
import { range } from './rig';

const asked = (...cameras: string[]): ExportJobData => ({
  ...serverExportWaiting,
  ...{ to: 'server', connection: 'connection-1', id: 'e' },
  request: { cameras: cameras.map((camera) => ({ camera, ...range(0, 2) })), path: 'D:\\x', bandwidth: 0 },
});

function run(work: ExportJobData, listCameras: Provider['listCameras']) {
  const requested: string[][] = [];
  const connection = connect({
    ...(listCameras ? { listCameras } : {}),
    exportVideo: async (request) => {
      requested.push(request.cameras.map(({ camera }) => camera));
      const cameras = request.cameras.map((camera) => ({ ...camera, status: 'busy' as const }));
      return { id: '1', path: request.path, status: 'busy', cameras };
    },
  });
  const options = {
    clock: systemClock,
    findFfmpeg: () => Promise.reject(new Error('none')),
    onProgress: () => undefined,
  };
  return runExport(aJob(work), connection, aContext<ExportJobData>(), options).then((result) => ({
    result,
    requested,
  }));
}

describe('cameras of an export by their names', () => {
  const cameras: Camera[] = [
    { id: '7/1', name: 'Dock' },
    { id: '7/2', name: 'Yard' },
  ];

  it('are asked for by their ids', async () => {
    const { requested } = await run(asked('Yard', '7/1'), async () => cameras);
    assert.deepEqual(requested, [['7/2', '7/1']]);
  });

  it('are ids where no list can be had', async () => {
    const { requested } = await run(asked('Yard'), () => Promise.reject(new ClipError('ENETWORK', 'away')));
    assert.deepEqual(requested, [['Yard']]);
  });

  it('are refused where name and id are of the same camera', async () => {
    const { result, requested } = await run(asked('Yard', '7/2'), async () => cameras);
    assert.ok(result.type === 'failed');
    assert.equal(result.error.code, 'EINVALID');
    assert.match(result.error.message, /camera 7\/2 is there twice/);
    assert.deepEqual(requested, []);
  });
});
