// Makes one MP4 of the events of a range: cut out of them where they are made of fragments, else an event as it is.
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { ClipError, reasonFirst } from '../../errors';
import { planCut, readCut, type Cut } from '../../mp4/cut';
import { readSeconds } from '../../mp4/duration';
import { openFragmented, type CutSource, type FragmentedFile } from '../../mp4/fragmented';
import { destroyOnAbort } from '../../net/body';
import type { OpenClip } from '../../provider';
import { toRange, type TimeRange } from '../../time-range';
import type { Call, ZoneMinderApi } from './api';
import { eventSource, openWhole } from './media';
import type { Recording } from './timeline';

/** An event may begin with pictures from before it: since the last key frame, and those that were asked for. */
const mostBeforeSeconds = 60;
const bufferedBytes = 256 * 1024;

export interface Wanted {
  recordings: Recording[];
  /** Absent: whole events. */
  window?: TimeRange;
  /** Milliseconds in the range that nothing covers. */
  gapMs: number;
}

/** A file and its place on the time line: from its first picture to the end of its last one. */
interface PlacedFile extends TimeRange {
  recording: Recording;
  source: CutSource;
  file?: FragmentedFile;
}

/** An MP4 that is about to be sent. */
export interface Assembly {
  size?: number;
  etag?: string;
  /** Range that the file spans, where known. */
  span?: TimeRange;
  open(offset: number): Promise<{ body: Readable; offset: number; size?: number }>;
}

/** @throws EUNSUPPORTED where the events cannot be one file */
export async function assemble(api: ZoneMinderApi, wanted: Wanted, call: Call, action: string): Promise<Assembly> {
  const { recordings, window, gapMs } = wanted;
  const [only] = recordings;
  const placed: PlacedFile[] = [];
  for (const recording of recordings) {
    const found = await placeFile(api, recording, call, action);
    if (found) placed.push(found);
    else if (recordings.length === 1) return { open: (offset) => openWhole(api, only!.id, { offset }, call, action) };
    else throw notOne(action, 'the server does not send parts of its files');
  }
  const version = `"${versionOf(placed, window)}"`;
  if (placed.length === 1 && !placed[0]!.file) {
    const { source, start, end } = placed[0]!;
    const { size } = source;
    const open = (offset: number) => openWhole(api, only!.id, { offset, size }, call, action);
    return { size, etag: version, span: { start, end }, open };
  }
  const cut = await cutOf(placed, window, action);
  const start = msOf(
    placed.find(({ file }) => file === cut.pieces[0]?.file)!,
    cut.pieces[0]!.first.startSeconds,
  );
  // Holes of less than two seconds are no gaps, and are not in the file either.
  const span = { start, end: start + cut.seconds * 1000 + gapMs };
  return { size: cut.size, etag: version, span, open: (offset) => openCut(cut, placed, offset) };

  async function openCut(
    planned: Cut,
    [first]: PlacedFile[],
    offset: number,
  ): Promise<{ body: Readable; offset: number }> {
    if (planned.isWhole) return openWhole(api, first!.recording.id, { offset, size: planned.size }, call, action);
    return { body: bodyOf(readCut(planned, offset), call.signal, action), offset };
  }
}

async function cutOf(placed: PlacedFile[], window: TimeRange | undefined, action: string): Promise<Cut> {
  const requests = placed.flatMap((each) => {
    const { file } = each;
    if (!file) return [];
    const at = (ms: number | undefined, otherwise: number): number =>
      ms === undefined ? otherwise : file.first.startSeconds + (ms - each.start) / 1000;
    return [{ file, from: at(window?.start, -Infinity), to: at(window?.end, Infinity) }];
  });
  if (requests.length < placed.length) throw notOne(action, 'they are not recorded in fragments');
  const cut = await planCut(requests);
  if (!cut) throw notOne(action, 'they are encoded in different ways');
  if (cut.pieces.length === 0)
    throw new ClipError('ENOFOOTAGE', reasonFirst('the events hold no pictures of that time', action));
  return cut;
}

function notOne(action: string, why: string): ClipError {
  const message = reasonFirst(
    `the events cannot be joined to one clip, because ${why}`,
    action,
    'Use export-video, which gets them one by one',
  );
  return new ClipError('EUNSUPPORTED', message);
}

/** `undefined`: its file can only be had as a whole. */
async function placeFile(
  api: ZoneMinderApi,
  recording: Recording,
  call: Call,
  action: string,
): Promise<PlacedFile | undefined> {
  const source = await eventSource(api, recording.id, call, action);
  const file = source && (await openFragmented(source));
  if (!source) return undefined;
  const seconds = file ? file.last.endSeconds - file.first.startSeconds : await readSeconds(source);
  return { recording, source, ...(file ? { file } : {}), ...placeOf(recording, seconds) };
}

/**
 * The recorder counts `Length` from the start of the event to its last picture: what the file has more lies before it. Only
 * of an event that was ended is it up to date.
 */
function placeOf({ startMs, endMs, isStopped, lengthSeconds }: Recording, seconds: number | undefined): TimeRange {
  if (seconds === undefined) return { start: startMs, end: endMs ?? startMs };
  const isCounted = endMs !== undefined && !isStopped && lengthSeconds !== undefined;
  const more = isCounted ? seconds - lengthSeconds : 0;
  const start = startMs - (more > 0 && more <= mostBeforeSeconds ? more * 1000 : 0);
  return { start, end: start + seconds * 1000 };
}

function msOf({ start, file }: PlacedFile, seconds: number): number {
  return start + (seconds - file!.first.startSeconds) * 1000;
}

/**
 * How far the file of an event reaches that has no end: epoch milliseconds, or the start of the event where it holds nothing
 * that can be played yet.
 */
export async function reachOf(api: ZoneMinderApi, recording: Recording, call: Call, action: string): Promise<number> {
  const source = await eventSource(api, recording.id, call, action);
  const file = source && (await openFragmented(source));
  if (!file) return recording.startMs;
  return recording.startMs + (file.last.endSeconds - file.first.startSeconds) * 1000;
}

/** Finished files do not change, and those that grow have another size each time. */
function versionOf(placed: PlacedFile[], window: TimeRange | undefined): string {
  const parts = placed.map(({ recording, source }) => [recording.id, source.size]);
  return createHash('sha256')
    .update(JSON.stringify([parts, window]))
    .digest('hex')
    .slice(0, 32);
}

/** A stream that ends with `signal`, also while nobody reads it. */
function bodyOf(chunks: AsyncGenerator<Buffer>, signal: AbortSignal, action: string): Readable {
  const body = new Readable({
    highWaterMark: bufferedBytes,
    read() {
      chunks.next().then(
        ({ done, value }) => this.push(done ? null : value),
        (error: Error) => this.destroy(error),
      );
    },
    destroy(error, done) {
      // It may be in the middle of a read that never ends: nobody waits for that.
      chunks.return(undefined).catch(() => undefined);
      done(error);
    },
  });
  destroyOnAbort(body, { signal, action });
  return body;
}

export function toOpenClip({ size, etag, span }: Assembly, opened: Awaited<ReturnType<Assembly['open']>>): OpenClip {
  const { body, offset } = opened;
  const total = size ?? opened.size;
  return {
    body,
    offset,
    resumable: etag !== undefined,
    ...(total === undefined ? {} : { size: total }),
    ...(etag ? { etag } : {}),
    ...(span ? { footage: toRange(span) } : {}),
  };
}
