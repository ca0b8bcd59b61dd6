// Logs in to Aipix with a password, or checks a pasted token.
import { ClipError, reasonFirst } from '../../errors';
import type { HttpReply } from '../../net/http';
import type { Credentials } from '../../provider';
import { namesAccount } from '../account-words';
import { isDocument, userAgent, type AipixApi } from './api';
import { parseJson } from '../../net/json';
import { readLogin, readOpenSessions, readUser, type AipixSession, type OpenSession } from './types';

/** A login with a user name and password, or the check of a pasted token. */
export function createLogin(api: AipixApi, credentials: Credentials) {
  const origin = new URL(api.baseUrl).host;

  async function pasted({ signal }: { signal: AbortSignal }): Promise<AipixSession> {
    const session = { token: credentials.token.trim().replace(/^Bearer\s+/i, '') };
    // Administrators have no call that would only tell who they are.
    if (api.isAdmin) return session;
    const action = `Checking the pasted token on ${origin}`;
    try {
      const reply = await api.request({ method: 'GET', path: 'users/self', action }, { signal, session });
      return { ...session, ...defined(readUser(reply)) };
    } catch (error) {
      // Tokens for integrations are good for some calls only, and which ones is not published.
      if (error instanceof ClipError && (error.code === 'EFORBIDDEN' || error.code === 'ENOTFOUND')) return session;
      throw error;
    }
  }

  /** Source: https://docs.aipix.ai/en/start/aipix-23.09/obtaining-a-token-vms-client-api, .../aipix-23.12/obtaining-a-token */
  async function byPassword({ signal }: { signal: AbortSignal }): Promise<AipixSession> {
    const { username, password } = credentials;
    const action = `Logging in to ${origin} as "${username}"`;
    if (!username || !password) {
      throw new ClipError(
        'EINVALID',
        reasonFirst('a login needs a password', `Logging in to ${origin}`, 'Enter both, or paste a token'),
      );
    }
    const path = api.isAdmin ? 'auth/token' : 'token';
    const ask = (more = {}): Promise<HttpReply> =>
      api.send({ method: 'POST', path, body: { login: username, password, ...more }, action }, signal);
    let reply = await ask();
    const inTheWay = sessionsIn(reply);
    // Too many sessions: the one that is given up is named in a second request.
    if (inTheWay.length > 0) reply = await ask({ session_id: chooseSession(inTheWay).id });
    if (reply.status >= 400) throw refusal(reply, action);
    const login = readLogin(await api.readJson(reply, action));
    if (!login) {
      // Some say no with a status that says yes.
      if (api.problemsOf(reply).text) throw refusal(reply, action);
      throw new ClipError(
        'EPROTOCOL',
        reasonFirst('the answer holds no token', action, 'Check that the address is the one of Aipix'),
      );
    }
    return { token: login.token, ...defined(login.user) };
  }

  function refusal(reply: HttpReply, action: string): ClipError {
    const { status } = reply;
    const vendorCode = `HTTP ${status}`;
    const { text, fields } = api.problemsOf(reply);
    const said = text ? `: ${text}` : '';
    if (sessionsIn(reply).length > 0) {
      return new ClipError(
        'ELIMIT',
        reasonFirst(
          'the account has too many sessions, and giving one up did not help',
          action,
          'End some, or raise the limit',
        ),
        { vendorCode, retryable: true },
      );
    }
    if (fields.includes('captcha') || /captcha/i.test(text)) {
      return new ClipError(
        'EAUTH',
        reasonFirst(
          `the server wants a captcha to be solved, which only a person can do${said}`,
          action,
          'Turn the captcha off for this server or account, or log in with a browser and paste a token',
        ),
        { vendorCode },
      );
    }
    const isExplained = status < 300 ? namesAccount(text) : [400, 403, 422].includes(status) && isDocument(reply.text);
    const isRefusal = status === 401 || isExplained;
    if (isRefusal) {
      return new ClipError(
        'EAUTH',
        reasonFirst(`the server refused the login (${vendorCode})${said}`, action, 'Check login and password'),
        {
          vendorCode,
        },
      );
    }
    const trouble = reasonFirst(`the server answered with an error${said}`, action);
    return (
      api.errorOf(reply, action, false) ?? new ClipError('EFAILED', trouble, { retryable: true, inconclusive: true })
    );
  }

  return credentials.token ? pasted : byPassword;
}

/** The page says 429 in its text and 419 in its table, so the body decides. */
function sessionsIn(reply: HttpReply): OpenSession[] {
  if (reply.status < 400) return [];
  return readOpenSessions(parseJson(reply.text));
}

/** One of our own that was not ended properly if there is one, then one that nobody is using, then the oldest. */
function chooseSession(sessions: OpenSession[]): OpenSession {
  const rank = (session: OpenSession): number =>
    (session.isCurrent ? 4 : 0) + (session.userAgent.includes(userAgent) ? 0 : 2) + (session.isOnline ? 1 : 0);
  return sessions.toSorted((a, b) => rank(a) - rank(b) || (a.last < b.last ? -1 : 1))[0]!;
}

function defined<T extends object>(values: T): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
