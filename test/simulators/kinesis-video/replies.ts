/** How answers look on the wire. */
import { randomUUID } from 'node:crypto';
import type { Reply } from '../http-server';
import type { ErrorOptions, KinesisOptions } from './options';

/** An error of the service, by name. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    override readonly name: string,
    message: string,
  ) {
    super(message);
  }
}

/** A moment in an answer: epoch seconds. */
export class Timestamp {
  constructor(readonly ms: number) {}
}

export function jsonReply(options: KinesisOptions, value: Record<string, unknown>): Reply {
  return {
    headers: { 'content-type': 'application/json', 'x-amzn-requestid': randomUUID() },
    body: write({ ...value, ...(options.extraFields ? { IngestionConfiguration: null } : {}) }, options),
  };
}

/** Measured: the header carries the name and an address, the body only the text, and the connection is closed. */
export function refusalReply({ status, name, message }: Refusal, { type, textKey }: ErrorOptions): Reply {
  const typed = `${name}:https://kinesisvideo.amazonaws.com/doc/2017-09-30/`;
  return {
    status,
    headers: {
      'x-amzn-requestid': randomUUID(),
      'content-type': 'application/json',
      ...(type === 'body' ? {} : { [type === 'amzn' ? 'x-amzn-errortype' : 'x-amz-errortype']: typed }),
    },
    body: JSON.stringify({
      ...(type === 'body' ? { __type: `com.amazonaws.kinesisvideo#${name}` } : {}),
      [textKey]: message,
    }),
  };
}

/** What a host says to a request that belongs to another one. */
export function wrongHostReply({ wrongHost }: KinesisOptions): Reply {
  if (wrongHost === 'json-200') {
    const body = '{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}';
    return { headers: { 'content-type': 'application/json' }, body };
  }
  return {
    status: 403,
    headers: { 'content-type': 'application/xml' },
    body: '<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n</AccessDeniedException>\n',
  };
}

/** JSON with timestamps as the service writes them: `1.767323046012E9`. */
function write(value: unknown, options: KinesisOptions): string {
  if (value instanceof Timestamp) return options.numbers === 'exponent' ? exponent(value.ms) : String(value.ms / 1000);
  if (Array.isArray(value)) return `[${value.map((entry) => write(entry, options)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${write(field, options)}`).join(',')}}`;
}

function exponent(ms: number): string {
  return (ms / 1000).toExponential().replace('e+', 'E');
}
