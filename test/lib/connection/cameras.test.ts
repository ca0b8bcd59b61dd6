import assert from 'node:assert/strict';
import { readCameras } from '../../../lib/clips/camera';
import { CameraList } from '../../../lib/connection/cameras';
import type { Connection } from '../../../lib/connection/connection';
import { ClipError } from '../../../lib/errors';
import type { Camera } from '../../../lib/provider';
import { manualClock } from '../../support/manual-clock';

const cameras: Camera[] = [
  { id: '7/1', name: 'Dock 1' },
  { id: '7/2', name: ' Gate ' },
  { id: '7/3', name: 'Gate' },
  { id: '7/4', name: 'GATE 2' },
  { id: 'Dock 1', name: 'A camera whose id is the name of another one' },
  { id: '7/5', name: '' },
];

describe('the cameras of a connection', () => {
  const clock = manualClock();
  let asked = 0;
  let answer: () => Promise<Camera[]>;
  let list: CameraList;

  beforeEach(() => {
    asked = 0;
    answer = async () => cameras;
    list = new CameraList(clock, () => {
      asked += 1;
      return answer();
    });
  });

  it('are known by the other ways to write their ids', async () => {
    answer = async () => [{ id: '7.v0', name: 'Yard', aliases: ['7'] }];
    await list.load();
    assert.deepEqual([list.nameOf('7'), list.idOf('7'), list.idOf('yard')], ['Yard', '7', '7.v0']);
    assert.deepEqual([await list.resolve('7'), asked], ['7', 1]);
  });

  it('have names once they are known, and are asked for once for all', async () => {
    assert.equal(list.nameOf('7/1'), undefined);
    await Promise.all([list.load(), list.load()]);
    assert.deepEqual([asked, list.isKnown], [1, true]);
    assert.deepEqual(
      ['7/1', '7/2', '7/5', 'x'].map((id) => list.nameOf(id)),
      ['Dock 1', 'Gate', undefined, undefined],
    );
  });

  for (const hours of [-1, 1]) {
    it(`are asked for again after ten minutes, also when the clock of the system is set by ${hours} h`, async () => {
      await list.load();
      clock.step(hours * 3_600_000);
      await clock.advance(10 * 60_000 - 1);
      list.refresh();
      assert.equal(asked, 1);
      await clock.advance(1);
      list.refresh();
      assert.equal(asked, 2);
    });
  }

  it('are found by their ids first, then by a name that one camera has', async () => {
    assert.equal(list.idOf('Dock 2'), 'Dock 2');
    await list.load();
    assert.deepEqual(
      ['7/1', 'Dock 1', 'gate 2', 'Nowhere'].map((given) => list.idOf(given)),
      ['7/1', 'Dock 1', '7/4', 'Nowhere'],
    );
    assert.throws(() => list.idOf('Gate'), { code: 'EINVALID', message: /^2 cameras are called "Gate"/ });
  });

  it('are asked for before an id that they do not have is believed, and no more than once a minute', async () => {
    assert.equal(await list.resolve('gate 2'), '7/4');
    assert.equal(await list.resolve('Hall'), 'Hall');
    assert.equal(asked, 1);
    await clock.advance(10 * 60_000);
    assert.equal(await list.resolve('7/1'), '7/1');
    assert.equal(asked, 1, 'a known id is one');
    answer = async () => [...cameras, { id: '7/6', name: 'Hall' }];
    assert.equal(await list.resolve('Hall'), '7/6');
    await assert.rejects(list.resolve('Gate'), { code: 'EINVALID' });
    assert.equal(asked, 2);
  });

  it('keep no id from being used where they cannot be had, or are none', async () => {
    answer = () => Promise.reject(new ClipError('ENETWORK', 'Away'));
    assert.deepEqual(await Promise.all([list.resolve('Hall'), list.resolve('7/1')]), ['Hall', '7/1']);
    assert.equal(await list.resolve('Hall'), 'Hall');
    assert.equal(asked, 1);
    await clock.advance(60_000);
    answer = async () => [];
    assert.equal(await list.resolve('Hall'), 'Hall');
    assert.equal(asked, 2);
  });

  it('are asked for again after a while, in the background, and keep their names meanwhile', async () => {
    list.refresh();
    await list.load();
    list.refresh();
    assert.equal(asked, 1);
    await clock.advance(10 * 60_000);
    answer = () => Promise.reject(new ClipError('ENETWORK', 'Away'));
    list.refresh();
    list.refresh();
    await list.load();
    assert.equal(asked, 2);
    assert.equal(list.nameOf('7/1'), 'Dock 1');
    await clock.advance(60_000);
    list.refresh();
    assert.equal(asked, 3);
  });

  describe('in a message', () => {
    const cameraProblem = (id: string): string | undefined => (id.includes(' ') ? 'ids have no blanks' : undefined);
    const read = (given: unknown): Promise<string> =>
      readCameras({ cameras: list, definition: { cameraProblem } } as unknown as Connection, (readCamera) =>
        readCamera(given, 'msg.camera'),
      );

    it('may be names that no id can be, and are looked for then', async () => {
      assert.equal(await read('GATE 2'), '7/4');
    });

    it('are not waited for where an id is given', async () => {
      answer = () => new Promise(() => undefined);
      assert.equal(await read('7/1'), '7/1');
    });

    it('say why they are none', async () => {
      await assert.rejects(read('Hall 3'), {
        code: 'EINVALID',
        message: 'msg.camera ("Hall 3"): ids have no blanks. No camera is called so, either',
      });
      for (const given of [undefined, '', ' ', {}, [], 1.5, 2 ** 60]) {
        await assert.rejects(read(given), { code: 'EINVALID', message: /^msg\.camera must be the id or the name/ });
      }
    });

    it('are ids where the server does not list them', async () => {
      answer = () => Promise.reject(new ClipError('EUNSUPPORTED', 'No list'));
      await assert.rejects(read('Hall 3'), { code: 'EINVALID', message: 'msg.camera ("Hall 3"): ids have no blanks' });
    });
  });
});
