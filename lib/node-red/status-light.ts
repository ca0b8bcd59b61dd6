import type { Node, NodeRed, Status } from './runtime';

export interface StatusLight {
  /** @param key below `status` in the catalog of the node */
  show(fill: Status['fill'], shape: Status['shape'], key: string, values?: Record<string, unknown>): void;
  /** While paused nothing else is shown. */
  pause(isPaused: boolean): void;
}

/** The status below a node, in the words of its catalog; sent only when it changes. */
export function statusLight(RED: NodeRed, node: Node): StatusLight {
  let shown = '';
  let isPaused = false;

  function show(fill: Status['fill'], shape: Status['shape'], key: string, values?: Record<string, unknown>): void {
    if (isPaused && key !== 'paused') return;
    const text = RED._(`${node.type}.status.${key}`, values);
    if (`${fill}${text}` === shown) return;
    shown = `${fill}${text}`;
    node.status({ fill, shape, text });
  }

  return {
    show,
    pause(paused) {
      isPaused = paused;
      if (paused) return show('yellow', 'ring', 'paused');
      shown = '';
      node.status({});
    },
  };
}
