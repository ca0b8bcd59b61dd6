import type { NodeRed } from '../lib/node-red/runtime';

export = (_RED: NodeRed): void => undefined;
