// Reads the answers of ZoneMinder that are no success: every refusal of its API is a 401, so its words decide.
import { ClipError, quoted, reasonFirst } from '../../errors';
import type { HttpHead, HttpReply } from '../../net/http';
import { asObject, objectAt, parseLongJson, readText, type JsonObject } from '../../net/json';
import { statusError } from '../../net/status';

const rightsAdvice = 'The user needs the rights "Events: View" and "Monitors: View"';
const tokenEnded =
  /expired token|token (revoked|is expired)|wrong number of segments|signature verification|incorrect token type|no such user|not authenticated/i;
const loginRefused = /login denied|could not retrieve user|invalid (username|user|password)|wrong password/i;

/**
 * The JSON of an answer of the API.
 * @param session absent: the answer is one to a login
 * @throws the error that it stands for where it is no success
 */
export async function readAnswer(
  reply: HttpReply,
  action: string,
  session: { token: string } | undefined,
): Promise<JsonObject> {
  if (reply.redirect) throw redirectError(reply, action, session);
  const json = asObject(await parseLongJson(reply.text));
  if (reply.status < 400) {
    if (json) return json;
    throw notJson(reply, action);
  }
  const said = json && vendorText(json);
  if (said === undefined) throw pageError(reply, action);
  throw refusal(reply, said, action, session) ?? vendorError(reply, said, action);
}

/** Below 500, the error document is ZoneMinder's own word; above, something has broken and may be mended. */
function vendorError(reply: HttpReply, said: string, action: string): ClipError {
  const error = statusError(reply, action, said)!;
  return reply.status >= 500 ? error : new ClipError(error.code, error.message, { ...error, inconclusive: false });
}

/** Source: web/api/app/Controller/{App,Host}Controller.php of 1.36 and 1.38. */
function refusal(
  { status }: HttpHead,
  said: string,
  action: string,
  session: { token: string } | undefined,
): ClipError | undefined {
  const vendorCode = `HTTP ${status}`;
  const message = reasonFirst(`the server refused: ${said}`, action);
  if (/api disabled for/i.test(said)) {
    return new ClipError('EFORBIDDEN', `${message}. Switch on "API Enabled" for this user in ZoneMinder`, {
      vendorCode,
    });
  }
  if (/api disabled/i.test(said)) {
    const advice = 'Switch on OPT_USE_API in ZoneMinder under Options, System';
    return new ClipError('EFORBIDDEN', `${message}. ${advice}`, { vendorCode });
  }
  if (/AUTH_HASH_SECRET/i.test(said)) {
    const advice = 'Set AUTH_HASH_SECRET in ZoneMinder under Options, System';
    return new ClipError('EFORBIDDEN', `${message}. ${advice}`, { vendorCode });
  }
  if (status !== 401 && status !== 403) return undefined;
  if (/insufficient privileges/i.test(said)) {
    return new ClipError('EFORBIDDEN', `${message}. ${rightsAdvice}`, { vendorCode });
  }
  if (session === undefined || loginRefused.test(said)) return loginError(said, message, vendorCode);
  if (!session.token)
    return new ClipError('EAUTH', `${message}. Enter user and password in the connection`, { vendorCode });
  const advice = tokenEnded.test(said) ? '' : `. ${rightsAdvice}`;
  return new ClipError('EAUTH', `${message}${advice}`, { vendorCode, sessionExpired: true });
}

/** Of the login itself. A refused token there says nothing about the password. */
function loginError(said: string, message: string, vendorCode: string): ClipError {
  if (tokenEnded.test(said) && !loginRefused.test(said)) {
    return new ClipError('EAUTH', message, { vendorCode, sessionExpired: true });
  }
  return new ClipError('EAUTH', `${message}. Check user and password of the connection`, { vendorCode });
}

/** A redirect means "log in" or "answer the privacy notice"; elsewhere it leads to another address. */
export function redirectError({ status, redirect }: HttpHead, action: string, session?: { token: string }): ClipError {
  const vendorCode = `HTTP ${status}`;
  const view = redirect?.searchParams.get('view');
  if (view === 'privacy') {
    const advice =
      'Answer the privacy notice once in a browser, switch off SHOW_PRIVACY, or use a user without the right "System"';
    return new ClipError('EFORBIDDEN', reasonFirst('ZoneMinder shows its privacy notice instead', action, advice), {
      vendorCode,
    });
  }
  if (view === 'login') {
    if (session?.token) {
      return new ClipError('EAUTH', reasonFirst('the session is over', action), { vendorCode, sessionExpired: true });
    }
    const advice = 'Enter user and password in the connection';
    return new ClipError('EAUTH', reasonFirst('the server wants a login', action, advice), { vendorCode });
  }
  const where = redirect ? ` to ${redirect.origin}${redirect.pathname}` : '';
  return new ClipError(
    'EPROTOCOL',
    reasonFirst(
      `the server redirects${where} (${vendorCode})`,
      action,
      'Set the address of the connection to where ZoneMinder is',
    ),
    { vendorCode, retryable: true },
  );
}

/** An answer that ZoneMinder's API never gives: of a proxy, of another server, or of one that is starting. */
function pageError(reply: HttpReply, action: string): ClipError {
  const usual = statusError(reply, action)!;
  const { status } = reply;
  if (![401, 403, 404, 405, 410].includes(status)) return usual;
  const advice =
    status === 401 || status === 403
      ? 'It does not come from ZoneMinder: check what is in front of it'
      : 'Check the address, and that the web server has the rewrite rules of the ZoneMinder API';
  return new ClipError('EPROTOCOL', reasonFirst(`the server answered HTTP ${status} with a page`, action, advice), {
    vendorCode: `HTTP ${status}`,
    retryable: true,
  });
}

function notJson({ text }: HttpReply, action: string): ClipError {
  const what = text.trim() === '' ? 'nothing' : 'something that is not JSON';
  const advice = 'Check that the address is the one of ZoneMinder, and that its API is switched on';
  return new ClipError('EPROTOCOL', reasonFirst(`the server answered with ${what}`, action, advice), {
    retryable: true,
  });
}

/** Text of an error document, without the address in it. `undefined`: it is no error document. */
function vendorText(json: JsonObject): string | undefined {
  const data = asObject(json.data) ?? json;
  const exception = objectAt(data, 'exception');
  // Only `exception.message` is not escaped for HTML.
  const text = readText(exception.message) ?? readText(data.message) ?? readText(data.name);
  if (text === undefined) return undefined;
  return quoted(unescaped(text));
}

function unescaped(text: string): string {
  const named: Record<string, string> = { quot: '"', amp: '&', lt: '<', gt: '>', '#039': "'", '#39': "'" };
  return text.replace(/&(quot|amp|lt|gt|#0?39);/g, (entity, name: string) => named[name] ?? entity);
}
