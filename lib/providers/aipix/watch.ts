import type { Clock } from '../../async/clock';
import { ClipError } from '../../errors';
import type { ProviderConfig } from '../../provider';
import { openWebSocket } from '../../net/websocket';
import type { AipixApi, Call } from './api';
import { isObject, readText } from '../../net/json';
import type { PushTracker } from './push-tracker';
import { pushAddresses, subscribe } from './push';
import { readPush, readPushServer } from './types';

interface Parts {
  api: AipixApi;
  config: ProviderConfig;
  pushTracker: PushTracker;
  clock: Clock;
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
  const { tokenId } = call.session;
  if (!tokenId) return;
  const channel = `private-token.${tokenId}`;
  const over = new AbortController();
  const signal = AbortSignal.any([call.signal, over.signal]);
  const { tls, proxy } = config;

  await subscribe({
    channel,
    clock,
    signal,

    async discover() {
      const action = 'Asking for the address of the push server';
      const server = readPushServer(await api.request({ method: 'GET', path: 'wsurl', action }, { ...call, signal }));
      if (!server) throw new ClipError('EUNSUPPORTED', `${action}: the server gives none`);
      return pushAddresses(server);
    },

    async authorize(socketId) {
      const action = 'Asking for access to the push channel';
      const form = { socket_id: socketId, channel_name: channel };
      const reply = await api.request({ method: 'POST', path: 'broadcasting/auth', form, action }, { ...call, signal });
      const auth = isObject(reply) ? readText(reply.auth) : undefined;
      if (!auth) throw new ClipError('EPROTOCOL', `${action}: the answer holds no signature`);
      return auth;
    },

    connect: (url, handlers) =>
      openWebSocket({ url, tls, proxy, signal, action: 'Connecting to the push server', ...handlers }),

    onPush(payload) {
      const push = readPush(payload);
      if (push.type === 'archive_generated') changed(pushTracker.pushed(push));
      if (push.type !== 'logout') return;
      // The token is dead: the next request finds that out, and logs in again.
      over.abort();
      changed();
    },

    onGap: () => changed(),
  });
}
