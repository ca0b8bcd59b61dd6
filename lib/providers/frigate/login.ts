// Logs in with a user name and password.
import { ClipError, reasonFirst } from '../../errors';
import type { HttpReply } from '../../net/http';
import { retryAfterMs } from '../../net/status';
import type { ProviderConfig } from '../../provider';
import type { FrigateApi } from './api';
import { replyError, strangeReply, vendorText } from './errors';
import { readToken, type FrigateSession } from './types';

/** Attempts are counted, right ones too, and no answer says until when. Source: frigate/api/auth.py */
const throttledMs = 60_000;
/** A token is replaced so long before its end. */
const marginMs = 60_000;

export function createLogin(api: FrigateApi, { credentials, now }: ProviderConfig) {
  const { username, password } = credentials;

  return async ({ signal }: { signal: AbortSignal }): Promise<FrigateSession> => {
    const action = `Logging in as "${username}"`;
    if (!username || !password) {
      throw new ClipError(
        'EAUTH',
        reasonFirst('a login needs both a user name and a password', action, 'Enter both, or neither for port 5000'),
      );
    }
    const body = { user: username, password };
    const request = { method: 'POST', path: '/api/login', body, action } as const;
    const reply = await api.send(request, { signal, session: undefined });
    if (reply.status === 404 && /authentication is disabled/i.test(vendorText(reply.text))) return {};
    if (reply.status === 401) {
      throw new ClipError(
        'EAUTH',
        reasonFirst(
          'the server refuses the user name or the password',
          action,
          'Where Frigate has no login, leave both empty',
        ),
        { vendorCode: 'HTTP 401', inconclusive: vendorText(reply.text) === '' },
      );
    }
    if (reply.status === 429) {
      throw new ClipError('ETHROTTLED', reasonFirst('the server allows no more logins for now', action), {
        vendorCode: 'HTTP 429',
        retryAfterMs: retryAfterMs(reply.headers) ?? throttledMs,
      });
    }
    const problem = replyError(reply, action, 'none');
    if (problem) throw problem;
    const token = tokenIn(reply);
    if (!token) throw strangeReply(reply.text, action);
    return { token, ...usableUntil(token, reply, now()) };
  };
}

/** The name of the cookie is configurable, and its own end may be wrong by decades. */
function tokenIn({ setCookies }: HttpReply): string | undefined {
  const values = setCookies.map((cookie) =>
    cookie
      .slice(cookie.indexOf('=') + 1)
      .split(';')[0]!
      .trim(),
  );
  return values.find((value) => readToken(value) !== undefined);
}

/** By the server's clock, since ours may differ. */
function usableUntil(token: string, { headers }: HttpReply, now: number): Pick<FrigateSession, 'usableUntil'> {
  const expiresAt = readToken(token)?.expiresAt;
  if (expiresAt === undefined) return {};
  const serverTime = Date.parse(headers.date ?? '');
  const lifetimeMs = expiresAt - (Number.isNaN(serverTime) ? now : serverTime);
  if (lifetimeMs <= 0) return {};
  return { usableUntil: now + lifetimeMs - Math.min(marginMs, lifetimeMs / 4) };
}
