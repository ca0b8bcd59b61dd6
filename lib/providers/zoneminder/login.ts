// Logs in to ZoneMinder with tokens, and renews them before they end.
import { ClipError } from '../../errors';
import type { ProviderConfig } from '../../provider';
import type { ZoneMinderApi } from './api';
import { readLogin, readText, type JsonObject, type Login, type ZoneMinderSession } from './types';

/** A token that ends this soon is renewed before it is used. */
const renewBeforeMs = 60_000;

/** Source: docs/api.rst of 1.36, "Login, Logout & API Security". */
export function createLogin(api: ZoneMinderApi, { credentials, now }: ProviderConfig) {
  const { username, password } = credentials;
  const action = `Logging in to ${api.host} as "${username}"`;
  /** Renews a session whose end was foreseen. After any other end the password is the only proof left. */
  let refresh: { token: string; endsAtMs: number; sessionEndsAtMs: number } | undefined;

  function remember(login: Login, token: string): ZoneMinderSession {
    const endsAtMs = login.accessSeconds === undefined ? undefined : now() + login.accessSeconds * 1000;
    if (login.refreshToken && endsAtMs !== undefined) {
      const refreshEndsAtMs = now() + (login.refreshSeconds ?? 0) * 1000;
      refresh = { token: login.refreshToken, endsAtMs: refreshEndsAtMs, sessionEndsAtMs: endsAtMs };
    } else if (refresh && endsAtMs !== undefined) refresh.sessionEndsAtMs = endsAtMs;
    return { token, ...(endsAtMs === undefined ? {} : { endsAtMs }) };
  }

  async function renewed(signal: AbortSignal): Promise<ZoneMinderSession | undefined> {
    const known = refresh;
    if (!known || now() < known.sessionEndsAtMs - renewBeforeMs || now() > known.endsAtMs - renewBeforeMs)
      return undefined;
    try {
      const login = readLogin(await api.login({ token: known.token }, signal, `Renewing the session on ${api.host}`));
      return login.accessToken ? remember(login, login.accessToken) : undefined;
    } catch (error) {
      if (!(error instanceof ClipError) || error.code !== 'EAUTH') throw error;
      return undefined;
    }
  }

  return async function login({ signal }: { signal: AbortSignal }): Promise<ZoneMinderSession> {
    if (!username && !password) return { token: '' };
    if (!username || !password) {
      throw new ClipError('EINVALID', `${action}: enter both user and password, or none for a server without login`);
    }
    const session = await renewed(signal);
    if (session) return session;
    refresh = undefined;
    const json = await api.login({ user: username, pass: password }, signal, action);
    const found = readLogin(json);
    if (found.accessToken) return remember(found, found.accessToken);
    if (isWithoutLogin(json)) return { token: '' };
    throw new ClipError(
      'EPROTOCOL',
      `${action}: the answer holds no token. Check that the address is the one of ZoneMinder`,
      { retryable: true },
    );
  };
}

/** What 1.36 answers with OPT_USE_AUTH off. */
function isWithoutLogin(json: JsonObject): boolean {
  return (json.access_token ?? undefined) === undefined && readText(json.version) !== undefined;
}

/** Is it so near its end that a request might come too late? */
export function isEnding({ endsAtMs }: ZoneMinderSession, now: number): boolean {
  return endsAtMs !== undefined && now > endsAtMs - renewBeforeMs;
}
