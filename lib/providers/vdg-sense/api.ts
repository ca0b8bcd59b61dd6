import { createHash, createHmac } from 'node:crypto';
import { ClipError } from '../../errors';
import { createHttpClient, statusError, type HttpReply, type HttpRequest } from '../../http';
import { peek, readText } from '../../http-body';
import type { CallOptions, Provider, ProviderConfig } from '../../provider';
import { escapeXml, parseXml, valueOf, type XmlElement } from '../../xml';
import { resultError } from './codes';
import { isFailure, readSession, resultCode, writeTime, type SenseSession } from './types';

type Call = CallOptions<SenseSession | undefined>;
type Auth = 'plain' | 'basic' | 'digest' | 'none';

/** The requests of the VDG Sense HTTP API; what they mean for clips is in `index.ts`. */
export function createSenseApi({ settings, credentials, tls, proxy, now }: ProviderConfig) {
  const auth = String(settings.auth) as Auth;
  const keyName = String(settings.sessionKeyName || 'sessionkey');
  const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  const http = createHttpClient({
    baseUrl: String(settings.url),
    tls,
    proxy,
    headers: auth === 'basic' ? { Authorization: `Basic ${basic}` } : {},
  });

  /** Until a Basic login was taken once, a refusal may have any face, and to repeat it may lock the account. */
  let isTaken = auth !== 'basic';

  /** Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167405095/Authentication */
  async function login({ signal }: { signal: AbortSignal }): Promise<SenseSession> {
    const doing = `Logging in to ${String(settings.url)} as "${credentials.username}"`;
    const body = auth === 'digest' ? digestLogin() : plainLogin();
    const reply = await http.request({ method: 'POST', path: '/webservice', headers: xmlHeaders, body, signal, doing });
    if (reply.status === 401 || reply.status === 403) throw refused(doing, `HTTP ${reply.status}`, '');
    const problem = statusError(reply, doing);
    if (problem) throw problem;
    const root = readXml(reply, doing);
    const code = root && resultCode(root);
    if (isFailure(code)) throw refused(doing, code, (root && valueOf(root, 'description')) ?? '');
    const session = readSession(root, reply.setCookies, keyName);
    if (!session) {
      throw new ClipError(
        'EAUTH',
        `${doing}: the answer (${root?.name ?? 'empty'}) holds no session key. The login may be refused; if it is not, set the name of the session key`,
      );
    }
    return session;
  }

  function plainLogin(): string {
    return `${prolog}<AuthenticateUser><username>${escapeXml(credentials.username)}</username><password>${escapeXml(credentials.password)}</password></AuthenticateUser>`;
  }

  /**
   * Experimental: the formula was read out of a client's source and never confirmed. The nonce names the client type and
   * comes from the vendor, together with its secret.
   */
  function digestLogin(): string {
    const nonce = String(settings.digestNonce || '');
    if (!nonce || !credentials.token) {
      throw new ClipError(
        'EINVALID',
        'Digest login needs the nonce and the secret that the vendor issues to integrators',
      );
    }
    const timestamp = writeTime(new Date(now()).toISOString(), false);
    const hash = (name: string, text: string): string => createHash(name).update(text).digest('hex');
    const text = hash('md5', timestamp) + credentials.username + hash('sha1', hash('sha1', credentials.password));
    const digest = createHmac('sha1', credentials.token).update(text).digest('hex');
    return `${prolog}<AuthenticateUserDigest><username>${escapeXml(credentials.username)}</username><nonce>${escapeXml(nonce)}</nonce><timestamp>${timestamp}</timestamp><digest>${digest}</digest></AuthenticateUserDigest>`;
  }

  function refused(doing: string, code: string | undefined, description: string): ClipError {
    const said = description ? `: ${description}` : '';
    return new ClipError(
      'EAUTH',
      `${doing}: the server refused the login (${code})${said}. Check user name and password`,
      {
        vendorCode: code,
      },
    );
  }

  function commandRequest(
    command: string,
    parameters: Record<string, string | undefined>,
    call: Call,
    doing: string,
    method: HttpRequest['method'] = 'GET',
  ): HttpRequest {
    const query = Object.entries({ command, ...parameters })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
      .join('&');
    return { method, path: `/command?${query}`, headers: sessionHeaders(call), signal: call.signal, doing };
  }

  function sessionHeaders({ session }: Call): Record<string, string> {
    const cookies = Object.entries(session?.cookies ?? {}).map(([name, value]) => `${name}=${value}`);
    return cookies.length > 0 ? { Cookie: cookies.join('; ') } : {};
  }

  /** Turns whatever is not a good result into an error. */
  function checkReply(command: string, reply: HttpReply, doing: string, call: Call): XmlElement {
    const hasSession = call.session !== undefined;
    if (hasSession && (reply.status === 401 || reply.status === 403)) {
      const error = statusError(reply, doing)!;
      throw new ClipError(error.code, error.message, { vendorCode: error.vendorCode, sessionExpired: true });
    }
    if (!isTaken && (reply.status === 403 || (reply.status < 300 && isPage(reply.text)))) {
      throw refused(doing, `HTTP ${reply.status}`, '');
    }
    const problem = statusError(reply, doing, errorText(reply));
    if (problem) throw problem;
    const root = readXml(reply, doing, hasSession);
    const code = root && resultCode(root);
    if (root && isFailure(code)) {
      throw resultError(command, code!, valueOf(root, 'description') ?? '', doing, hasSession);
    }
    if (!root || (root.name !== 'result' && code === undefined)) throw notTheApi(doing, root?.name, hasSession);
    isTaken = true;
    return root;
  }

  return {
    login: auth === 'plain' || auth === 'digest' ? login : undefined,

    /** One command with a small XML answer. */
    async command(
      command: string,
      parameters: Record<string, string | undefined>,
      call: Call,
      doing: string,
      method: HttpRequest['method'] = 'GET',
    ): Promise<XmlElement> {
      const reply = await http.request(commandRequest(command, parameters, call, doing, method));
      return checkReply(command, reply, doing, call);
    },

    /** One command whose answer is media. Errors come as XML even where media was asked for. */
    async media(
      command: string,
      parameters: Record<string, string | undefined>,
      call: Call & { headers?: Record<string, string> },
      doing: string,
    ) {
      const request = commandRequest(command, parameters, call, doing);
      const reply = await http.stream({ ...request, headers: { ...request.headers, ...call.headers } });
      const start = await peek(reply.body, doing);
      if (reply.status < 300 && !isDocument(start, reply.headers['content-type'] ?? '')) {
        isTaken = true;
        return reply;
      }
      const text = await readText(reply.body, doing, { maxBytes: longestErrorBytes });
      checkReply(command, { ...reply, text }, doing, call);
      throw new ClipError('EPROTOCOL', `${doing}: the server answered with a document instead of video`);
    },

    /** Server clock and version; `undefined` from servers before 2.6.1, or where it does need a login after all. */
    async info(call: Call): Promise<XmlElement | undefined> {
      const doing = 'Asking for the server version';
      const { signal } = call;
      const reply = await http.request({ method: 'GET', path: '/info', headers: sessionHeaders(call), signal, doing });
      if (reply.status === 404 || (isTaken && (reply.status === 401 || reply.status === 403))) return undefined;
      const problem = statusError(reply, doing);
      if (problem) throw problem;
      return readXml(reply, doing);
    },

    close: (): void => http.close(),
  };
}

export type SenseApi = ReturnType<typeof createSenseApi>;
export type SenseProvider = Provider<SenseSession | undefined>;

const prolog = '<?xml version="1.0" encoding="UTF-8"?>\n';
const xmlHeaders = { 'Content-Type': 'text/xml; charset=utf-8' };
const longestErrorBytes = 64 * 1024;

function readXml(reply: HttpReply, doing: string, hasSession = false): XmlElement | undefined {
  if (reply.text.trim() === '') return undefined;
  if (isPage(reply.text)) throw notTheApi(doing, 'html', hasSession);
  try {
    return parseXml(reply.text);
  } catch (error) {
    throw new ClipError('EPROTOCOL', `${doing}: ${(error as Error).message}`, { sessionExpired: hasSession });
  }
}

/** What a server calls its answers counts for less than how a video begins: all others of this API are `text/xml`. */
function isDocument(start: Buffer, contentType: string): boolean {
  if (start.toString('latin1', 4, 8) === 'ftyp') return false;
  return /xml|html|json|^text\//i.test(contentType) || /^(\uFEFF|\s)*[<{]/.test(start.toString('utf8', 0, 256));
}

function isPage(text: string): boolean {
  return /^(\uFEFF|\s)*(<!doctype html|<html)/i.test(text);
}

/** A page in place of a result may be a login page: a fresh session is worth one try. */
function notTheApi(doing: string, what: string | undefined, hasSession: boolean): ClipError {
  const message = `${doing}: the server answered with ${what ? `<${what}>` : 'nothing'} where a result was expected. Check that the address is the one of the VDG Sense API`;
  return new ClipError('EPROTOCOL', message, { sessionExpired: hasSession });
}

/** The description inside an error reply, if it is one of the API's own. */
function errorText(reply: HttpReply): string {
  try {
    return valueOf(parseXml(reply.text), 'description') ?? '';
  } catch {
    return '';
  }
}
