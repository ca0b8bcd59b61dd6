// Finds what is missing or contradicts itself in an MP4 file that was walked over to its end.
import { Damaged, type BoxReader } from './boxes';
import { countTimes, visitChunks } from './chunks';
import { countLost, type Lost } from './media';
import type { Track } from './movie';
import type { Report, Walk } from './walk';

/** Defects that a walk without trouble can still have missed. After a broken one this would only repeat what is known. */
export async function reportMissing(
  reader: BoxReader,
  walk: Walk,
  fragmented: boolean,
  { damage, remark }: Report,
): Promise<void> {
  const { movie, media } = walk;
  const { size } = reader;
  if (walk.stopped) return;
  if (size === 0) return damage('the file is empty');
  if (!movie) return damage('the file has no index (moov)');
  if (movie.tracks.length === 0) damage('the index (moov) lists no tracks');
  if (!walk.hasData) damage('the file has no media data (mdat)');
  const found = media.lostOfFragments();
  try {
    for (const track of movie.tracks) await checkTrack(reader, track, walk, found, damage, remark);
    await checkPictures(reader, walk, damage);
  } catch (error) {
    if (!(error instanceof Damaged)) throw error;
    damage(error.message);
  }
  const end = Math.max(walk.indexedEnd, found.end);
  if (end > size) damage(`the index lists media data up to ${end - size} bytes past the end of the file`);
  else if (found.lost > 0 && walk.hasData) {
    damage(`${found.lost} of the ${found.listed} bytes that the index lists are not in the media data (mdat)`);
  }
  if (!fragmented) {
    const videos = movie.tracks.filter((track) => track.handler === 'vide');
    if (videos.length > 0 && videos.every(({ samples }) => samples === 0)) damage('the video track is empty');
    return;
  }
  // Writers announce how long it will be before they know. It is that of the longest track.
  const held = Math.max(0, ...movie.tracks.map((track) => latestSeconds(track, walk)));
  const announced = movie.fragmentSeconds ?? 0;
  if (announced > held * 1.02 + 1) {
    remark(`the fragments end at ${held.toFixed(1)} s of the ${announced.toFixed(1)} s that the index announces`);
  }
}

async function checkTrack(
  reader: BoxReader,
  { handler, samples, stbl }: Track,
  { media, pictures }: Walk,
  found: Lost,
  damage: Report['damage'],
  remark: Report['remark'],
): Promise<void> {
  if (samples === 0) return;
  const isVideo = handler === 'vide';
  const placed = await visitChunks(
    reader,
    stbl,
    ({ offset, bytes }) => {
      if (bytes > 0) countLost(found, offset, bytes, media.holds(offset, bytes));
    },
    isVideo ? pictures.add : undefined,
  );
  const what = isVideo ? 'pictures' : 'samples';
  if (placed < samples) damage(`the index lists ${samples} ${what} and a place for ${placed} of them`);
  const timed = isVideo ? await countTimes(reader, stbl) : samples;
  if (timed > 0 && timed !== samples) remark(`the index lists ${samples} pictures and times for ${timed} of them`);
}

/** No codec begins a picture with as many zeros. */
const beginningBytes = 8;

/** Disks and servers that lost a part of a file, or had only made room for it, answer with zeros. */
async function checkPictures(reader: BoxReader, { media, pictures }: Walk, damage: Report['damage']): Promise<void> {
  const { picked } = pictures;
  let lost = 0;
  for (const offset of picked) {
    if (!media.holds(offset, beginningBytes)) continue;
    const bytes = await reader.bytes(offset, beginningBytes);
    if (bytes.every((byte) => byte === 0)) lost += 1;
  }
  if (lost > 0) damage(`${lost} of ${picked.length} pictures that were looked at are nothing but zeros`);
}

/** Steps of this length may be a camera that was slow. */
const leastSkipSeconds = 0.5;

export function reportTimes({ id, timescale }: Track, { times }: Walk, { remark }: Report): void {
  if (!timescale) return;
  const skipped = times.skipped(id) / timescale;
  const repeated = times.repeated(id) / timescale;
  if (skipped >= leastSkipSeconds) {
    const missing = times.missingNumbers;
    const why = missing > 0 ? ` (fragments left out by their numbers: ${missing})` : '';
    remark(`between fragments ${skipped.toFixed(1)} s have no pictures${why}`);
  }
  if (repeated >= leastSkipSeconds) remark(`${repeated.toFixed(1)} s of the fragments are there twice`);
}

/** Cameras that slow down while nothing moves still send a picture more often. */
const leastStillSeconds = 2;
const timesTheUsual = 10;

/** Recorders fill the time without pictures with the one before it: the length of the file does not show that it is missing. */
export function reportStill(track: Track, { times }: Walk, { remark }: Report): void {
  const { id, sampleSeconds, timescale } = track;
  if (!timescale) return;
  const longest = Math.max(track.longestSeconds, times.longest(id) / timescale);
  const others = track.samples + times.samples(id) - 1;
  const usual = (sampleSeconds + times.duration(id) / timescale - longest) / Math.max(1, others);
  if (longest < leastStillSeconds || longest < timesTheUsual * usual) return;
  remark(`one picture is shown for ${longest.toFixed(1)} s: there may be no footage of that time`);
}

function latestSeconds({ id, timescale }: Track, { times }: Walk): number {
  return timescale ? times.latest(id) / timescale : 0;
}
