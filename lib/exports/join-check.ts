// Checks a joined file against its parts: every picture is there, in its place, and with its bytes.
import { ClipError } from '../errors';
import { lengthOf, readMp4, shownAt, withFile, type Mp4Info } from '../mp4';
import { readSample, type OpenTrack } from './border';
import type { PlannedPart } from './join-plan';
import { tracksOf } from './layout';

/** Rounding to the timescale of the new file. */
const roundingSeconds = 0.002;

/**
 * Reads the file as it is on disk.
 * @throws EFFMPEG saying what is wrong with it
 */
export function checkJoined(path: string, parts: PlannedPart[]): Promise<Mp4Info> {
  return withFile(path, async (source, handle) => {
    const mp4 = await readMp4(source);
    const [track] = await tracksOf(path);
    if (!mp4.whole || track?.handler !== 'vide')
      throw wrong(mp4.problems.join('; ') || 'there is no video track in it');
    const joined = { track, handle };
    let next = 0;
    for (const planned of parts) next = await checkPart(planned, joined, next);
    const count = track.samples.bytes.length;
    if (count !== next) throw wrong(`it has ${count} pictures, its parts have ${next}`);
    return mp4;
  });
}

/** @returns the number of the first picture of the next part */
async function checkPart({ part, pictures, shift }: PlannedPart, joined: OpenTrack, first: number): Promise<number> {
  const [track] = await tracksOf(part.path);
  if (!track) throw wrong(`the part that starts at ${part.start} cannot be read any more`);
  return withFile(part.path, async (_source, handle) => {
    let next = first;
    let last = pictures.from;
    for (let index = pictures.from; index < pictures.to; index += 1) {
      if (pictures.without.has(index)) continue;
      if (next >= joined.track.samples.bytes.length) throw wrong(`pictures from ${part.start} on are missing`);
      const away = Math.abs(shownAt(joined.track, next) - shownAt(track, index) - shift);
      if (away > Math.max(roundingSeconds, Math.min(lengthOf(track, index), 1))) {
        throw wrong(`a picture of the part that starts at ${part.start} is ${away.toFixed(3)} s from its place`);
      }
      last = index;
      next += 1;
    }
    const ends: [number, number][] = [
      [pictures.from, first],
      [last, next - 1],
    ];
    for (const [index, number] of ends) {
      const [one, other] = [await readSample({ track, handle }, index), await readSample(joined, number)];
      if (!one.equals(other)) throw wrong(`a picture of the part that starts at ${part.start} is another one`);
    }
    return next;
  });
}

function wrong(problem: string): ClipError {
  return new ClipError('EFFMPEG', `the result is not the video: ${problem}`);
}
