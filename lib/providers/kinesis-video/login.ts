// Resolves AWS credentials: an access key, a profile or the default chain.
import { raceAbort } from '../../async/abort';
import { cancelled, ClipError, reasonFirst } from '../../errors';
import type { Credentials } from '../../provider';

/** Credentials as requests are signed with. All text in here is taken out of error messages. */
export interface KinesisSession {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  /** Epoch milliseconds: when to look for fresh ones; `Infinity` for those that stay. */
  renewAt: number;
  /** Epoch milliseconds: when the default chain of AWS found them, which may find others later. */
  foundAt?: number;
}

/** Result of the default chain of the SDK. */
export interface FoundCredentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string;
  expiration?: Date;
}

const renewBeforeMs = 60_000;
/** AWS may extend expired credentials: looking again at once would find the same ones. */
const shortestUseMs = 60_000;

/**
 * A login is to know the credentials, not to show them to anybody: those of the connection, or the first that the default
 * chain of AWS finds (environment, profile, container, instance ...).
 */
export function createLogin(
  credentials: Credentials,
  find: () => Promise<FoundCredentials>,
  now: () => number,
): (options: { signal: AbortSignal }) => Promise<KinesisSession> {
  // Pasted keys bring blanks along.
  const username = credentials.username.trim();
  const password = credentials.password.trim();
  const token = credentials.token.trim();
  let everFound = false;

  return async ({ signal }) => {
    if (username && password) {
      const sessionToken = token ? { sessionToken: token } : {};
      return { accessKeyId: username, secretAccessKey: password, ...sessionToken, renewAt: Infinity };
    }
    if (username || password || token) {
      const missing = username ? 'secret access key' : 'access key ID';
      throw new ClipError(
        'EINVALID',
        `The ${missing} of the connection is missing. Enter access key ID and secret access key, or leave all credentials empty to use the default ones of this computer`,
      );
    }
    try {
      const { accessKeyId, secretAccessKey, sessionToken, expiration } = await raceAbort(find(), signal);
      everFound = true;
      return {
        accessKeyId,
        secretAccessKey,
        ...(sessionToken ? { sessionToken } : {}),
        renewAt: expiration ? Math.max(expiration.getTime() - renewBeforeMs, now() + shortestUseMs) : Infinity,
        foundAt: now(),
      };
    } catch (thrown) {
      if (signal.aborted) throw cancelled();
      const [said = ''] = (thrown as Error).message.split('\n');
      // Credentials that have worked before are likely to work again.
      throw new ClipError(
        everFound ? 'ENETWORK' : 'EAUTH',
        reasonFirst(
          said,
          'Looking for AWS credentials on this computer',
          'Enter an access key in the connection, or provide credentials by environment, profile or role',
        ),
      );
    }
  };
}

/** @throws EAUTH that makes the connection log in again, when these credentials are about to end */
export function checkFresh(session: KinesisSession, action: string, now: number): void {
  if (now < session.renewAt) return;
  throw new ClipError('EAUTH', reasonFirst('the AWS credentials have expired, and no fresh ones were found', action), {
    sessionExpired: true,
  });
}

/** Found so long ago that another look may find others. */
export function isRenewable({ foundAt }: KinesisSession, now: number): boolean {
  return foundAt !== undefined && now - foundAt >= shortestUseMs;
}
