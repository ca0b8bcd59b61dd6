// Keeps the messages of a node's unfinished jobs as they came in, for as long as this process lives.
import { isRecord } from '../../clips/clip';
import type { Job } from '../../jobs/job';
import { restoreMessage } from '../../jobs/message';
import type { Done, Message, Node, Send } from '../node-red';

/** A message as it came in, for as long as this process lives. */
export interface LiveMessage {
  message: Message;
  send: Send;
  done: Done;
  /** When its last progress message was due. */
  progressAt: number;
  /** The last progress message, to send only what is new. */
  progressed?: string;
}

export interface LiveMessages {
  add(jobId: string, message: Message, send: Send, done: Done): void;
  /** The message of a job: as it came in, or as it was stored. */
  of(job: Job<{ message: Record<string, unknown> }>): LiveMessage;
  /** The message of a job, if it came in here. */
  get(jobId: string): LiveMessage | undefined;
  /** The same; it is forgotten. */
  take(jobId: string): LiveMessage | undefined;
  clear(): void;
}

/** The messages of a node's unfinished jobs, by job. */
export function liveMessages(node: Node): LiveMessages {
  const live = new Map<string, LiveMessage>();
  return {
    add: (jobId, message, send, done) => void live.set(jobId, { message, send, done, progressAt: 0 }),
    of(job) {
      let found = live.get(job.id);
      if (!found) {
        // Accepted before a restart or redeploy: `send` and `done` of that time lead nowhere, so those of the node are used.
        const restored = restoreMessage(job.data.message);
        // Whatever another version has stored there, its error needs a message.
        const message: Message = isRecord(restored) ? restored : {};
        const done: Done = (error) => error && node.error(error, message);
        found = { message, send: node.send.bind(node), done, progressAt: 0 };
        live.set(job.id, found);
      }
      return found;
    },
    get: (jobId) => live.get(jobId),
    take(jobId) {
      const found = live.get(jobId);
      live.delete(jobId);
      return found;
    },
    clear: () => live.clear(),
  };
}

/** Sends by one output, counted from 0. */
export function sendTo(output: number, { send }: LiveMessage, message: Message): void {
  const messages: (Message | null)[] = Array.from({ length: output + 1 }, () => null);
  messages[output] = message;
  send(messages);
}
