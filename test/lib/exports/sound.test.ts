import assert from 'node:assert/strict';
import { soundTimeline, usualLength } from '../../../lib/exports/sound';
import type { MediaTrack } from '../../../lib/mp4';

/** Pieces of so many milliseconds each. @param from where the first one begins @param more lengths of pieces behind them */
function track(count: number, length: number, { from = 0, more = [] as number[] } = {}): MediaTrack {
  const lengths = [...Array.from({ length: count }, () => length), ...more];
  const time: number[] = [];
  let end = from;
  for (const each of lengths) {
    time.push(end);
    end += each;
  }
  const zeros = lengths.map(() => 0);
  return {
    handler: 'soun',
    timescale: 1000,
    stsd: Buffer.alloc(0),
    display: Buffer.alloc(0),
    samples: {
      offset: zeros,
      bytes: zeros,
      time,
      shift: zeros,
      sync: lengths.map(() => true),
      description: zeros,
      end,
    },
    shown: { from: 0, to: Infinity, delay: 0 },
  };
}

describe('the sound of joined parts', () => {
  /** Parts of one second. */
  const joined = (tracks: (MediaTrack | undefined)[]) => {
    const timeline = soundTimeline();
    const spans = tracks.map((each, index) => timeline.next(each, { shift: index, start: index, end: index + 1 }));
    return { timeline, spans };
  };

  it('stays within half a piece where each part has some too much', () => {
    const { spans, timeline } = joined(Array.from({ length: 500 }, () => track(48, 21)));
    for (const [index, { at, from }] of spans.entries()) assert.ok(Math.abs(at - index - from * 0.021) <= 0.0106);
    assert.ok(timeline.drift < 0.011, String(timeline.drift));
  });

  it('adds up what parts lack, however little it is', () => {
    const { spans, timeline } = joined(Array.from({ length: 500 }, () => track(47, 21)));
    for (const [index, { at }] of spans.entries()) assert.ok(Math.abs(at - index) <= 0.0106);
    assert.ok(Math.abs(timeline.drift - 499 * 0.013) < 0.02, String(timeline.drift));
  });

  it('leaves out what belongs to the pictures of the next part', () => {
    const { spans, timeline } = joined([track(80, 20), track(80, 20)]);
    assert.deepEqual(spans, [
      { from: 0, to: 50, at: 0 },
      { from: 0, to: 50, at: 1 },
    ]);
    assert.ok(timeline.drift < 1e-9);
  });

  it('begins with the piece before the pictures, which decoders need', () => {
    const { spans } = joined([track(60, 20, { from: -100 })]);
    assert.deepEqual(spans, [{ from: 4, to: 55, at: -0.02 }]);
  });

  it('tells how far it would be off where parts lack sound', () => {
    const { spans, timeline } = joined([track(25, 20), track(25, 20), track(25, 20)]);
    assert.deepEqual(spans.map(({ at }) => at), [0, 1, 2]); // prettier-ignore
    assert.ok(Math.abs(timeline.drift - 1) < 1e-6, String(timeline.drift));
  });

  it('tells so where parts have none at all', () => {
    const { spans, timeline } = joined([track(50, 20), undefined, track(50, 20)]);
    assert.deepEqual(spans[1], { from: 0, to: 0, at: 1 });
    assert.ok(Math.abs(timeline.drift - 1) < 1e-6, String(timeline.drift));
  });

  it('tells so, too, where pieces are too long to be chosen well', () => {
    const { timeline } = joined(Array.from({ length: 10 }, () => track(8, 128)));
    assert.ok(timeline.drift > 0.04, String(timeline.drift));
  });

  it('knows how long a piece is, whatever one of them is stretched to', () => {
    assert.ok(Math.abs(usualLength(track(100, 21, { more: [900] })) - 0.021) < 1e-9);
    assert.ok(Math.abs(usualLength(track(0, 0, { more: [21, 22, 21, 21, 22, 21] })) - 128 / 6000) < 1e-9);
  });
});
