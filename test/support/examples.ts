/** The flows that are shipped with the package, ready to be deployed against a simulator. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { packageRoot } from './package';

export interface FlowNode extends Record<string, unknown> {
  id: string;
  type: string;
  name?: string;
}

/** As they are in the package, in the order of their numbers. */
export async function readExamples(): Promise<FlowNode[]> {
  const folder = join(packageRoot, 'examples');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.json')).sort();
  const flows = await Promise.all(names.map((name) => readExample(name)));
  return flows.flat();
}

export async function readExample(name: string): Promise<FlowNode[]> {
  return JSON.parse(await readFile(join(packageRoot, 'examples', name), 'utf8')) as FlowNode[];
}

/** Points the VDG Sense connections of a flow to a server, and gives them what they need to log in there. */
export function connectTo(
  flow: FlowNode[],
  url: string,
  login: { username: string; password: string },
): { flow: FlowNode[]; credentials: Record<string, { username: string; password: string }> } {
  const isConnection = ({ type, provider }: FlowNode): boolean => type === 'clip-provider' && provider === 'vdg-sense';
  return {
    flow: flow.map((node) =>
      isConnection(node) ? { ...node, settings: { ...(node.settings as Record<string, unknown>), url } } : node,
    ),
    credentials: Object.fromEntries(flow.filter(isConnection).map(({ id }) => [id, login])),
  };
}

/** The one node of a type, of this name where one is given. */
export function findNode(flow: FlowNode[], type: string, name?: string): FlowNode {
  const found = flow.find((node) => node.type === type && (name === undefined || node.name === name));
  if (!found) throw new Error(`The flow has no ${type}${name === undefined ? '' : ` "${name}"`}`);
  return found;
}
