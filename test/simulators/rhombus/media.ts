/** The media host. The path is known from the vendor's examples; how it answers beyond that is unknown. */
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { mediaReply } from '../media-reply';
import { authenticate } from './auth';
import { isComplete, stepAt } from './clips';
import { jsonReply, Refusal, refusalReply } from './replies';
import { catchUp, type RhombusState } from './state';

/** Id of the clip whose video a request is for. */
export function downloadOf(request: RecordedRequest): string | undefined {
  return /^\/media\/metadata\/[^/]+\/([^/]+)\.mp4$/.exec(request.path)?.[1];
}

export async function serveMedia(state: RhombusState, request: RecordedRequest): Promise<Reply> {
  const { options } = state;
  const { download } = options;
  try {
    const { key, organization } = authenticate(state, request);
    if (!key.clips) throw new Refusal('403', 'Access Denied');
    if (request.method !== 'GET') return htmlPage(405, 'Method Not Allowed');
    await catchUp(state);
    const now = state.now();
    const region = request.path.split('/')[3];
    const clip = state.clips.find((each) => each.uuid === downloadOf(request) && each.organization === organization);
    const isThere = clip?.media && isComplete(clip, now) && now >= stepAt(clip, now).since + download.delayMs;
    if (!isThere || region !== options.status.region) {
      throw new Refusal(
        download.missing === 403 ? '403' : '404',
        download.missing === 403 ? 'Access Denied' : 'Not Found',
      );
    }
    if (download.answer === 'html') return htmlPage(200, 'Service unavailable');
    if (download.answer === 'json-error') return jsonReply(options, 200, { error: true, errorMsg: 'Cannot read clip' });
    const headers = { 'content-type': download.contentType };
    if (download.answer === 'empty') return { headers, body: '', framing: download.framing };
    if (download.answer === 'text') return { headers, body: 'The service is busy', framing: download.framing };
    const reply = mediaReply(request, clip.media!, download);
    return { ...reply, headers: { ...headers, ...reply.headers } };
  } catch (error) {
    if (error instanceof Refusal) return refusalReply(options, error);
    throw error;
  }
}
