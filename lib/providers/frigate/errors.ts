// Maps answers that are no success to error codes, with the advice that fits Frigate.
import { ClipError, quoted, reasonFirst, type ErrorCode, type ErrorDetails } from '../../errors';
import type { HttpReply } from '../../net/http';
import { isObject, parseJson, readText } from '../../net/json';
import { statusError } from '../../net/status';

/** Authentication of the requests, which decides what a refusal means. */
export type Access = 'login' | 'token' | 'none';

const accessAdvice: Record<Access, string> = {
  login: 'The session has ended',
  token: 'The bearer token is not accepted: it may have run out, or the secret of the server has changed',
  none: 'This port asks for a login: enter a user name and password (port 8971), or use port 5000 inside of a trusted network',
};

export const adminAdvice = 'The user needs the role admin for this. The role viewer can make and download clips only';

const addressAdvice =
  'Check the address of the connection: the one of Frigate itself, with the path of a reverse proxy where there is one, without "/api"';

/** The error that a reply stands for; `undefined` for a success. */
export function replyError(reply: HttpReply, action: string, access: Access): ClipError | undefined {
  const { status } = reply;
  if (status < 400) return undefined;
  const said = vendorText(reply.text);
  const vendorCode = `HTTP ${status}`;
  const error = (code: ErrorCode, advice: string, details: ErrorDetails = {}) =>
    new ClipError(code, reasonFirst(`the server answered HTTP ${status}${said ? `: ${said}` : ''}`, action, advice), {
      vendorCode,
      // Frigate itself speaks JSON; pages are of its nginx, or of a proxy.
      inconclusive: parseJson(reply.text) === undefined,
      ...details,
    });
  if (status === 401) return error('EAUTH', accessAdvice[access], access === 'login' ? { sessionExpired: true } : {});
  if (status === 403) return error('EFORBIDDEN', 'The role of the user does not allow this');
  if (status === 400 && isPlainToTls(reply.text)) {
    return error('EPROTOCOL', 'This port speaks TLS: begin the address with https://');
  }
  if (status === 400 || status === 422) return error('EINVALID', '');
  if (status === 404 && isMissingItem(reply.text)) return error('ENOTFOUND', '');
  // Pages come from whatever stands in front of Frigate, also while it starts.
  if (status === 404 || status === 405) return error('EPROTOCOL', addressAdvice, { retryable: true });
  return statusError(reply, action, said);
}

/** The error for a success that does not hold what it should. */
export function strangeReply(text: string, action: string): ClipError {
  const what =
    text.trim() === '' ? 'nothing' : /^\s*</.test(text) ? 'a page' : 'something that Frigate does not answer';
  return new ClipError('EPROTOCOL', reasonFirst(`the server answered with ${what}`, action, addressAdvice), {
    retryable: true,
  });
}

/** The default certificate names no host, so it can never be verified. Source: docker/main/rootfs/.../nginx/run of Frigate */
export function certificateAdvice(thrown: unknown): unknown {
  const isCertificate = thrown instanceof ClipError && thrown.code === 'ENETWORK' && !thrown.retryable;
  if (!isCertificate) return thrown;
  return thrown.withMessage(
    `${thrown.message}. The certificate that Frigate makes for itself can never be verified: give it a real one, or turn off "Verify server certificate" in the TLS configuration`,
  );
}

/** Frigate speaks of an item that is not there in its own words; a route that it does not have is only "Not Found". */
function isMissingItem(text: string): boolean {
  const json = parseJson(text);
  return typeof json === 'string' || (isObject(json) && readText(json.message) !== undefined);
}

/** Is it the route that is missing, as in another generation of Frigate? */
export function isMissingRoute({ status, text }: HttpReply): boolean {
  return status === 405 || (status === 404 && !isMissingItem(text) && isObject(parseJson(text)));
}

function isPlainToTls(text: string): boolean {
  return /plain http request was sent to https port/i.test(text);
}

/** Frigate's own words: `message`, `detail` as text or as a list of what is invalid, or a bare string. */
export function vendorText(text: string): string {
  const json = parseJson(text);
  if (typeof json === 'string') return quoted(json);
  if (!isObject(json)) return '';
  const details = Array.isArray(json.detail)
    ? json.detail.map((entry) => (isObject(entry) ? readText(entry.msg) : undefined)).filter(Boolean)
    : [];
  return quoted(readText(json.message) ?? readText(json.detail) ?? readText(json.error) ?? details.join('; '));
}
