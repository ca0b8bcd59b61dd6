import { retentionMs, type Push } from './types';

/** How a making ended, as a push told. */
export interface Outcome {
  isError: boolean;
  /** Secret. */
  url?: string;
  /** Epoch milliseconds. */
  at: number;
}

/** A making that was asked for; its record's id is not known before the answer. */
export interface Making {
  id?: string;
  /** The push came before the answer did. */
  outcome?: Outcome;
}

const maxKept = 1_000;

export type Outcomes = ReturnType<typeof createOutcomes>;

/**
 * What pushes have told about downloads. They may come before the answer to the request that they belong to, and those that
 * carry no id can only be understood while a single download is being made.
 */
export function createOutcomes(now: () => number) {
  const outcomes = new Map<string, Outcome>();
  /** Asked for with the current token, and without an outcome so far. */
  const makings = new Set<Making>();

  function keep(id: string, outcome: Outcome): void {
    outcomes.delete(id);
    outcomes.set(id, outcome);
    for (const oldest of outcomes.keys()) {
      if (outcomes.size <= maxKept) break;
      outcomes.delete(oldest);
    }
  }

  function settle(id: string): void {
    for (const making of makings) if (making.id === id) makings.delete(making);
  }

  return {
    /** Only what a token has asked for is pushed to it. */
    newToken(): void {
      makings.clear();
    },

    /** Before a download is asked for; what was known of an earlier making counts no longer. */
    begin(id?: string): Making {
      const making: Making = { ...(id ? { id } : {}) };
      if (id) {
        outcomes.delete(id);
        settle(id);
      }
      makings.add(making);
      return making;
    },

    /** The server has answered with this id, or refused. */
    answered(making: Making, id: string | undefined): void {
      making.id = id;
      if (id && making.outcome) keep(id, making.outcome);
      if (!id || outcomes.has(id)) makings.delete(making);
    },

    /** Nothing more is expected for it. */
    settle,

    forget(id: string): void {
      settle(id);
      outcomes.delete(id);
    },

    /** Absent where the file that it was about must be gone by now. */
    of(id: string): Outcome | undefined {
      const outcome = outcomes.get(id);
      return outcome && now() - outcome.at < retentionMs ? outcome : undefined;
    },

    /** Notes a push; resolves to the id that it is about, where that can be told. */
    pushed({ isError, download }: Push): string | undefined {
      const outcome: Outcome = { isError, at: now(), ...(download?.url ? { url: download.url } : {}) };
      // A success counts only together with the file.
      const counts = isError || outcome.url !== undefined;
      if (download?.id) {
        if (counts) keep(download.id, outcome);
        settle(download.id);
        return download.id;
      }
      const [only, ...others] = makings;
      if (!only || others.length > 0) return undefined;
      makings.delete(only);
      if (!counts) return only.id;
      if (only.id) keep(only.id, outcome);
      else only.outcome = outcome;
      return only.id;
    },
  };
}
