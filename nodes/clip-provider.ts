import { ClipError, toClipError } from '../lib/errors';
import { describeProviders, openConnection, type ConnectionNode } from '../lib/node-red/connections';
import { dropOrphansAfterDeploy } from '../lib/node-red/engine';
import type { NodeDefinition, NodeRed } from '../lib/node-red/runtime';

export = (RED: NodeRed): void => {
  dropOrphansAfterDeploy(RED);

  function ClipProvider(this: ConnectionNode, definition: NodeDefinition): void {
    RED.nodes.createNode(this, definition);
    try {
      this.connection = openConnection(RED, this, definition);
    } catch (thrown) {
      const { code, message } = toClipError(thrown);
      this.connection = new ClipError(code, `The connection "${this.name || this.id}" is not usable: ${message}`);
      this.warn(this.connection.message);
    }
    this.on('close', (_removed, done) => {
      if (this.connection instanceof ClipError) return done();
      void this.connection.close().finally(done);
    });
  }

  RED.nodes.registerType('clip-provider', ClipProvider, {
    credentials: { username: { type: 'text' }, password: { type: 'password' }, token: { type: 'password' } },
    settings: {
      clipProviderProviders: {
        // Read at each load of the editor: plugins may have been installed since.
        get value() {
          return describeProviders(RED);
        },
        exportable: true,
      },
    },
  });
};
