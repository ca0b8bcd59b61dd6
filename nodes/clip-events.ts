// Registers clip-events, which sends what a video system says has happened.
import { eventNode } from '../lib/node-red/event-node';
import type { Node, NodeDefinition, NodeRed } from '../lib/node-red/node-red';
import { runtimeOf } from '../lib/node-red/runtime';

export = (RED: NodeRed): void => {
  const runtime = runtimeOf(RED);

  function ClipEvents(this: Node, definition: NodeDefinition): void {
    RED.nodes.createNode(this, definition);
    eventNode(runtime, this, definition);
  }

  RED.nodes.registerType('clip-events', ClipEvents);
};
