// Decides what a failure means for a whole connection, and whether the next request may be sent. Pure functions on plain data.
import { ClipError, mayPass, type ErrorCode } from '../errors';

/**
 * `refused`: the credentials are. `rate-limited`: the vendor has asked for a pause of this length, which holds for the whole
 * connection. `passing`: trouble that is waited out. `final`: the vendor's own word about this clip, camera or request.
 */
export type FailureKind = 'refused' | 'rate-limited' | 'passing' | 'final';

export function classifyFailure(error: ClipError): FailureKind {
  const { code, retryAfterMs = 0, sessionExpired } = error;
  if (code === 'EAUTH' && !sessionExpired) return 'refused';
  // HTTP 503 may carry `Retry-After` as 429 does. With other codes, the pause is about one clip.
  if (retryAfterMs > 0 && (code === 'ETHROTTLED' || code === 'ENETWORK')) return 'rate-limited';
  return mayPass(error) ? 'passing' : 'final';
}

/** State that all users of the same credentials share. JSON; times are epoch milliseconds. */
export interface BreakerState {
  /** A request with these credentials has succeeded. */
  hasWorked: boolean;
  /** Refusals in a row, each from a try of its own. */
  refusals: number;
  firstRefusedAt?: number;
  /** Logins in a row that failed for another reason. */
  failedLogins: number;
  /** Nothing is sent until then, and never again where it is latched. */
  open?: {
    since: number;
    until: number;
    isLatched: boolean;
    code: ErrorCode;
    message: string;
    retryable: boolean;
    vendorCode?: string;
  };
}

export const closedBreaker: BreakerState = { hasWorked: false, refusals: 0, failedLogins: 0 };

/** Credentials that have worked are given up after so many refusals, over at least so long. */
const refusalsToLatch = 3;
const refusedForMs = 2 * 60_000;
/** One refusal that was none should not hold things up for long. */
const secondTryAfterMs = 10_000;
const firstPauseMs = 5_000;
const longestPauseMs = 5 * 60_000;

export function afterSuccess(): BreakerState {
  return { ...closedBreaker, hasWorked: true };
}

/** A session proves that the server takes logins again; only a request that it is good for proves the credentials. */
export function afterLogin({ hasWorked, refusals, firstRefusedAt }: BreakerState): BreakerState {
  return { ...closedBreaker, hasWorked, refusals, firstRefusedAt };
}

/**
 * @param error without secrets
 * @param sentAt when the request was sent: a refusal that was already known then counts, one that came meanwhile is the same
 */
export function afterRefusal(state: BreakerState, error: ClipError, sentAt: number, now: number): BreakerState {
  const { hasWorked, open, firstRefusedAt = now } = state;
  if (open && (open.isLatched || sentAt < open.since)) return state;
  const refusals = state.refusals + 1;
  const isLatched = !hasWorked || (refusals >= refusalsToLatch && now - firstRefusedAt >= refusedForMs);
  const more = isLatched
    ? 'Nothing more is sent until the connection is corrected and deployed'
    : 'The credentials have worked before: they are tried again after a pause';
  const pauseMs = refusals === 1 ? secondTryAfterMs : Math.max(secondTryAfterMs, firstRefusedAt + refusedForMs - now);
  return {
    hasWorked,
    refusals,
    firstRefusedAt,
    failedLogins: 0,
    open: {
      ...causeOf(error),
      since: now,
      until: now + pauseMs,
      isLatched,
      message: `${error.message}. ${more}`,
      retryable: !isLatched,
    },
  };
}

/** A login failed although nobody said that the credentials are wrong: it is repeated by itself, less and less often. */
export function afterFailedLogin(state: BreakerState, error: ClipError, now: number): BreakerState {
  const failedLogins = state.failedLogins + 1;
  const growingMs = Math.min(longestPauseMs, firstPauseMs * 2 ** (failedLogins - 1));
  const pauseMs = Math.max(growingMs, Math.min(error.retryAfterMs ?? 0, longestPauseMs));
  return {
    ...state,
    failedLogins,
    open: {
      ...causeOf(error),
      since: now,
      until: now + pauseMs,
      isLatched: false,
      message: error.message,
      retryable: mayPass(error),
    },
  };
}

/** Why nothing may be sent now; `undefined`: it may. */
export function blockedBy({ open }: BreakerState, now: number): ClipError | undefined {
  if (!open) return undefined;
  const { code, message, isLatched, retryable, vendorCode, since, until } = open;
  if (isLatched) return new ClipError(code, message, { retryable: false, vendorCode });
  // Should the time of the system be set back, the pause is over.
  if (now >= until || now < since) return undefined;
  return new ClipError(code, message, { retryable, vendorCode, retryAfterMs: until - now, inconclusive: retryable });
}

/** Is there no doubt that requests with these credentials succeed? Until then they are sent one at a time. */
export function isProven({ hasWorked, refusals, open }: BreakerState): boolean {
  return hasWorked && refusals === 0 && !open;
}

function causeOf({ code, vendorCode }: ClipError): { code: ErrorCode; vendorCode?: string } {
  return vendorCode === undefined ? { code } : { code, vendorCode };
}
