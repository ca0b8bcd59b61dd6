// Replaces `${NAME}` in what was typed into a dialog.
import { ClipError } from '../errors';
import type { Node, NodeRed } from './node-red';

/** As Node-RED recognises them: the whole text is one variable. */
const variable = /^\$(?:\{(\S+)\}|\((\S+)\))$/;

export function isVariable(value: unknown): boolean {
  return typeof value === 'string' && variable.test(value);
}

/**
 * Replaces `${NAME}` as Node-RED does before it makes a node, for a node that may only exist in the editor.
 * @param place id of the node, and of the tab it is on: empty where it is on none
 * @throws EINVALID where the variable is not set: Node-RED goes on with its name then, which nobody wants sent as a password
 */
export function resolveVariables(RED: NodeRed, place: { id: string; z: string }): (value: unknown) => unknown {
  const flow = RED.nodes.getNode(place.id)?._flow ?? flowOf(RED, place.z) ?? flowOf(RED, '');
  return (value) => {
    const match = typeof value === 'string' ? variable.exec(value) : null;
    const name = match?.[1] ?? match?.[2];
    if (name === undefined) return value;
    const found = flow || !isExcluded(RED, name) ? RED.util.getSetting({ id: place.id }, name, flow) : undefined;
    if (found === undefined) throw new ClipError('EINVALID', `The variable ${String(value)} is not set`);
    return found;
  };
}

/** Scope of the variables of a tab: known from any of its nodes that runs. */
function flowOf(RED: NodeRed, z: string): Node['_flow'] {
  let flow: Node['_flow'];
  RED.nodes.eachNode((definition) => {
    if ((definition.z ?? '') === z) flow ??= RED.nodes.getNode(definition.id)?._flow;
  });
  return flow;
}

/** A flow knows this by itself. */
function isExcluded(RED: NodeRed, name: string): boolean {
  const { envVarExcludes } = RED.settings;
  return Array.isArray(envVarExcludes) && envVarExcludes.includes(name);
}
