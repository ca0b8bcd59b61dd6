// Checks replies before the SDK parses them: their size, and whether they come from the service at all.
import { traceRequest } from '../../net/diagnostics';
import { isModest, isObject } from '../../net/json';
import { fieldIn, textIn } from './types';

/** A page of the largest list has some hundred kilobytes. */
const longestReplyBytes = 2 * 2 ** 20;

/** Name of the error for a reply that is not one of the service. */
export const strangeReply = 'StrangeReply';

/** An answer that does not come from the service; `unknownRequest`: from a host of AWS, but the wrong one. */
export interface StrangeReply extends Error {
  status: number;
  unknownRequest: boolean;
  isEmpty: boolean;
  isTooLarge: boolean;
  /** The header of that name. */
  retryAfter?: string;
}

interface Response {
  statusCode: number;
  headers: Record<string, string | undefined>;
  body: unknown;
}

type Handler = (args: unknown) => Promise<{ response: unknown }>;

interface MiddlewareStack {
  add(
    middleware: (next: Handler, context: { commandName?: string }) => Handler,
    place: { step: 'deserialize'; priority: 'low' },
  ): void;
}

/**
 * Lets a client refuse what is not an answer of the service: a host that does not know a request may answer 200, which the
 * SDK takes for an empty result, and of a page in place of JSON it only says that it could not be read.
 * Source: https://github.com/boto/boto3/issues/3305, https://github.com/boto/boto3/issues/1506
 */
export function checkReplies(client: { middlewareStack: unknown }): void {
  const stack = client.middlewareStack as MiddlewareStack;
  stack.add(
    (next, { commandName }) =>
      async (args) => {
        const end = traceRequest('POST', addressOf(args));
        const result = await next(args).catch((error: unknown) => {
          end({ error: textIn(error, 'code') ?? textIn(error, 'name') ?? 'unknown' });
          throw error;
        });
        const response = result.response as Response;
        end({ status: response.statusCode });
        if (response.statusCode >= 300 || commandName !== 'GetClipCommand') await checkReply(response);
        return result;
      },
    { step: 'deserialize', priority: 'low' },
  );
}

/** Of the request that the SDK is about to send. */
function addressOf(args: unknown): string {
  const request = fieldIn(args, 'request');
  const [scheme, host, path] = ['protocol', 'hostname', 'path'].map((name) => textIn(request, name) ?? '');
  const port = fieldIn(request, 'port');
  return `${scheme}//${host}${typeof port === 'number' ? `:${port}` : ''}${path}`;
}

async function checkReply(response: Response): Promise<void> {
  const status = response.statusCode;
  const retryAfter = response.headers['retry-after'];
  const strange = (details: Partial<StrangeReply>): StrangeReply =>
    Object.assign(new Error(`HTTP ${status}`), {
      ...{ name: strangeReply, status, unknownRequest: false, isEmpty: false, isTooLarge: false, retryAfter },
      ...details,
    });
  const body = await readAll(response.body as AsyncIterable<Buffer>);
  const text = body?.toString('utf8') ?? '';
  // The SDK parses it in one go.
  if (!body || !isModest(text)) throw strange({ isTooLarge: true });
  // The SDK reads bytes as well as a stream.
  response.body = body;
  const json = parse(text);
  const unknownRequest =
    /unable to determine service\/operation/i.test(text) ||
    /UnknownOperationException/.test(textIn(fieldIn(json, 'Output'), '__type') ?? '');
  // Only a refusal may go without a body: an empty success would be an empty list, and its clips gone.
  const isRefusal = status >= 300;
  if (!unknownRequest && (isObject(json) || (isRefusal && text.trim() === ''))) return;
  throw strange({ unknownRequest, isEmpty: text.trim() === '' });
}

/** `undefined` for more than any answer of the service has. */
async function readAll(body: AsyncIterable<Buffer>): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    if ((bytes += chunk.length) > longestReplyBytes) return undefined;
  }
  return Buffer.concat(chunks);
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
