/** The flows that are shipped with the package, ready to be deployed against a simulator. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { senseCamera, type SenseDevice } from '../simulators/vdg-sense';
import { packageRoot } from './package';

export interface FlowNode extends Record<string, unknown> {
  id: string;
  type: string;
  name?: string;
}

/** Types of nodes that come with other packages, as a dashboard. */
const isForeign = ({ type }: FlowNode): boolean => type.startsWith('ui-') || type === 'global-config';

export async function namesOfExamples(): Promise<string[]> {
  return (await readdir(join(packageRoot, 'examples'))).filter((name) => name.endsWith('.json')).sort();
}

/** Those for one video system, in one flow with one connection, but for those that need another package as well. */
export async function examplesOf(provider: string): Promise<FlowNode[]> {
  const flows = await Promise.all((await namesOfExamples()).map(readExample));
  const wanted = flows.filter((flow) => findNode(flow, 'clip-provider').provider === provider && !flow.some(isForeign));
  const [shared] = wanted.map((flow) => findNode(flow, 'clip-provider'));
  if (!shared) throw new Error(`There is no example for ${provider}`);
  return [shared, ...wanted.flatMap((flow) => withConnection(flow, shared.id))];
}

function withConnection(flow: FlowNode[], id: string): FlowNode[] {
  return flow
    .filter(({ type }) => type !== 'clip-provider')
    .map((node) => (node.connection ? { ...node, connection: id } : node));
}

export async function readExample(name: string): Promise<FlowNode[]> {
  return JSON.parse(await readFile(join(packageRoot, 'examples', name), 'utf8')) as FlowNode[];
}

/** The cameras that they name. "Dock 2" has recorded nothing: one example shows what happens then. */
export function demoCameras(): SenseDevice[] {
  const [one, two] = ['6917529027641081901', '6917529027641081902'];
  return [
    senseCamera({ serverid: one, deviceid: '2', name: 'Dock 1' }),
    senseCamera({ serverid: one, deviceid: '3', name: 'Dock 2', footage: [] }),
    senseCamera({ serverid: one, deviceid: '4', name: 'Yard' }),
    senseCamera({ serverid: two, deviceid: '2', name: 'Gate', width: 320, height: 240 }),
  ];
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

/** The nodes of the example with this title. */
export function nodesOf(flow: FlowNode[], title: string): FlowNode[] {
  const { id } = flow.find(({ type, label }) => type === 'tab' && label === title) ?? {};
  if (id === undefined) throw new Error(`There is no example "${title}"`);
  return flow.filter(({ z }) => z === id);
}

/** The one node of a type, of this name where one is given. */
export function findNode(flow: FlowNode[], type: string, name?: string): FlowNode {
  const found = flow.find((node) => node.type === type && (name === undefined || node.name === name));
  if (!found) throw new Error(`The flow has no ${type}${name === undefined ? '' : ` "${name}"`}`);
  return found;
}
