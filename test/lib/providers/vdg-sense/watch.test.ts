// Tests: the stream of events of VDG Sense, as a hint.
import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import { watchEvents } from '../../../../lib/providers/vdg-sense/watch';
import type { SenseApi } from '../../../../lib/providers/vdg-sense/api';
import { manualClock } from '../../../support/manual-clock';

/** Streams that a test writes; `undefined`: the server has none. */
function rig(isOffered = true) {
  const clock = manualClock();
  const streams: PassThrough[] = [];
  const opened = new EventEmitter();
  const stream = async (): Promise<PassThrough | undefined> => {
    if (!isOffered) return undefined;
    const body = new PassThrough();
    streams.push(body);
    opened.emit('stream');
    return body;
  };
  const end = new AbortController();
  let news = 0;
  const call = { signal: end.signal, session: undefined };
  const watching = watchEvents({ stream } as unknown as SenseApi, clock)(() => (news += 1), call);
  end.signal.addEventListener('abort', () => streams.forEach((body) => body.destroy()));
  const write = async (text: string): Promise<void> => {
    streams.at(-1)!.write(text);
    await clock.advance(0);
  };
  return { clock, streams, write, news: () => news, end, watching };
}

describe('VDG Sense: the stream of events', () => {
  it('is news where there is an event in it, however it is cut', async () => {
    const { write, news, end, watching, clock } = rig();
    await clock.advance(0);
    await write('--part\r\nContent-Type: text/xml\r\n\r\n');
    await write('\r\n');
    assert.equal(news(), 0);
    await write('<result><EVENT><name>Motion</name></EVENT>');
    assert.equal(news(), 1);
    await write('--part\r\n<ev');
    await write('ent id="7"/>');
    assert.equal(news(), 2);
    end.abort();
    await watching;
  });

  it('is opened again after its end, and after a silence, which is news', async () => {
    const { streams, news, end, watching, clock } = rig();
    await clock.advance(0);
    streams[0]!.end();
    await clock.advance(2_000);
    assert.deepEqual([streams.length, news()], [2, 1]);
    await clock.advance(5 * 60_000);
    await clock.advance(5_000);
    assert.deepEqual([streams[1]!.destroyed, streams.length, news()], [true, 3, 2]);
    end.abort();
    await watching;
  });

  it('is not asked for again where the server has none', async () => {
    const { streams, watching, clock } = rig(false);
    await watching;
    assert.deepEqual([streams.length, clock.waiting], [0, 0]);
  });
});
