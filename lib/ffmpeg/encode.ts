// Plans bit rates and the options of ffmpeg for remuxing and encoding a video. Pure.
import { isAudioForMp4, type Mp4Info } from '../mp4';

/** Below this not even a small picture shows what happens. */
export const leastVideoBitsPerSecond = 16_000;
/** The same for recordings of few pictures a second. */
const leastBitsPerPicture = 2_000;
/** More than any camera needs; beyond, ffmpeg's buffer sizes overflow. */
const mostVideoBitsPerSecond = 100_000_000;
/** Of AAC sound wherever the size of the file matters. */
export const audioBitsPerSecond = 64_000;

/** The container's index: samples of some 25 pictures and 47 sounds each second, and what is there in any case. */
const indexBytesPerSecond = 500;
const headBytes = 8192;
/** Bytes of index for a picture that stands alone, and for a second of sound. */
const indexBytesPerPicture = 36;
const indexBytesPerSoundSecond = 200;
/** An encoder meets the rate it was given only about. */
const aim = 0.97;

export interface BitratePlan {
  /** Duration of the video. */
  seconds: number;
  /** The whole file, at most. */
  maxBytes: number;
  hasAudio: boolean;
  audioBitsPerSecond: number;
  /** Number of them, where known. */
  pictures?: number;
}

/** The rate at which video fills what sound and container leave of a file. */
export function planBitrate(plan: BitratePlan): { videoBitsPerSecond: number } | 'too small' {
  const { seconds, maxBytes, hasAudio } = plan;
  const mediaBits = (maxBytes * aim - headBytes - indexBytes(plan)) * 8;
  const videoBitsPerSecond = Math.floor(mediaBits / seconds - (hasAudio ? plan.audioBitsPerSecond : 0));
  if (videoBitsPerSecond < leastRate(plan)) return 'too small';
  return { videoBitsPerSecond: Math.min(videoBitsPerSecond, mostVideoBitsPerSecond) };
}

/** The smallest `maxBytes` for which there is a plan. */
export function leastBytes(plan: Omit<BitratePlan, 'maxBytes'>): number {
  const { seconds, hasAudio, audioBitsPerSecond } = plan;
  const bitsPerSecond = leastRate(plan) + (hasAudio ? audioBitsPerSecond : 0);
  return Math.ceil(((seconds * bitsPerSecond) / 8 + indexBytes(plan) + headBytes) / aim);
}

type Recording = Pick<BitratePlan, 'seconds' | 'hasAudio' | 'pictures'>;

function indexBytes({ hasAudio, pictures, seconds }: Recording): number {
  const usual = indexBytesPerSecond * seconds;
  if (pictures === undefined) return usual;
  return Math.min(usual, indexBytesPerPicture * pictures + (hasAudio ? indexBytesPerSoundSecond * seconds : 0));
}

function leastRate({ pictures = Infinity, seconds }: Recording): number {
  return Math.min(leastVideoBitsPerSecond, (leastBitsPerPicture * pictures) / seconds);
}

/** Next bit rate after `videoBitsPerSecond` gave a file of `size` bytes, more than `maxBytes`. */
export function smallerBitrate(
  videoBitsPerSecond: number,
  { size, maxBytes, ...recording }: { size: number; maxBytes: number } & Omit<Recording, 'hasAudio'>,
): { videoBitsPerSecond: number } | 'too small' {
  const inProportion = videoBitsPerSecond * (maxBytes / size);
  // All of the excess has to come from the video, also in a file that is mostly sound.
  const withoutExcess = videoBitsPerSecond - ((size - maxBytes) * 8) / recording.seconds;
  const next = Math.floor(Math.min(inProportion, withoutExcess) * aim);
  return next >= leastRate({ hasAudio: false, ...recording }) ? { videoBitsPerSecond: next } : 'too small';
}

/** Text that MP4 holds as it is. */
const textForMp4: ReadonlySet<string> = new Set(['tx3g', 'text']);
const textHandlers: ReadonlySet<string> = new Set(['text', 'sbtl', 'subt', 'clcp', 'subp']);
/** Video that the usual browsers play, most of them on most machines. */
const videoForBrowsers: ReadonlySet<string> = new Set(['h264', 'hevc', 'av1', 'vp9', 'vp8']);
/** Baseline, main, extended and high: 8 bits, and one colour for two by two pixels. */
const usualProfiles: ReadonlySet<number> = new Set([66, 77, 88, 100]);

/** Can it stay as it is where H.264 that plays everywhere is wanted? */
export function isUsualH264({ codec, h264Profile }: Mp4Info): boolean {
  return codec === 'h264' && (h264Profile === undefined || usualProfiles.has(h264Profile));
}

const tracksOf = ({ tracks }: Mp4Info, handler: string) => tracks.filter((track) => track.handler === handler);

/**
 * Same pictures, index first; sound that may not stay (a camera's G.711 never may) becomes AAC. Tracks of data (time codes,
 * camera metadata) are left out: MP4 takes hardly any of them.
 */
export function copyOptions(mp4: Mp4Info, convert: 'faststart' | 'h264', withSound = true): string[] {
  const videos = convert === 'faststart' ? tracksOf(mp4, 'vide') : tracksOf(mp4, 'vide').slice(0, 1);
  const video = convert === 'faststart' ? ['-map', '0:V'] : ['-map', '0:V:0'];
  // Apple's players take HEVC by no other name.
  const tags = videos.flatMap(({ codec }, index) => (codec === 'hevc' ? [`-tag:v:${index}`, 'hvc1'] : []));
  const sounds = withSound ? tracksOf(mp4, 'soun') : [];
  const mayStay = (codec?: string): boolean => (convert === 'faststart' ? isAudioForMp4(codec) : codec === 'aac');
  const audio = sounds.flatMap(({ codec }, index) => (mayStay(codec) ? [] : [`-c:a:${index}`, 'aac']));
  const streams = [...video, ...(withSound ? ['-map', '0:a?'] : []), ...(keepsText(mp4) ? ['-map', '0:s?'] : [])];
  // Older versions call FLAC and Opus in MP4 an experiment.
  return [...streams, '-c', 'copy', ...tags, ...audio, '-strict', '-2', '-movflags', '+faststart'];
}

function keepsText({ tracks }: Mp4Info): boolean {
  return tracks.every(({ codec = '', handler }) => !textHandlers.has(handler) || textForMp4.has(codec));
}

/** Losses of a result against its source, and limits of players, in words. @param encoded were pictures encoded? */
export function notesOn(mp4: Mp4Info, convert: 'faststart' | 'h264', encoded: boolean): string[] {
  const notes: string[] = [];
  const { codec = 'unknown', tracks } = mp4;
  const isVideo = (handler: string): boolean => handler === 'vide' || handler === 'soun';
  const texts = tracks.filter(({ handler }) => textHandlers.has(handler));
  const data = tracks.filter(({ handler }) => !isVideo(handler) && !textHandlers.has(handler));
  const left = [
    ...(convert === 'faststart' ? [] : tracksOf(mp4, 'vide').slice(1).filter(({ samples }) => samples > 0)),
    ...(encoded || !keepsText(mp4) ? texts : []),
    ...data,
  ]; // prettier-ignore
  if (left.length > 0) {
    const named = left.map((track) => `${track.codec ?? track.handler}`).join(', ');
    notes.push(`left out by the conversion: ${left.length === 1 ? 'a track' : `${left.length} tracks`} (${named})`);
  }
  if (convert === 'faststart' && mp4.codec !== undefined && !videoForBrowsers.has(codec)) {
    notes.push(`browsers do not play ${codec} video; converting to H.264 helps`);
  }
  return notes;
}

/** Quality first; or an average rate, in the second of two passes. */
export type Encoding =
  | { by: 'quality'; maxBitsPerSecond?: number }
  | { by: 'size'; videoBitsPerSecond: number; pass: 1 | 2; passLog: string };

/** H.264 that plays everywhere. `maxHeight` in pixels, 0 to keep it. */
export function encodeOptions(mp4: Mp4Info, maxHeight: number, encoding: Encoding, withSound = true): string[] {
  const video = ['-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p', '-vf', pictureFilter(maxHeight)];
  const streams = ['-map', '0:V:0', ...video, ...rateOptions(encoding)];
  if (encoding.by === 'size' && encoding.pass === 1) return streams;
  const mp4Options = ['-max_muxing_queue_size', '1024', '-movflags', '+faststart'];
  if (!withSound) return [...streams, ...mp4Options];
  const isFree = encoding.by === 'quality' && encoding.maxBitsPerSecond === undefined;
  const audio = tracksOf(mp4, 'soun').flatMap(({ codec }, index) =>
    isFree && codec === 'aac'
      ? [`-c:a:${index}`, 'copy']
      : [`-c:a:${index}`, 'aac', `-b:a:${index}`, String(audioBitsPerSecond)],
  );
  // Sound that starts late must not fill the short queue that older versions have.
  return [...streams, '-map', '0:a?', ...audio, ...mp4Options];
}

function rateOptions(encoding: Encoding): string[] {
  if (encoding.by === 'size') {
    const { videoBitsPerSecond, pass, passLog } = encoding;
    return ['-b:v', String(videoBitsPerSecond), '-pass', String(pass), '-passlogfile', passLog];
  }
  const { maxBitsPerSecond: most } = encoding;
  return ['-crf', '23', ...(most === undefined ? [] : ['-maxrate', String(most), '-bufsize', String(2 * most)])];
}

/**
 * Never larger, with square pixels and even numbers of them, because 4:2:0 has one colour for two by two; the usual range of
 * brightness; and no stripes where a picture is marked as interlaced.
 */
function pictureFilter(maxHeight: number): string {
  const height = maxHeight === 0 ? 'trunc(ih/2)*2' : `'trunc(min(ih,${maxHeight})/2)*2'`;
  return `yadif=deint=interlaced,scale=w='2*round(oh*dar/2)':h=${height}:out_range=tv,setsar=1`;
}
