// Listens for pushes on the channel of a session.
import type { Clock } from '../../async/clock';
import { ClipError, reasonFirst } from '../../errors';
import type { ProviderConfig } from '../../provider';
import { leadsInside } from '../../net/redirects';
import { openWebSocket } from '../../net/websocket';
import type { AipixApi, Call } from './api';
import { isObject, parseJson, readText } from '../../net/json';
import type { PushTracker } from './push-tracker';
import { pushAddresses, subscribe, type PushOptions } from './push';
import { readPush, readPushServer, type AipixSession, type PushServer } from './types';

interface Parts {
  api: AipixApi;
  config: ProviderConfig;
  pushTracker: PushTracker;
  clock: Clock;
}

/** Finds the push server. @throws EUNSUPPORTED where the server names none */
export async function findPushServer(api: AipixApi, call: Call): Promise<PushServer> {
  const action = 'Asking for the address of the push server';
  const reply = await atFirstOf([api.root, clientRoot], (root) =>
    api.request({ method: 'GET', path: 'wsurl', root, action }, call),
  );
  const server = readPushServer(reply);
  if (!server) throw new ClipError('EUNSUPPORTED', reasonFirst('the server names no push server', action));
  return server;
}

/** The signature for a private channel. */
export async function authorizeChannel(api: AipixApi, channel: string, socketId: string, call: Call): Promise<string> {
  const action = 'Asking for access to the push channel';
  const form = { socket_id: socketId, channel_name: channel };
  const reply = await atFirstOf([api.root, clientRoot, ''], (root) =>
    api.request({ method: 'POST', path: 'broadcasting/auth', root, form, action }, call),
  );
  const auth = isObject(reply) ? readText(reply.auth) : undefined;
  if (!auth) throw new ClipError('EPROTOCOL', reasonFirst('the answer holds no signature', action));
  return auth;
}

const clientRoot = '/api/v1';

/** The paths for administrators are not published: where they are missing, those of users are tried. */
async function atFirstOf<T>(roots: string[], attempt: (root: string) => Promise<T>): Promise<T> {
  let refusal: unknown;
  for (const root of new Set(roots)) {
    try {
      return await attempt(root);
    } catch (error) {
      const isElsewhere = error instanceof ClipError && /^HTTP (403|404|405)$/.test(error.vendorCode ?? '');
      if (!isElsewhere) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

/** The channel of a session's token; `undefined` where nothing names one. */
export function channelOf({ tokenId, token }: AipixSession): string | undefined {
  const id = tokenId ?? tokenIdIn(token);
  return id && `private-token.${id}`;
}

/** A JWT names itself (RFC 7519, 4.1.7). */
function tokenIdIn(token: string): string | undefined {
  const [, payload = ''] = token.split('.');
  const claims = parseJson(Buffer.from(payload, 'base64url').toString());
  return isObject(claims) ? readText(claims.jti) : undefined;
}

/**
 * Listens on the channel of the session's token, which hears of the downloads that this token has asked for and of no
 * others. Source: https://docs.aipix.ai/en/start/aipix-23.12/types-of-websocket-pushes
 */
export async function watchPushes(
  { api, config, pushTracker, clock }: Parts,
  changed: (recordId?: string) => void,
  call: Call,
): Promise<void> {
  pushTracker.newToken();
  const channel = channelOf(call.session);
  if (!channel) return;
  const over = new AbortController();
  const signal = AbortSignal.any([call.signal, over.signal]);
  await listen(
    { api, config, clock },
    channel,
    {
      onPush(payload) {
        const push = readPush(payload);
        if (push.type === 'archive_generated') changed(pushTracker.pushed(push));
        if (push.type !== 'logout') return;
        // The token is dead: the next request finds that out, and logs in again.
        over.abort();
        changed();
      },
      onGap: () => changed(),
    },
    { ...call, signal },
  );
}

/** Listens on the channel of the user, which hears of events at all of the user's cameras. */
export async function watchEvents(parts: Omit<Parts, 'pushTracker'>, news: () => void, call: Call): Promise<void> {
  const channel = call.session.userChannel;
  if (!channel) return;
  const onPush = (payload: unknown): void => {
    if (/^(analytic_case|mark)_/.test(readPush(payload).type)) news();
  };
  await listen(parts, channel, { onPush, onGap: news }, call);
}

function listen(
  { api, config, clock }: Omit<Parts, 'pushTracker'>,
  channel: string,
  heard: Pick<PushOptions, 'onPush' | 'onGap'>,
  call: Call,
): Promise<void> {
  const { tls, proxy } = config;
  const { signal } = call;
  return subscribe({
    channel,
    clock,
    signal,
    discover: async () => pushAddresses(await findPushServer(api, call)),
    authorize: (socketId) => authorizeChannel(api, channel, socketId, call),
    async connect(url, handlers) {
      const action = 'Connecting to the push server';
      if (URL.canParse(url) && leadsInside(api.baseUrl, new URL(url))) {
        throw new ClipError(
          'EPROTOCOL',
          reasonFirst('the server names this computer itself as the push server', action),
        );
      }
      return openWebSocket({ url, tls, proxy, signal, action, ...handlers });
    },
    ...heard,
  });
}
