// Reads cameras and ranges of an export out of a message.
import type { ReadCamera } from '../clips/camera';
import { isRecord } from '../clips/clip';
import { parseInstant, rangeBetween, toRange, type Range, type TimeRange } from '../time-range';
import { ClipError, reasonFirst } from '../errors';
import type { CameraRange } from './plan';

/** A value, and how its user calls it: `msg.cameras`. */
export interface Named {
  name: string;
  value: unknown;
}

export interface Asked {
  /** One id, an array of ids, or an array of `{camera, start?, end?}`. */
  cameras: Named;
  /** For cameras without a range of their own. */
  start: Named;
  end: Named;
}

/**
 * @throws EINVALID naming what does not hold; a camera can be in it only once, whatever its ranges
 */
export function readRanges({ cameras, start, end }: Asked, now: number, readCamera: ReadCamera): CameraRange[] {
  const { name, value } = cameras;
  const entries: unknown[] = Array.isArray(value) ? value : [value];
  if (entries.length === 0) throw new ClipError('EINVALID', `${name} is empty: there is nothing to export`);
  const known = new Set<string>();
  return entries.map((entry, index) => {
    const field = Array.isArray(value) ? `${name}[${index}]` : name;
    const own = isRecord(entry) ? entry : { camera: entry };
    const camera = readCamera(own.camera, isRecord(entry) ? `${field}.camera` : field);
    if (known.has(camera)) {
      throw duplicateCamera(camera, field);
    }
    known.add(camera);
    const instant = (property: 'start' | 'end', common: Named): number =>
      own[property] === undefined
        ? parseInstant(common.value, `${common.name} (for camera ${camera})`, now)
        : parseInstant(own[property], `${field}.${property}`, now);
    return { camera, ...readRange({ start: instant('start', start), end: instant('end', end) }, camera) };
  });
}

export function duplicateCamera(camera: string, field = 'cameras'): ClipError {
  return new ClipError('EINVALID', `${field}: camera ${camera} is there twice. Give it one range, or export twice`);
}

function readRange(given: TimeRange, camera: string): Range {
  try {
    return toRange(rangeBetween(given));
  } catch (error) {
    throw (error as ClipError).withMessage(reasonFirst((error as ClipError).message, `Exporting camera ${camera}`));
  }
}
