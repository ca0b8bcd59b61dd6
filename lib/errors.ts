// Defines the one error class of this package, its codes for flows, and the marks that the retry policy reads.

/** The kinds of failure that flows can branch on. */
export type ErrorCode =
  | 'EAUTH'
  | 'EFORBIDDEN'
  | 'ENOTFOUND'
  | 'ENOFOOTAGE'
  | 'EINVALID'
  | 'ELIMIT'
  | 'ETHROTTLED'
  | 'ENETWORK'
  | 'ETIMEOUT'
  | 'EPROTOCOL'
  | 'EFAILED'
  | 'EEXPIRED'
  | 'EUNSUPPORTED'
  | 'EABORTED'
  | 'EINCOMPLETE'
  | 'ENOSPACE'
  | 'EFFMPEG';

const retryableByDefault: ReadonlySet<ErrorCode> = new Set(['ETHROTTLED', 'ENETWORK', 'ETIMEOUT']);

export interface ErrorDetails {
  /** Would the same request have a chance later? Default: by code. */
  retryable?: boolean | undefined;
  /**
   * The pause before the next try. With `ETHROTTLED`, and with `ENETWORK` (HTTP 503), the vendor asks for it, and it holds for
   * all requests of the connection; with other codes it is for this request alone.
   */
  retryAfterMs?: number | undefined;
  /** The vendor's own code, as text. */
  vendorCode?: string | undefined;
  /** The vendor no longer knows our session: a fresh login may help. Never set for a refused password. */
  sessionExpired?: boolean | undefined;
  /**
   * The answer is not the vendor's own word about this clip, this camera or these credentials: the page of a proxy, a bare
   * HTTP status, an empty or unreadable reply, a general error code. Such trouble is waited out and never taken for a verdict.
   * Default: true for `EPROTOCOL`, and for all that `statusError` makes; false for every other error that a provider throws.
   * A provider that has read the vendor's own format behind an HTTP status says `inconclusive: false`.
   */
  inconclusive?: boolean | undefined;
  /** No request was sent: the vendor has asked for a pause that is not over. This is no failure of the job's own. */
  notSent?: boolean | undefined;
}

/**
 * The one error class of this package. Its fields are own and enumerable, so they survive a Catch node.
 * It never carries a `cause`: vendor HTTP errors hold credentials.
 */
export class ClipError extends Error {
  readonly code: ErrorCode;
  readonly retryable: boolean;
  declare readonly retryAfterMs?: number;
  declare readonly vendorCode?: string;
  /** Not enumerable: a matter between a provider and its connection. */
  declare readonly sessionExpired?: boolean;
  /** Not enumerable: matters of the retry policy. */
  declare readonly inconclusive: boolean;
  declare readonly notSent?: boolean;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(plainText(message, longestMessage));
    this.code = code;
    this.retryable = details.retryable ?? retryableByDefault.has(code);
    if (details.retryAfterMs !== undefined) this.retryAfterMs = sanePause(details.retryAfterMs);
    if (details.vendorCode !== undefined) this.vendorCode = plainText(details.vendorCode, longestCode);
    if (details.sessionExpired) Object.defineProperty(this, 'sessionExpired', { value: true });
    if (details.notSent) Object.defineProperty(this, 'notSent', { value: true });
    Object.defineProperty(this, 'inconclusive', { value: details.inconclusive ?? code === 'EPROTOCOL' });
  }

  /** What Catch nodes and logs show begins with the reason, not with the name of a class. */
  override toString(): string {
    return this.message;
  }

  /** The same failure with other words: for adding context, or for taking a secret out. */
  withMessage(message: string): ClipError {
    const copy = new ClipError(this.code, message, this);
    if (this.stack) copy.stack = this.stack.replace(this.message, () => copy.message);
    return copy;
  }
}

ClipError.prototype.name = 'ClipError';

/** May the same request succeed later? Unlike `retryable`, which flows see, this also holds for what is no verdict. */
export function mayPass({ retryable, inconclusive, sessionExpired = false }: ClipError): boolean {
  return retryable || inconclusive || sessionExpired;
}

/** Characters. Longer messages hold a document, and nobody reads them to their end. */
const longestMessage = 1_500;
const longestCode = 200;
/** A vendor that asks for a longer pause has made a mistake, or does harm. */
const longestPauseMs = 24 * 3600_000;

/** Stands where a text was cut. */
export const cutMark = ' … ';
const longestQuote = 300;

/** Nearly all texts are, and need no closer look. */
const isPlain = /^[\x20-\x7e]*$/;

/**
 * Text from outside on one line and without what steers a terminal, forges lines of a log, cannot be seen or turns the
 * direction of reading; cut in its middle where it is too long, since advice stands at the end.
 */
export function plainText(text: string, maxLength: number): string {
  const isLong = text.length > maxLength;
  if (!isLong && isPlain.test(text)) return text;
  const end = Math.floor(maxLength / 3);
  const short = isLong ? text.slice(0, maxLength - end - cutMark.length) + cutMark + text.slice(-end) : text;
  // Cc, Cf, Cs, Zl, Zp: control and format characters, half characters, line and paragraph separators.
  return short.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]+/gu, ' ');
}

/** A vendor's words, to stand among our own. */
export function quoted(text: string): string {
  return plainText(text.trim(), longestQuote).replace(/\s+/g, ' ');
}

/**
 * The words of an error: why, then what was being done, then what to do about it. The parts need neither capital letter nor
 * full stop: `reasonFirst('the server answered HTTP 404', 'Asking for the clip', 'Check the address')`.
 */
export function reasonFirst(reason: string, action: string, advice = ''): string {
  const trimmed = reason.replace(/[.\s]+$/, '');
  // Names of hosts and programs keep their spelling.
  const isWord = /^(?!ffmpeg)\p{L}+(?=[\s,;:']|$)/u.test(trimmed);
  const why = isWord ? trimmed.charAt(0).toUpperCase() + trimmed.slice(1) : trimmed;
  const doing = /^\p{Lu}\p{Lu}/u.test(action) ? action : action.charAt(0).toLowerCase() + action.slice(1);
  return `${why} (${doing})${advice && `. ${advice}`}`;
}

function sanePause(ms: number): number {
  return Number.isNaN(ms) ? 0 : Math.min(Math.max(0, ms), longestPauseMs);
}

/** The error of whatever a person, a deploy or a shutdown has stopped. */
export function cancelled(message = 'Cancelled'): ClipError {
  return new ClipError('EABORTED', message);
}

/** Anything thrown becomes a ClipError; an unknown error is `EFAILED` and keeps only its message. */
export function toClipError(thrown: unknown): ClipError {
  if (thrown instanceof ClipError) return thrown;
  if (isOfAnotherCopy(thrown)) return new ClipError(thrown.code, thrown.message, thrown);
  if (isAbort(thrown)) return cancelled();
  const message = messageOf(thrown);
  const error = new ClipError('EFAILED', message);
  const stack: unknown = thrown instanceof Error ? thrown.stack : undefined;
  if (typeof stack === 'string') error.stack = stack.replace(message, () => error.message);
  return error;
}

/** Anything can be thrown, also what is no text and cannot become one. */
function messageOf(thrown: unknown): string {
  try {
    return String(thrown instanceof Error ? thrown.message : thrown);
  } catch {
    return 'Something that is no error was thrown';
  }
}

/** A provider of another package may have been installed with a copy of this package of its own. */
function isOfAnotherCopy(thrown: unknown): thrown is ClipError {
  return thrown instanceof Error && thrown.name === 'ClipError' && /^E[A-Z]+$/.test(String((thrown as ClipError).code));
}

/** True for what Node throws when an `AbortSignal` fires. */
export function isAbort(thrown: unknown): boolean {
  return (
    thrown instanceof Error && (thrown.name === 'AbortError' || (thrown as { code?: unknown }).code === 'ABORT_ERR')
  );
}
