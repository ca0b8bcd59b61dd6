// Defines the events of a job that its node reports: to the status below the node, and to the list of all work.
import type { ClipError } from '../../errors';

/** A key below `status` in the catalog of a node, with the values for its text. */
export type StatusWords = [key: string, values?: Record<string, unknown>];

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
