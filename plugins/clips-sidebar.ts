// Registers the runtime side of the sidebar.
import { registerActivityRoutes } from '../lib/node-red/activity/routes';
import type { NodeRed } from '../lib/node-red/node-red';
import { runtimeOf } from '../lib/node-red/runtime';

export = (RED: NodeRed): void => registerActivityRoutes(runtimeOf(RED));
