// Defines clips and footage as providers, messages and files see them.
import { ClipError, type ErrorDetails } from './errors';
import type { Settings } from './fields';
import type { Range } from './time-range';

/** `expired`: it was finished, and the vendor has removed it since. */
export type ClipStatus = 'pending' | 'busy' | 'finished' | 'failed' | 'expired';

/** A span of time without footage. */
export type Gap = Range;

/** One piece of recorded video of one camera, as a provider knows it. Plain JSON; times are ISO 8601 with `Z`. */
export interface ProviderClip {
  /** Opaque. Never a number, never parsed. */
  id: string;
  camera: string;
  cameraName?: string | undefined;
  start: string;
  end: string;
  status: ClipStatus;
  /** The system's own word for its state, where that says more than `status`. */
  vendorStatus?: string | undefined;
  /** 0-100, never running backwards for one clip. */
  progress?: number | undefined;
  title?: string | undefined;
  /** Bytes, as the vendor declares them. */
  size?: number | undefined;
  /** Lower-case hex, as the vendor declares it. */
  sha256?: string | undefined;
  /** Pixels. */
  width?: number | undefined;
  height?: number | undefined;
  /** When the vendor will remove it. */
  expires?: string | undefined;
  /** Why it failed, or what the vendor warns of, in the vendor's words. */
  reason?: string | undefined;
  /** Parts of the range for which the vendor is known to have no footage, in order. Absent: not known (yet). */
  gaps?: Gap[] | undefined;
  /** The span that the file really covers, where that is more than the range that was asked for. */
  footage?: Range | undefined;
  /** Strings the provider needs to find it again. No secrets, no signed addresses. */
  ref?: Record<string, string> | undefined;
}

/** A clip in a message: what the provider knows, plus where it belongs and the file it became. */
export interface Clip extends ProviderClip {
  /** Id of the `clip-provider` node. */
  connection: string;
  /** Provider id, such as `vdg-sense`. */
  provider: string;
  /** Clip options that it was asked for with, where they are not the defaults: it may have to be made again. */
  options?: Settings;
  /** The instant that it was asked around. ISO 8601 with `Z`. */
  time?: string;
  /** In progress messages of its download. */
  transfer?: ClipTransfer;
  file?: ClipFile;
}

/** Progress of a download. */
export interface ClipTransfer {
  bytes: number;
  /** Bytes in all, where known. */
  total?: number;
  bytesPerSecond: number;
  etaSeconds?: number;
}

/** The downloaded file of a clip. */
export interface ClipFile {
  /** Absolute; empty for `output: "buffer"`. */
  path: string;
  /** Bytes. */
  size: number;
  sha256: string;
  /** Seconds of video in the file. */
  duration?: number;
  width?: number;
  height?: number;
  codec?: string;
  /** Seconds of the requested range that the file lacks at its start and end. */
  missingBefore: number;
  missingAfter: number;
  /** Seconds that the file holds beyond the range, where the vendor says what it spans. */
  extraBefore?: number;
  extraAfter?: number;
  gaps: Gap[];
  /** Defects of the file, in words; empty when there are none. */
  problems: string[];
  /** Path of a JPEG beside it. */
  thumbnail?: string;
  /** The same, where it was taken at a chosen moment. */
  snapshot?: string;
  /** Was a broken transfer continued? */
  resumed: boolean;
  /** Duration of the transfer. */
  seconds: number;
}

export interface ClipRequest {
  camera: string;
  /** ISO 8601 with `Z`. */
  start: string;
  end: string;
  title: string;
  /** Values of the provider's `clipOptions` fields, validated. */
  options: Settings;
}

/** Constraints on cutting a range of one camera into clips. */
export interface Footage {
  /** Longest clip in seconds, where the server says other than the definition. */
  maxClipSeconds?: number | undefined;
  /** Parts of the range known to have no footage, in order. */
  gaps: Gap[];
  /**
   * Pieces of which a clip holds only whole ones, in order: cuts lie between them. The first may begin before the range and
   * the last end after it; what is in neither a piece nor a gap may still arrive.
   */
  pieces?: { start: string; end: string; bytes: number }[];
  /** Most pieces and bytes in one clip. A single piece may have more bytes, and is a clip of its own then. */
  maxPieces?: number | undefined;
  maxBytes?: number | undefined;
}

/** "camera 7/2, 2025-03-01T08:50:00.000Z to 2025-03-01T08:51:30.000Z": how error messages name a clip. */
export function describeClip(clip: { camera: string; start: string; end: string }): string {
  return `camera ${clip.camera}, ${clip.start} to ${clip.end}`;
}

/**
 * `ENOFOOTAGE` in the one sentence of all providers.
 * @param said what the vendor said, if anything
 */
export function noFootage(
  clip: { camera: string; start: string; end: string },
  said = '',
  details: ErrorDetails = {},
): ClipError {
  const quoted = said ? ` (the server says: ${said})` : '';
  const message = `There is no recording of ${describeClip(clip)}${quoted}. Check the time, and that the camera was recording then`;
  return new ClipError('ENOFOOTAGE', message, details);
}
