// Listens for policy alerts on the WebSocket of the Rhombus cloud, which speaks STOMP 1.2. Nothing that was missed is repeated.
// Sources: https://api-docs.rhombus.community/websocket/websocket-overview, the vendor's command line client
import type { Clock } from '../../async/clock';
import { objectAt, readText } from '../../net/json';
import { stayConnected, type End } from '../../net/stay-connected';
import { openWebSocket } from '../../net/websocket';
import { ClipError, reasonFirst, type Provider, type ProviderConfig } from '../../provider';
import type { Call, RhombusApi } from './api';

/** Both sides promise a sign of life as often. */
const beatMs = 10_000;
/** A line that has been silent for so long is broken. */
const silentMs = 3 * beatMs;

interface Parts {
  api: RhombusApi;
  config: ProviderConfig;
  clock: Clock;
}

export function watchEvents({ api, config, clock }: Parts): NonNullable<Provider<undefined>['watchEvents']> {
  return async (news, { signal }) => {
    let organization: string | undefined;
    const connect = async (open: () => void): Promise<End | void> => {
      try {
        organization ??= await findOrganization(api, { signal });
        await hear(organization, { open, news });
      } catch (thrown) {
        // The key is not let in, or there is nothing of the kind.
        if (thrown instanceof ClipError && /^HTTP (401|403|404)$/.test(thrown.vendorCode ?? ''))
          return { isFinal: true };
        throw thrown;
      }
    };

    /** One connection, from its making to its end. */
    async function hear(organization: string, { open, news }: { open(): void; news(): void }): Promise<void> {
      let heardAt = clock.steadyNow();
      let cancel = (): void => undefined;
      let onClose = (): void => undefined;
      const closed = new Promise<void>((resolve) => (onClose = resolve));
      const link = openWebSocket({
        url: api.pushUrl!,
        tls: config.tls,
        proxy: config.proxy,
        headers: api.headers,
        signal,
        action: 'Listening for alerts',
        onClose,
        onMessage(text) {
          heardAt = clock.steadyNow();
          for (const frame of text.split('\0')) {
            const [command = ''] = frame.trimStart().split(/\r?\n/, 1);
            if (command === 'CONNECTED') {
              const destination = `/topic/change/${organization}`;
              void link.then(({ send }) => send(frameOf('SUBSCRIBE', { id: 'sub-0', destination, ack: 'auto' })));
              open();
            }
            if (command === 'MESSAGE' && /"entity"\s*:\s*"POLICY_ALERT"/.test(frame)) news();
            if (command === 'ERROR') void link.then(({ drop }) => drop());
          }
        },
      });
      const { send, drop } = await link;
      const beat = (): void => {
        if (clock.steadyNow() - heardAt >= silentMs) return drop();
        send('\n');
        cancel = clock.after(beatMs, beat);
      };
      send(frameOf('CONNECT', { 'accept-version': '1.2', 'heart-beat': `${beatMs},${beatMs}` }));
      cancel = clock.after(beatMs, beat);
      await closed;
      cancel();
    }

    await stayConnected({ clock, signal, connect, again: news });
  };
}

/** Source: getOrgV2 in the OpenAPI document of the API */
async function findOrganization(api: RhombusApi, call: Call): Promise<string> {
  const action = 'Asking for the organization';
  const { json } = await api.post('org/getOrgV2', {}, call, action);
  const id = readText(objectAt(json, 'org').uuid);
  if (!id) throw new ClipError('EPROTOCOL', reasonFirst('the answer names no organisation', action));
  return id;
}

function frameOf(command: string, headers: Record<string, string>): string {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}`);
  return `${[command, ...lines].join('\n')}\n\n\0`;
}
