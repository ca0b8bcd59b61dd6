// Logs in to VDG Sense, by password or by the experimental digest.
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { ClipError, quoted, reasonFirst } from '../../errors';
import type { HttpClient } from '../../net/http';
import { digestAdvice, statusError } from '../../net/status';
import type { ProviderConfig } from '../../provider';
import { escapeXml, valueOf } from '../../net/xml';
import { namesAccount } from '../account-words';
import { isPage, prolog, readResult, readXml, xmlHeaders } from './documents';
import { isGeneral } from './errors';
import { isFailure, readSession, resultCode, writeTime, type SenseSession } from './types';

/** When the server has too many sessions: they end by being idle, and how long that takes is not published. */
const crowdedMs = 60_000;
const crowded =
  /\btoo many\b|\b(maximum|max\.?|limit) (number of )?(sessions|users|logins|connections)\b|\bsessions?\b.{0,20}\b(limit|exceeded)/i;

/**
 * A login by a document with a name and a password, or with the digest of both; `undefined` for connections that need none.
 * Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167405095/Authentication
 */
export function createLogin(http: HttpClient, { settings, credentials, now }: ProviderConfig) {
  const { username, password, token } = credentials;
  const keyName = String(settings.sessionKeyName || 'sessionkey');

  async function login({ signal }: { signal: AbortSignal }): Promise<SenseSession> {
    const action = loggingIn(settings.url, username);
    const body = settings.auth === 'digest' ? digestLogin() : plainLogin();
    const reply = await http.request({
      method: 'POST',
      path: '/webservice',
      headers: xmlHeaders,
      body,
      signal,
      action,
    });
    const refusal = readResult(reply);
    const refusedWith = refusal && resultCode(refusal);
    if (isFailure(refusedWith)) throw refused(action, refusedWith!, valueOf(refusal!, 'description') ?? '');
    // A gateway forbids with a page of its own.
    const isForbidden = reply.status === 403 && !isPage(reply.text);
    if (reply.status === 401 || isForbidden) throw refused(action, `HTTP ${reply.status}`, digestAdvice(reply));
    const problem = statusError(reply, action);
    if (problem) throw problem;
    const root = await readXml(reply, action);
    const session = readSession(root, reply.setCookies, keyName);
    if (!session && !root) throw new ClipError('EPROTOCOL', reasonFirst('the server answered with nothing', action));
    if (!session) {
      throw new ClipError(
        'EAUTH',
        reasonFirst(
          `the answer (${root!.name}) holds no session key`,
          action,
          'The login may be refused; if it is not, set the name of the session key',
        ),
      );
    }
    return { ...session, mark: randomUUID() };
  }

  function plainLogin(): string {
    return `${prolog}<AuthenticateUser><username>${escapeXml(username)}</username><password>${escapeXml(password)}</password></AuthenticateUser>`;
  }

  /**
   * Experimental: the formula was read out of a client's source and never confirmed. The nonce names the client type and
   * comes from the vendor, together with its secret.
   */
  function digestLogin(): string {
    const nonce = String(settings.digestNonce || '');
    if (!nonce || !token) {
      throw new ClipError(
        'EINVALID',
        'Digest login needs the nonce and the secret that the vendor issues to integrators',
      );
    }
    const timestamp = writeTime(new Date(now()).toISOString(), false);
    const hash = (name: string, text: string): string => createHash(name).update(text).digest('hex');
    const text = hash('md5', timestamp) + username + hash('sha1', hash('sha1', password));
    const digest = createHmac('sha1', token).update(text).digest('hex');
    return `${prolog}<AuthenticateUserDigest><username>${escapeXml(username)}</username><nonce>${escapeXml(nonce)}</nonce><timestamp>${timestamp}</timestamp><digest>${digest}</digest></AuthenticateUserDigest>`;
  }

  return settings.auth === 'plain' || settings.auth === 'digest' ? login : undefined;
}

/** "Logging in to http://server as "joe"": what a login is for. */
function loggingIn(url: unknown, username: string): string {
  return `Logging in to ${String(url)} as "${username}"`;
}

/** The error of a refused login. Trying again cannot lock the account only if the server itself says that it is full. */
export function refused(action: string, code: string, description: string): ClipError {
  const said = description ? `: ${quoted(description)}` : '';
  if (crowded.test(description)) {
    const message = reasonFirst(`the server takes no more sessions (${code})${said}`, action, 'End some of them');
    return new ClipError('ELIMIT', message, { vendorCode: code, retryable: true, retryAfterMs: crowdedMs });
  }
  // A general code without a word about the account may be that of a server which is starting.
  if (isGeneral(code) && !namesAccount(description)) {
    const message = reasonFirst(`the server answered with a general error (${code})${said}`, action);
    return new ClipError('EFAILED', message, { vendorCode: code, retryable: true });
  }
  const message = reasonFirst(`the server refused the login (${code})${said}`, action, 'Check user name and password');
  return new ClipError('EAUTH', message, { vendorCode: code });
}
