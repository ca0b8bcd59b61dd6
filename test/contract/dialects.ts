/** How servers, their frameworks and what is in front of them may say one and the same thing. */
import { gzipSync } from 'node:zlib';
import type { RecordedRequest, Reply } from '../simulators/http-server';

type Dress = (reply: Reply, request: RecordedRequest) => Reply;

const isVideo = ({ body }: Reply): boolean => typeof body !== 'string' && !Buffer.isBuffer(body);
const isJson = ({ body }: Reply): boolean => typeof body === 'string' && /^\s*[{[]/.test(body);

/** Of small answers; a video stays as it is. */
const words =
  (change: (reply: Reply) => Reply): Dress =>
  (reply) =>
    isVideo(reply) ? reply : change(reply);

const headers = (reply: Reply, more: Record<string, string | undefined>): Reply => ({
  ...reply,
  headers: Object.fromEntries(Object.entries({ ...reply.headers, ...more }).filter(([, value]) => value !== undefined)),
});

/** Each value of a JSON answer, from the leaves up. Digits that a double cannot hold stay. */
const json =
  (change: (value: unknown) => unknown, space?: number): Dress =>
  (reply) => {
    if (!isJson(reply)) return reply;
    const raw = (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON;
    const keep = (_: string, value: unknown, context?: { source?: string }): unknown =>
      typeof value === 'number' ? raw(context?.source ?? String(value)) : value;
    const value = deep(JSON.parse(String(reply.body), keep), change);
    return { ...reply, body: JSON.stringify(value, undefined, space) };
  };

function deep(value: unknown, change: (value: unknown) => unknown): unknown {
  if (Array.isArray(value)) return change(value.map((each) => deep(each, change)));
  if (!isRecord(value)) return change(value);
  return change(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, deep(each, change)])));
}

/** Numbers are kept as they were written. */
function isNumber(value: unknown): boolean {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isRecord(value);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  const isRaw = (JSON as unknown as { isRawJSON(value: unknown): boolean }).isRawJSON;
  return typeof value === 'object' && value !== null && !isRaw(value);
}

export const dialects: [name: string, dress: Dress][] = [
  ['in pieces, without a length', (reply) => ({ ...reply, framing: 'chunked' })],
  ['that end with their connection', (reply) => ({ ...reply, framing: 'close' })],
  ['whose connections are dead afterwards', (reply) => ({ ...reply, isLast: true })],
  [
    'that are compressed where that is wanted',
    (reply, request) => {
      const isWanted = /\bgzip\b/.test(String(request.headers['accept-encoding']));
      if (isVideo(reply) || !isWanted || !reply.body) return reply;
      const body = gzipSync(reply.body as string | Buffer);
      return headers({ ...reply, body }, { 'content-encoding': 'gzip' });
    },
  ],
  ['without a type', (reply) => headers(reply, { 'content-type': undefined })],
  ['as plain text', words((reply) => headers(reply, { 'content-type': 'text/plain' }))],
  ['as bytes of any kind', (reply) => headers(reply, { 'content-type': 'application/octet-stream' })],
  [
    'with parameters of their type',
    (reply) => headers(reply, { 'content-type': `${String(reply.headers?.['content-type'])}; charset=UTF-8; v=1` }),
  ],
  [
    'with a line break at their end',
    words((reply) => (reply.body ? { ...reply, body: `${String(reply.body)}\r\n` } : reply)),
  ],
  [
    'with a byte order mark',
    words((reply) => (reply.body ? { ...reply, body: `\uFEFF${String(reply.body)}` } : reply)),
  ],
  ['spread over lines', json((value) => value, 2)],
  [
    'with fields that nobody knows',
    json((value) => (isObject(value) ? { ...value, new_field: { a: [1, null] } } : value)),
  ],
  [
    'without what is null',
    json((value) =>
      isObject(value) ? Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null)) : value,
    ),
  ],
  ['with numbers as text', json((value) => (isNumber(value) ? JSON.stringify(value) : value))],
  ['with truth as text', json((value) => (typeof value === 'boolean' ? String(value) : value))],
  ['with truth as a number', json((value) => (typeof value === 'boolean' ? Number(value) : value))],
  ['of other successes (201)', (reply) => ((reply.status ?? 200) === 200 ? { ...reply, status: 201 } : reply)],
  ['of other successes (202)', words((reply) => ((reply.status ?? 200) === 200 ? { ...reply, status: 202 } : reply))],
];

function isObject(value: unknown): value is Record<string, unknown> {
  return isRecord(value) && !Array.isArray(value);
}
