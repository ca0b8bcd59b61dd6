// Asks the vendor for the states of many clips or exports at once: one round of the connection's polling.
import { ClipError } from '../errors';
import type { Clip } from '../provider';
import type { ClipAnswer } from './poller';
import type { ProviderHandle, Work } from './provider-handle';

/** @param command one request among those of the connection, for a vendor that is asked for each clip by itself */
export async function fetchClips(
  handle: ProviderHandle,
  clips: Clip[],
  signal: AbortSignal,
  command: (work: Work<ClipAnswer>) => Promise<ClipAnswer>,
): Promise<ClipAnswer[]> {
  if (!(await handle.can('getClips'))) return Promise.all(clips.map((clip) => fetchClip(clip, command)));
  const sessions: unknown[] = [];
  return handle.call(signal, async (provider, call) => {
    sessions.push(call.session);
    const found = await provider.getClips!(clips, call);
    // A login matter in one answer is one of the whole connection: a fresh session may help, or nothing will.
    const loginMatter = found.find(
      (answer) =>
        answer instanceof ClipError &&
        (answer.sessionExpired ? provider.login && sessions.length === 1 : answer.code === 'EAUTH'),
    );
    if (loginMatter) throw loginMatter;
    return noteFailures(handle, found, sessions);
  });
}

function fetchClip(clip: Clip, command: (work: Work<ClipAnswer>) => Promise<ClipAnswer>): Promise<ClipAnswer> {
  return command((provider, call) => provider.getClip!(clip, call)).catch((error: ClipError) =>
    error.code === 'ENOTFOUND' && !error.inconclusive ? undefined : error,
  );
}

/** A pause that one of many answers asks for holds for all. */
export function noteFailures<T>(
  handle: ProviderHandle,
  answers: (T | ClipError)[],
  session: unknown,
): Promise<(T | ClipError)[]> {
  return Promise.all(answers.map((answer) => (answer instanceof ClipError ? handle.note(answer, session) : answer)));
}
