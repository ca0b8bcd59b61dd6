// Finds the fragments at the end of one recording that come again at the beginning of the next one.
import type { FragmentIndex } from './fragment-index';
import type { FragmentedFile } from './fragmented';
import type { Fragment } from './moof';

/** Recorders repeat the pictures since the last key frame, and those before an event: a few seconds. */
const mostFragments = 32;
const comparedBytes = 1024;

interface Extent {
  offset: number;
  bytes: number;
}

/**
 * The first fragment of `before` whose pictures `after` begins with. The last one of a recording may be cut short, so that
 * `after` has more of it. `undefined` where nothing comes twice. Sizes decide what is worth reading, bytes whether it is the
 * same: a key frame never looks exactly like another one, unless the picture stands still.
 */
export async function overlapOf(before: FragmentedFile, after: FragmentedFile): Promise<Fragment | undefined> {
  const tail = lastExtents(before);
  const start = firstExtents(after);
  for (let count = tail.length; count >= 1; count -= 1) {
    const repeated = tail.slice(-count);
    if (!(await haveTheirSizes(repeated, start))) continue;
    const found = await before.at(repeated[0]!.offset);
    if (found && (await isSame(before, found, after, after.first))) return found;
  }
  return undefined;
}

/** Of a file without an index only the last fragment is known. */
function lastExtents({ index, last }: FragmentedFile): Extent[] {
  return index ? extentsOf(index).slice(-mostFragments) : [extentOf(last)];
}

/** Reads on only as far as it is asked. */
function firstExtents({ index, first, at }: FragmentedFile): (position: number) => Promise<Extent | undefined> {
  const known = index ? extentsOf(index).slice(0, mostFragments) : [extentOf(first)];
  return async (position) => {
    while (!index && known.length <= position) {
      const last = known.at(-1)!;
      const next = await at(last.offset + last.bytes);
      if (!next) return undefined;
      known.push(extentOf(next));
    }
    return known[position];
  };
}

function extentsOf({ entries, end }: FragmentIndex): Extent[] {
  return entries.map(({ offset }, at) => ({ offset, bytes: (entries[at + 1]?.offset ?? end) - offset }));
}

function extentOf({ offset, end }: Fragment): Extent {
  return { offset, bytes: end - offset };
}

async function haveTheirSizes(
  repeated: Extent[],
  start: (position: number) => Promise<Extent | undefined>,
): Promise<boolean> {
  for (const [position, { bytes }] of repeated.entries()) {
    const other = await start(position);
    if (!other || bytes > other.bytes) return false;
    if (position < repeated.length - 1 && bytes !== other.bytes) return false;
  }
  return true;
}

async function isSame(before: FragmentedFile, one: Fragment, after: FragmentedFile, other: Fragment): Promise<boolean> {
  const length = Math.min(comparedBytes, one.end - one.mediaOffset, other.end - other.mediaOffset);
  if (length <= 0) return false;
  const bytes = await before.source.read(one.mediaOffset, length);
  return bytes.equals(await after.source.read(other.mediaOffset, length));
}
