// Sends the commands of the VDG Sense HTTP API, and reads their results.
import type { Readable } from 'node:stream';
import { ClipError, reasonFirst } from '../../errors';
import { createHttpClient, type HttpReply, type HttpRequest } from '../../net/http';
import { openMedia } from '../../net/media';
import { digestAdvice, statusError } from '../../net/status';
import type { CallOptions, OpenClip, Provider, ProviderConfig } from '../../provider';
import { valueOf, type XmlElement } from '../../net/xml';
import { isBeyondDoubt, isGeneral, resultError } from './errors';
import { isAnswer, isPage, notTheApi, readResult, readXml, xmlHeaders, type ListedItems } from './documents';
import { createLogin, refused } from './login';
import { isFailure, resultCode, type SenseSession } from './types';

type Call = CallOptions<SenseSession | undefined>;
type Auth = 'plain' | 'basic' | 'digest' | 'none';

/** The requests of the VDG Sense HTTP API; what they mean for clips is in `clips.ts`. */
export function createSenseApi(config: ProviderConfig) {
  const { settings, credentials, tls, proxy } = config;
  const auth = String(settings.auth) as Auth;
  const basic = Buffer.from(`${credentials.username}:${credentials.password}`).toString('base64');
  const http = createHttpClient({
    baseUrl: baseOf(String(settings.url)),
    tls,
    proxy,
    lenient: settings.lenient === true,
    headers: auth === 'basic' ? { Authorization: `Basic ${basic}` } : {},
  });

  /** Has any command been carried out? */
  let hasWorked = false;
  /** Sessions that have carried out a command and whose end was not suspected yet, by their mark. */
  const proven = new Set<string>();

  /**
   * Once per session: after a fresh login a general code is believed. Never for exports, whose numbers are only valid within
   * the session that started them.
   */
  function maySuspectEnd({ session }: Call): boolean {
    return session !== undefined && proven.delete(session.mark);
  }

  /** Until a login that cannot be told from a refused one was taken, to repeat it may lock the account. */
  function isDoubtful({ session }: Call): boolean {
    return !hasWorked && (auth === 'basic' || session?.isSure === false);
  }

  function commandRequest(
    command: string,
    parameters: Record<string, string | undefined>,
    call: Call,
    action: string,
    { method = 'GET', body, items }: CommandOptions = {},
  ): HttpRequest {
    const query = Object.entries({ command, ...parameters })
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`)
      .join('&');
    const headers = { ...sessionHeaders(call), ...(body === undefined ? {} : xmlHeaders) };
    return {
      method,
      path: `/command?${query}`,
      headers,
      body,
      signal: call.signal,
      action,
      isList: items !== undefined,
    };
  }

  function sessionHeaders({ session }: Call): Record<string, string> {
    const cookies = Object.entries(session?.cookies ?? {}).map(([name, value]) => `${name}=${value}`);
    return cookies.length > 0 ? { Cookie: cookies.join('; ') } : {};
  }

  /** Throws for whatever is not a good result. */
  async function checkReply(
    command: string,
    reply: HttpReply,
    action: string,
    call: Call,
    items?: ListedItems,
  ): Promise<XmlElement> {
    const isRefusal = reply.status === 401 || reply.status === 403;
    if (isDoubtful(call) && (isRefusal || (reply.status < 300 && isPage(reply.text)))) {
      throw refused(action, `HTTP ${reply.status}`, digestAdvice(reply));
    }
    const hasSession = call.session !== undefined && !isDoubtful(call);
    if (hasSession && isRefusal) {
      const error = statusError(reply, action)!;
      throw new ClipError(error.code, error.message, { vendorCode: error.vendorCode, sessionExpired: true });
    }
    const isError = reply.status >= 300;
    const root = isError ? readResult(reply) : await readXml(reply, action, hasSession, items);
    const code = root && resultCode(root);
    const said = (root && valueOf(root, 'description')) ?? '';
    // Codes come with status 200; whether they may come with others is not published.
    if (isFailure(code) && (!isError || isBeyondDoubt(code!))) {
      throw resultError(
        command,
        code!,
        said,
        action,
        hasSession,
        isGeneral(code!) && !/export/i.test(command) && maySuspectEnd(call),
      );
    }
    const problem = statusError(reply, action, said);
    // Commands have one address for all clips: a server that does not know it is one that starts.
    if (problem && reply.status === 404 && !root) throw serverStarting(problem);
    if (problem) throw problem;
    if (!root || (code === undefined && !isAnswer(root))) throw notTheApi(action, root?.name, hasSession);
    worked(call);
    return root;
  }

  /** One command, and what came with its answer. */
  async function answer(
    command: string,
    parameters: Record<string, string | undefined>,
    call: Call,
    action: string,
    options: CommandOptions = {},
  ): Promise<{ root: XmlElement; headers: Record<string, string> }> {
    const reply = await http.request(commandRequest(command, parameters, call, action, options));
    const { headers } = reply;
    if (options.mayBeEmpty && reply.status < 300 && reply.text.trim() === '') return { root: emptyResult, headers };
    return { root: await checkReply(command, reply, action, call, options.items), headers };
  }

  function worked({ session }: Call): void {
    hasWorked = true;
    if (session) proven.add(session.mark);
  }

  return {
    login: createLogin(http, config),

    answer,

    /** One command with a small XML answer. */
    async command(...request: Parameters<typeof answer>): Promise<XmlElement> {
      return (await answer(...request)).root;
    },

    /** One command whose answer is media. Errors come as XML even where media was asked for. */
    async media(
      command: string,
      parameters: Record<string, string | undefined>,
      call: Call & { offset: number; etag?: string; size?: number },
      action: string,
    ): Promise<OpenClip> {
      const { offset, etag, size } = call;
      const opened = await openMedia(http, {
        ...commandRequest(command, parameters, call, action),
        ...{ offset, etag, size },
        async explain(reply) {
          if (reply.status >= 300 || reply.text.trim() !== '') await checkReply(command, reply, action, call);
          return undefined;
        },
      });
      worked(call);
      return opened;
    },

    /** An answer without an end, on a connection of its own; `undefined` where the server has none, and says so in its way. */
    async stream(command: string, call: Call, action: string): Promise<Readable | undefined> {
      const { status, headers, body } = await http.stream(commandRequest(command, {}, call, action));
      const type = headers['content-type'] ?? '';
      if (status < 300 && /multipart/i.test(type)) return body;
      body.destroy();
      if (status < 300 && /xml/i.test(type)) return undefined;
      throw new ClipError('EPROTOCOL', reasonFirst(`the server answered HTTP ${status}, and no stream`, action));
    },

    /** Server clock and version; `undefined` from servers before 2.6.1, or where it does need a login after all. */
    async info(call: Call): Promise<XmlElement | undefined> {
      const action = 'Asking for the server version';
      const { signal } = call;
      const reply = await http.request({ method: 'GET', path: '/info', headers: sessionHeaders(call), signal, action });
      const isRefusal = reply.status === 401 || reply.status === 403;
      if (reply.status === 404 || (isRefusal && !isDoubtful(call))) return undefined;
      const problem = statusError(reply, action);
      if (problem) throw problem;
      return readResult(reply);
    },

    close: (): void => http.close(),
  };
}

export type SenseApi = ReturnType<typeof createSenseApi>;
export type SenseProvider = Provider<SenseSession | undefined>;

interface CommandOptions {
  method?: HttpRequest['method'];
  /** An XML document. */
  body?: string;
  /** Accepts an empty answer: the one to deleting something is not published. */
  mayBeEmpty?: boolean;
  items?: ListedItems;
}

function serverStarting({ message, vendorCode, retryAfterMs }: ClipError): ClipError {
  const text = `${message}. The server may be starting, or the address may lead to something else than the HTTP plug-in of VDG Sense`;
  return new ClipError('ENETWORK', text, { vendorCode, retryAfterMs, inconclusive: true });
}

/** People paste the address of a command from their browser. */
function baseOf(url: string): string {
  return url.replace(/\/(command|webservice|info)\/?(\?.*)?$/i, '');
}

const emptyResult: XmlElement = { name: 'result', attributes: {}, children: [], text: '' };
