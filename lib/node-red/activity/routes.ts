/** Routes of the admin API that the sidebar uses: the list of work, its rows, and their files. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toClipError } from '../../errors';
import { registerPost } from '../admin/post';
import type { WrittenFile } from '../../files/written-file';
import { sendFile } from './media';
import type { AdminRequest, AdminResponse } from '../node-red';
import type { Runtime } from '../runtime';
import { createTickets } from './tickets';

/** A player that was left alone for longer asks for another ticket, and so does one that plays for longer. */
const ticketLimits = { idleMs: 10 * 60_000, longestMs: 4 * 60 * 60_000, most: 1_000 };

/**
 * `GET /video-clips/activity` -> `{version, rows}`; `DELETE` forgets what is not running.
 * `POST /video-clips/activity/<row>/cancel`, `/retry`; `/ticket` -> `{ticket}`.
 * `GET /video-clips/media/<ticket>`, `/thumbnail`: the row's file, for whoever has the ticket.
 */
export function registerActivityRoutes({ RED, activity: feed, clock, playing }: Runtime): void {
  const tickets = createTickets(clock, ticketLimits);
  const mayRead = RED.auth.needsPermission('clip-provider.read');
  const mayWrite = RED.auth.needsPermission('clip-provider.write');
  const { httpAdmin } = RED;

  httpAdmin.get('/video-clips/activity', mayRead, (_request: AdminRequest, response: AdminResponse) => {
    response.json(feed.snapshot());
  });
  httpAdmin.delete('/video-clips/activity', mayWrite, (_request: AdminRequest, response: AdminResponse) => {
    feed.clear();
    response.sendStatus(204);
  });

  const row = '/video-clips/activity/:row';
  registerPost(RED, `${row}/cancel`, mayWrite, (request: AdminRequest, response: AdminResponse) => {
    feed.cancel(rowOf(request)).then(
      (found) => response.sendStatus(found ? 204 : 404),
      (thrown: unknown) => response.status(500).json({ error: toClipError(thrown).message }),
    );
  });
  registerPost(RED, `${row}/retry`, mayWrite, (request: AdminRequest, response: AdminResponse) => {
    response.sendStatus(feed.retry(rowOf(request)) ? 204 : 404);
  });
  registerPost(RED, `${row}/ticket`, mayRead, (request: AdminRequest, response: AdminResponse) => {
    const rowId = rowOf(request);
    if (!feed.fileOf(rowId, 'video')) return response.sendStatus(404);
    response.json({ ticket: tickets.issue({ rowId, headers: request.headers }) });
  });

  /** Whatever is being played is not removed meanwhile. */
  async function play(
    file: WrittenFile,
    ...more: Parameters<typeof sendFile> extends [unknown, ...infer Rest] ? Rest : never
  ): Promise<void> {
    playing.set(file.path, (playing.get(file.path) ?? 0) + 1);
    await sendFile(file, ...more);
    const left = playing.get(file.path)! - 1;
    if (left > 0) playing.set(file.path, left);
    else playing.delete(file.path);
  }
  const send =
    (kind: 'video' | 'thumbnail', contentType: string) =>
    (request: AdminRequest & IncomingMessage, response: AdminResponse & ServerResponse): void => {
      const ticket = tickets.redeem(request.params.ticket ?? '');
      const file = ticket && feed.fileOf(ticket.rowId, kind);
      if (!file) return response.sendStatus(404);
      // Asked in the name of the ticket's owner, who may have logged out or lost the right since.
      const asOwner: unknown = Object.create(request, { headers: { value: ticket.headers } });
      mayRead(asOwner, response, () => void play(file, contentType, request, response));
    };
  httpAdmin.get('/video-clips/media/:ticket', send('video', 'video/mp4'));
  httpAdmin.get('/video-clips/media/:ticket/thumbnail', send('thumbnail', 'image/jpeg'));
}

function rowOf({ params }: AdminRequest): string {
  return params.row ?? '';
}
