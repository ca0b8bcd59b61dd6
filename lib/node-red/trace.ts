// Writes one line per request to a video system into Node-RED's log, at level "trace".
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { NodeRed } from './node-red';

/** Published lines hold no secrets. */
const channelName = '@vms-nodes/node-red-video-clips:request';

interface RequestRecord {
  method: string;
  url: string;
  status?: number;
  bytes?: number;
  ms: number;
  error?: string;
}

/** As long as flows are running, and where any log takes such lines. */
export function traceRequests(RED: NodeRed): void {
  if (!isTraced(RED)) return;
  const write = (message: unknown): void => RED.log.trace(`[video clips] ${lineOf(message as RequestRecord)}`);
  RED.events.on('flows:started', () => {
    unsubscribe(channelName, write);
    subscribe(channelName, write);
  });
  RED.events.on('flows:stopped', () => unsubscribe(channelName, write));
}

/** Making a line of each request is work for nothing where nobody sees it. */
function isTraced({ settings }: NodeRed): boolean {
  const logs = Object.values((settings.logging ?? {}) as Record<string, { level?: unknown } | undefined>);
  return logs.some((log) => log?.level === 'trace');
}

function lineOf({ method, url, status, bytes, ms, error }: RequestRecord): string {
  const size = bytes === undefined ? '' : `, ${bytes} bytes`;
  return `${method} ${url}: ${status ?? error}${size}, ${ms} ms`;
}
