// Stands in front of the test server: records what it is asked, and lets requests meet faults.
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { startServer, type RecordedRequest, type Reply, type SimulatorServer } from '../simulators/http-server';
import type { ZoneMinderServer } from './server';

export interface ZoneMinderProxy {
  /** With `/zm`, as the provider is given it. */
  readonly url: string;
  readonly server: SimulatorServer;
  /** Tokens that the server has handed out. */
  readonly tokens: string[];
  close(): Promise<void>;
}

export async function startProxy({ url }: ZoneMinderServer): Promise<ZoneMinderProxy> {
  const { origin, pathname } = new URL(url);
  const tokens: string[] = [];

  async function handle(request: RecordedRequest): Promise<Reply> {
    const { method, target, headers, body } = request;
    const forwarded = http.request(`${origin}${target}`, { method, headers, agent: false });
    forwarded.end(body);
    const [response] = (await once(forwarded, 'response')) as [IncomingMessage];
    const { 'content-length': length, 'transfer-encoding': _, ...kept } = response.headers;
    const reply = { status: response.statusCode, headers: kept };
    if (!/json/.test(response.headers['content-type'] ?? '')) {
      return { ...reply, body: untilItEnds(response), ...(length ? { size: Number(length) } : { framing: 'close' }) };
    }
    const text = Buffer.concat(await response.toArray()).toString();
    for (const [, token] of text.matchAll(/"(?:access|refresh)_token":"([^"]+)"/g)) tokens.push(token!);
    return { ...reply, body: text };
  }

  const server = await startServer({ handle });
  return { url: `${server.url}${pathname}`, server, tokens, close: () => server.stop() };
}

/** What the server announces and does not send is missing here as well. */
async function* untilItEnds(response: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of response) yield chunk as Buffer;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ECONNRESET') throw error;
  }
}
