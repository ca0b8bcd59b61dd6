// Accepts messages: stores each as a job, before anything is asked of a vendor.
import { createHash, randomUUID } from 'node:crypto';
import { plainText } from '../../errors';
import { storeMessage } from '../../jobs/message';
import type { Done, Message, Send } from '../node-red';
import { idleEvent, reportEvent, type NodeContext } from './context';
import type { StoredJobData, Task } from './options';

/** Characters. */
const longestList = 300;

export type Accept<Settings> = (message: Message, send: Send, done: Done, settings: Settings) => Promise<void>;

/** @param register makes the node's handler known to the engine, if it is not yet */
export function acceptor<T extends Task, Settings>(
  context: NodeContext<T, Settings>,
  register: () => void,
): Accept<Settings> {
  const { runtime, node, engine, options, live, report } = context;
  let hasWarned = false;

  function warnOfDropped(paths: string[]): void {
    if (paths.length === 0 || hasWarned) return;
    hasWarned = true;
    const named = plainText(paths.slice(0, 5).join(', msg.'), longestList);
    node.warn(`Not kept should Node-RED restart before this is finished: msg.${named}`);
  }

  return async (message, send, done, settings) => {
    const { task, runAt = 0 } = await options.accept(message, settings);
    const { message: kept, dropped } = storeMessage(message);
    warnOfDropped(dropped);
    register();
    // Known before it is stored: it may run at once, here or elsewhere.
    const same = options.sameAs?.(message, task);
    const id = same === undefined ? randomUUID() : idOfSame(node.id, same);
    if (same !== undefined && ((await engine.has(id)) || live.get(id))) {
      runtime.RED.log.trace(`[video clips] Asked for already, and not over yet: ${plainText(same, longestList)}`);
      return done();
    }
    live.add(id, message, send, done);
    const queue = options.queue?.(task);
    const data: StoredJobData<T> = { message: kept, task };
    try {
      const job = await engine.add({ id, nodeId: node.id, data, runAt, ...(queue ? { queue } : {}) });
      // It had been accepted before a crash already, and goes on as it was.
      if (job.id !== id) {
        live.take(id);
        return done();
      }
      // A run that has begun meanwhile has reported more.
      if (live.get(id) && !report.knows(id)) reportEvent(context, job, idleEvent(context, job));
    } catch (thrown) {
      live.take(id);
      throw thrown;
    }
  };
}

/** Messages that ask for the same get the same id, in all instances: a second job of it cannot be stored. A UUID in its form. */
function idOfSame(nodeId: string, same: string): string {
  const hex = createHash('sha256').update(`${nodeId}\n${same}`).digest('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
}
