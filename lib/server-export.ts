// Defines exports that a vendor makes onto its own storage.
import { describeClip, type ClipStatus } from './clip';

/** A vendor's own export, onto its own storage. */
export interface ServerExportRequest {
  /** ISO 8601 with `Z`. */
  cameras: { camera: string; start: string; end: string }[];
  /** Folder on the vendor's server. */
  path: string;
  /** Bytes per second; 0 for no limit. */
  bandwidth: number;
}

/** Plain JSON; times are ISO 8601 with `Z`. */
export interface ServerExport {
  /** Opaque, and perhaps only unique together with `ref`. */
  id: string;
  status: ClipStatus;
  /** 0-100. */
  progress?: number | undefined;
  path: string;
  cameras: { camera: string; start: string; end: string; status: ClipStatus; progress?: number }[];
  /** Why it failed, in the vendor's words. */
  reason?: string | undefined;
  /** Strings the provider needs to find it again. No secrets. */
  ref?: Record<string, string> | undefined;
}

/** Name of an export in error messages: each camera with its range, and the folder. */
export function describeExport({ cameras, path }: Pick<ServerExportRequest, 'cameras' | 'path'>): string {
  const named = cameras.slice(0, 3).map(describeClip);
  const others = cameras.length > named.length ? [`${cameras.length - named.length} more`] : [];
  return `${[...named, ...others].join('; ')}, to "${path}"`;
}
