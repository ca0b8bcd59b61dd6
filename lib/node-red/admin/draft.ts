// Reads a connection as it stands in a dialog, deployed or not, and opens it to be tried.
import { isDeepStrictEqual } from 'node:util';
import { isRecord } from '../../clips/clip';
import { Connection } from '../../connection/connection';
import { ClipError } from '../../errors';
import { readFields } from '../../fields';
import { credentialSlots, type Credentials, type ProviderDefinition, type Settings } from '../../provider';
import { hideSecrets, secretValues } from '../../connection/redact';
import { raceAbort } from '../../async/abort';
import { findProvider, loginGuardFor, readConfig, loginTarget, usedSlots, type ConnectionNode } from '../connections';
import type { NodeRed } from '../node-red';
import type { Runtime } from '../runtime';
import { checkCredentials } from '../credentials';
import { isVariable, resolveVariables } from '../variables';

/** A connection as the editor sends it. A credential that is missing is the one that is stored. */
export interface Draft {
  id: string;
  /** Id of the tab, where the connection belongs to one. */
  z: string;
  provider: string;
  settings: Record<string, unknown>;
  credentials: Partial<Credentials>;
  tls: string;
  proxy: string;
}

/** Steps that come first: typing a password, or deploying the configuration that the connection refers to. */
export type Obstacle = 'retype' | 'tls' | 'proxy';

/** The draft cannot be tried as it stands, for a reason that the editor has words for. */
export class NotReady extends ClipError {
  constructor(
    readonly obstacle: Obstacle,
    message: string,
  ) {
    super('EINVALID', message);
  }
}

const longestText = 8192;
const mostSettings = 200;

/** `undefined`: that is no draft. */
export function readDraft(body: unknown): Draft | undefined {
  if (!isRecord(body)) return undefined;
  const { id, z = '', provider, settings = {}, credentials = {}, tls = '', proxy = '' } = body;
  if (!isText(id) || id === '' || !isText(z) || !isText(provider) || !isText(tls) || !isText(proxy)) return undefined;
  if (!isRecord(settings) || !isRecord(credentials) || Object.keys(settings).length > mostSettings) return undefined;
  const isGiven = ([, value]: [string, unknown]): boolean => value !== undefined && value !== null;
  const given = credentialSlots.map((slot) => [slot, credentials[slot]] satisfies [string, unknown]).filter(isGiven);
  if (!given.every(([, value]) => isText(value))) return undefined;
  const plain = Object.entries(settings).filter(([, value]) => typeof value !== 'object');
  if (!plain.every(([, value]) => typeof value !== 'string' || isText(value))) return undefined;
  return {
    id,
    z,
    provider,
    settings: Object.fromEntries(plain),
    credentials: Object.fromEntries(given),
    tls,
    proxy,
  };
}

/** Does anything of it stand in the environment of Node-RED, or of a flow? */
export function hasVariables({ settings, credentials, tls, proxy, provider }: Draft): boolean {
  return [...Object.values(settings), ...Object.values(credentials), tls, proxy, provider].some(isVariable);
}

/**
 * Works with the deployed connection where the draft is no different; else with one that lasts as long as the work.
 * @param signal ends the work, also where a provider does not listen to it
 * @param work gets a function that takes secrets out of texts
 * @throws NotReady, or what does not hold
 */
export async function withDraft<T>(
  runtime: Runtime,
  draft: Draft,
  signal: AbortSignal,
  work: (connection: Connection, hide: (text: string) => string) => Promise<T>,
): Promise<T> {
  const { RED, clock } = runtime;
  const resolve = resolveVariables(RED, draft);
  const wanted = {
    settings: Object.fromEntries(Object.entries(draft.settings).map(([name, value]) => [name, resolve(value)])),
    tls: resolve(draft.tls),
    proxy: resolve(draft.proxy),
  };
  const provider = findProvider(runtime, resolve(draft.provider));
  assertDeployed(RED, wanted.tls, 'tls');
  assertDeployed(RED, wanted.proxy, 'proxy');
  const settings = readFields(provider.settings, wanted.settings);
  const deployed = findDeployed(RED, draft.id, provider, wanted);
  const isSameServer = isDeepStrictEqual(
    deployed && loginTarget(provider, deployed.settings),
    loginTarget(provider, settings),
  );
  const stored = deployed?.credentials ?? RED.nodes.getCredentials(draft.id) ?? {};

  const credentials = { username: '', password: '', token: '' };
  for (const slot of usedSlots(provider)) {
    const typed = draft.credentials[slot];
    credentials[slot] = typed === undefined ? (stored[slot] ?? '') : String(resolve(typed));
    if (typed === undefined && credentials[slot] !== '' && !isSameServer) {
      throw new NotReady('retype', `The stored ${slot} is only for the server that it was deployed for`);
    }
  }

  const hide = (text: string): string => hideSecrets(text, secretValues(credentials, undefined));
  const running = deployed?.connection;
  const isSame =
    isDeepStrictEqual(deployed?.settings, settings) &&
    usedSlots(provider).every((slot) => credentials[slot] === (stored[slot] ?? ''));
  const config = readConfig(runtime, provider, wanted, credentials);
  checkCredentials(provider, config);
  const guard = loginGuardFor(runtime, draft.id, provider, wanted, config);
  guard.endPause();
  if (isSame && running instanceof Connection) return work(running, hide);

  const { id } = draft;
  const connection = new Connection({
    id,
    definition: provider,
    config,
    maxConcurrent: 1,
    clock,
    guard,
  });
  try {
    return await raceAbort(work(connection, hide), signal);
  } finally {
    void connection.close();
  }
}

/**
 * The running node of the draft's id, where it has the same provider, TLS and proxy; else `undefined`. A stored secret
 * is only for the server, and for the way there, that it was deployed for: whoever may edit a connection could have it sent
 * to themselves otherwise.
 */
function findDeployed(
  RED: NodeRed,
  id: string,
  provider: ProviderDefinition,
  wanted: { tls: unknown; proxy: unknown },
): (Pick<ConnectionNode, 'connection' | 'credentials'> & { settings: Settings }) | undefined {
  const node = RED.nodes.getNode<ConnectionNode>(id);
  if (node?.type !== 'clip-provider') return undefined;
  const { provider: providerId = 'vdg-sense', settings, tls = '', proxy = '' } = node.deployed;
  if (providerId !== provider.id || tls !== wanted.tls || proxy !== wanted.proxy) return undefined;
  try {
    const { connection, credentials } = node;
    return { connection, credentials, settings: readFields(provider.settings, settings) };
  } catch {
    // It has never reached a server.
    return undefined;
  }
}

/** @throws NotReady */
function assertDeployed(RED: NodeRed, id: unknown, what: 'tls' | 'proxy'): void {
  if (id !== '' && !RED.nodes.getNode(String(id))) {
    throw new NotReady(what, `The ${what} configuration of the connection is not deployed`);
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= longestText;
}
