// Measures how fast a transfer is, over its last seconds, and how long the rest will take.
import type { Clock } from '../async/clock';
import type { ClipTransfer } from '../provider';

const windowMs = 10_000;
const sampleEveryMs = 1_000;

/** The returned function takes the bytes so far, and in all where known. */
export function transferRate({ now }: Pick<Clock, 'now'>): (bytes: number, total?: number) => ClipTransfer {
  /** Oldest first. */
  const samples: { at: number; bytes: number }[] = [];
  return (bytes, total) => {
    const at = now();
    const newest = samples.at(-1);
    if (!newest || at - newest.at >= sampleEveryMs) samples.push({ at, bytes });
    while (samples.length > 2 && at - samples[0]!.at > windowMs) samples.shift();
    const [oldest = { at, bytes }] = samples;
    const seconds = (at - oldest.at) / 1000;
    const bytesPerSecond = seconds > 0 ? Math.max(0, Math.round((bytes - oldest.bytes) / seconds)) : 0;
    const isKnown = total !== undefined && bytesPerSecond > 0;
    return {
      bytes,
      ...(total === undefined ? {} : { total }),
      bytesPerSecond,
      ...(isKnown ? { etaSeconds: Math.ceil(Math.max(0, total - bytes) / bytesPerSecond) } : {}),
    };
  };
}
