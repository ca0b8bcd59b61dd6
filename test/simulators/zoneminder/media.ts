// The page that sends the video file of an event, with the oddities of its ranges. Source: web/views/view_video.php.
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import type { Media } from '../video';
import { fieldsOf, maySee, tokenProblem } from './auth';
import { fileNameOf, mediaOf } from './events';
import type { SimUser } from './options';
import { page } from './replies';
import type { ZoneMinderState } from './state';

/** Size of a folder, which is opened where there is no file. */
const folderBytes = 4096;

export function isVideoRequest(request: RecordedRequest): boolean {
  return request.query.get('view') === 'view_video';
}

export async function serveVideo(state: ZoneMinderState, request: RecordedRequest): Promise<Reply> {
  const { options } = state;
  const later = options.version !== '1.36.33';
  const token = fieldsOf(request).get('token');
  const toLogin = later ? 'view=login&postLoginQuery=view%3Dview_video' : 'view=login';
  let user: SimUser = { ...options.users[0]!, system: true, events: 'View', monitorIds: [] };
  if (options.login) {
    if (!token) return redirect(state, toLogin);
    const known = tokenProblem(state, token);
    if (typeof known === 'string') return later ? redirect(state, toLogin) : page('Error');
    user = known;
  }
  if (options.privacyDue && user.system) return redirect(state, 'view=privacy');
  if (user.events === 'None') return page('Error: you do not have permission to view this');
  const id = Number(request.query.get('eid'));
  const event = options.events.find((each) => each.id === id);
  if (later && (!event || !maySee(user, event.monitorId))) return htmlPage(404, 'Not Found');
  const type = later && event && fileNameOf(event, options) === '' ? 'video/' : 'video/mp4';
  // No such event, or no file in its name: the folder itself is opened.
  const name = event ? fileNameOf(event, options) : '';
  if (!event || name === '') {
    const shown = options.version === '1.39.22' && event ? String(event.id) : '';
    return {
      ...headed(type, shown),
      headers: { ...headed(type, shown).headers, 'content-length': folderBytes },
      body: '',
    };
  }
  const media = await mediaOf(event, options, state.now());
  if (!media) return htmlPage(404, 'Not Found');
  return filePart(request, media, name, type);
}

function redirect({ options }: ZoneMinderState, query: string): Reply {
  return { status: 302, headers: { location: `${options.base}/index.php?${query}` }, body: '' };
}

function headed(type: string, name: string): Reply {
  return {
    status: 200,
    headers: {
      'content-type': type,
      'accept-ranges': 'bytes',
      'cache-control': 'no-store, no-cache, must-revalidate',
      'content-disposition': `inline; filename="${name}"`,
      connection: 'close',
    },
  };
}

/** A zero end counts as none, and an end beyond the file is believed. */
function filePart(request: RecordedRequest, media: Media, name: string, type: string): Reply {
  const { size } = media;
  const match = /bytes=\s*(\d+)-(\d*)/i.exec(request.headers.range ?? '');
  const begin = match ? Number(match[1]) : 0;
  const end = match && Number(match[2]) > 0 ? Number(match[2]) : size - 1;
  const reply = headed(type, name);
  const body = media.read(Math.min(begin, size), Math.min(size, end + 1));
  const whole = begin === 0 && end >= size - 1;
  if (whole) return { ...reply, body, size: end + 1 };
  const headers = { ...reply.headers, 'content-range': `bytes ${begin}-${end}/${size}` };
  return { ...reply, status: 206, headers, body, size: end - begin + 1 };
}
