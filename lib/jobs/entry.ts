import type { Answer, Job, JobOwner } from './job';

/** A job as the embedded engine knows it. */
export interface Entry {
  job: Job;
  /** Takes back that it will run. */
  unschedule?: () => void;
  running?: Run;
  /** Woken while it ran. */
  woken?: boolean;
  /** A vendor asked not to be asked before. Epoch milliseconds. */
  restUntil?: number;
  /** Set once nothing may run the job or end it in another way. Resolves when it is gone from disk; never rejects. */
  ending?: Promise<void>;
  /** It is over; only its file may still be there. */
  gone?: boolean;
  /** Writes of one job happen in order. */
  stored: Promise<void>;
}

export interface Run {
  owner: JobOwner<unknown>;
  stop: AbortController;
  /** Never rejects. */
  ended: Promise<void>;
}

export type Outcome = Exclude<Answer<unknown>, { type: 'retry' }>;

/** From here on it neither runs nor will. */
export async function halt({ unschedule, running }: Entry): Promise<void> {
  unschedule?.();
  running?.stop.abort();
  await running?.ended;
}
