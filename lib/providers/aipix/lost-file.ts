// Answers for a file whose record is there but whose bytes are not.
import { ClipError, reasonFirst } from '../../errors';
import type { Clip } from '../../provider';
import type { Call } from './api';
import type { Absent } from './media';
import { epochOf } from './records';
import type { Regenerations } from './regeneration';
import type { Download } from './types';

/** A file that is made again takes about as long as the first time. */
export const regenerationMs = 15_000;
/** An announced file may need this long after its record to reach the storage that it is fetched from. */
const arrivingMs = 2 * 60_000;

/** A file that its record knows, but that cannot be had. */
export interface LostFile {
  clip: Clip;
  record: Download;
  action: string;
  /** Answer of the storage, if it was asked. */
  answered?: string;
  /** `gone`: the record itself says so. `missing`, `refused`: the storage does. */
  why: 'gone' | Absent['absent'];
}

/** The error to end with. The file is made again once, and whoever asks a little later finds it. */
export async function regenerateLostFile(
  regenerations: Regenerations,
  lost: LostFile,
  now: number,
  call: Call,
): Promise<ClipError> {
  const { clip, record, action, answered = 'the server does not give the file out', why } = lost;
  let again: 'running' | 'spent' | 'not offered' = 'not offered';
  try {
    again = await regenerations.start(clip, record, call, action);
  } catch (error) {
    if (!(error instanceof ClipError && error.code === 'ENOTFOUND')) throw error;
  }
  const later = { retryable: true, retryAfterMs: regenerationMs };
  if (why === 'refused') {
    return new ClipError(
      'EFORBIDDEN',
      reasonFirst(
        answered,
        action,
        'The server does not give the file out: check its storage, and the rights of the account',
      ),
      again === 'running' ? later : {},
    );
  }
  if (again === 'running') {
    const message = reasonFirst(
      'the file is no longer there',
      action,
      'It is being made again: wait for it with poll-clip',
    );
    return new ClipError('EEXPIRED', message, later);
  }
  if (
    again === 'not offered' &&
    why === 'missing' &&
    now - epochOf(record.updatedAt ?? record.createdAt) < arrivingMs
  ) {
    return new ClipError('ENOTFOUND', reasonFirst('the file is not there yet', action), later);
  }
  const message = reasonFirst('the file is no longer there, and cannot be had again', action, 'Create the clip again');
  return new ClipError('EEXPIRED', message);
}
