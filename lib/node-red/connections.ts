// Opens the connections of `clip-provider` nodes, and finds them for other nodes.
import { hostname } from 'node:os';
import { readClip } from '../clips/clip';
import { Connection } from '../connection/connection';
import { ClipError } from '../errors';
import { readFields } from '../fields';
import {
  credentialSlots,
  type Clip,
  type Credentials,
  type ProviderConfig,
  type ProviderDefinition,
  type ProxyOptions,
  type Settings,
  type TlsOptions,
} from '../provider';
import { providers } from '../providers';
import { checkCredentials } from './credentials';
import { combineGuards, type ResettableLoginGuard } from '../connection/login-guard';
import type { Message, Node, NodeDefinition, NodeRed } from './node-red';
import type { Runtime } from './runtime';
import { readNumber } from './typed-input';

/** A running `clip-provider` node: a connection, or the reason why there is none. */
export interface ConnectionNode extends Node {
  connection: Connection | ClipError;
  /** The node as deployed, with variables resolved. No credentials. */
  deployed: NodeDefinition;
  /** Of `{localDate}` and `{localTime}`: an IANA name; absent: that of this computer. */
  timeZone?: string;
}

/** Our own providers, then those that other packages registered as plugins; looked up afresh at each call. */
export function allProviders({ pluginProviders }: Runtime): ProviderDefinition[] {
  return [...providers, ...pluginProviders.list(providers.map(({ id }) => id))];
}

/** The providers as the editor needs them to draw forms: data only. How a clip is created is no matter of the editor. */
export function describeProviders(runtime: Runtime): object[] {
  return allProviders(runtime).map(
    ({ open: _open, maxClipSeconds: _max, cameraProblem: _problem, idempotentCreate: _idempotent, ...data }) => data,
  );
}

/** @throws EINVALID or ENOTFOUND naming what does not hold */
export function openConnection(runtime: Runtime, node: Node, definition: NodeDefinition): Connection {
  const provider = findProvider(runtime, definition.provider);
  const config = readConfig(runtime, provider, definition, storedCredentials(provider, node.credentials));
  checkCredentials(provider, config);
  const login = loginGuardFor(runtime, node.id, provider, definition, config);
  // A deploy tries again.
  login.reset();
  const shared = runtime.engine.loginGuard?.(node.id, [provider.id, config.settings, config.credentials]);
  return new Connection({
    id: node.id,
    definition: provider,
    config,
    maxConcurrent: Math.floor(readNumber(definition, 'maxConcurrent', 2, 1)),
    clock: runtime.clock,
    guard: shared ? combineGuards(login, shared) : login,
  });
}

export function usedSlots({ credentials }: ProviderDefinition): (keyof Credentials)[] {
  return credentialSlots.filter((slot) => credentials[slot] !== undefined);
}

/** Only what the provider has a use for: other slots may still hold the secret of another vendor. */
function storedCredentials(provider: ProviderDefinition, stored: Node['credentials'] = {}): Credentials {
  const credentials: Credentials = { username: '', password: '', token: '' };
  for (const slot of usedSlots(provider)) credentials[slot] = stored[slot] ?? '';
  return credentials;
}

/** @throws ENOTFOUND */
export function findProvider(runtime: Runtime, id: unknown = 'vdg-sense'): ProviderDefinition {
  const found = allProviders(runtime).find((provider) => provider.id === id);
  if (!found) throw new ClipError('ENOTFOUND', `No provider "${String(id)}" is installed`);
  return found;
}

/** @throws EINVALID or ENOTFOUND naming what does not hold */
export function readConfig(
  { RED, clock, userFolder }: Runtime,
  provider: ProviderDefinition,
  { id = 'draft', settings, tls, proxy }: Record<string, unknown>,
  credentials: Credentials,
): ProviderConfig {
  return {
    settings: readFields(provider.settings, settings),
    credentials,
    tls: readTls(RED, tls),
    proxy: readProxy(RED, proxy),
    now: clock.now,
    instanceId: [hostname(), userFolder, id].join('\n'),
  };
}

/** The guard of a login, which is known by what is sent and where to: all that try it share one. */
export function loginGuardFor(
  { logins }: Runtime,
  id: string,
  provider: ProviderDefinition,
  { tls, proxy }: Record<string, unknown>,
  { settings, credentials }: ProviderConfig,
): ResettableLoginGuard {
  const sent = usedSlots(provider).map((slot) => credentials[slot]);
  return logins([id, provider.id, loginTarget(provider, settings), sent, tls || '', proxy || '']);
}

/** The settings that may say which server is asked and how to log in there: all but mere switches. */
export function loginTarget({ settings: fields }: ProviderDefinition, settings: Settings): unknown[] {
  return fields.filter(({ kind }) => kind !== 'boolean').map(({ name }) => settings[name]);
}

/** @throws EINVALID for a zone that does not exist */
export function readTimeZone({ timezone }: NodeDefinition): string | undefined {
  const wanted = typeof timezone === 'string' ? timezone.trim() : '';
  if (wanted === '') return undefined;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: wanted }).resolvedOptions().timeZone;
  } catch {
    throw new ClipError(
      'EINVALID',
      `"timezone": there is no time zone ${wanted.slice(0, 80)}. Use a name such as Europe/Berlin`,
    );
  }
}

export function timeZoneOf({ RED }: Runtime, connection: string): string | undefined {
  return RED.nodes.getNode<ConnectionNode>(connection)?.timeZone;
}

/** The queue of a connection's transfers: they keep to its limit over all instances. */
export function transferQueue(connection: string): string {
  return `transfers:${connection}`;
}

/**
 * The connection of a `clip-provider` node, by its id.
 * @throws ENOTFOUND where there is none, EINVALID where its settings do not hold
 */
export function getConnection({ RED }: Runtime, id: string): Connection {
  const node = RED.nodes.getNode<ConnectionNode>(id);
  if (id === '') throw new ClipError('EINVALID', 'No connection is chosen: choose one in the dialog of the node');
  if (!node || node.type !== 'clip-provider') {
    throw new ClipError('ENOTFOUND', `There is no connection "${id}" in these flows, or it is disabled`);
  }
  if (node.connection instanceof ClipError) throw node.connection;
  return node.connection;
}

/**
 * Reads which connection a node uses for a message: the dialog's, or where the dialog says so the one that `msg.connection`
 * names by id or unique name. Empty: none is chosen.
 */
export function connectionInput(
  { RED }: Runtime,
  { connection, connectionType, z }: NodeDefinition,
): (message: Message) => string {
  if (connectionType !== 'msg') return () => (typeof connection === 'string' ? connection : '');
  return ({ connection: wanted }) => {
    if (typeof wanted !== 'string' || wanted === '') {
      throw new ClipError('EINVALID', 'msg.connection must be the id or the name of a connection');
    }
    const found: string[] = [];
    RED.nodes.eachNode(({ id, type, name }) => {
      if (type !== 'clip-provider') return;
      // Of a subflow, each instance has its own. What runs has its variables resolved.
      const node = RED.nodes.getNode(id) ?? RED.nodes.getNode(`${String(z)}-${id}`) ?? { id, name };
      if ([id, node.id, node.name].includes(wanted)) found.push(node.id);
    });
    if (found.includes(wanted)) return wanted;
    const shown = `"${wanted.slice(0, 80)}"`;
    if (found.length > 1)
      throw new ClipError('EINVALID', `msg.connection: ${found.length} connections are called ${shown}`);
    if (!found[0]) throw new ClipError('ENOTFOUND', `msg.connection: there is no connection ${shown} in these flows`);
    return found[0];
  };
}

/**
 * The clip of a message, with the connection to ask about it: the node's own choice, else the clip's.
 * @throws EINVALID or ENOTFOUND naming what does not hold
 */
export function resolveClip(
  runtime: Runtime,
  message: Message,
  chosen: string,
): { clip: Clip; connection: Connection } {
  const clip = readClip(message.clip, runtime.clock.now());
  const connection = getConnection(runtime, chosen || clip.connection);
  const { id, label, cameraProblem } = connection.definition;
  if (clip.provider !== id) {
    throw new ClipError('EINVALID', `msg.clip.provider is "${clip.provider}", but the connection is to ${label}`);
  }
  const problem = cameraProblem?.(clip.camera);
  if (problem) throw new ClipError('EINVALID', `msg.clip.camera: ${problem}`);
  return { clip, connection };
}

/** The core `tls-config` node speaks in the options of Node's `https.request`. */
function readTls(RED: NodeRed, id: unknown): TlsOptions | undefined {
  if (typeof id !== 'string' || id === '') return undefined;
  const node = RED.nodes.getNode<Node & { addTLSOptions?(options: TlsOptions): void }>(id);
  if (!node?.addTLSOptions) throw new ClipError('ENOTFOUND', 'The TLS configuration of the connection does not exist');
  const options: TlsOptions = {};
  node.addTLSOptions(options);
  return options;
}

function readProxy(RED: NodeRed, id: unknown): ProxyOptions | undefined {
  if (typeof id !== 'string' || id === '') return undefined;
  const node = RED.nodes.getNode<Node & { url?: string; noproxy?: string[] }>(id);
  if (!node?.url) throw new ClipError('ENOTFOUND', 'The proxy of the connection does not exist');
  if (!URL.canParse(node.url)) throw new ClipError('EINVALID', 'The address of the proxy is not valid');
  const { username, password } = node.credentials ?? {};
  return { url: node.url, noProxy: node.noproxy ?? [], ...(username ? { username, password: password ?? '' } : {}) };
}
