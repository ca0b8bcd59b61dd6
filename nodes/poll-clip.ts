// Registers poll-clip, which waits until a clip is finished.
import type { PollJobData } from '../lib/clips/poll';
import { pollOrRecreate } from '../lib/clips/recreate';
import { connectionInput, resolveClip } from '../lib/node-red/connections';
import { jobNode } from '../lib/node-red/job-node';
import type { Node, NodeDefinition, NodeRed } from '../lib/node-red/node-red';
import { runtimeOf } from '../lib/node-red/runtime';
import { readNumber } from '../lib/node-red/typed-input';

const shortestIntervalSeconds = 0.1;

export = (RED: NodeRed): void => {
  const runtime = runtimeOf(RED);
  function PollClip(this: Node, definition: NodeDefinition): void {
    RED.nodes.createNode(this, definition);
    const connectionOf = connectionInput(runtime, definition);

    const configure = () => {
      const interval = readNumber(definition, 'interval', 2, shortestIntervalSeconds);
      return {
        intervalMs: interval * 1000,
        maxIntervalMs: Math.max(interval, readNumber(definition, 'maxInterval', 30)) * 1000,
        timeoutMs: readNumber(definition, 'timeout', 900) * 1000,
      };
    };

    jobNode<PollJobData, ReturnType<typeof configure>>(runtime, this, {
      configure,
      connectionOf,
      async accept(message, { intervalMs, maxIntervalMs, timeoutMs }) {
        const { clip, connection } = resolveClip(runtime, message, connectionOf(message));
        const giveUpAt = timeoutMs > 0 ? { giveUpAt: runtime.clock.steadyNow() + timeoutMs } : {};
        const task = { connection: connection.id, clip, intervalMs, maxIntervalMs, polls: 0, misses: 0, ...giveUpAt };
        return { task };
      },
      run: (job, connection, context) => pollOrRecreate(job, connection, context, runtime.clock.steadyNow),
      write(message, { clip }) {
        message.clip = clip;
      },
      outputs: { finished: 0, progress: 1, failure: 2 },
      status: {
        working({ clip: { status, progress, vendorStatus } }) {
          const isCounted = status === 'busy' && Boolean(progress);
          return [isCounted ? 'busyPercent' : status, { percent: progress, vendorStatus: vendorStatus?.slice(0, 40) }];
        },
        finished: 'finished',
      },
      subject: ({ clip }) => clip,
      idOf: ({ clip }) => clip.id,
      previousIdOf: ({ previousId }) => previousId,
      wakes: true,
      async cancelAtVendor({ clip }, connection, signal) {
        await connection.cancelClip(clip, signal);
      },
    });
  }

  RED.nodes.registerType('poll-clip', PollClip);
};
