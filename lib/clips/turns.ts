import { Slots } from '../slots';

/** Work of the same name goes one after the other. */
export class Turns {
  readonly #lines = new Map<string, { slots: Slots; length: number }>();

  /** Rejects with the signal's reason when it fires while waiting. */
  async run<T>(name: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    const line = this.#lines.get(name) ?? { slots: new Slots(1), length: 0 };
    this.#lines.set(name, line);
    line.length += 1;
    try {
      return await line.slots.run(signal, work);
    } finally {
      line.length -= 1;
      if (line.length === 0) this.#lines.delete(name);
    }
  }
}
