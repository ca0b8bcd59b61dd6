/** What the sidebar asks of the runtime. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { systemClock, type Clock } from '../../async/clock';
import { toClipError } from '../../errors';
import { activityFeed } from './feed';
import { sendFile } from './media';
import type { AdminRequest, AdminResponse, NodeRed } from '../runtime';
import { createTickets } from './tickets';

/** A player that was left alone for longer asks for another ticket. */
const ticketMs = 10 * 60_000;
const mostTickets = 1_000;

/**
 * `GET /video-clips/activity` -> `{version, rows}`; `DELETE` forgets what is not running.
 * `POST /video-clips/activity/<row>/cancel`, `/retry`; `/ticket` -> `{ticket}`.
 * `GET /video-clips/media/<ticket>`, `/thumbnail`: the row's file, for whoever has the ticket.
 */
export function registerActivityRoutes(RED: NodeRed, clock: Clock = systemClock): void {
  const feed = activityFeed(RED);
  const tickets = createTickets(clock, ticketMs, mostTickets);
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

  httpAdmin.post('/video-clips/activity/:row/cancel', mayWrite, (request: AdminRequest, response: AdminResponse) => {
    feed.cancel(rowOf(request)).then(
      (found) => response.sendStatus(found ? 204 : 404),
      (thrown: unknown) => response.status(500).json({ error: toClipError(thrown).message }),
    );
  });
  httpAdmin.post('/video-clips/activity/:row/retry', mayWrite, (request: AdminRequest, response: AdminResponse) => {
    response.sendStatus(feed.retry(rowOf(request)) ? 204 : 404);
  });
  httpAdmin.post('/video-clips/activity/:row/ticket', mayRead, (request: AdminRequest, response: AdminResponse) => {
    const row = rowOf(request);
    if (!feed.fileOf(row, 'video')) return response.sendStatus(404);
    response.json({ ticket: tickets.issue(row) });
  });

  // A player and a picture cannot send along who is asking: what they have is the ticket.
  const send =
    (kind: 'video' | 'thumbnail', contentType: string) =>
    (request: AdminRequest & IncomingMessage, response: AdminResponse & ServerResponse): void => {
      const row = tickets.redeem(request.params.ticket ?? '');
      const file = row === undefined ? undefined : feed.fileOf(row, kind);
      if (file) void sendFile(file, contentType, request, response);
      else response.sendStatus(404);
    };
  httpAdmin.get('/video-clips/media/:ticket', send('video', 'video/mp4'));
  httpAdmin.get('/video-clips/media/:ticket/thumbnail', send('thumbnail', 'image/jpeg'));
}

function rowOf({ params }: AdminRequest): string {
  return params.row ?? '';
}
