// Keeps the messages of failed rows for a while, so that they can be sent again. In memory only: they may hold anything.
import { restoreMessage } from '../../jobs/message';
import type { Message } from '../node-red';
import type { Runtime } from '../runtime';

const mostMessages = 100;
/** Characters of all of them, as JSON: pictures may travel in messages. */
const mostText = 10_000_000;

export interface KeptMessages {
  keep(rowId: string, nodeId: string, stored: Record<string, unknown>): void;
  forget(rowId: string): void;
  /** `false`: it is not kept, or its node is gone. */
  sendAgain(rowId: string): boolean;
  /** The row that goes on with a message that was sent again. */
  rowOf(message: Message): string | undefined;
}

/** @param changed gets whether a row can be tried again */
export function keptMessages(runtime: Runtime, changed: (rowId: string, canRetry: boolean) => void): KeptMessages {
  const messages = new Map<string, { node: string; json: string }>();
  const rowOfMessage = new WeakMap<Message, string>();
  let keptText = 0;

  function forget(rowId: string): void {
    const kept = messages.get(rowId);
    if (!kept) return;
    keptText -= kept.json.length;
    messages.delete(rowId);
    changed(rowId, false);
  }

  return {
    keep(rowId, nodeId, stored) {
      forget(rowId);
      const json = textOf(stored);
      if (json === undefined) return;
      messages.set(rowId, { node: nodeId, json });
      keptText += json.length;
      changed(rowId, true);
      for (const oldest of messages.keys()) {
        if (messages.size <= mostMessages && keptText <= mostText) break;
        forget(oldest);
      }
    },
    forget,
    sendAgain(rowId) {
      const kept = messages.get(rowId);
      const node = kept && runtime.RED.nodes.getNode(kept.node);
      if (!node) return false;
      const message = restoreMessage(JSON.parse(kept.json)) as Message;
      rowOfMessage.set(message, rowId);
      node.receive(message);
      return true;
    },
    rowOf: (message) => rowOfMessage.get(message),
  };
}

/** `undefined`: it is too long for a text. */
function textOf(stored: Record<string, unknown>): string | undefined {
  try {
    return JSON.stringify(stored);
  } catch {
    return undefined;
  }
}
