// Registers clip-provider, the config node of a connection, and the admin routes of its dialog.
import { ClipError, reasonFirst, toClipError } from '../lib/errors';
import { registerConnectionRoutes } from '../lib/node-red/admin/connections';
import {
  describeProviders,
  openConnection,
  readTimeZone,
  transferQueue,
  type ConnectionNode,
} from '../lib/node-red/connections';
import type { NodeDefinition, NodeRed } from '../lib/node-red/node-red';
import { runtimeOf } from '../lib/node-red/runtime';

export = (RED: NodeRed): void => {
  const runtime = runtimeOf(RED);
  registerConnectionRoutes(runtime);

  function ClipProvider(this: ConnectionNode, definition: NodeDefinition): void {
    RED.nodes.createNode(this, definition);
    this.deployed = definition;
    try {
      this.timeZone = readTimeZone(definition);
      this.connection = openConnection(runtime, this, definition);
    } catch (thrown) {
      const { code, message } = toClipError(thrown);
      this.connection = new ClipError(code, reasonFirst(message, `Opening the connection "${this.name || this.id}"`));
      this.warn(this.connection.message);
    }
    const { connection } = this;
    const isUsable = !(connection instanceof ClipError);
    // Its jobs report a connection that is not usable.
    const closeQueue = runtime.engine.openQueue(transferQueue(this.id), isUsable ? connection.maxConcurrent : 1);
    this.on('close', (_removed, done) => {
      // First, so that running jobs are kept for the next start instead of failing.
      const closing = [closeQueue(), ...(isUsable ? [connection.close()] : [])];
      void Promise.allSettled(closing).then(() => done());
    });
  }

  RED.nodes.registerType('clip-provider', ClipProvider, {
    credentials: { username: { type: 'text' }, password: { type: 'password' }, token: { type: 'password' } },
    settings: {
      clipProviderProviders: {
        // Read at each load of the editor: plugins may have been installed since.
        get value() {
          return describeProviders(runtime);
        },
        exportable: true,
      },
    },
  });
};
