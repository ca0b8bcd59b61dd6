import { ClipError } from '../../errors';
import { pathSegment } from '../../net/path-segment';
import { describeClip, type Clip, type OpenClip } from '../../provider';
import type { Call, RhombusApi } from './api';
import type { Status } from './status';
import type { RhombusClip } from './types';

/** For a clip whose place the vendor does not tell: what its command line tool takes for alerts. */
const fallbackRegion = 'us-west-2';

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
  const region = file.region ?? fallbackRegion;
  const path = `/media/metadata/${pathSegment(region, 'The region of the clip')}/${pathSegment(clip.id, 'The id of the clip')}.mp4`;
  try {
    const opened = await api.media(path, call, action);
    const { size = opened.size, sha256 } = file;
    return { ...opened, ...(size === undefined ? {} : { size }), ...(sha256 ? { sha256 } : {}) };
  } catch (error) {
    if (error instanceof ClipError && error.code === 'ENOTFOUND') throw await whyMissing(status, clip, call, error);
    throw error;
  }
}

/** What is needed to fetch the file and to judge it; the vendor is asked only for what the clip does not tell. */
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
    new ClipError('EEXPIRED', `${missing.message}. The clip has been deleted: create it again`, missing);
  try {
    const found = await status.ask(clip, call);
    if (found.status === 'expired') return gone();
    const advice =
      found.status === 'finished'
        ? 'The clip is finished, so its file may need a moment more. If it stays away, check the media address of the connection'
        : 'The clip is not finished: wait for it with poll-clip';
    return new ClipError('ENOTFOUND', `${missing.message}. ${advice}`, { ...missing, retryable: true });
  } catch (error) {
    if (!(error instanceof ClipError)) throw error;
    if (error.code === 'EAUTH' || error.code === 'EABORTED') return error;
    // Unless it was finished once, it may only be too new to be known.
    return error.code === 'ENOTFOUND' && clip.status === 'finished' ? gone() : missing;
  }
}
