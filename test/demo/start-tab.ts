// Turns one example into the tab on which the demo opens: with three steps to read, and a picture beside each video.
import { findNode, nodesOf, type FlowNode } from '../support/examples';

/** Where the comments begin on the canvas, and how far apart they are. */
const left = 40;
const lineHeight = 40;

/** The flow with the example of this title as its first tab. */
export function putFirst(flow: FlowNode[], title: string): FlowNode[] {
  const nodes = nodesOf(flow, title);
  const tab = flow.find(({ type, label }) => type === 'tab' && label === title)!;
  const steps = [
    `1. Press the button of "${findNode(nodes, 'inject').name}", left of its node`,
    '2. Open the list of clips: the film icon at the lower right',
    '3. Press the triangle of the newest clip: it plays',
  ];
  const bottom = Math.max(...nodes.map(({ y }) => Number(y)));
  const comments = steps.map((name, index) => ({
    ...{ id: `00000000000000a${index + 1}`, type: 'comment', z: tab.id, name, info: '', wires: [] },
    x: left + widthOf(name) / 2,
    y: bottom + 60 + index * lineHeight,
  }));
  const info = `${steps.join('\n')}\n\nThe other tabs are examples of the package: its Import menu has more of them.`;
  const start = { ...tab, label: 'Start here', info };
  const shown = flow
    .filter((node) => node !== tab)
    .map((node) => (node.type === 'download-clip' && node.z === tab.id ? { ...node, snapshot: 'instant' } : node));
  return [start, ...shown, ...comments];
}

/** Pixels that the editor gives a comment, about. */
function widthOf(name: string): number {
  return 20 * Math.ceil((6.6 * name.length + 50) / 20);
}
