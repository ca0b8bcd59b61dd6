import { ClipError } from '../errors';

const shownCharacters = 80;

/**
 * A camera id as messages and dialogs have it.
 * @param problemOf why it cannot be one of the vendor's
 * @throws EINVALID
 */
export function readCamera(value: unknown, name: string, problemOf?: (camera: string) => string | undefined): string {
  const camera = readId(value);
  if (camera === undefined) throw new ClipError('EINVALID', `${name} must be the id of a camera, as text`);
  const problem = problemOf?.(camera);
  if (problem) throw new ClipError('EINVALID', `${name} ("${camera.slice(0, shownCharacters)}"): ${problem}`);
  return camera;
}

function readId(value: unknown): string | undefined {
  // A larger number has lost digits on its way here.
  if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
