// Tests a connection to Aipix.
import { ClipError } from '../../errors';
import type { Camera, ConnectionCheck } from '../../provider';
import type { AipixApi, Call } from './api';
import { listCameras } from './cameras';
import { authorizeChannel, channelOf, findPushServer } from './watch';
import { readBoolean, readText, type JsonObject } from '../../net/json';

/** Collects the result of "Test connection". The first call has logged in. */
export async function check(api: AipixApi, listens: boolean, now: () => number, call: Call): Promise<ConnectionCheck> {
  const cameras = await listCameras(api, call).catch((error: unknown) => {
    if (error instanceof ClipError && error.code === 'EUNSUPPORTED') return undefined;
    throw error;
  });
  const action = 'Asking for the server version';
  // Needs no login, and is of the client API only. Source: https://github.com/aipix-dev/vms-mobile-sdk-android
  const reply = await api.http.request({ method: 'GET', path: '/api/v1/static/basic', signal: call.signal, action });
  const basic = reply.status < 300 ? api.jsonOf(reply) : {};
  const version = readText(basic.version);
  const serverTime = Date.parse(reply.headers.date ?? '');
  return {
    name: 'Aipix',
    ...(version ? { version } : {}),
    ...(cameras ? { cameras: cameras.length } : {}),
    ...(Number.isNaN(serverTime) ? {} : { clockSkewMs: serverTime - now() }),
    warnings: [...warnings(api, listens, call, basic, cameras), ...(listens ? await pushWarnings(api, call) : [])],
  };
}

/** Polling goes on without pushes, so that they are refused would never be noticed. */
async function pushWarnings(api: AipixApi, call: Call): Promise<string[]> {
  const channel = channelOf(call.session);
  if (!channel) return [];
  try {
    await findPushServer(api, call);
    // No socket has this id: a signature for it is of no use, and harmless.
    await authorizeChannel(api, channel, '0.0', call);
    return [];
  } catch (error) {
    if (!(error instanceof ClipError) || error.code === 'EABORTED' || error.sessionExpired) throw error;
    return [`Finished clips are found by polling only. ${error.message}`];
  }
}

function warnings(
  api: AipixApi,
  listens: boolean,
  { session }: Call,
  basic: JsonObject,
  cameras: Camera[] | undefined,
): string[] {
  const hasCaptcha = readBoolean(basic.is_captcha_available) === true;
  return [
    /^http:/i.test(api.baseUrl) && 'The password travels over http without encryption',
    hasCaptcha && !api.isPasted && 'The server can ask for a captcha, which only a person can solve: a token is safer',
    !api.isAdmin && session.mayExport === false && 'The account lacks the permission "archives-download"',
    cameras === undefined && 'The server does not list its cameras: type their ids',
    api.isAdmin && 'The admin API is hardly documented: use the client API where you can',
    listens &&
      !channelOf(session) &&
      'The server does not name a push channel: finished clips are found by polling only',
  ].filter((text) => text !== false);
}
