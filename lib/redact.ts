import type { ClipError } from './errors';
import type { Credentials } from './provider';

/** Shorter ones would black out ordinary words. */
const shortestSecret = 4;

/** All forms in which the credentials and the session may turn up in a vendor's text. */
export function secretValues(credentials: Credentials, session: unknown): string[] {
  const plain = [credentials.password, credentials.token, ...stringsIn(session)];
  const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  return [...plain.flatMap((secret) => [secret, encodeURIComponent(secret)]), basic].filter(
    (secret) => secret.length >= shortestSecret,
  );
}

/** The same error without any of the secrets in its message: vendors echo what they were sent. */
export function redact(error: ClipError, secrets: string[]): ClipError {
  const message = secrets.reduce((text, secret) => text.replaceAll(secret, '***'), error.message);
  return message === error.message ? error : error.withMessage(message);
}

function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
