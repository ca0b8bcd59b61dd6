// Finds the instant at which a clip cannot go on: where codec or tracks change, or where a frame is damaged.
import { ClipError } from '../../errors';
import { selectorOf, type Span } from './plan';
import { toSaneIso, type TimeRange } from '../../time-range';

/** The service refuses the whole clip for one such place, and does not say where it is. */
const namesOfSeams: ReadonlySet<string> = new Set([
  'InvalidCodecPrivateDataException',
  'MissingCodecPrivateDataException',
  'InvalidMediaFrameException',
]);

export function isSeam(error: unknown): error is ClipError {
  return error instanceof ClipError && namesOfSeams.has(error.vendorCode ?? '');
}

/**
 * The refusal with the place that it is about, found by halving: at most eight requests for the 200 fragments of a clip.
 * @param isRefused whether the service refuses a clip of this range for a seam
 */
export async function locateSeam(
  refusal: ClipError,
  spans: Span[],
  isRefused: (range: TimeRange) => Promise<boolean>,
): Promise<ClipError> {
  if (spans.length < 2) return refusal;
  // Numbers of fragments from the start that are known to be accepted, and to be refused.
  let fine = 0;
  let refused = spans.length;
  while (refused - fine > 1) {
    const middle = Math.floor((fine + refused) / 2);
    if (await isRefused(selectorOf(spans.slice(0, middle)))) refused = middle;
    else fine = middle;
  }
  const instant = toSaneIso(spans[fine]!.atMs);
  return refusal.withMessage(`${refusal.message}. It is at ${instant}: ask for what lies before or after it`);
}
