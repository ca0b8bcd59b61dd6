import assert from 'node:assert/strict';
import { readFields } from '../../../lib/fields';
import { vdgSense } from '../../../lib/providers/vdg-sense';
import { senseCamera } from '../../simulators/vdg-sense';
import {
  closeAll,
  commands,
  connectTo,
  createFinished,
  download,
  fails,
  never,
  ONE,
  plain,
  readAll,
  request,
  startSense,
  TWO,
} from './vdg-sense/support';

describe('VDG Sense: clips', () => {
  afterEach(closeAll);

  it('are asked for, made, downloaded and deleted', async () => {
    const sim = await startSense({ queue: { makeMs: 1000 } });
    const connection = connectTo(sim);

    const clip = await connection.createClip(request(), never);
    const asked = {
      id: '8070450532247928832',
      camera: `${ONE}/2`,
      start: '2025-03-01T11:00:00.000Z',
      end: '2025-03-01T11:00:02.000Z',
      title: 'Alarm 17',
      connection: 'sense',
      provider: 'vdg-sense',
    };
    assert.deepEqual(plain(clip), { ...asked, status: 'pending', vendorStatus: 'pending (waiting)', progress: 0 });
    const busy = await connection.pollClip(clip, 1000, never);
    assert.deepEqual(plain(busy), { ...asked, status: 'busy', progress: 0 });
    sim.advance(1000);
    const finished = await connection.pollClip(clip, 1000, never);
    const media = await sim.mediaOf(clip.id);
    assert.deepEqual(plain(finished), {
      ...asked,
      ...{ status: 'finished', progress: 100, size: media.size, width: 640, height: 360 },
    });

    const { body, size, offset } = await connection.openClip(finished!, { offset: 0 }, never);
    assert.deepEqual([size, offset], [media.size, 0]);
    assert.ok((await readAll(body)).equals(await readAll(media.read())));

    await connection.deleteClip(finished!, never);
    assert.deepEqual(sim.clips, []);
    assert.equal(await connection.pollClip(clip, 1000, never), undefined);
    assert.deepEqual(commands(sim), [
      ...['webservice', 'addClip', 'getClips', 'getClips', 'downloadClip', 'deleteClip', 'getClips'],
    ]);
  });

  it('are requested in full, and nothing is sent for an option that is not set', async () => {
    const sim = await startSense();
    await connectTo(sim).createClip(request(), never);
    assert.deepEqual(Object.fromEntries(sim.requestsFor('addClip')[0]!.query), {
      command: 'addClip',
      serverid: ONE,
      deviceid: '2',
      description: 'Alarm 17',
      startdate: '2025-03-01 11:00:00.000',
      enddate: '2025-03-01 11:00:02.000',
    });
  });

  it('are requested with the image size and the analytics that the user wants', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const read = (options: object) => readFields(vdgSense.clipOptions, options);
    const sent = async (options: object) => {
      const clip = await connection.createClip(request({ options: read(options) }), never);
      const { query } = sim.requestsFor('addClip').at(-1)!;
      return [clip.width, clip.height, ...['imagewidth', 'imageheight', 'vca'].map((name) => query.get(name))];
    };
    assert.deepEqual(await sent({ imageWidth: 320, imageHeight: 240, vca: 'all' }), [320, 240, '320', '240', 'all']);
    assert.deepEqual(await sent({ imageWidth: '320' }), [320, 176, '320', null, null]);
    assert.deepEqual(await sent({ imageHeight: 176, vca: 'none' }), [320, 176, null, '176', 'none']);
    assert.deepEqual(await sent({ imageWidth: '', imageHeight: '', vca: '' }), [
      undefined,
      undefined,
      null,
      null,
      null,
    ]);
    assert.equal(sim.clips[0]?.vca, 'all');
    assert.equal(sim.clips.at(-1)?.vca, undefined);
  });

  it('outside the sizes that the server makes are its business', async () => {
    const sim = await startSense({ imageSizeOutOfRange: 'refuse' });
    const connection = connectTo(sim);
    const options = { imageWidth: 4096 };
    await assert.rejects(
      connection.createClip(request({ options }), never),
      fails('EINVALID', /out of range.*code -22/, { vendorCode: '-22' }),
    );
    sim.options.imageSizeOutOfRange = 'clamp';
    assert.equal((await connection.createClip(request({ options }), never)).width, 640);
  });

  it('asked for twice are the same clip, under its first title', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const first = await connection.createClip(request({ title: 'first' }), never);
    const second = await connection.createClip(request({ title: 'second' }), never);
    assert.deepEqual([second.id, second.title], [first.id, 'first']);
    assert.equal(sim.clips.length, 1);
  });

  for (const plusIsBlank of [false, true]) {
    for (const title of ['a+b c&d=e?f#g%20', 'Überfall "Süd" <3> 🚨', "it's ; / \\ fine", '', ' padded ', '-1']) {
      it(`keep the title ${JSON.stringify(title)} (plusIsBlank: ${plusIsBlank})`, async () => {
        const sim = await startSense({ plusIsBlank });
        const connection = connectTo(sim);
        const clip = await createFinished(connection, { title });
        assert.equal(sim.clips[0]?.description, title);
        assert.equal(clip.title, title.trim());
      });
    }
  }

  it('may be five minutes long to the millisecond, and no longer', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    assert.equal(connection.maxClipSeconds, 300);
    await connection.createClip(request({ end: '2025-03-01T11:05:00.000Z' }), never);
    const tooLong = fails('ELIMIT', /5 minutes/, { vendorCode: '-38' });
    await assert.rejects(connection.createClip(request({ end: '2025-03-01T11:05:00.001Z' }), never), tooLong);
    sim.options.maxClipMs = 60_000;
    await assert.rejects(connection.createClip(request({ end: '2025-03-01T11:01:01.000Z' }), never), tooLong);
  });

  it('of a range without recordings fail in the words of the server', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const clip = await connection.createClip(request({ camera: `${ONE}/3` }), never);
    await assert.rejects(connection.pollClip(clip, 1000, never), fails('ENOFOOTAGE', /the server says: no recordings/));
  });

  it('of a range that is recorded in part are made or refused as the server likes', async () => {
    const recorded = senseCamera({ serverid: ONE, deviceid: '2', footage: [{ from: '2025-03-01T11:00:01Z' }] });
    const sim = await startSense({ devices: [recorded], partialFootage: 'short' });
    const connection = connectTo(sim);
    await createFinished(connection);
    sim.options.partialFootage = 'failed';
    const refused = await connection.createClip(request({ end: '2025-03-01T11:00:03.000Z' }), never);
    assert.equal((await connection.pollClip(refused, 1000, never))?.reason, 'incomplete recordings');
  });

  it('that the server makes one after the other wait their turn', async () => {
    const sim = await startSense({ queue: { waitMs: 100, makeMs: 1000 } });
    const connection = connectTo(sim);
    const ends = ['02', '03'].map((second) => `2025-03-01T11:00:${second}.000Z`);
    const clips = await Promise.all(ends.map((end) => connection.createClip(request({ end }), never)));
    const statuses = async () =>
      (await Promise.all(clips.map((clip) => connection.pollClip(clip, 1000, never)))).map((clip) => clip?.status);
    assert.deepEqual(await statuses(), ['pending', 'pending']);
    sim.advance(100);
    assert.deepEqual(await statuses(), ['busy', 'pending']);
    sim.advance(1000);
    assert.deepEqual(await statuses(), ['finished', 'pending']);
    sim.advance(1100);
    assert.deepEqual(await statuses(), ['finished', 'finished']);
  });

  it('that the server swept away are not listed, and have expired for who wants to download them', async () => {
    const sim = await startSense({ retention: { ageMs: 60_000 } });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.advance(61_000);
    assert.equal(await connection.pollClip(clip, 1000, never), undefined);
    await assert.rejects(connection.openClip(clip, { offset: 0 }, never), fails('EEXPIRED', /some days/));
  });

  it('that went to make room for others are gone for good as well', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const first = await createFinished(connection);
    sim.options.retention.bytes = first.size! + 1;
    sim.advance(1000);
    const second = await createFinished(connection, { end: '2025-03-01T11:00:01.000Z' });
    const found = await Promise.all([first, second].map((clip) => connection.pollClip(clip, 1000, never)));
    assert.deepEqual(
      found.map((clip) => clip?.id),
      [undefined, second.id],
    );
  });

  it('of an older server than the analytics option are made without a word about it', async () => {
    const sim = await startSense({ version: '2.5.4' });
    await createFinished(connectTo(sim), { options: { vca: 'all' } });
    assert.equal(sim.clips[0]?.vca, undefined);
  });
});

describe('VDG Sense: deleting clips', () => {
  afterEach(closeAll);

  for (const method of ['GET', 'DELETE'] as const) {
    it(`uses ${method} where that is set, and says when the server does not take it`, async () => {
      const sim = await startSense({ deleteMethods: [method] });
      const connection = connectTo(sim, { settings: { deleteMethod: method } });
      await connection.deleteClip(await createFinished(connection), never);
      assert.deepEqual([sim.clips.length, sim.requestsFor('deleteClip')[0]?.method], [0, method]);

      const other = connectTo(sim, { settings: { deleteMethod: method === 'GET' ? 'DELETE' : 'GET' } });
      const clip = await createFinished(other);
      await assert.rejects(
        other.deleteClip(clip, never),
        fails('EUNSUPPORTED', /^The server does not offer this function.*\(deleting the clip of camera 69/),
      );
    });
  }

  it('is done when the clip is already gone', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    sim.removeClip(clip.id);
    await connection.deleteClip(clip, never);
    await connection.cancelClip(clip, never);
  });

  it('stops a clip that is being made, where the server lets it', async () => {
    const sim = await startSense({ queue: { makeMs: Infinity } });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    sim.options.deleteUnfinished = 'refuse';
    await assert.rejects(connection.cancelClip(clip, never), fails('EFAILED', /not finished.*\(deleting/));
    sim.options.deleteUnfinished = 'cancel';
    assert.equal(await connection.cancelClip(clip, never), true);
    assert.deepEqual(sim.clips, []);
  });

  it('tells apart clips of two servers, and names the server', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const clip = await createFinished(connection, { camera: `${TWO}/2` });
    await connection.deleteClip(clip, never);
    const { query } = sim.requestsFor('deleteClip')[0]!;
    assert.deepEqual([query.get('id'), query.get('serverid')], [clip.id, TWO]);
    assert.deepEqual(sim.clips, []);
  });

  it('says what is missing where the server calls the id something else', async () => {
    const sim = await startSense({ clipIdParameter: 'clipid' });
    const connection = connectTo(sim);
    const clip = await createFinished(connection);
    await assert.rejects(connection.deleteClip(clip, never), fails('EINVALID', /not enough parameters/));
    await assert.rejects(download(connection, clip), fails('EINVALID', /not enough parameters/));
  });

  it('takes other names for id and server from its settings', async () => {
    const sim = await startSense({ clipIdParameter: 'clipid', clipServerParameter: 'divaid' });
    const connection = connectTo(sim, { settings: { clipIdName: 'clipid', serverIdName: 'divaid' } });
    const clip = await createFinished(connection, { camera: `${TWO}/2` });
    assert.equal((await download(connection, clip)).length, clip.size);
    await connection.deleteClip(clip, never);
    assert.deepEqual(sim.clips, []);
  });
});

describe('VDG Sense: times without milliseconds', () => {
  afterEach(closeAll);

  const exact = { start: '2025-03-01T11:00:00.400Z', end: '2025-03-01T11:00:02.100Z' };

  it('are refused by the server with a hint when it wants others', async () => {
    const sim = await startSense({ timestamps: 'seconds' });
    await assert.rejects(
      connectTo(sim).createClip(request(), never),
      fails('EINVALID', /code -4 .*without milliseconds/),
    );
    sim.options.timestamps = 'milliseconds';
    const connection = connectTo(sim, { settings: { milliseconds: false } });
    await assert.rejects(connection.createClip(request(), never), fails('EINVALID', /code -4/));
  });

  it('reach outwards to whole seconds, and the clip says so', async () => {
    const sim = await startSense({ timestamps: 'seconds', replies: { milliseconds: false } });
    const connection = connectTo(sim, { settings: { milliseconds: false } });
    const clip = await createFinished(connection, exact);
    const { query } = sim.requestsFor('addClip')[0]!;
    assert.deepEqual([query.get('startdate'), query.get('enddate')], ['2025-03-01 11:00:00', '2025-03-01 11:00:03']);
    assert.deepEqual([clip.start, clip.end], ['2025-03-01T11:00:00.000Z', '2025-03-01T11:00:03.000Z']);
  });

  it('never ask for more than the server makes', async () => {
    const sim = await startSense({ timestamps: 'seconds' });
    const connection = connectTo(sim, { settings: { milliseconds: false } });
    const clip = await connection.createClip(
      request({ start: '2025-03-01T10:00:00.500Z', end: '2025-03-01T10:05:00.500Z' }),
      never,
    );
    assert.deepEqual([clip.start, clip.end], ['2025-03-01T10:00:00.000Z', '2025-03-01T10:05:00.000Z']);
  });

  it('keep milliseconds where the server takes them', async () => {
    const sim = await startSense({ timestamps: 'milliseconds' });
    const clip = await createFinished(connectTo(sim), exact);
    const { query } = sim.requestsFor('addClip')[0]!;
    assert.deepEqual(
      [query.get('startdate'), query.get('enddate')],
      ['2025-03-01 11:00:00.400', '2025-03-01 11:00:02.100'],
    );
    assert.deepEqual([clip.start, clip.end], [exact.start, exact.end]);
  });
});

describe('VDG Sense: the definition', () => {
  it('knows its camera ids', () => {
    const { cameraProblem } = vdgSense;
    for (const camera of [`${ONE}/2`, '1/0', '-1/-2', '9223372036854775807/18446744073709551615']) {
      assert.equal(cameraProblem!(camera), undefined, camera);
    }
    for (const camera of ['', '2', '/', '1/', '/2', '1/2/3', 'a/2', '1/2 ', '1.5/2', '1/2&serverid=3', '1/٣']) {
      assert.match(cameraProblem!(camera) ?? '', /serverid\/deviceid/, camera);
    }
  });

  it('wants an address, and takes its documented defaults for the rest', () => {
    assert.throws(() => readFields(vdgSense.settings, {}), fails('EINVALID', /"Address" \(url\) is required/));
    assert.deepEqual(readFields(vdgSense.settings, { url: 'http://sense.example' }), {
      url: 'http://sense.example',
      auth: 'plain',
      milliseconds: true,
      push: true,
      lenient: false,
      sessionKeyName: 'sessionkey',
      deleteMethod: 'GET',
      clipIdName: 'id',
      serverIdName: 'serverid',
      digestNonce: '',
    });
    assert.deepEqual(readFields(vdgSense.clipOptions, {}), { vca: '' });
  });
});
