// Opens a fragmented MP4 file for cutting: its head, its times, and where the fragment of a time lies.
import { boxAt, boxReader, unlessDamaged, type Box, type Mp4Source } from './boxes';
import { readFragmentIndex, readSegmentIndex, type FragmentIndex } from './fragment-index';
import { lastFragment, searchFragment, withBytes } from './fragment-search';
import { fragmentAt, type Fragment } from './moof';
import { readMovie, type Movie, type Track } from './movie';

/** A file whose bytes can be had in any order, and as a stream. */
export interface CutSource extends Mp4Source {
  /** Bytes `offset` to `end` (exclusive), one after the other. */
  stream(offset: number, end: number): AsyncIterable<Buffer>;
}

/** Times are seconds on the clock of the file, as its writer counted them. */
export interface FragmentedFile {
  source: CutSource;
  /** All before the first fragment that a player needs: `ftyp` and `moov`. */
  head: Buffer;
  movie: Movie;
  first: Fragment;
  last: Fragment;
  /** Is there an index, so that the places of all fragments are known? */
  index?: FragmentIndex;
  /** The fragment in which that time lies; the nearest one where none does. */
  find(seconds: number): Promise<Fragment>;
  /** The fragment that begins at this place. */
  at(offset: number): Promise<Fragment | undefined>;
}

/** A head has a few KB, and with it comes the first fragment; an index has about 20 bytes for each fragment. */
const edgeBytes = 16 * 1024;
const mostHeadBytes = 16 * 1024 * 1024;

/**
 * `undefined` for a file that is not made of fragments, or has none yet.
 * @throws what `source.read` rejects with
 */
export async function openFragmented(source: CutSource): Promise<FragmentedFile | undefined> {
  const start = await source.read(0, Math.min(edgeBytes, source.size));
  const tailAt = Math.max(start.length, source.size - edgeBytes);
  const tail = tailAt < source.size ? await source.read(tailAt, source.size - tailAt) : Buffer.alloc(0);
  const edges = withBytes(withBytes(source, tailAt, tail), 0, start);
  const head = await readHead(edges);
  const video = head && videoOf(head.movie);
  if (!head || !video) return undefined;
  const { movie } = head;
  const at = (offset: number, from: Mp4Source = edges): Promise<Fragment | undefined> =>
    fragmentAt(boxReader(from), movie, offset);
  const first = head.end < source.size ? await at(head.end) : undefined;
  if (!first) return undefined;
  const found =
    (await readFragmentIndex(edges, video, first.offset)) ?? (head.sidx && (await readSegmentIndex(edges, head.sidx)));
  const index = found && onDecodeClock(found, first);
  const indexed = index && (await at(index.entries.at(-1)!.offset));
  const last = indexed ?? (await lastFragment({ source: edges, first, read: at }));
  const search = (seconds: number): Promise<Fragment> =>
    searchFragment({ source: edges, first, last, read: at }, seconds);
  const find = indexed
    ? async (seconds: number): Promise<Fragment> => (await at(entryAt(index, seconds))) ?? search(seconds)
    : search;
  return { source, head: head.bytes, movie, first, last, ...(indexed ? { index } : {}), find, at };
}

/** An index has the times at which pictures are shown: where their order differs from that of decoding, a little later. */
function onDecodeClock({ entries, end }: FragmentIndex, { startSeconds }: Fragment): FragmentIndex {
  const later = entries[0]!.seconds - startSeconds;
  return { end, entries: entries.map(({ offset, seconds }) => ({ offset, seconds: seconds - later })) };
}

/** The last one that begins at or before that time. */
function entryAt({ entries }: FragmentIndex, seconds: number): number {
  const found = entries.findLast((entry) => entry.seconds <= seconds) ?? entries[0]!;
  return found.offset;
}

/** The longest track where there is no video. */
function videoOf({ tracks }: Movie): Track | undefined {
  return tracks.find(({ handler }) => handler === 'vide') ?? tracks[0];
}

interface Head {
  bytes: Buffer;
  movie: Movie;
  sidx?: Box;
  /** First byte of the first fragment, or of a box before it that belongs to no head. */
  end: number;
}

async function readHead(source: Mp4Source): Promise<Head | undefined> {
  const parts: Buffer[] = [];
  return unlessDamaged(async () => {
    const reader = boxReader(source);
    let movie: Movie | undefined;
    let sidx: Box | undefined;
    let offset = 0;
    while (offset < source.size) {
      const box = await boxAt(reader, offset, source.size, 'the file');
      if (box.type === 'moof' || box.type === 'mdat') break;
      if (box.type === 'sidx') sidx = box;
      if (box.type === 'ftyp' || box.type === 'moov') {
        if (box.end - box.offset > mostHeadBytes) return undefined;
        parts.push(await source.read(box.offset, box.end - box.offset));
      }
      if (box.type === 'moov') movie = await readMovie(reader, box, () => undefined);
      offset = box.end;
    }
    return movie?.fragmented ? { bytes: Buffer.concat(parts), movie, sidx, end: offset } : undefined;
  });
}
