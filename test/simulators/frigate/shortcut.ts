// Answers the synchronous `clip.mp4`: chunked, without ranges, and with status 200 also where ffmpeg fails.
import type { Reply } from '../http-server';
import { makeVideo, openMedia } from '../video';
import { segmentsOf } from './cameras';
import { refusal } from './replies';
import { findCamera, minorOf, type FrigateState } from './state';

const cutAfterBytes = 2_000;

export async function shortcut(state: FrigateState, [id = '', from = '', to = '']: string[]): Promise<Reply> {
  const camera = findCamera(state, id);
  // Cut to whole seconds, as exports are.
  const [start, end] = [Math.trunc(Number(from)), Math.trunc(Number(to))];
  const range = { start: start * 1000, end: end * 1000 };
  const recorded = camera ? segmentsOf(camera, range, state.startedAt, state.now()) : [];
  if (recorded.length === 0 && minorOf(state) >= 17) {
    return refusal(400, 'No recordings found for the specified time range');
  }
  const { shortcut: how } = state.options;
  const headers = { 'content-type': 'video/mp4' };
  if (how === 'empty' || !camera || recorded.length === 0) return { headers, body: '', framing: 'chunked' };
  const media = await openMedia(
    await makeVideo({ seconds: Math.max(1, end - start), width: camera.width, height: camera.height }),
  );
  // It ends early without any sign of it in the framing.
  return { headers, body: media.read(0, how === 'cut' ? cutAfterBytes : media.size), framing: 'chunked' };
}
