// Walks over the boxes of an MP4 file once, and collects what its index and its fragments say.
import { boxAt, Damaged, TooMuch } from './boxes';
import type { Box, BoxReader } from './boxes';
import { fragmentTimes, type FragmentTimes } from './fragment-times';
import { indexedEnd, readFragment } from './fragments';
import { mediaMap, type MediaMap } from './media';
import { readMovie } from './movie';
import type { Movie } from './movie';
import { spread, type Spread } from './spread';

/** Findings of a walk over the file. */
export interface Walk {
  movie?: Movie;
  media: MediaMap;
  /** Offsets at which some of the pictures begin. */
  pictures: Spread;
  times: FragmentTimes;
  fragments: number;
  hasData: boolean;
  /** End of the file if all that its `sidx` boxes list were there. */
  indexedEnd: number;
  /** Was the walk stopped before the end of the file? */
  stopped?: 'damaged' | 'too much';
}

/** `damage`: something is missing or wrong. `remark`: all that the file lists is there, and players may still be surprised. */
export interface Report {
  damage(problem: string): void;
  remark(problem: string): void;
}

/** A lost part of a file is mostly much longer than this share of it. */
const leastPictures = 32;

export async function walkFile(reader: BoxReader, report: Report): Promise<Walk> {
  const walk: Walk = {
    media: mediaMap(),
    pictures: spread(leastPictures),
    times: fragmentTimes(),
    fragments: 0,
    hasData: false,
    indexedEnd: 0,
  };
  let offset = 0;
  try {
    while (offset < reader.size) {
      const box = await boxAt(reader, offset, reader.size, 'the file');
      try {
        await lookAt(reader, box, walk, report);
      } catch (error) {
        // A box that holds nonsense still has an end: what follows can be checked.
        if (!(error instanceof Damaged) || error instanceof TooMuch) throw error;
        report.damage(error.message);
      }
      offset = box.end;
    }
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    if (walk.movie && (await isPadding(reader, offset, walk.movie.fragmented || walk.fragments > 0))) {
      report.remark(`${reader.size - offset} bytes of padding follow the last box`);
      return walk;
    }
    report.damage(error.message);
    walk.stopped = error instanceof TooMuch ? 'too much' : 'damaged';
  }
  return walk;
}

/** More of it may be room for video that never came. */
const mostPaddingBytes = 64 * 1024;
const paddingBytes: ReadonlySet<number> = new Set([0x00, 0x09, 0x0a, 0x0d, 0x20]);

/**
 * Nothing but zeros and blanks up to the end? Servers and file systems leave some. Behind fragments, up to three zeros are
 * the start of a box that was cut off.
 */
async function isPadding(reader: BoxReader, offset: number, fragmented: boolean): Promise<boolean> {
  const length = reader.size - offset;
  if (length > mostPaddingBytes) return false;
  const bytes = await reader.bytes(offset, length);
  return bytes.every((byte) => paddingBytes.has(byte)) && !(fragmented && length < 4 && bytes[0] === 0);
}

async function lookAt(reader: BoxReader, box: Box, walk: Walk, report: Report): Promise<void> {
  switch (box.type) {
    case 'moov':
      if (walk.movie) {
        // Players read only the first one. Fragmented files that were put together may repeat it, harmlessly.
        if (!walk.movie.fragmented) report.remark('the file has a second index (moov): files were joined end to end');
        return;
      }
      walk.movie = await readMovie(reader, box, (problem) => report.damage(problem.message));
      for (const { id, sampleSeconds, timescale } of walk.movie.tracks) {
        walk.times.start(id, Math.round(sampleSeconds * timescale));
      }
      return;
    case 'mdat':
      walk.hasData = true;
      walk.media.addData(box);
      return;
    case 'moof': {
      walk.fragments++;
      const { number, tracks } = await readFragment(reader, box, walk.movie?.defaults ?? new Map());
      walk.times.add(number, tracks);
      for (const { track, runs } of tracks) {
        const isVideo = walk.movie?.tracks.some(({ handler, id }) => id === track && handler === 'vide');
        for (const { bytes, offset } of runs) {
          walk.media.expect(offset, bytes);
          if (isVideo && bytes > 0) walk.pictures.add(offset);
        }
      }
      return;
    }
    case 'sidx':
      walk.indexedEnd = Math.max(walk.indexedEnd, await indexedEnd(reader, box));
      return;
  }
}
