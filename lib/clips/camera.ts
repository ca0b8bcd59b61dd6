// Reads cameras as messages and dialogs give them: by id, or by a name that only one camera has.
import type { Connection } from '../connection/connection';
import { ClipError } from '../errors';

/** @param name how its user calls the value, such as `msg.camera`. @returns an id. @throws EINVALID */
export type ReadCamera = (value: unknown, name: string) => string;

const shownCharacters = 80;

/**
 * Reads what holds cameras. Only for what cannot be an id, while the names are not known, the server is asked for them: then
 * `read` is called once more.
 * @throws EINVALID
 */
export async function readCameras<T>(
  { cameras, definition }: Pick<Connection, 'cameras' | 'definition'>,
  read: (readCamera: ReadCamera) => T,
): Promise<T> {
  let isStrange = false;
  const readCamera: ReadCamera = (value, name) => {
    const given = readText(value);
    if (given === undefined) throw new ClipError('EINVALID', `${name} must be the id or the name of a camera, as text`);
    const id = cameras.idOf(given);
    const problem = definition.cameraProblem?.(id);
    if (!problem) return id;
    isStrange = true;
    const more = cameras.isKnown ? '. No camera is called so, either' : '';
    throw new ClipError('EINVALID', `${name} ("${given.slice(0, shownCharacters)}"): ${problem}${more}`);
  };
  try {
    return read(readCamera);
  } catch (thrown) {
    if (!isStrange || cameras.isKnown) throw thrown;
    await cameras.load();
    if (!cameras.isKnown) throw thrown;
    return read(readCamera);
  }
}

function readText(value: unknown): string | undefined {
  // A larger number has lost digits on its way here.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim().toWellFormed() : undefined;
}
