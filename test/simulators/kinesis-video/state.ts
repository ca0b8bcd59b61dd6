import type { RecordedRequest } from '../http-server';
import type { SimStream } from './fragments';
import type { AccessKey, KinesisOptions } from './options';
import { Refusal } from './replies';

/** A request of a known key, with its body read. */
export interface Asked {
  request: RecordedRequest;
  key: AccessKey;
  body: Record<string, unknown>;
}

export interface KinesisState {
  options: KinesisOptions;
  /** Epoch milliseconds on AWS's clock. */
  now(): number;
  /** Points used in the current second, by stream and kind. */
  used: Map<string, { second: number; points: number }>;
  dataUrl(): string;
  controlUrl(): string;
}

export function readBody(request: RecordedRequest): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(request.body.toString('utf8') || '{}');
    if (typeof body === 'object' && body !== null && !Array.isArray(body)) return body as Record<string, unknown>;
  } catch {
    // Refused below.
  }
  throw new Refusal(400, 'SerializationException', 'The request body is not valid JSON');
}

/** @throws {Refusal} when the policy of the key does not allow it */
export function checkAllowed({ options }: KinesisState, key: AccessKey, action: string, resource: string): void {
  if (!key.denied?.includes(action)) return;
  const { status, name } = options.errors.accessDenied;
  throw new Refusal(
    status,
    name,
    `User: arn:aws:iam::111122223333:user/simulated is not authorized to perform: kinesisvideo:${action} on resource: ${resource}`,
  );
}

/** The stream that a request names. */
export function findStream({ options }: KinesisState, body: Record<string, unknown>): SimStream {
  const { StreamName: name, StreamARN: arn } = body;
  if ((name === undefined) === (arn === undefined)) {
    throw new Refusal(400, 'InvalidArgumentException', 'Either StreamName or StreamARN must be given');
  }
  if (name !== undefined && !(typeof name === 'string' && /^[a-zA-Z0-9_.-]{1,256}$/.test(name))) {
    throw new Refusal(400, 'InvalidArgumentException', 'StreamName is not valid');
  }
  const found = options.streams.find((stream) => (name === undefined ? stream.arn === arn : stream.name === name));
  if (!found || found.status === 'CREATING' || found.status === 'DELETING') {
    throw new Refusal(404, 'ResourceNotFoundException', 'The requested stream is not found or not active.');
  }
  return found;
}

/** @throws {Refusal} when a stream has used up its points of this second */
export function draw(state: KinesisState, key: string, points: number, perSecond: number): void {
  if (!state.options.limits.on) return;
  const second = Math.floor(state.now() / 1000);
  const used = state.used.get(key);
  const before = used?.second === second ? used.points : 0;
  if (before + points > perSecond) {
    throw new Refusal(
      400,
      'ClientLimitExceededException',
      'Kinesis Video Streams has throttled the request because you have exceeded a limit. Try making the call later.',
    );
  }
  state.used.set(key, { second, points: before + points });
}
