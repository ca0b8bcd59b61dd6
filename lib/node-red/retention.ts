// Keeps the files of a node within its limits of days and space, while the node runs.
import { join } from 'node:path';
import type { Clock } from '../async/clock';
import { toClipError } from '../errors';
import { Retention, type Limits } from '../files/retention';
import type { ClipFile } from '../provider';
import type { Node } from './node-red';
import type { Runtime } from './runtime';

const dayMs = 86_400_000;
const sweepEveryMs = 3_600_000;
/** Files that are saved soon after one another lead to one sweep. */
const sweepAfterMs = 5_000;

export interface NodeRetention {
  /** A file that a job of the node has written. */
  add(file: ClipFile): void;
  close(): void;
}

export function nodeRetention(runtime: Runtime, node: Node, limits: Limits): NodeRetention {
  const { clock, userFolder, playing } = runtime;
  const retention = new Retention(join(userFolder, 'video-clips', 'written', `${encodeURIComponent(node.id)}.jsonl`));
  const total = { count: 0, bytes: 0 };
  let loggedAt = -Infinity;
  let last: Promise<void> = Promise.resolve();
  let cancelTimer: (() => void) | undefined;
  let isClosed = false;

  /** One after the other. */
  function enqueue(work: () => Promise<void>): void {
    last = last.then(work).catch((thrown: unknown) => node.warn(`Old files: ${toClipError(thrown).message}`));
  }

  function sweepAfter(ms: number): void {
    cancelTimer?.();
    if (isClosed) return;
    cancelTimer = clock.after(ms, () => {
      enqueue(sweep);
      sweepAfter(sweepEveryMs);
    });
  }

  async function sweep(): Promise<void> {
    const { count, bytes, paths } = await retention.sweep(believable(clock), limits, (path) => playing.has(path));
    runtime.activity.forgetFiles(paths);
    total.count += count;
    total.bytes += bytes;
    if (total.count === 0 || clock.steadyNow() - loggedAt < dayMs) return;
    node.log(`Removed ${total.count} old file(s), ${Math.round(total.bytes / 1e6)} MB, as keepDays and keepGB say`);
    loggedAt = clock.steadyNow();
    Object.assign(total, { count: 0, bytes: 0 });
  }

  sweepAfter(sweepAfterMs);
  return {
    add({ path, sha256, size, thumbnail }) {
      const files = [{ path, sha256, size }, ...(thumbnail === undefined ? [] : [{ path: thumbnail }])];
      enqueue(() => retention.add(files, clock.now()));
      sweepAfter(sweepAfterMs);
    },
    close() {
      isClosed = true;
      cancelTimer?.();
    },
  };
}

/** A clock that has jumped ahead by more than a day may be wrong, and what is removed does not come back: then time goes on as it was. */
function believable({ now, steadyNow }: Clock): number {
  return now() - steadyNow() > dayMs ? steadyNow() : now();
}
