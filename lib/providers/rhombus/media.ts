// Opens the file of a Rhombus clip in the region where it is stored.
import { ClipError, reasonFirst } from '../../errors';
import { pathSegment } from '../../net/path-segment';
import { describeClip, type Clip, type OpenClip } from '../../provider';
import type { Call, RhombusApi } from './api';
import type { Status } from './status';
import type { RhombusClip } from './types';

/** A file that is not there (yet): object stores say 403 for it where the names of files may not be listed. */
const absences: ReadonlySet<string> = new Set(['ENOTFOUND', 'EFORBIDDEN']);

type File = Pick<RhombusClip, 'region' | 'size' | 'sha256'>;

/**
 * Opens the MP4 of a clip. The key goes with it as a header; there are no signed addresses.
 * Source: the vendor's examples for Python and Java; the page about downloads is not public.
 */
export async function openClip(
  api: RhombusApi,
  status: Status,
  clip: Clip,
  call: Call & { offset: number; etag?: string; size?: number },
): Promise<OpenClip> {
  const action = `Downloading the clip of ${describeClip(clip)}`;
  const file = await fileOf(status, clip, call);
  try {
    const opened = await openAt(api, file.region ? [file.region] : api.likelyRegions, clip, call, action);
    if (file.sha256) return { ...opened, sha256: file.sha256 };
    // That `byteCount` is the size of the MP4 is inferred: where a checksum tells the bytes, it is left out.
    const { size = opened.size } = file;
    return { ...opened, ...(size === undefined ? {} : { size }) };
  } catch (error) {
    if (error instanceof ClipError && absences.has(error.code)) throw await whyMissing(status, clip, call, error);
    throw error;
  }
}

/** From the first of the regions that has the file. */
async function openAt(
  api: RhombusApi,
  regions: string[],
  clip: Clip,
  call: Call & { offset: number; etag?: string; size?: number },
  action: string,
): Promise<OpenClip> {
  let missing = new ClipError(
    'ENOTFOUND',
    reasonFirst('the server does not say in which region the file is stored', action),
  );
  for (const region of regions) {
    const path = `/media/metadata/${pathSegment(region, 'The region of the clip')}/${pathSegment(clip.id, 'The id of the clip')}.mp4`;
    try {
      return await api.media(path, call, action);
    } catch (error) {
      if (!(error instanceof ClipError) || error.code !== 'ENOTFOUND') throw error;
      missing = error;
    }
  }
  throw missing;
}

/** Facts for fetching and verifying the file; the vendor is asked only for those that the clip lacks. */
async function fileOf(status: Status, clip: Clip, call: Call): Promise<File> {
  const known: File = { region: clip.ref?.region, size: clip.size, sha256: clip.sha256 };
  if (known.region && known.size !== undefined && known.sha256) return known;
  try {
    const found = await status.ask(clip, call);
    return {
      region: found.region ?? known.region,
      size: found.size ?? known.size,
      sha256: found.sha256 ?? known.sha256,
    };
  } catch (error) {
    // The file itself will tell. But not after a refused key, nor when nobody waits any more.
    if (!(error instanceof ClipError) || error.code === 'EAUTH' || error.code === 'EABORTED') throw error;
    return known;
  }
}

/** The media host knows one answer, 404, for a wrong region, a clip that is not ready, and one that was deleted. */
async function whyMissing(status: Status, clip: Clip, call: Call, missing: ClipError): Promise<ClipError> {
  const gone = (): ClipError =>
    new ClipError('EEXPIRED', `${missing.message}. The clip has been deleted: create it again`, { ...missing });
  try {
    const found = await status.ask(clip, call);
    if (found.status === 'expired') return gone();
    const advice =
      found.status === 'finished'
        ? 'The clip is finished, so its file may need a moment more. If it stays away, check the media address of the connection'
        : 'The clip is not finished: wait for it with poll-clip';
    const { vendorCode, retryAfterMs } = missing;
    return new ClipError('EFAILED', `${missing.message}. ${advice}`, { vendorCode, retryAfterMs, retryable: true });
  } catch (error) {
    if (!(error instanceof ClipError)) throw error;
    if (error.code === 'EAUTH' || error.code === 'EABORTED') return error;
    // Unless it was finished once, it may only be too new to be known.
    return error.code === 'ENOTFOUND' && !error.inconclusive && clip.status === 'finished' ? gone() : missing;
  }
}
