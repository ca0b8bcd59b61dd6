import type { ClipError } from '../../errors';

/** A key below `status` in the catalog of a node, with the values for its text. */
export type StatusWords = [key: string, values?: Record<string, unknown>];

/** What a node tells of one of its jobs to whoever shows it: the light below the node, and the list of all work. */
export type JobEvent =
  /** Its footage is still to come. Instants are epoch milliseconds. */
  | { type: 'waiting'; until: number }
  | { type: 'working'; words: StatusWords }
  /** `until`: when it is tried again. */
  | { type: 'retrying'; until: number; error: ClipError }
  /** Its connection is missing or disabled. */
  | { type: 'stuck' }
  | { type: 'finished'; words: StatusWords }
  | { type: 'failed'; error: ClipError }
  /** It failed on another instance, or was dropped with its node. */
  | { type: 'gone'; hasFailed: boolean };

export const hasEnded = ({ type }: JobEvent): boolean => type === 'finished' || type === 'failed' || type === 'gone';
