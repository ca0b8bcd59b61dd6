// Shortens the reason of a failure to a few words, for the status of a node.
import type { ClipError, ErrorCode } from '../../errors';
import type { Runtime } from '../runtime';

/** Codes whose words alone say too little; their messages begin with the reason. */
const vague: ReadonlySet<ErrorCode> = new Set(['EFAILED', 'EINVALID', 'ELIMIT', 'EUNSUPPORTED', 'ENOTFOUND']);
const longestDetail = 48;

/** "login refused", "input refused: msg.start needs a zone": in the language of Node-RED, as far as there are words. */
export function reasonWords({ translate }: Pick<Runtime, 'translate'>, error: ClipError): string {
  const words = translate('clip-provider', `clip-provider.reason.${error.code}`);
  return vague.has(error.code) ? `${words}: ${firstClause(error.message)}` : words;
}

/** The message up to its first stop, cut at the end of a word. */
function firstClause(message: string): string {
  const clause = /^.*?(?=[.:;!?](?:\s|$)|, | \(|\n|$)/s.exec(message)?.[0] ?? '';
  if (clause.length <= longestDetail) return clause;
  return `${clause.slice(0, longestDetail).replace(/\s+\S*$/, '')}…`;
}
