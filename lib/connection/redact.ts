// Takes credentials and session keys out of all that a vendor says, in errors and in good answers.
import { cutMark, plainText, type ClipError } from '../errors';
import type { Credentials } from '../provider';

/** Shorter ones would black out ordinary words; of one that was cut, less says nothing. */
const shortestSecret = 4;
const shortestPart = 3;

/** All forms in which the credentials and the session may turn up in a vendor's text. */
export function secretValues(credentials: Credentials, session: unknown): string[] {
  const plain = [credentials.password, credentials.token, ...stringsIn(session)];
  const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  // Parsers trim what a vendor echoes, and messages are on one line.
  const forms = plain.flatMap((secret) => [
    secret,
    secret.trim(),
    plainText(secret, Infinity),
    ...encodedForms(secret),
  ]);
  // One secret may be a part of another one: the longest goes first.
  return [...new Set([...forms, basic])]
    .filter((secret) => secret.length >= shortestSecret)
    .sort((a, b) => b.length - a.length);
}

/** The same text without any of the secrets, and without what a cut has left of one. */
export function hideSecrets(text: string, secrets: string[]): string {
  const hidden = secrets.reduce((rest, secret) => rest.replaceAll(secret, '***'), text);
  const pieces = hidden.split(cutMark);
  return pieces
    .map((piece, index) => {
      const before = index > 0 ? withoutEndOfSecret(piece, secrets) : piece;
      return index < pieces.length - 1 ? withoutStartOfSecret(before, secrets) : before;
    })
    .join(cutMark);
}

/** The text in front of a cut. */
function withoutStartOfSecret(text: string, secrets: string[]): string {
  const length = longestPart(secrets, (secret, part) => text.endsWith(secret.slice(0, part)));
  return length > 0 ? `${text.slice(0, -length)}***` : text;
}

/** The text behind a cut. */
function withoutEndOfSecret(text: string, secrets: string[]): string {
  const length = longestPart(secrets, (secret, part) => text.startsWith(secret.slice(-part)));
  return length > 0 ? `***${text.slice(length)}` : text;
}

/** 0: no part that says anything. */
function longestPart(secrets: string[], isThere: (secret: string, length: number) => boolean): number {
  let longest = 0;
  for (const secret of secrets) {
    for (let length = secret.length - 1; length > Math.max(longest, shortestPart - 1); length -= 1) {
      if (isThere(secret, length)) longest = length;
    }
  }
  return longest;
}

/** The same error without any of the secrets in its message or stack: vendors echo what they were sent. */
export function redact(error: ClipError, secrets: string[]): ClipError {
  const clean = (text: string): string => hideSecrets(text, secrets);
  const message = clean(error.message);
  if (message === error.message && clean(error.stack ?? '') === (error.stack ?? '')) return error;
  const copy = error.withMessage(message);
  copy.stack = clean(copy.stack ?? '');
  return copy;
}

/** Texts that people see, of clips, cameras, exports, events and checks. Ids stay: they are what the vendor is asked by. */
const shownTexts = [
  ...['cameraName', 'label', 'labels', 'name', 'path', 'reason', 'severity', 'text', 'title', 'vendorStatus'],
  ...['version', 'warnings', 'zones'],
];
/** Properties of answers that hold others of these. */
const nested = ['clip', 'events'];

/** Characters. */
const longestShownText = 1_000;

/** The same answer, or list of answers, with plain and short texts that people see, without any of the secrets. */
export function hideInAnswer<T>(answer: T, secrets: string[]): T {
  const shown = (text: string): string => plainText(hideSecrets(text, secrets), longestShownText);
  if (typeof answer !== 'object' || answer === null) return answer;
  if (Array.isArray(answer)) return answer.map((each: unknown) => hideInAnswer(each, secrets)) as T;
  if (answer instanceof Error || 'body' in answer) return answer;
  const values = answer as Record<string, unknown>;
  const hidden: Record<string, unknown> = {};
  for (const name of shownTexts) {
    const value = values[name];
    if (typeof value === 'string') hidden[name] = shown(value);
    else if (Array.isArray(value))
      hidden[name] = value.map((text: unknown) => (typeof text === 'string' ? shown(text) : text));
  }
  for (const name of nested) if (values[name] !== undefined) hidden[name] = hideInAnswer(values[name], secrets);
  return { ...answer, ...hidden };
}

/** As addresses, forms, JSON, pages and headers of a vendor may hold it. */
function encodedForms(given: string): string[] {
  // Half of a surrogate pair, which only a vendor's nonsense holds, cannot be encoded.
  const secret = given.replace(/\p{Surrogate}/gu, '\uFFFD');
  const inAddress = encodeURIComponent(secret);
  const strictly = inAddress.replace(/[!'()*]/g, (sign) => `%${hexOf(sign, 2).toUpperCase()}`);
  const inAddresses = [inAddress, strictly].flatMap((form) => [form, form.replaceAll('%20', '+')]);
  const inJson = JSON.stringify(secret).slice(1, -1);
  const inUnicode = (signs: RegExp): string => inJson.replace(signs, (sign) => `\\u${hexOf(sign, 4)}`);
  const inJsons = [inJson, inUnicode(/[^\x20-\x7e]/g), inUnicode(/[^\x20-\x7e]|[<>&'+]/g)];
  const bytes = Buffer.from(secret);
  return [
    ...inAddresses.flatMap((form) => [form, form.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase())]),
    ...inJsons
      .flatMap((form) => [form, form.replaceAll('/', '\\/')])
      .flatMap((form) => [form, form.replace(/(?<=\\u)[0-9a-f]{4}/g, (code) => code.toUpperCase())]),
    ...[
      ['&quot;', '&#039;'],
      ['&#34;', '&#39;'],
      ['&quot;', '&#x27;'],
      ['&quot;', '&apos;'],
      ['"', "'"],
    ].map(([double, single]) => inMarkup(secret, double!, single!)),
    ...(['base64', 'base64url', 'hex'] as const).map((encoding) => bytes.toString(encoding)),
    bytes.toString('base64').replace(/=+$/, ''),
  ];
}

function hexOf(sign: string, digits: number): string {
  return sign.charCodeAt(0).toString(16).padStart(digits, '0');
}

function inMarkup(text: string, double: string, single: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', double)
    .replaceAll("'", single);
}

/** All texts in a value, however deep. */
export function stringsIn(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(stringsIn) : [];
}
