import { registerActivityRoutes } from '../lib/node-red/activity/routes';
import type { NodeRed } from '../lib/node-red/runtime';

export = (RED: NodeRed): void => registerActivityRoutes(RED);
