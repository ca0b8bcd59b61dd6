// Decides what an export came to, in our codes and in words that a person can act on.
import { ClipError, reasonFirst } from '../errors';
import { noFootage } from '../provider';
import { missingOf, type CameraJobData, type Failure, type FilesJobData } from './work';

/** Number of ranges that a message names. */
const mostNamed = 5;

/** Sets the status of a camera whose files are all there are going to be. */
export function evaluateCamera(camera: CameraJobData): void {
  const error = errorOf(camera);
  camera.status = error ? 'failed' : 'finished';
  if (error) camera.error = error;
}

function errorOf(camera: CameraJobData): Failure | undefined {
  const { files, parts = [] } = camera;
  const missing = missingOf(camera);
  if (files.length === 0) {
    const [first] = missing;
    const { empty } = parts.find((part) => part.empty !== undefined) ?? {};
    if (!first) return { code: 'ENOFOOTAGE', message: empty ?? noFootage(camera).message, retryable: false };
    return { code: first.code, message: first.message, retryable: first.retryable };
  }
  if (missing.length === 0) return undefined;
  const named = missing
    .slice(0, mostNamed)
    .map(({ start, end, message }) => `${message} (missing: ${start} to ${end})`);
  const more = missing.length > mostNamed ? `; and ${missing.length - mostNamed} more` : '';
  return {
    code: 'EINCOMPLETE',
    message: `${named.join('; ')}${more}`,
    retryable: missing.some(({ retryable }) => retryable),
  };
}

/**
 * `undefined`: all there is to be had is there.
 * @param ended what ended it before its time
 */
export function evaluateExport({ cameras, folder }: FilesJobData, ended: Failure | undefined): ClipError | undefined {
  const failed = cameras.filter(({ error }) => error !== undefined);
  if (failed.length === 0) return undefined;
  const codes = new Set(failed.map(({ error }) => error!.code));
  const isAnySaved = cameras.some(({ files }) => files.length > 0);
  const isAnyMissing = failed.some((camera) => camera.files.length === 0 || missingOf(camera).length > 0);
  // An export of which only some is here is incomplete, whatever the one reason was.
  const [common] = codes.size === 1 && !(isAnySaved && isAnyMissing) ? codes : [];
  const code = ended?.code ?? common ?? 'EINCOMPLETE';
  const named = failed.slice(0, mostNamed).map(({ camera, error }) => reasonFirst(error!.message, `camera ${camera}`));
  const more = failed.length > mostNamed ? `; and ${failed.length - mostNamed} more cameras` : '';
  const rest = isAnySaved ? `The export to ${folder} is incomplete: everything else is there` : 'Nothing was exported';
  const retryable = ended?.retryable ?? failed.some(({ error }) => error!.retryable);
  return new ClipError(code, `${named.join('; ')}${more}. ${rest}`, { retryable });
}
