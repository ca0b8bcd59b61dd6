// Picks some of many numbers, spread evenly, while it is not known how many will come.

export interface Spread {
  add(value: number): void;
  /** In the order in which they came. */
  readonly picked: readonly number[];
}

/** @param least so many are picked, where as many come, and up to twice as many */
export function spread(least: number): Spread {
  let picked: number[] = [];
  let added = 0;
  let step = 1;
  return {
    add(value) {
      if (added % step === 0) picked.push(value);
      added += 1;
      if (picked.length <= 2 * least) return;
      picked = picked.filter((_, index) => index % 2 === 0);
      step *= 2;
    },
    get picked() {
      return picked;
    },
  };
}
