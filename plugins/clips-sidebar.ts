import { offerActivity } from '../lib/node-red/activity/routes';
import type { NodeRed } from '../lib/node-red/runtime';

export = (RED: NodeRed): void => offerActivity(RED);
