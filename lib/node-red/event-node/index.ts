// Makes a node that sends what its video system says has happened.
import type { Connection } from '../../connection/connection';
import { toClipError } from '../../errors';
import { EventFeed } from '../../events/feed';
import type { FeedNode } from '../../events/member';
import { getConnection } from '../connections';
import type { StoredJobData, Task } from '../job-node/options';
import type { Node, NodeDefinition } from '../node-red';
import type { Runtime } from '../runtime';
import { readFeedSettings } from './settings';
import { eventStatus } from './status';

/** One for each connection. A connection that was deployed again is another object. */
const feeds = new WeakMap<Connection, EventFeed>();

export function eventNode(runtime: Runtime, node: Node, definition: NodeDefinition): void {
  const status = eventStatus(runtime, node);
  const stopPausing = runtime.engine.onPause?.((isPaused) => status.pause(isPaused));
  let leave: ((isRemoved: boolean) => Promise<void>) | undefined;
  let stopWaiting: () => void;
  let isClosed = false;

  function attach(): void {
    // That of a connection that is gone.
    void leave?.(false);
    leave = undefined;
    try {
      const connection = getConnection(runtime, typeof definition.connection === 'string' ? definition.connection : '');
      const settings = readFeedSettings(definition, connection);
      leave = joinFeed(runtime, connection, { id: node.id, ...settings, ...callbacks });
    } catch (thrown) {
      const error = toClipError(thrown);
      status.problem(error);
      node.warn(error.message);
    }
  }

  const callbacks: Pick<FeedNode, 'send' | 'report' | 'onLook' | 'onStandby' | 'onClosed'> = {
    send: (message) => node.send([message, null]),
    report(report, error) {
      status.report(report, error);
      if (error) node.warn(`${error.code}: ${error.message}`);
      node.send([null, { ...report }]);
    },
    onLook: () => status.looked(),
    onStandby: () => status.standBy(),
    onClosed() {
      if (!isClosed) stopWaiting = runtime.whenFlowsStarted(attach);
    },
  };

  // When all nodes exist: what is sent earlier would be lost.
  stopWaiting = runtime.whenFlowsStarted(attach);

  node.on('close', (removed, done) => {
    isClosed = true;
    stopWaiting();
    stopPausing?.();
    void Promise.resolve(leave?.(removed)).finally(() => {
      status.close();
      done();
    });
  });
}

function joinFeed(runtime: Runtime, connection: Connection, node: FeedNode): (isRemoved: boolean) => Promise<void> {
  const found = feeds.get(connection);
  const feed = found && !found.isOver ? found : openFeed(runtime, connection);
  feeds.set(connection, feed);
  return feed.join(node);
}

function openFeed(runtime: Runtime, connection: Connection): EventFeed {
  const { clock } = runtime;
  return new EventFeed({
    connection,
    clock,
    states: () => runtime.states,
    deliver: (id, call) => runtime.engine.deliver(id, call),
    async unfinished() {
      const jobs = await runtime.engine.list();
      const isOurs = (data: Partial<StoredJobData<Task>>): boolean => data.task?.connection === connection.id;
      return jobs.filter(({ data }) => isOurs(data as Partial<StoredJobData<Task>>)).length;
    },
    warn: (text) => runtime.RED.log.warn(`[video clips] ${text}`),
  });
}
