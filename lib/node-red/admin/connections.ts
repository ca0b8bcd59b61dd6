// Registers the admin routes that try a connection and list its cameras, for the dialogs.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Connection } from '../../connection/connection';
import { ClipError, toClipError } from '../../errors';
import type { Camera, ConnectionCheck } from '../../provider';
import { raceAbort } from '../../async/abort';
import { getConnection } from '../connections';
import { hasVariables, NotReady, readDraft, withDraft, type Draft } from './draft';
import { registerPost } from './post';
import type { AdminRequest, AdminResponse } from '../node-red';
import type { Runtime } from '../runtime';

type Request = AdminRequest & IncomingMessage;
type Response = AdminResponse & ServerResponse;

/** Long enough for a slow server with many cameras; nobody waits for longer. */
const longestMs = 60_000;

/**
 * `POST /video-clips/check <draft>` -> `{name, version?, cameras?, clockSkewMs?, warnings}`
 * `GET /video-clips/cameras/<connection>`, `POST /video-clips/cameras <draft>` -> `{cameras: [{id, name, online?}]}`
 * A failure is a successful answer, too: `{error: {code, message, obstacle?}}`.
 */
export function registerConnectionRoutes(runtime: Runtime): void {
  const { RED } = runtime;
  const mayRead = RED.auth.needsPermission('clip-provider.read');
  const mayWrite = RED.auth.needsPermission('clip-provider.write');
  const mayDeploy = RED.auth.needsPermission('flows.write');
  const { httpAdmin } = RED;

  /** The draft of a request; its variables are for who could also deploy a flow that reads them. */
  const onDraft =
    (handle: (draft: Draft, response: Response) => void) =>
    (request: Request, response: Response): void => {
      const draft = readDraft(request.body);
      if (!draft) response.sendStatus(400);
      else if (hasVariables(draft)) mayDeploy(request, response, () => handle(draft, response));
      else handle(draft, response);
    };
  const check = onDraft((draft, response) => {
    answer(response, (signal) =>
      withDraft(runtime, draft, signal, async (connection, hide) => readCheck(await connection.check(signal), hide)),
    );
  });
  const cameras = onDraft((draft, response) => {
    answer(response, (signal) => withDraft(runtime, draft, signal, (connection) => listCameras(connection, signal)));
  });
  registerPost(RED, '/video-clips/check', mayWrite, check);
  registerPost(RED, '/video-clips/cameras', mayWrite, cameras);
  httpAdmin.get('/video-clips/cameras/:id', mayRead, (request: Request, response: Response) => {
    answer(response, async (signal) => listCameras(getConnection(runtime, request.params.id ?? ''), signal));
  });
}

/** The caller may have left, or lost patience. */
function answer(response: Response, work: (signal: AbortSignal) => Promise<object>): void {
  const left = new AbortController();
  response.on('close', () => left.abort());
  const timeout = AbortSignal.timeout(longestMs);
  const signal = AbortSignal.any([left.signal, timeout]);
  raceAbort(work(signal), signal).then(
    (found) => response.json(found),
    (thrown: unknown) => response.json({ error: readError(timeout.aborted ? tooLate() : toClipError(thrown)) }),
  );
}

function tooLate(): ClipError {
  return new ClipError('ETIMEOUT', `No complete answer within ${longestMs / 1000} s`);
}

function readError(error: ClipError): object {
  const { code, message } = error;
  return { code, message, ...(error instanceof NotReady ? { obstacle: error.obstacle } : {}) };
}

/** Providers of other packages may answer with anything. */
function readCheck(check: ConnectionCheck, hide: (text: string) => string): ConnectionCheck {
  const { name, version, cameras, clockSkewMs, warnings } = check;
  return {
    name: hide(String(name)),
    ...(version === undefined ? {} : { version: hide(String(version)) }),
    ...(Number.isFinite(cameras) ? { cameras } : {}),
    ...(Number.isFinite(clockSkewMs) ? { clockSkewMs } : {}),
    warnings: (warnings ?? []).map((warning) => hide(String(warning))),
  };
}

async function listCameras(connection: Connection, signal: AbortSignal): Promise<{ cameras: Camera[] }> {
  const cameras = await connection.listCameras(signal);
  connection.cameras.keep(cameras);
  return {
    cameras: cameras.map(({ id, name, online }) => ({
      id: String(id),
      name: String(name ?? ''),
      ...(typeof online === 'boolean' ? { online } : {}),
    })),
  };
}
