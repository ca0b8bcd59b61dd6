/** Answers as JSON, with numbers that JSON allows and doubles do not, and the envelopes of refusals. */
import { htmlPage, type Reply } from '../http-server';
import type { AipixState } from './state';

export type Json = unknown;

/** A whole number of any size. */
export function raw(digits: string): Json {
  // Node has it since version 21, its types do not.
  return (JSON as unknown as { rawJSON(text: string): Json }).rawJSON(digits);
}

export function jsonReply(body: Json, status = 200, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}

/** Documented for 400 and 422: what is wrong, by field. */
export function refusal(
  state: AipixState,
  status: number,
  errors: Record<string, string[]> = {},
  message = 'The given data was invalid.',
): Reply {
  const form = state.options.errors;
  if (form === 'page') return htmlPage(status, message);
  if (Object.keys(errors).length === 0) return jsonReply({ message }, status);
  return jsonReply({ message, errors: form === 'text' ? Object.values(errors).flat().join(' ') : errors }, status);
}

export function notFound(state: AipixState): Reply {
  return refusal(state, 404, {}, 'Not Found');
}

export function unauthenticated(state: AipixState): Reply {
  return refusal(state, state.options.login.unauthenticated, {}, 'Unauthenticated.');
}

/** UTC without saying so (documented). */
export function bareTime(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(0, 19).replace('T', ' ');
}

/** With microseconds (documented). */
export function isoTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z');
}

/** ISO 8601 with a zone (documented: PHP format `Y-m-dTH:i:sp`; the vendor's clients send microseconds, too). */
export function parseTime(text: unknown): number | undefined {
  const form = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/;
  const at = typeof text === 'string' && form.test(text) ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? undefined : at;
}

/** What a careless server might say. */
export const rtspRefusal = 'The range is empty for rtsp://camera-admin:rtsp-pa55word@192.0.2.31:554/stream1';
