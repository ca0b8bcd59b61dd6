/** downloadClip. All of it is inferred: the vendor's page could not be read. */
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { mediaReply } from '../media-reply';
import { Refusal, refusalReply } from './replies';
import { removeClip, type SenseClip } from './queue';
import type { SenseState } from './state';

export function downloadClip(state: SenseState, request: RecordedRequest, clip: SenseClip): Reply {
  const { download } = state.options;
  if (clip.state !== 'finished') throw new Refusal(download.notFinishedCode, 'Clip is not finished');
  if (download.vanishes) {
    removeClip(state.queue, clip, state.now());
    throw new Refusal(-40, 'Clip not found');
  }
  if (download.answer === 'html') return htmlPage(200, 'Service unavailable');
  if (download.answer === 'xml-error') return refusalReply(state, new Refusal(download.errorCode, 'Cannot read clip'));
  const headers = {
    'content-type': download.contentType,
    ...(download.contentDisposition ? { 'content-disposition': `attachment; filename="clip ${clip.id}.mp4"` } : {}),
  };
  if (download.answer === 'empty' || !clip.media) return { headers, body: '', framing: download.framing };
  const reply = mediaReply(request, clip.media, download);
  return { ...reply, headers: { ...headers, ...reply.headers } };
}
