// Puts the errors of AWS and its SDK into our words.
import { ClipError, quoted, reasonFirst } from '../../errors';
import { networkError } from '../../net/network-errors';
import { retryAfterMs } from '../../net/status';
import { strangeReply, type StrangeReply } from './replies';
import { ruleFor, statusRule, type Rule } from './codes';
import { fieldIn, textIn } from './types';

export interface Attempt {
  /** Purpose of the request, for the message. */
  action: string;
  signal: AbortSignal;
  /** The time that has run out, if that is what happened. */
  lateMs?: number;
  /** May looking for credentials again find fresh ones? */
  renewable: boolean;
}

/** Anything that the SDK throws becomes a ClipError that keeps nothing of the request. */
export function kinesisError(thrown: unknown, attempt: Attempt): ClipError {
  if (thrown instanceof ClipError) return thrown;
  if (attempt.signal.aborted || attempt.lateMs !== undefined) return networkError(thrown, attempt, attempt.lateMs);
  const name = textIn(thrown, 'name') ?? '';
  const text = textIn(thrown, 'message') ?? '';
  const status = fieldIn(fieldIn(thrown, '$metadata'), 'httpStatusCode');
  if (name === strangeReply) return strangeError(thrown as StrangeReply, attempt);
  if (typeof status === 'number') return replyError(thrown, name, text, status, attempt);
  if (name === 'EndpointError') return ruleError(ruleFor(name)!, name, text, attempt);
  if (text === 'Region is missing') {
    return new ClipError(
      'EINVALID',
      reasonFirst('no region is set', attempt.action, 'Set the region of the connection'),
    );
  }
  return transportError(thrown, name, attempt);
}

function replyError(thrown: unknown, name: string, text: string, status: number, attempt: Attempt): ClipError {
  // Outside of what the stream keeps. Said only of arrival times; of camera times it says that there are no fragments.
  if (name === 'InvalidArgumentException' && /retention/i.test(text)) {
    return ruleError({ code: 'EEXPIRED', names: [], advice: 'The footage has been removed' }, name, text, attempt);
  }
  if (name === 'InvalidSignatureException' && /expired|not yet current/i.test(text)) {
    return ruleError(ruleFor('RequestExpired')!, name, text, attempt);
  }
  const rule = ruleFor(name) ?? statusRule(status);
  const pauseMs = retryAfterMs({
    'retry-after': textIn(fieldIn(fieldIn(thrown, '$response'), 'headers'), 'retry-after'),
  });
  const details = { ...rule.details, ...(pauseMs === undefined ? {} : { retryAfterMs: pauseMs }) };
  return ruleError({ ...rule, details }, name === 'Unknown' || name === '' ? `HTTP ${status}` : name, text, attempt);
}

function strangeError(reply: StrangeReply, { action }: Attempt): ClipError {
  const { status, unknownRequest, isEmpty, isTooLarge, retryAfter } = reply;
  const vendorCode = `HTTP ${status}`;
  if (isTooLarge) {
    const message = reasonFirst(
      'the answer is larger than any of Kinesis Video Streams',
      action,
      'Check the endpoint of the connection',
    );
    return new ClipError('EPROTOCOL', message, { vendorCode });
  }
  if (unknownRequest) {
    const message = reasonFirst(
      'this host of AWS does not know the request',
      action,
      'Check the endpoint of the connection',
    );
    return new ClipError('EPROTOCOL', message, { vendorCode });
  }
  const what = isEmpty ? 'nothing in it' : 'a document that is not from Kinesis Video Streams';
  const { code, details, advice } = statusRule(status);
  const isOfProxy = status === 407;
  const message = reasonFirst(
    `HTTP ${status} with ${what}`,
    action,
    isOfProxy ? advice : 'Check the endpoint of the connection, and its proxy',
  );
  const pause = { retryAfterMs: retryAfterMs({ 'retry-after': retryAfter }) };
  const ourCode = code === 'ENOTFOUND' ? 'EPROTOCOL' : code;
  return new ClipError(ourCode, message, { ...details, ...pause, vendorCode, inconclusive: true });
}

/** The SDK has one name for its own timeouts and for resets, and only the latter have a code. */
function transportError(thrown: unknown, name: string, attempt: Attempt): ClipError {
  const code = textIn(thrown, 'code');
  if (name === 'TimeoutError' && code === undefined) {
    return new ClipError('ETIMEOUT', reasonFirst('AWS was silent for too long', attempt.action));
  }
  return networkError(thrown, attempt, undefined);
}

function ruleError(rule: Rule, name: string, text: string, attempt: Attempt): ClipError {
  const said = rule.silent || text === 'UnknownError' ? '' : shorten(text);
  const message = reasonFirst(`AWS answered ${name}${said ? `: ${said}` : ''}`, attempt.action, rule.advice);
  return new ClipError(rule.code, message, {
    ...rule.details,
    vendorCode: name,
    ...(rule.renew && attempt.renewable ? { sessionExpired: true } : {}),
  });
}

function shorten(text: string): string {
  return quoted(text.split('\n')[0] ?? '');
}

/** Refused by the service itself, for this request, and not for want of fresh credentials. */
export function isMissingRight(error: unknown): boolean {
  return (
    error instanceof ClipError &&
    error.code === 'EFORBIDDEN' &&
    !error.sessionExpired &&
    !error.vendorCode?.startsWith('HTTP')
  );
}

/** Names of refusals that the SDK has set its clock by: the same request, signed again, has a chance. */
const skewed =
  /^(RequestExpired|RequestInTheFuture|RequestTimeTooSkewed|InvalidSignatureException|SignatureDoesNotMatch)$/;

export function clockCorrected(thrown: unknown): boolean {
  const corrected = fieldIn(fieldIn(thrown, '$metadata'), 'clockSkewCorrected') === true;
  return corrected && skewed.test(textIn(thrown, 'name') ?? '');
}
