// Decides when something that failed is tried again: exponential backoff with jitter, and the pauses that vendors ask for.
import { mayPass, type ClipError, type ErrorCode } from '../errors';

const baseMs = 1_000;
const ceilingMs = 60_000;
/** One pause asked for by a vendor is honoured up to this. */
export const longestRetryAfterMs = 15 * 60_000;
/** First try included. */
export const maxAttempts = 5;
/** The same for a server that has worked and is away: they take some 15 minutes, in which a recorder has restarted. */
const maxAttemptsWhileAway = 20;
/** A vendor that damages a file, fails in its own words, or answers something that cannot be read, is not away. */
const away: ReadonlySet<ErrorCode> = new Set(['ENETWORK', 'ETHROTTLED', 'ETIMEOUT']);

/**
 * The wait before trying again after `failures` failures in a row; `undefined` when it is not worth another try.
 * Exponential with +-25 % jitter; never sooner than the vendor asked for.
 * @param hasWorked has any request of the connection succeeded? Else its address may be wrong, and fewer tries are made.
 */
export function retryDelayMs(
  error: ClipError,
  failures: number,
  { hasWorked = false, random = Math.random }: { hasWorked?: boolean; random?: () => number } = {},
): number | undefined {
  const isAway = hasWorked && (away.has(error.code) || (error.inconclusive && error.code !== 'EPROTOCOL'));
  const isWorthATry = mayPass(error) && failures < (isAway ? maxAttemptsWhileAway : maxAttempts);
  return error.notSent || isWorthATry ? backoffMs(error, failures, random) : undefined;
}

/** A pause that doubles with each failure in a row, with +-25 % jitter. */
export function exponentialPauseMs(
  failures: number,
  { firstMs, longestMs }: { firstMs: number; longestMs: number },
  random: () => number = Math.random,
): number {
  return Math.round(Math.min(longestMs, firstMs * 2 ** (failures - 1)) * (0.75 + random() / 2));
}

/** The wait alone, for loops that are bounded by something else than a number of tries. */
export function backoffMs(error: ClipError, failures: number, random: () => number = Math.random): number {
  // All that waits for the same pause goes on at the same moment, and so in one round.
  if (error.notSent) return Math.ceil(error.retryAfterMs ?? baseMs);
  const exponentialMs = exponentialPauseMs(failures, { firstMs: baseMs, longestMs: ceilingMs }, random);
  return Math.round(Math.max(exponentialMs, Math.min(error.retryAfterMs ?? 0, longestRetryAfterMs)));
}
