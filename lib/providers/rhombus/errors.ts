// Reads the errors of Rhombus. Failures come in two ways: as an HTTP status, and inside of an answer with
// status 200. The vendor publishes neither codes nor texts, so known words in a text decide, and nothing depends on them.
import { ClipError, quoted, reasonFirst, type ErrorCode } from '../../errors';
import type { HttpReply } from '../../net/http';
import { statusError } from '../../net/status';
import { readText, type JsonObject } from '../../net/json';

const permissionAdvice = 'The role of the API key needs the permission "Video : Share and download"';

const meanings: [pattern: RegExp, code: ErrorCode, advice: string][] = [
  [
    /\b(invalid|unknown|expired|revoked)\b.{0,20}\bapi.?key|\bapi.?key\b.{0,30}\b(invalid|unknown|expired|revoked|not valid)\b/i,
    'EAUTH',
    'Check the API key, and that the region of the connection is the one of the key',
  ],
  [/\b(rate.?limit|too many requests|throttl)/i, 'ETHROTTLED', ''],
  [
    /\b(audio|sound|microphone)\b.{0,60}\b(not (allowed|permitted|authori[sz]ed)|denied|forbidden|restricted|disabled|permission)|\b(denied|forbidden|permission|not (allowed|permitted|authori[sz]ed))\b.{0,40}\b(audio|sound|microphone)\b/i,
    'EFORBIDDEN',
    'The role of the API key, or the organization, does not allow sound: switch "With audio" off, or allow it in the Rhombus Console',
  ],
  [
    /\brole.?restricted\b|\brestricted to\b.{0,30}\broles?\b|\b(not|none) (of|in|one of)? ?(the )?allowed.?roles?\b|\brole\b.{0,30}\bnot (allowed|permitted|authori[sz]ed)\b/i,
    'EFORBIDDEN',
    'The clip is open to some roles only, and that of the API key is none of them: add it in the Rhombus Console, or set the visibility in create-clip',
  ],
  [
    /\b(duration|length|range|interval).{0,40}\b(exceed|too long|too large|maximum|at most|limit|(longer|less|more) than)|\b(exceed|maximum|longer than)\w*.{0,40}\b(duration|length|range|interval|seconds|minutes)\b|\b(clip|splice)\b.{0,20}\btoo long\b/i,
    'ELIMIT',
    'Ask for a shorter clip',
  ],
  [
    /\b(access denied|forbidden|permission|not (allowed|authori[sz]ed)|unauthori[sz]ed)\b/i,
    'EFORBIDDEN',
    permissionAdvice,
  ],
  [
    /\b(not (be )?found|no (such|saved )?(clip|device|camera)|no such|(unknown|invalid) (saved )?(clip|device|camera|facet)? ?uuid|unknown (clip|device|camera)|(could ?n[o']t|can ?n[o']t|unable to) (find|locate)|does(n't| not) exist)\b/i,
    'ENOTFOUND',
    '',
  ],
];

/**
 * The error that a reply of the API stands for; `undefined` for a success.
 * @param json its body, where that is JSON
 * @param mayPass whether a failure that nothing is known about deserves another try: only where asking twice does no harm
 */
export function replyError(
  reply: HttpReply,
  json: JsonObject | undefined,
  action: string,
  mayPass: boolean,
): ClipError | undefined {
  const said = json ? vendorText(json) : sentenceIn(reply.text);
  if (json?.authenticationFailed === true || reply.status === 401) {
    return new ClipError('EAUTH', sentence(action, 'the server does not accept the API key', said, keyAdvice), {
      vendorCode: `HTTP ${reply.status}`,
    });
  }
  if (reply.status >= 400) return httpError(reply, action, said, json !== undefined);
  if (!json || !isFailure(json)) return undefined;
  const [, code, advice] = meaningOf(said) ?? [undefined, 'EFAILED' as const, ''];
  const isGeneral = code === 'EFAILED';
  const details = { retryable: isGeneral ? mayPass : undefined, inconclusive: isGeneral };
  return new ClipError(code, sentence(action, 'the server refused', said, advice), details);
}

const keyAdvice = 'Check the API key, its kind, and that the region of the connection is the one of the key';

/** `error` is true in a refusal; on success it is false, null or missing. */
function isFailure({ error }: JsonObject): boolean {
  return error === true || (typeof error === 'string' && !/^\s*(false|null)?\s*$/i.test(error));
}

const namesThing = /\b(clip|splice|device|camera|facet|api.?key|organi[sz]ation)/i;

function httpError(reply: HttpReply, action: string, said: string, isJson: boolean): ClipError {
  const usual = statusError(reply, action, said)!;
  const { status } = reply;
  const vendorCode = `HTTP ${status}`;
  const what = `the server answered HTTP ${status}`;
  const meaning = meaningOf(said);
  // JSON, or a word about the thing that was asked for, is the vendor's; anything else may be a gateway's.
  const inconclusive = !isJson && !(meaning && namesThing.test(said));
  if (status === 403) {
    // Also what a key of another region gets, and a key whose role may not do this.
    const isTelling = meaning?.[1] === 'EAUTH' || (meaning?.[1] === 'EFORBIDDEN' && meaning[2] !== permissionAdvice);
    const [, code, advice] = isTelling ? meaning : ([undefined, 'EFORBIDDEN', roleAdvice] as const);
    return new ClipError(code, sentence(action, what, said, advice), { vendorCode, inconclusive });
  }
  // Wrong values are refused with 400, and with 500 as well.
  // Source: https://apidocs.rhombussystems.com/docs/common-errors-rate-limits
  const isRefusal = status === 400 || status === 422 || status === 500;
  if (isRefusal && meaning && meaning[1] !== 'EAUTH') {
    return new ClipError(meaning[1], sentence(action, what, said, meaning[2]), { vendorCode, inconclusive });
  }
  if (status === 400 || status === 422)
    return new ClipError('EINVALID', sentence(action, what, said), { vendorCode, inconclusive });
  return new ClipError(usual.code, usual.message, { ...usual, inconclusive });
}

const roleAdvice = `${permissionAdvice}, and the region of the connection must be the one of the key`;

function meaningOf(text: string): (typeof meanings)[number] | undefined {
  return meanings.find(([pattern]) => pattern.test(text));
}

/** Fields that may hold a text, the most telling first. */
export function vendorText(json: JsonObject): string {
  const { errorMsg, message, msg, error } = json;
  return quoted([errorMsg, message, msg, error].map(readText).find(Boolean) ?? '');
}

/** A text that is no document: throttling answers with a sentence. */
function sentenceIn(text: string): string {
  return /^\s*[<{[]/.test(text) ? '' : quoted(text);
}

/** Advice in the answer to a request that was carried out. */
export function warningIn(json: JsonObject): string | undefined {
  const warning = readText(json.warningMsg);
  return warning && quoted(warning);
}

function sentence(action: string, what: string, said: string, advice = ''): string {
  return reasonFirst(`${what}${said ? `: ${said}` : ''}`, action, advice);
}
