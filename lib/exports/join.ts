// Puts the parts of a camera one behind the other: not one picture is encoded again.
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { ClipError, reasonFirst, toClipError } from '../errors';
import { checkSpace, type FreeBytes } from '../files/folder';
import { isAudioForMp4, type Mp4Info } from '../mp4';
import { fileHead } from '../mp4/write';
import { copyMedia } from './copy-media';
import { encodeSound } from './encode-sound';
import { checkJoined } from './join-check';
import type { JoinPlan } from './join-plan';
import { fileType, layOut, tracksOf } from './layout';

export interface Join {
  plan: JoinPlan;
  /** Path of the result. */
  folder: string;
  /** Name of the result. */
  name: string;
  /** Path of the program, which only sound that has to be encoded needs. @throws EFFMPEG */
  findFfmpeg(): Promise<string>;
  freeBytes: FreeBytes;
  signal: AbortSignal;
  /** 0-1. */
  onProgress(done: number): void;
}

export interface JoinedFile {
  path: string;
  /** Bytes. */
  size: number;
  sha256: string;
  mp4: Mp4Info;
  problems: string[];
}

/** Sound that is further from the pictures is noticed. */
const mostDriftSeconds = 0.04;
/** Encoding the sound is about that much of the work, where it is needed. */
const encodingShare = 0.7;

/**
 * Verified and on disk (synced). The parts stay as they are.
 * @throws EABORTED, EFFMPEG, EINCOMPLETE, ENOSPACE
 */
export async function joinParts(order: Join): Promise<JoinedFile> {
  const { folder, name, plan, signal } = order;
  const path = join(folder, name);
  const made: string[] = [];
  try {
    // The leftover of an interrupted run may still be written to by an ffmpeg that outlived it.
    await rm(path, { force: true });
    const needed = plan.parts.reduce((sum, { part }) => sum + part.inspection.size, 0);
    await checkSpace(folder, needed, order.freeBytes);
    const sound = await chooseSound(order, path, made);
    const { pieces, sources, tracks } = await layOut(plan.parts, sound.encoded);
    const mediaBytes = pieces.reduce((sum, { bytes }) => sum + bytes, 0);
    const head = fileHead(await fileType(plan.parts[0]!.part.path), tracks, tracks[0]!.timescale, mediaBytes);
    const onProgress = (done: number): void => order.onProgress(sound.share + done * (1 - sound.share));
    const { size, sha256 } = await copyMedia({ path, head, pieces, sources, signal, onProgress });
    const mp4 = await checkJoined(path, plan.parts);
    return { path, size, sha256, mp4, problems: [...plan.problems, ...sound.problems] };
  } catch (error) {
    await rm(path, { force: true });
    throw error instanceof ClipError ? error.withMessage(reasonFirst(error.message, 'Joining the parts')) : error;
  } finally {
    for (const file of made) await rm(file, { force: true });
  }
}

interface SoundChoice {
  /** Files with sound that was encoded, by audio track; `undefined`: that of the parts is copied. */
  encoded: (string | undefined)[];
  problems: string[];
  /** Of all work. */
  share: number;
}

async function chooseSound(order: Join, path: string, made: string[]): Promise<SoundChoice> {
  const { plan, signal } = order;
  const choice: SoundChoice = { encoded: [], problems: [], share: 0 };
  const [first] = plan.parts;
  const codecs = (await tracksOf(first!.part.path)).slice(1).map(({ codec }) => codec);
  const seconds = plan.parts.at(-1)!.end;
  for (const [track, codec] of codecs.entries()) {
    const drift = plan.drifts[track] ?? 0;
    if (isAudioForMp4(codec) && drift <= mostDriftSeconds) continue;
    const output = `${path}.sound-${track + 1}`;
    made.push(output);
    try {
      await rm(output, { force: true });
      const ffmpeg = await order.findFfmpeg();
      const onProgress = (done: number): void => order.onProgress(Math.min(1, done / seconds) * encodingShare);
      await encodeSound({ parts: plan.parts, track, path: output, ffmpeg, signal, onProgress });
      choice.encoded[track] = output;
      choice.share = encodingShare;
      choice.problems.push(
        isAudioForMp4(codec)
          ? `the clips do not have as much sound as pictures, so the sound (${codec}) was encoded again to stay in step`
          : `the sound (${codec ?? 'of an unknown codec'}) cannot be in an MP4 file as it is and was encoded as AAC`,
      );
    } catch (thrown) {
      const error = toClipError(thrown);
      if (signal.aborted || error.code !== 'EFFMPEG' || !isAudioForMp4(codec)) throw error;
      choice.problems.push(
        `the sound may be up to ${drift.toFixed(1)} s out of step in some players: ${error.message}`,
      );
    }
  }
  return choice;
}
