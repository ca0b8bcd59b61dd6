import assert from 'node:assert/strict';
import { ClipError } from '../../../lib/errors';
import type { ServerExport, ServerExportRequest } from '../../../lib/provider';
import { manualClock } from '../../support/manual-clock';
import { connect, credentials, expired, is, loginCounter, never, outcomes } from './fake';

const request: ServerExportRequest = {
  cameras: [{ camera: '1/2', start: '2025-03-01T08:50:00.000Z', end: '2025-03-01T08:51:00.000Z' }],
  path: 'E:\\x',
  bandwidth: 0,
};

function anExport(id: string): ServerExport {
  return { id, status: 'busy', path: request.path, cameras: [{ ...request.cameras[0]!, status: 'busy' }] };
}

describe("a connection's exports onto the vendor's storage", () => {
  it('are asked about in one round, each with its own answer', async () => {
    const clock = manualClock();
    const asked: string[][] = [];
    const getExports = async (exports: ServerExport[]) => {
      asked.push(exports.map(({ id }) => id));
      const lost = new ClipError('EFAILED', `lost under ${credentials.password}`);
      return exports.map((each) => (each.id === 'lost' ? lost : each.id === 'gone' ? undefined : each));
    };
    const connection = connect({ getExports }, { clock });
    const polls = ['1', 'lost', 'gone'].map((id) => connection.pollExport(anExport(id), 1000, never));
    const ended = Promise.allSettled(polls);
    await clock.advance(0);
    const [found, lost, gone] = await ended;
    assert.deepEqual(asked, [['1', 'lost', 'gone']]);
    assert.deepEqual(found, { status: 'fulfilled', value: anExport('1') });
    assert.equal(lost!.status === 'rejected' && (lost!.reason as ClipError).message, 'lost under ***');
    assert.deepEqual(gone, { status: 'fulfilled', value: undefined });
  });

  it('are asked about again under a fresh login', async () => {
    const clock = manualClock();
    const counter = loginCounter();
    const sessions: unknown[] = [];
    const connection = connect(
      {
        login: counter.login,
        getExports: async (exports, { session }) => {
          sessions.push(session);
          if (sessions.length === 1) throw expired();
          return exports;
        },
      },
      { clock },
    );
    const polling = connection.pollExport(anExport('1'), 1000, never);
    await clock.advance(0);
    assert.equal((await polling)?.id, '1');
    assert.deepEqual(sessions, ['session-key-1', 'session-key-2']);
  });

  it('let go of whoever no longer wants to know', async () => {
    const clock = manualClock();
    const connection = connect({ getExports: async (exports) => exports }, { clock });
    const stop = new AbortController();
    const polls = outcomes(
      [stop.signal, never].map((signal, index) => connection.pollExport(anExport(String(index)), 1000, signal)),
    );
    stop.abort();
    await clock.advance(0);
    assert.deepEqual(await polls, ['EABORTED', anExport('1')]);
  });

  it('are not possible where the vendor has none', async () => {
    const clock = manualClock();
    const connection = connect({}, { clock });
    await assert.rejects(connection.exportVideo(request, never), is('EUNSUPPORTED', /Fake VMS cannot export/));
    await assert.rejects(connection.cancelExport(anExport('1'), never), is('EUNSUPPORTED', /cannot cancel/));
    assert.equal(await connection.findExport(request, never), undefined);
    const polling = assert.rejects(connection.pollExport(anExport('1'), 1000, never), is('EUNSUPPORTED'));
    await clock.advance(0);
    await polling;
  });
});
