// Keeps one SDK client for each endpoint.
import type { KinesisVideoClient, KinesisVideoClientConfig } from '@aws-sdk/client-kinesis-video';
import type { KinesisVideoArchivedMediaClient } from '@aws-sdk/client-kinesis-video-archived-media';
import type { Settings } from '../../provider';
import type { Agents } from '../../net/agents';
import type { FoundCredentials, KinesisSession } from './login';
import { checkReplies } from './replies';
import type { KinesisSdk } from './sdk';

const connectMs = 10_000;
const defaultSilenceMs = 60_000;

export interface Clients {
  /** For streams, and to ask where their footage is. */
  control(session: KinesisSession, region: string | undefined): KinesisVideoClient;
  /** For footage, at one data endpoint. */
  media(session: KinesisSession, region: string | undefined, endpoint: string): KinesisVideoArchivedMediaClient;
  /** Credentials by the default chain of AWS, looked for afresh. */
  findCredentials(): Promise<FoundCredentials>;
}

/**
 * Makes clients, and keeps them as long as their credentials. They send nothing by themselves.
 * @param silenceMs how long a connection may be silent: off by default in the SDK, so that a stalled transfer hangs for good
 */
export function createClients(
  sdk: KinesisSdk,
  settings: Settings,
  agents: Agents,
  silenceMs = defaultSilenceMs,
): Clients {
  const endpoint = String(settings.endpoint ?? '').replace(/\/+$/, '');
  const controls = new WeakMap<KinesisSession, Map<string, KinesisVideoClient>>();
  const medias = new WeakMap<KinesisSession, Map<string, KinesisVideoArchivedMediaClient>>();

  /** An ARN's region wins over the setting; without either the SDK looks into the AWS configuration. */
  function common(arnRegion: string | undefined) {
    const region = arnRegion ?? String(settings.region ?? '');
    return {
      ...(region ? { region } : {}),
      ...(settings.profile ? { profile: String(settings.profile) } : {}),
      // Trying again is decided above, where it is bounded and seen.
      maxAttempts: 1,
      requestHandler: { ...agents, connectionTimeout: connectMs, socketTimeout: silenceMs },
    };
  }

  function controlConfig(arnRegion: string | undefined): KinesisVideoClientConfig {
    const config = common(arnRegion);
    if (endpoint) return { ...config, endpoint, useFipsEndpoint: false, useDualstackEndpoint: false };
    // AWS's own producers use nothing else there. Elsewhere the AWS configuration decides.
    return config.region?.startsWith('us-gov-') ? { ...config, useFipsEndpoint: true } : config;
  }

  return {
    control: (session, region) =>
      kept(controls, session, region ?? '', () => {
        const client = new sdk.control.KinesisVideoClient({ ...controlConfig(region), credentials: keysOf(session) });
        checkReplies(client);
        return client;
      }),

    media: (session, region, dataEndpoint) =>
      kept(medias, session, `${region ?? ''} ${dataEndpoint}`, () => {
        const client = new sdk.media.KinesisVideoArchivedMediaClient({
          ...common(region),
          credentials: keysOf(session),
          endpoint: dataEndpoint,
          // The SDK refuses either together with an endpoint, and the AWS configuration may ask for them.
          useFipsEndpoint: false,
          useDualstackEndpoint: false,
        });
        checkReplies(client);
        return client;
      }),

    findCredentials() {
      // The SDK hands its configuration on to the chain. Files may have changed since they were last read.
      const config = { ...controlConfig(undefined), ignoreCache: true };
      return new sdk.control.KinesisVideoClient(config).config.credentials();
    },
  };
}

function kept<Client>(
  all: WeakMap<KinesisSession, Map<string, Client>>,
  session: KinesisSession,
  key: string,
  make: () => Client,
): Client {
  const own = all.get(session) ?? new Map<string, Client>();
  all.set(session, own);
  const client = own.get(key) ?? make();
  own.set(key, client);
  return client;
}

function keysOf({ accessKeyId, secretAccessKey, sessionToken }: KinesisSession) {
  return { accessKeyId, secretAccessKey, ...(sessionToken ? { sessionToken } : {}) };
}
