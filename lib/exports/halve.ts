// Splits a part that the vendor refuses as a whole: one bad instant must not cost minutes of good footage.
import type { ErrorCode } from '../errors';
import { numberedName } from './folder';
import { lengthOf, type CameraJobData, type Part } from './work';

/** Failures that may be due to a single instant, or to the length. */
const mayHelp: ReadonlySet<ErrorCode> = new Set(['EFAILED', 'EINCOMPLETE', 'ELIMIT']);
/** Halves of less than two seconds are hardly ever clips. */
const leastSeconds = 4;

/** Puts two halves in the place of a part that failed, and returns them; `undefined` where that is of no use. */
export function halve(camera: CameraJobData, part: Part): [Part, Part] | undefined {
  const { parts = [] } = camera;
  if (!part.error || !mayHelp.has(part.error.code) || lengthOf(part) < leastSeconds) return undefined;
  // Files keep their names when others come in between.
  for (const [index, each] of parts.entries()) each.name ??= numberedName(index);
  const { end, name, start } = part;
  // Whole seconds, which every vendor can express.
  const middle = new Date(Math.round((Date.parse(start) + Date.parse(end)) / 2000) * 1000).toISOString();
  const halves: [Part, Part] = [
    { start, end: middle, name: `${name}a` },
    { start: middle, end, name: `${name}b` },
  ];
  parts.splice(parts.indexOf(part), 1, ...halves);
  return halves;
}
