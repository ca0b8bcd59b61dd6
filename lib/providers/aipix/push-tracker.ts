// Tracks what pushes said about downloads that are being generated.
import { retentionMs, type Push } from './types';

/** End of a generation, as a push reports it. */
export interface Outcome {
  isError: boolean;
  /** Secret. */
  url?: string;
  /** Epoch milliseconds. */
  at: number;
}

/** A download that was requested; the id of its record is not known before the answer. */
export interface PendingDownload {
  id?: string;
  /** The push came before the answer did. */
  outcome?: Outcome;
}

const maxTracked = 1_000;

export type PushTracker = ReturnType<typeof createPushTracker>;

/**
 * The outcomes that pushes have announced. They may come before the answer to the request that they belong to, and those that
 * carry no id can only be understood while a single download is being made.
 */
export function createPushTracker(now: () => number) {
  const outcomes = new Map<string, Outcome>();
  /** Asked for with the current token, and without an outcome so far. */
  const pendingDownloads = new Set<PendingDownload>();

  function keep(id: string, outcome: Outcome): void {
    outcomes.delete(id);
    outcomes.set(id, outcome);
    for (const oldest of outcomes.keys()) {
      if (outcomes.size <= maxTracked) break;
      outcomes.delete(oldest);
    }
  }

  function settle(id: string): void {
    for (const pending of pendingDownloads) if (pending.id === id) pendingDownloads.delete(pending);
  }

  return {
    /** Only what a token has asked for is pushed to it. */
    newToken(): void {
      pendingDownloads.clear();
    },

    /** Before a download is asked for; what was known of an earlier pending counts no longer. */
    begin(id?: string): PendingDownload {
      const pending: PendingDownload = { ...(id ? { id } : {}) };
      if (id) {
        outcomes.delete(id);
        settle(id);
      }
      pendingDownloads.add(pending);
      return pending;
    },

    /** The server has answered with this id, or refused. */
    answered(pending: PendingDownload, id: string | undefined): void {
      pending.id = id;
      if (id && pending.outcome) keep(id, pending.outcome);
      if (!id || outcomes.has(id)) pendingDownloads.delete(pending);
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
      const [only, ...others] = pendingDownloads;
      if (!only || others.length > 0) return undefined;
      pendingDownloads.delete(only);
      if (!counts) return only.id;
      if (only.id) keep(only.id, outcome);
      else only.outcome = outcome;
      return only.id;
    },
  };
}
