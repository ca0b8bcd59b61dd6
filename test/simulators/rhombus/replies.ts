/** Answers of the REST host, dressed as the switches say. */
import type { Reply } from '../http-server';
import type { RefusalForm, RhombusOptions } from './options';

export type Payload = Record<string, unknown>;

/** Ends a request with a refusal. */
export class Refusal extends Error {
  constructor(
    readonly form: RefusalForm | '401' | '403',
    text: string,
    /** Fields of the operation's own answer that stay beside the error. */
    readonly payload: Payload = {},
  ) {
    super(text);
  }
}

export function successReply(options: RhombusOptions, payload: Payload): Reply {
  const { success, warning } = options.replies;
  const error = success === 'absent' ? {} : { error: success === 'null' ? null : false };
  return jsonReply(options, 200, { ...payload, ...error, errorMsg: null, warningMsg: warning });
}

export function refusalReply(options: RhombusOptions, refusal: Refusal): Reply {
  const { failure, messageIn } = options.replies;
  const text = refusal.message;
  if (refusal.form === 'in-band') {
    const error = failure === 'text' || messageIn === 'error' ? text : true;
    return jsonReply(options, 200, { ...refusal.payload, error, [messageIn]: messageIn === 'error' ? error : text });
  }
  if (refusal.form === '401') {
    const reply = jsonReply(options, 401, { authenticationFailed: true });
    const challenge = 'Bearer resource_metadata="https://simulator.invalid/.well-known/oauth-protected-resource"';
    return { ...reply, headers: { ...reply.headers, 'www-authenticate': challenge } };
  }
  // Here `error` is a text (documented).
  const words = { '400': 'Bad Request', '403': 'Forbidden', '404': 'Not Found', '500': 'Internal Server Error' };
  const status = Number(refusal.form);
  return jsonReply(options, status, { status, error: words[refusal.form], timestamp: 1_770_000_000_000, msg: text });
}

/** Plain text, not JSON (documented). */
export function throttledReply(retryAfterSeconds: number): Reply {
  return {
    status: 429,
    headers: { 'content-type': 'text/plain', 'retry-after': String(retryAfterSeconds) },
    body: `Too many requests for this organization, please retry after ${retryAfterSeconds} second(s).`,
  };
}

export function jsonReply({ replies }: RhombusOptions, status: number, payload: Payload): Reply {
  const dress = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(dress);
    if (typeof value !== 'object' || value === null) {
      return replies.longsAsText && typeof value === 'number' && value > 2 ** 31 ? String(value) : value;
    }
    const entries = Object.entries(value).filter(([, entry]) => !(replies.omitNulls && entry === null));
    return Object.fromEntries(entries.map(([name, entry]) => [name, dress(entry)]));
  };
  const whole = replies.newFields ? { futureField: { nested: [1, null, 'x'] }, ...payload } : payload;
  return { status, headers: { 'content-type': replies.contentType }, body: JSON.stringify(dress(whole)) };
}
