// Registers the routes for the files of rows: what there is, what it looks like, its bytes, and its end.
import type { IncomingMessage, ServerResponse } from 'node:http';
import { toClipError } from '../../errors';
import type { WrittenFile } from '../../files/written-file';
import { registerPost } from '../admin/post';
import type { AdminRequest, AdminResponse } from '../node-red';
import type { Runtime } from '../runtime';
import { stateOf, type RowFile } from './files';
import { sendFile } from './media';
import { pictures } from './pictures';
import { createTickets } from './tickets';

/** A player that was left alone for longer asks for another ticket, and so does one that plays for longer. */
const ticketLimits = { idleMs: 10 * 60_000, longestMs: 4 * 60 * 60_000, most: 1_000 };

type MediaRequest = AdminRequest & IncomingMessage;
type MediaResponse = AdminResponse & ServerResponse;

/**
 * `GET /video-clips/activity/<row>/files` -> `{files: [{id, path, size, state, ...}], folder?, manifest?}`.
 * `POST .../<row>/files/<file>/delete` -> 204, or `{state}` where the file is not as we have written it.
 * A file is named by its id, or is the `first`.
 * `POST .../<row>/ticket` -> `{ticket}`; `GET /video-clips/media/<ticket>/<file>` and `.../<file>/picture`: for whoever has it.
 */
export function registerFileRoutes(runtime: Runtime): void {
  const { RED, activity: feed, clock, playing } = runtime;
  const tickets = createTickets(clock, ticketLimits);
  const pictureOf = pictures(runtime);
  const mayRead = RED.auth.needsPermission('clip-provider.read');
  const mayWrite = RED.auth.needsPermission('clip-provider.write');
  const { httpAdmin } = RED;
  const row = '/video-clips/activity/:row';

  const fileOf = (rowId: string, id: string | undefined): RowFile | undefined =>
    feed.filesOf(rowId)?.files.find((file) => String(file.id) === id || id === 'first');
  const failed =
    (response: AdminResponse) =>
    (thrown: unknown): void =>
      response.status(500).json({ error: toClipError(thrown).message });

  async function describe(rowId: string): Promise<object | undefined> {
    const known = feed.filesOf(rowId);
    if (!known) return undefined;
    const files = await Promise.all(
      known.files.map(async (file) => {
        const { video, thumbnail: _, ...facts } = file;
        return { ...facts, path: video.path, size: video.size, state: await stateOf(file) };
      }),
    );
    return { ...known, files };
  }

  httpAdmin.get(`${row}/files`, mayRead, (request: AdminRequest, response: AdminResponse) => {
    describe(request.params.row ?? '').then(
      (found) => (found ? response.json(found) : response.sendStatus(404)),
      failed(response),
    );
  });
  registerPost(RED, `${row}/files/:file/delete`, mayWrite, (request: AdminRequest, response: AdminResponse) => {
    const { row: rowId = '', file = '' } = request.params;
    const id = feed.filesOf(rowId)?.files.find((each) => String(each.id) === file)?.id;
    if (id === undefined) return response.sendStatus(404);
    feed.deleteFile(rowId, id).then((state) => {
      if (state === 'there') response.sendStatus(204);
      else response.json({ state: state ?? 'gone' });
    }, failed(response));
  });
  registerPost(RED, `${row}/ticket`, mayRead, (request: AdminRequest, response: AdminResponse) => {
    const rowId = request.params.row ?? '';
    if (!feed.filesOf(rowId)) return response.sendStatus(404);
    response.json({ ticket: tickets.issue({ rowId, headers: request.headers }) });
  });

  /** A file that is being played is not removed meanwhile. */
  async function play(file: WrittenFile, type: string, request: MediaRequest, response: MediaResponse): Promise<void> {
    playing.set(file.path, (playing.get(file.path) ?? 0) + 1);
    await sendFile(file, type, request, response);
    const left = playing.get(file.path)! - 1;
    if (left > 0) playing.set(file.path, left);
    else playing.delete(file.path);
  }

  const send =
    (answer: (file: RowFile, request: MediaRequest, response: MediaResponse) => void) =>
    (request: MediaRequest, response: MediaResponse): void => {
      const ticket = tickets.redeem(request.params.ticket ?? '');
      const file = ticket && fileOf(ticket.rowId, request.params.file);
      if (!file) return response.sendStatus(404);
      // Asked in the name of the ticket's owner, who may have logged out or lost the right since.
      const asOwner: unknown = Object.create(request, { headers: { value: ticket.headers } });
      mayRead(asOwner, response, () => answer(file, request, response));
    };
  httpAdmin.get(
    '/video-clips/media/:ticket/:file',
    send(({ video }, request, response) => void play(video, 'video/mp4', request, response)),
  );
  httpAdmin.get(
    '/video-clips/media/:ticket/:file/picture',
    send((file, request, response) => {
      void pictureOf(file).then((picture) => {
        // Nothing is wrong with a video that has no picture.
        if (picture) void sendFile(picture, 'image/jpeg', request, response);
        else response.sendStatus(204);
      });
    }),
  );
}
