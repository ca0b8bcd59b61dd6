import assert from 'node:assert/strict';
import { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import { inspect } from 'node:util';
import { ClipError } from '../../../lib/errors';
import { manualClock } from '../../support/manual-clock';
import { clipNamed, connect, credentials, found, gate, hang, is, loginCounter, never } from './fake';

const request = {
  camera: '1/2',
  start: '2025-03-01T08:50:00.000Z',
  end: '2025-03-01T08:51:00.000Z',
  title: '',
  options: {},
};

describe('a connection', () => {
  it('loads its provider on the first call, and only once', async () => {
    let opened = 0;
    const open = async () => {
      opened += 1;
      return { createClip: hang, getClip: hang, openClip: hang, check: async () => ({ name: 'x', warnings: [] }) };
    };
    const connection = connect({}, { open: (_config) => open() });
    assert.equal(opened, 0);
    await Promise.all([connection.check(never), connection.check(never)]);
    await connection.check(never);
    assert.equal(opened, 1);
  });

  it('marks the clips it makes as its own', async () => {
    const connection = connect({ createClip: async () => found(clipNamed('a')) });
    const clip = await connection.createClip(request, never);
    assert.deepEqual([clip.id, clip.connection, clip.provider], ['a', 'connection-1', 'fake']);
  });

  it('hands clip, offset and etag on as they are', async () => {
    const seen: unknown[] = [];
    const connection = connect({
      openClip: async (clip, { offset, etag }) => {
        seen.push(clip.id, offset, etag);
        return { body: Readable.from([]), resumable: false, offset: 0 };
      },
    });
    await connection.openClip(clipNamed('a'), { offset: 12, etag: '"x"' }, never);
    assert.deepEqual(seen, ['a', 12, '"x"']);
  });

  it('says what a provider cannot do', async () => {
    const connection = connect({});
    await assert.rejects(connection.listCameras(never), is('EUNSUPPORTED', /Fake VMS cannot list cameras/));
    await assert.rejects(connection.deleteClip(clipNamed('a'), never), is('EUNSUPPORTED', /cannot delete/));
    assert.equal(await connection.cancelClip(clipNamed('a'), never), false);
  });

  it('tells that a clip was cancelled where the provider can', async () => {
    const cancelled: string[] = [];
    const connection = connect({ cancelClip: async (clip) => void cancelled.push(clip.id) });
    assert.equal(await connection.cancelClip(clipNamed('a'), never), true);
    assert.deepEqual(cancelled, ['a']);
  });

  it('turns whatever a provider throws into a ClipError', async () => {
    for (const thrown of [new TypeError('x is undefined'), 'text', undefined, { code: 'E' }]) {
      const connection = connect({ createClip: () => Promise.reject(thrown) });
      await assert.rejects(connection.createClip(request, never), is('EFAILED'));
    }
  });

  it('reports a provider that cannot be loaded to every caller', async () => {
    const clock = manualClock();
    const connection = connect({}, { clock, open: () => Promise.reject(new Error(`no x for ${credentials.token}`)) });
    await assert.rejects(connection.check(never), is('EFAILED', /no x for \*\*\*$/));
    const polled = assert.rejects(connection.pollClip(clipNamed('a'), 1000, never), is('EFAILED', /no x for \*\*\*$/));
    await clock.advance(0);
    await polled;
    await connection.close();
  });
});

describe('secrets in what goes wrong on a connection', () => {
  const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  const echo = `I got ${credentials.password}, ${credentials.token}, ${basic} and session-key-1, twice: session-key-1`;
  const leak = (): ClipError => new ClipError('EFAILED', echo, { vendorCode: '-18' });

  function assertClean(error: unknown): boolean {
    assert.ok(error instanceof ClipError);
    assert.equal(error.code, 'EFAILED');
    assert.equal(error.message, 'I got ***, ***, *** and ***, twice: ***');
    const everything = inspect(error, { depth: 10, showHidden: true });
    for (const secret of [credentials.password, credentials.token, basic, 'session-key-1']) {
      assert.ok(!everything.includes(secret), `${secret} in ${everything}`);
    }
    return true;
  }

  it('are taken out of every call that fails', async () => {
    const fail = (): Promise<never> => Promise.reject(leak());
    const connection = connect({
      login: loginCounter().login,
      createClip: fail,
      openClip: fail,
      deleteClip: fail,
      cancelClip: fail,
      listCameras: fail,
      check: fail,
    });
    const clip = clipNamed('a');
    await assert.rejects(connection.createClip(request, never), assertClean);
    await assert.rejects(connection.openClip(clip, { offset: 0 }, never), assertClean);
    await assert.rejects(connection.deleteClip(clip, never), assertClean);
    await assert.rejects(connection.cancelClip(clip, never), assertClean);
    await assert.rejects(connection.listCameras(never), assertClean);
    await assert.rejects(connection.check(never), assertClean);
  });

  it('are taken out when a round of polling fails, as a whole or for one clip', async () => {
    const ways = [
      { getClips: () => Promise.reject(leak()) },
      { getClips: async () => [leak()] },
      { getClip: () => Promise.reject(leak()) },
    ];
    for (const methods of ways) {
      const clock = manualClock();
      const connection = connect({ login: loginCounter().login, ...methods }, { clock });
      const polled = assert.rejects(connection.pollClip(clipNamed('a'), 1000, never), assertClean);
      await clock.advance(0);
      await polled;
    }
  });

  it('are taken out of a refused login, then and ever after', async () => {
    const connection = connect({
      login: () => Promise.reject(new ClipError('EAUTH', `"${credentials.password}" is wrong`)),
    });
    for (let count = 0; count < 2; count += 1) {
      await assert.rejects(connection.check(never), is('EAUTH', /^"\*\*\*" is wrong/));
    }
  });

  it('are taken out of errors that are not ours, stack included', async () => {
    const foreign = new Error('something else');
    foreign.stack = `Error: axios said ${credentials.password}`;
    const connection = connect({ check: () => Promise.reject(foreign) });
    await assert.rejects(connection.check(never), (error) => {
      assert.ok(!inspect(error, { depth: 10, showHidden: true }).includes(credentials.password));
      return true;
    });
  });
});

describe('secrets in good answers', () => {
  const said = `echo of ${credentials.password}`;
  const hidden = 'echo of ***';

  it('are taken out of the texts of clips, cameras, exports and checks, and of nothing else', async () => {
    const clock = manualClock();
    const texts = { title: said, reason: said, cameraName: said, vendorStatus: said };
    const started = { id: said, status: 'busy' as const, path: said, reason: said, cameras: [] };
    const connection = connect(
      {
        createClip: async () => found(clipNamed('a'), { ...texts, ref: { key: said } }),
        getClips: async (clips) => clips.map((clip) => found(clip, texts)),
        listCameras: async () => [{ id: said, name: said }],
        exportVideo: async () => started,
        check: async () => ({ name: said, version: said, warnings: [said] }),
      },
      { clock },
    );
    const made = await connection.createClip(request, never);
    assert.deepEqual(
      [made.title, made.reason, made.cameraName, made.vendorStatus, made.ref],
      [hidden, hidden, hidden, hidden, { key: said }],
    );
    const polled = connection.pollClip(clipNamed('a'), 1000, never);
    await clock.advance(0);
    assert.equal((await polled)?.reason, hidden);
    assert.deepEqual(await connection.listCameras(never), [{ id: said, name: hidden }]);
    const { id, path, reason } = await connection.exportVideo({ cameras: [], path: '', bandwidth: 0 }, never);
    assert.deepEqual([id, path, reason], [said, hidden, hidden]);
    assert.deepEqual(await connection.check(never), { name: hidden, version: hidden, warnings: [hidden] });
  });

  it('are taken out where they came with the session', async () => {
    const connection = connect({
      login: async () => ({ key: 'session-key-4711' }),
      listCameras: async () => [{ id: '1', name: 'of session-key-4711' }],
    });
    assert.deepEqual(await connection.listCameras(never), [{ id: '1', name: 'of ***' }]);
  });
});

describe('closing a connection', () => {
  const closers = () => {
    const closed: unknown[] = [];
    return { closed, close: async (session: unknown) => void closed.push(session) };
  };

  it('cancels everything under way and everything that waits for its turn', async () => {
    const clock = manualClock();
    const connection = connect(
      { createClip: hang, openClip: hang, check: hang, getClips: hang },
      { clock, maxConcurrent: 1 },
    );
    const polling = connection.pollClip(clipNamed('a'), 1000, never);
    const work = [
      // Four fill the slots for commands, the fifth waits.
      ...Array.from({ length: 5 }, () => connection.createClip(request, never)),
      connection.openClip(clipNamed('b'), { offset: 0 }, never),
      connection.transfer(never, () => connection.openClip(clipNamed('c'), { offset: 0 }, never)),
      connection.transfer(never, async () => assert.fail('waits until the connection is closed')),
      polling,
    ].map((call) => assert.rejects(call as Promise<unknown>, is('EABORTED')));
    await clock.advance(0);
    work.push(assert.rejects(connection.pollClip(clipNamed('d'), 1000, never), is('EABORTED')));
    await connection.close();
    await Promise.all(work);
    await clock.advance(60_000);
    assert.equal(clock.waiting, 0);
  });

  it('logs out with the session there is', async () => {
    const { closed, close } = closers();
    const connection = connect({ login: loginCounter().login, close });
    await connection.check(never);
    await connection.close();
    assert.deepEqual(closed, ['session-key-1']);
  });

  it('logs out without a session where none was made', async () => {
    const { closed, close } = closers();
    const refused = connect({ login: () => Promise.reject(new ClipError('EAUTH', 'no')), close });
    await assert.rejects(refused.check(never), is('EAUTH'));
    await refused.close();
    const sessionless = connect({ close });
    await sessionless.check(never);
    await sessionless.close();
    assert.deepEqual(closed, [undefined, undefined]);
  });

  it('cancels a login under way', async () => {
    const { closed, close } = closers();
    const connection = connect({ login: hang, close });
    const checked = assert.rejects(connection.check(never), is('EABORTED'));
    await turn();
    await connection.close();
    await checked;
    assert.deepEqual(closed, [undefined]);
  });

  it('loads nothing where nothing was loaded', async () => {
    const connection = connect({}, { open: () => assert.fail('not needed') });
    await connection.close();
  });

  it('never rejects', async () => {
    const failures = [
      () => Promise.reject(new Error('logout failed')),
      () => {
        throw new Error('logout failed at once');
      },
    ];
    for (const close of failures) {
      const connection = connect({ close });
      await connection.check(never);
      await connection.close();
    }
  });

  it('lets nothing through afterwards', async () => {
    const clock = manualClock();
    const connection = connect({ createClip: async () => assert.fail('closed') }, { clock });
    await connection.close();
    await assert.rejects(connection.createClip(request, never), is('EABORTED'));
    await assert.rejects(connection.openClip(clipNamed('a'), { offset: 0 }, never), is('EABORTED'));
    await assert.rejects(connection.pollClip(clipNamed('a'), 1, never), is('EABORTED'));
    await assert.rejects(
      connection.transfer(never, async () => assert.fail('closed')),
      is('EABORTED'),
    );
    await clock.advance(10_000);
  });
});

describe('a caller that gives up', () => {
  it('leaves the others alone, whatever it waits for', async () => {
    const clock = manualClock();
    const { promise, open } = gate();
    const connection = connect(
      {
        createClip: async () => (await promise, found(clipNamed('made'))),
        getClips: async (clips) => clips.map((clip) => found(clip)),
      },
      { clock, maxConcurrent: 1 },
    );
    const leaving = new AbortController();
    const { signal } = leaving;
    const gone = [
      connection.createClip(request, signal),
      connection.pollClip(clipNamed('a'), 1000, signal),
      connection.transfer(never, () => promise).then(() => connection.transfer(signal, async () => undefined)),
    ].map((call) => assert.rejects(call as Promise<unknown>, is('EABORTED')));
    const staying = [
      connection.createClip(request, never),
      connection.pollClip(clipNamed('a'), 1000, never),
      connection.transfer(never, async () => 'transferred'),
    ];
    leaving.abort();
    open();
    await clock.advance(0);
    await Promise.all(gone);
    const [made, polled, transferred] = await Promise.all(staying);
    assert.equal((made as { id: string }).id, 'made');
    assert.equal((polled as { status: string }).status, 'finished');
    assert.equal(transferred, 'transferred');
  });

  it('gets EABORTED whatever the reason of its signal says', async () => {
    const signal = AbortSignal.abort(new TypeError('redeploy'));
    const connection = connect({});
    await assert.rejects(connection.check(signal), is('EABORTED'));
    await assert.rejects(connection.pollClip(clipNamed('a'), 1, signal), is('EABORTED'));
    await assert.rejects(connection.openClip(clipNamed('a'), { offset: 0 }, signal), is('EABORTED'));
    await assert.rejects(
      connection.transfer(signal, async () => undefined),
      is('EABORTED'),
    );
  });

  it('keeps its own error when that came before', async () => {
    const leaving = new AbortController();
    const connection = connect({});
    const work = connection.transfer(leaving.signal, async () => {
      throw new ClipError('ENOSPACE', 'full');
    });
    await assert.rejects(work, is('ENOSPACE'));
  });
});
