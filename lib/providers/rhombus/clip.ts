// Describes a clip as it is asked for, and as the vendor's words make it. Pure.
import type { JsonObject } from '../../net/json';
import type { Clip, ClipRequest, ProviderClip } from '../../provider';
import { toRange } from '../../time-range';
import { wholeSeconds } from './footage';
import type { RhombusClip } from './types';

export type Asked = Pick<ProviderClip, 'camera' | 'start' | 'end' | 'title' | 'ref'>;

/** A new clip may be missing from the vendor's answers for this long. The real delay is not published. */
const unknownMs = 60_000;

/** Without a title of its own a clip still gets one that tells it from others: it is found again by it. */
export function titleOf(request: ClipRequest): string {
  return request.title.trim() || `Clip ${request.start}`;
}

/** Who may see it. Source: https://api-docs.rhombus.community/api-reference/video-webservice/splice-v3 */
export function accessOf({ options }: ClipRequest): JsonObject {
  const visibility = String(options.visibility || 'PRIVATE');
  if (visibility !== 'ROLE_RESTRICTED') return { visibility };
  const allowedRoles = String(options.roles ?? '')
    .split(/[\s,;]+/)
    .filter(Boolean);
  return { visibility, allowedRoles };
}

/** @param devices the sources that it is made of */
export function askedBy(request: ClipRequest, devices: string[]): Asked {
  return {
    camera: request.camera,
    ...toRange(wholeSeconds(request)),
    title: titleOf(request),
    ref: { devices: devices.join(' ') },
  };
}

/** Just made, so that the vendor may not know it by its id yet. */
export function isNew({ status, ref }: Clip, now: number): boolean {
  return status === 'pending' && now - Date.parse(ref?.madeAt ?? '') < unknownMs;
}

export function asBefore({ id, camera, start, end, status }: Clip): ProviderClip {
  return { id, camera, start, end, status };
}

export function toClip(found: RhombusClip, { camera, start, end, title, ref }: Asked): ProviderClip {
  const { id, status, progress, size, sha256, width, height, region, vendorStatus } = found;
  return {
    id,
    camera,
    start,
    end,
    status,
    progress,
    title: found.title || title,
    size,
    sha256,
    width,
    height,
    ...reasonOf(found.reason),
    ...(vendorStatus ? { vendorStatus } : {}),
    ref: { ...ref, ...(region ? { region } : {}) },
  };
}

export function reasonOf(reason: string | undefined): { reason?: string } {
  return reason ? { reason } : {};
}
