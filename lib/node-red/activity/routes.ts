// Registers the routes of the admin API that the sidebar uses: the list of work, and what can be done with its rows.
import { toClipError } from '../../errors';
import { registerPost } from '../admin/post';
import type { AdminRequest, AdminResponse } from '../node-red';
import type { Runtime } from '../runtime';
import { registerFileRoutes } from './file-routes';

/**
 * `GET /video-clips/activity` -> `{version, rows}`; `DELETE` forgets what is not running.
 * `POST /video-clips/activity/<row>/cancel`, `/retry`.
 */
export function registerActivityRoutes(runtime: Runtime): void {
  const { RED, activity: feed } = runtime;
  const mayRead = RED.auth.needsPermission('clip-provider.read');
  const mayWrite = RED.auth.needsPermission('clip-provider.write');
  const { httpAdmin } = RED;

  httpAdmin.get('/video-clips/activity', mayRead, (_request: AdminRequest, response: AdminResponse) => {
    void feed.load().then(() => response.json(feed.snapshot()));
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
  registerFileRoutes(runtime);
}

function rowOf({ params }: AdminRequest): string {
  return params.row ?? '';
}
