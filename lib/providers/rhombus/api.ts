// Sends the requests of the Rhombus API and of its media host.
import { ClipError, reasonFirst } from '../../errors';
import { createHttpClient } from '../../net/http';
import { asObject, parseJson, parseLongJson, type JsonObject } from '../../net/json';
import { openMedia } from '../../net/media';
import { sniff } from '../../mp4/sniff';
import type { OpenClip, ProviderConfig, Settings } from '../../provider';
import { replyError } from './errors';

/** Media for keys with a certificate has a host of its own; the one for Europe is not published. */
const regions: Record<string, { api: string; media: string; mediaByCertificate?: string; push: string }> = {
  us: {
    api: 'https://api2.rhombussystems.com',
    media: 'https://media.rhombussystems.com',
    mediaByCertificate: 'https://mediaapi-v2.rhombussystems.com',
    push: 'wss://ws.rhombussystems.com:8443/websocket',
  },
  eu: {
    api: 'https://api2.eu.rhombussystems.com',
    media: 'https://media.eu.rhombussystems.com',
    push: 'wss://ws.eu.rhombussystems.com:8443/websocket',
  },
};

/**
 * United States: what the vendor's command line tool takes for alerts. Europe: nothing is published, so the two large
 * regions there are tried.
 */
const likelyRegions: Record<string, string[]> = { us: ['us-west-2'], eu: ['eu-central-1', 'eu-west-1'] };

/** Keys that only count together with a TLS client certificate. */
export function wantsCertificate({ authScheme }: Settings): boolean {
  return authScheme === 'api' || authScheme === 'partner-api';
}

/**
 * Operation that every role may use: an API key that does not even see cameras is none. It goes before all others, since they
 * answer an unknown key as they answer a role that may not do this.
 */
export const camerasPath = 'camera/getMinimalCameraStateList';

export interface Call {
  signal: AbortSignal;
}

interface PostOptions {
  /** Does a refusal that says nothing known deserve another try? */
  mayPass?: boolean;
  /** Is it enough that there is no refusal? */
  mayBeEmpty?: boolean;
  /** May the answer list things by the thousand? */
  isList?: boolean;
  /** Does it change anything? Reads are POSTs here, too. */
  isWrite?: boolean;
}

interface JsonReply {
  json: JsonObject;
  headers: Record<string, string>;
}

/** The requests of the Rhombus API; what they mean for clips is in `clips.ts`. */
export function createRhombusApi({ settings, credentials, tls, proxy }: ProviderConfig) {
  const hosts = hostsOf(settings);
  const headers = keyHeaders(settings, credentials.token);
  const api = createHttpClient({ baseUrl: hosts.api, tls, proxy, headers });
  const media = createHttpClient({ baseUrl: hosts.media, tls, proxy, headers });
  /** Has anything been done with this key? */
  let isKnown = false;
  let trial: Promise<unknown> | undefined;

  async function post(
    path: string,
    body: JsonObject,
    call: Call,
    action: string,
    { mayPass = false, mayBeEmpty = false, isList = false, isWrite = false }: PostOptions = {},
  ): Promise<JsonReply> {
    if (path !== camerasPath) await tryKey(call);
    const reply = await api.request({
      method: 'POST',
      isRepeatable: !isWrite,
      path: `/api/${path}`,
      headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
      body: JSON.stringify(body),
      signal: call.signal,
      action,
      isList,
    });
    const json = asObject(await parseLongJson(reply.text));
    const problem = replyError(reply, json, action, mayPass);
    // A page is the word of what stands in front of Rhombus, and says nothing about the key.
    const isAboutKey = problem?.code === 'EFORBIDDEN' && json !== undefined && path === camerasPath && !isKnown;
    if (problem) throw isAboutKey ? keyRefused(problem) : problem;
    if (!json && mayBeEmpty && reply.text.trim() === '') return { json: {}, headers: reply.headers };
    if (!json) {
      const what =
        reply.text.trim() === '' ? 'nothing' : `something that is not JSON (${sniff(Buffer.from(reply.text))})`;
      throw new ClipError(
        'EPROTOCOL',
        reasonFirst(`the server answered with ${what}`, action, 'Check that the address is the one of the Rhombus API'),
      );
    }
    isKnown = true;
    return { json, headers: reply.headers };
  }

  /**
   * Any other failure of the operation says nothing about the key.
   * @throws EAUTH when the key is refused, or passing trouble that keeps it from being tried
   */
  async function tryKey(call: Call): Promise<void> {
    if (isKnown) return;
    trial ??= post(camerasPath, {}, call, 'Trying the API key').finally(() => (trial = undefined));
    const error = await trial.then(
      () => undefined,
      (thrown: ClipError) => thrown,
    );
    // Somebody else was cancelled while all waited for the same request.
    if (error?.code === 'EABORTED' && !call.signal.aborted) return tryKey(call);
    if (error && (error.retryable || error.code === 'EABORTED' || error.code === 'EAUTH')) throw error;
  }

  return {
    hosts,
    headers,
    pushUrl: pushUrlOf(settings),

    /** Regions to try for a clip whose place the vendor does not tell. A custom address may belong to either account region. */
    likelyRegions: Object.entries(likelyRegions)
      .filter(([region]) => region === settings.region || settings.region === 'custom')
      .flatMap(([, names]) => names),

    /** Every operation is a POST with a JSON object, reads too. */
    post,

    /** A file of the media host. Whether it serves ranges is not published: asking for one is harmless. */
    async media(
      path: string,
      { signal, offset, etag, size }: Call & { offset: number; etag?: string; size?: number },
      action: string,
    ): Promise<OpenClip> {
      await tryKey({ signal });
      return openMedia(media, {
        ...{ path, signal, offset, etag, size, action },
        explain: async (reply) => replyError(reply, asObject(parseJson(reply.text)), action, true),
      });
    },

    /** @throws when the media host cannot be reached; whatever it answers is fine */
    async reachMedia(call: Call): Promise<void> {
      await media.request({ method: 'GET', path: '/', signal: call.signal, action: 'Reaching the media host' });
    },

    close(): void {
      api.close();
      media.close();
    },
  };
}

export type RhombusApi = ReturnType<typeof createRhombusApi>;

function keyRefused(problem: ClipError): ClipError {
  return new ClipError('EAUTH', `${problem.message}. Check the API key and its kind, too`, {
    vendorCode: problem.vendorCode,
  });
}

/**
 * REST and media have hosts of their own; a filled-in address wins over the one of the region.
 * @throws EINVALID when there is none
 */
function hostsOf(settings: Settings): { api: string; media: string } {
  const region = regions[String(settings.region)];
  const api = String(settings.apiUrl || region?.api || '');
  const usual = wantsCertificate(settings) ? (region?.mediaByCertificate ?? region?.media) : region?.media;
  const media = String(settings.mediaUrl || usual || '');
  if (!api || !media) {
    throw new ClipError('EINVALID', 'The region "custom" needs both the API address and the media address');
  }
  // People copy the address with the path that all operations share.
  return { api: api.replace(/\/+(api\/*)?$/, ''), media };
}

/** Absent where nothing is to be heard, or nobody is let in. Partner keys name the organization in the address, too. */
function pushUrlOf(settings: Settings): string | undefined {
  const { push, pushUrl, region, authScheme, organization } = settings;
  const address = String(pushUrl || regions[String(region)]?.push || '').replace(/^http/i, 'ws');
  if (push === false || wantsCertificate(settings) || !URL.canParse(address)) return undefined;
  const url = new URL(address);
  const scheme = String(authScheme || 'api-token');
  url.searchParams.set('x-auth-scheme', scheme);
  if (scheme.startsWith('partner') && organization) url.searchParams.set('x-auth-org', String(organization));
  return url.href;
}

/**
 * Source: https://apidocs.rhombussystems.com/docs/authentication (partner keys act for one organisation).
 * @throws EAUTH or EINVALID when the key cannot be one
 */
function keyHeaders(settings: Settings, token: string): Record<string, string> {
  const key = token.trim();
  const scheme = String(settings.authScheme || 'api-token');
  const organization = scheme.startsWith('partner') ? String(settings.organization || '') : '';
  if (!key)
    throw new ClipError('EAUTH', 'The connection has no API key. Create one in the Rhombus console and enter it');
  // A character that no header can hold would fail later, with an error that shows the key.
  if (/[^\x21-\x7e]/.test(key)) throw new ClipError('EAUTH', 'The API key contains characters that no key has');
  if (/[^\x21-\x7e]/.test(organization)) {
    throw new ClipError('EINVALID', 'The id of the client organisation contains characters that no id has');
  }
  return { 'x-auth-scheme': scheme, 'x-auth-apikey': key, ...(organization ? { 'x-auth-org': organization } : {}) };
}
