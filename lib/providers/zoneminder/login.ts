// Logs in to ZoneMinder with tokens, and renews them before they end.
import { ClipError, reasonFirst } from '../../errors';
import { readText, type JsonObject } from '../../net/json';
import type { ProviderConfig } from '../../provider';
import type { ZoneMinderApi } from './api';
import { readLogin, type Login, type ZoneMinderSession } from './types';

/** A token that ends this soon is renewed before it is used. */
const renewBeforeSeconds = 60;

/** Source: docs/api.rst of 1.36, "Login, Logout & API Security". */
export function createLogin(api: ZoneMinderApi, { credentials, now }: ProviderConfig) {
  const { username, password } = credentials;
  const action = `Logging in to ${api.host} as "${username}"`;
  /** Renews a session whose end was foreseen. After any other end the password is the only proof left. */
  let last: (ZoneMinderSession & { refreshEndsAtMs?: number }) | undefined;

  function remember({ accessSeconds, refreshToken, refreshSeconds }: Login, token: string): ZoneMinderSession {
    const inSeconds = (seconds: number): number => now() + seconds * 1000;
    // Renewing gives no new refresh token.
    const refresh = refreshToken
      ? { refreshToken, refreshEndsAtMs: inSeconds(refreshSeconds ?? 0) }
      : { refreshToken: last?.refreshToken, refreshEndsAtMs: last?.refreshEndsAtMs };
    const marginSeconds = Math.min(renewBeforeSeconds, (accessSeconds ?? 0) / 2);
    const renewal = accessSeconds === undefined ? {} : { renewAtMs: inSeconds(accessSeconds - marginSeconds) };
    last = { token, ...refresh, ...renewal };
    const { refreshEndsAtMs: _, ...session } = last;
    return session;
  }

  async function renewed(signal: AbortSignal): Promise<ZoneMinderSession | undefined> {
    const { refreshToken, refreshEndsAtMs = 0 } = last ?? {};
    if (!last || !refreshToken || !isEnding(last, now()) || now() > refreshEndsAtMs - renewBeforeSeconds * 1000)
      return undefined;
    try {
      const login = readLogin(await api.login({ token: refreshToken }, signal, `Renewing the session on ${api.host}`));
      return login.accessToken ? remember(login, login.accessToken) : undefined;
    } catch (error) {
      if (!(error instanceof ClipError) || error.code !== 'EAUTH') throw error;
      return undefined;
    }
  }

  return async function login({ signal }: { signal: AbortSignal }): Promise<ZoneMinderSession> {
    if (!username && !password) return { token: '' };
    if (!username || !password) {
      throw new ClipError(
        'EINVALID',
        reasonFirst('a login needs both user and password', action, 'Enter both, or none for a server without login'),
      );
    }
    const session = await renewed(signal);
    if (session) return session;
    last = undefined;
    const json = await api.login({ user: username, pass: password }, signal, action);
    const found = readLogin(json);
    if (found.accessToken) return remember(found, found.accessToken);
    if (isWithoutLogin(json)) return { token: '' };
    throw new ClipError(
      'EPROTOCOL',
      reasonFirst('the answer holds no token', action, 'Check that the address is the one of ZoneMinder'),
      { retryable: true },
    );
  };
}

/** Answer of 1.36 with OPT_USE_AUTH off. */
function isWithoutLogin(json: JsonObject): boolean {
  return (json.access_token ?? undefined) === undefined && readText(json.version) !== undefined;
}

/** Is it so near its end that a request might come too late? */
export function isEnding({ renewAtMs }: ZoneMinderSession, now: number): boolean {
  return renewAtMs !== undefined && now > renewAtMs;
}
