/** Files: below `/s3` or `/storage`, open to whoever knows their address unless a switch says otherwise. */
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { mediaReply } from '../media-reply';
import { fileUrl, mediaOf } from './records';
import { jsonReply } from './replies';
import type { AipixState } from './state';

export function isMedia(request: RecordedRequest): boolean {
  return /^\/(s3|storage)\//.test(request.path);
}

export async function media(state: AipixState, request: RecordedRequest): Promise<Reply> {
  const { options } = state;
  const { access, answer, contentType } = options.media;
  const hasToken = request.headers.authorization !== undefined;
  if (access === 'token' && !state.sessions.has((request.headers.authorization ?? '').replace(/^Bearer /, ''))) {
    return s3Error(401, 'Unauthorized');
  }
  // Storages take a token for a broken signature (inferred).
  if (access === 'without token' && hasToken) return s3Error(400, 'InvalidArgument');
  const record = state.records.find((candidate) => {
    const url = fileUrl(state, candidate);
    return url !== undefined && new URL(url, state.mediaUrl()).href === new URL(request.target, state.mediaUrl()).href;
  });
  if (record?.state !== 'ready') {
    const gone = options.retention.answer;
    return gone === 'html' ? htmlPage(200, 'Not found') : s3Error(gone, 'NoSuchKey');
  }
  if (answer === 'html') return htmlPage(200, 'Maintenance');
  if (answer === 'json') return jsonReply({ message: 'Server Error' });
  if (answer === 'xml') return s3Error(200, 'SlowDown');
  const headers = { 'content-type': contentType };
  if (answer === 'empty') return { headers, body: '' };
  const reply = mediaReply(request, await mediaOf(state, record), options.media);
  return { ...reply, headers: { ...headers, ...reply.headers } };
}

function s3Error(status: number, code: string): Reply {
  const body = `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code></Error>`;
  return { status, headers: { 'content-type': 'application/xml' }, body };
}
