// Reads the words for a state that vendors have published nothing about.
import type { ClipStatus } from '../provider';

const statusWords: { status: ClipStatus; means: RegExp }[] = [
  { status: 'finished', means: /^(finished|completed?|done|ready|success(ful)?|succeeded)(?![a-z_])/i },
  { status: 'failed', means: /^(fail(ed|ure)?|error|cancell?ed|cancel|abort(ed)?)(?![a-z])/i },
  { status: 'pending', means: /^(pend|wait|queue)/i },
  { status: 'busy', means: /^busy/i },
];

/** Status that a word means, by its beginning: more may stand behind it. `undefined` for the rest. */
export function statusOfWord(text: string): ClipStatus | undefined {
  return statusWords.find(({ means }) => means.test(text))?.status;
}
