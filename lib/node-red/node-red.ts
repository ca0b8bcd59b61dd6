// Types the part of Node-RED's API that this package uses, as Node-RED 4 and 5 behave. (The published types describe 1.3.)
import type { IncomingHttpHeaders } from 'node:http';

export interface Message extends Record<string, unknown> {
  _msgid?: string;
}

export interface Status {
  fill?: 'red' | 'green' | 'yellow' | 'blue' | 'grey';
  shape?: 'ring' | 'dot';
  text?: string;
}

/** One entry per output. */
export type Send = (messages: Message | (Message | null)[]) => void;
export type Done = (error?: Error) => void;

export interface Node {
  id: string;
  type: string;
  name?: string;
  /** Id of its tab; inside a subflow, of the subflow's instance. */
  z?: string;
  /** Per output, the ids of the nodes it is wired to. */
  wires?: string[][];
  credentials?: Record<string, string | undefined>;
  /** Scope of its variables. */
  _flow?: object;
  send: Send;
  /** Hands it a message as if one had come in. */
  receive(message: Message): void;
  status(status: Status | Record<string, never>): void;
  log(text: string): void;
  warn(text: string): void;
  error(error: Error | string, message?: Message): void;
  on(event: 'input', handler: (this: Node, message: Message, send: Send, done: Done) => void): void;
  on(event: 'close', handler: (this: Node, removed: boolean, done: () => void) => void): void;
}

/** A node as the editor saved it: strings may hold anything that a person can type. */
export interface NodeDefinition extends Record<string, unknown> {
  id: string;
  type: string;
  name?: string;
}

type Permission = (request: unknown, response: unknown, next: () => void) => void;

export interface AdminRequest {
  params: Record<string, string>;
  query: Record<string, unknown>;
  body: unknown;
  headers: IncomingHttpHeaders;
}

export interface AdminResponse {
  status(code: number): AdminResponse;
  json(body: unknown): void;
  sendStatus(code: number): void;
}

export interface NodeRed {
  nodes: {
    createNode(node: Node, definition: NodeDefinition): void;
    // Each node type has its own constructor shape; Node-RED calls it with `new` and the saved definition.
    registerType(type: string, constructor: (this: never, definition: never) => void, options?: object): void;
    getNode<Kind extends Node = Node>(id: string): Kind | null | undefined;
    eachNode(callback: (definition: NodeDefinition) => void): void;
    /** As they are stored, for a node that need not run. */
    getCredentials(id: string): Record<string, string | undefined> | null | undefined;
  };
  events: {
    on(event: string, listener: (...values: never[]) => void): void;
  };
  settings: { userDir?: string; fileWorkingDirectory?: string } & Record<string, unknown>;
  plugins?: { getByType(type: string): { id: string; definition?: unknown }[] };
  httpAdmin: Record<'get' | 'post' | 'delete', (path: string, ...handlers: unknown[]) => void>;
  auth: { needsPermission(permission: string): Permission };
  /** Publishes to every open editor. */
  comms: { publish(topic: string, data: unknown, retain?: boolean): void };
  log: Record<'info' | 'warn' | 'error' | 'trace', (text: string) => void>;
  util: {
    cloneMessage(message: Message): Message;
    /** The value of a variable. @param flow where to look; else in the environment of the process */
    getSetting(node: { id: string }, name: string, flow: object | undefined): unknown;
    evaluateNodeProperty(
      value: unknown,
      type: string,
      node: Node,
      message: Message,
      callback: (error: Error | null, value: unknown) => void,
    ): void;
  };
  _(key: string, values?: Record<string, unknown>): string;
}
