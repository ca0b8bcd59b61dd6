// Delivers outcomes at least once: a job is forgotten only when the jobs that its outcome has led to are stored.
import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Prefix of the ids of deliveries that are no outcome of a job. */
const deliveryPrefix = 'told:';

export function deliveryId(id: string): string {
  return deliveryPrefix + id;
}

/** Is this the id of a delivery that may come again although it belongs to no job? */
export function isDeliveryId(id: string): boolean {
  return id.startsWith(deliveryPrefix);
}

/** The delivery that has led to a job: the outcome of another job, or an event. */
export interface Origin {
  id: string;
  /** How many that outcome has led to before, of the same handler. */
  count: number;
}

interface Delivery {
  id: string;
  /** By handler, the jobs that were added. */
  counts: Map<string, number>;
  adding: Promise<unknown>[];
  /** Messages that are being accepted, and may add a job each. */
  accepting: Promise<unknown>[];
  /** Nothing that goes on from there belongs to it any more. */
  isOver: boolean;
}

/** A message takes one turn of the event loop from node to node, so a few quick nodes may lie between two of ours. */
const turns = 20;

/** All outcomes that are being delivered, and all jobs that are being added, whatever has led to them. */
export class OutcomeDelivery {
  readonly #current = new AsyncLocalStorage<Delivery>();
  readonly #adding = new Set<Promise<unknown>>();

  get isAdding(): boolean {
    return this.#adding.size > 0;
  }

  /** Resolves when all jobs are stored that are just being added. */
  async added(): Promise<void> {
    await Promise.allSettled(this.#adding);
  }

  /** Delivers an outcome; resolves when the jobs that it leads to are stored, to whether there are any. */
  async deliver(id: string, call: () => Promise<void>): Promise<boolean> {
    const delivery: Delivery = { id, counts: new Map(), adding: [], accepting: [], isOver: false };
    await this.#current.run(delivery, call);
    for (let turn = 0; turn < turns; turn += 1) await nextTurn();
    // Others may join while these are waited for.
    for (const accepting of delivery.accepting) await Promise.allSettled([accepting]);
    delivery.isOver = true;
    await Promise.allSettled(delivery.adding);
    return delivery.adding.length > 0;
  }

  /** Does what may end in adding a job, however long that takes: a folder is looked at, an expression is evaluated. */
  accept<T>(work: () => Promise<T>): Promise<T> {
    const accepting = work();
    const delivery = this.#current.getStore();
    if (delivery && !delivery.isOver) delivery.accepting.push(accepting);
    return accepting;
  }

  /** Adds a job; `from` is there while an outcome is being delivered. */
  add<T>(nodeId: string, add: (from?: Origin) => Promise<T>): Promise<T> {
    const delivery = this.#current.getStore();
    const adding = delivery && !delivery.isOver ? addFrom(delivery, nodeId, add) : add();
    const added = (): void => void this.#adding.delete(adding);
    this.#adding.add(adding);
    adding.then(added, added);
    return adding;
  }
}

function addFrom<T>({ id, counts, adding }: Delivery, nodeId: string, add: (from: Origin) => Promise<T>): Promise<T> {
  const count = counts.get(nodeId) ?? 0;
  counts.set(nodeId, count + 1);
  const added = add({ id, count });
  adding.push(added);
  return added;
}
