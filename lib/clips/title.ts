// Reads the title of a clip as messages give it: one line of text that every video system can store.
import { ClipError } from '../errors';

/** Longer ones are no titles, and some servers refuse requests that are so long. */
const mostCharacters = 500;

/** @param name how its user calls the value. @throws EINVALID for what has no text */
export function readTitle(value: unknown, name: string): string {
  if (value === undefined || value === null) return '';
  let text: string;
  try {
    text = String(value);
  } catch {
    throw new ClipError('EINVALID', `${name} must be text`);
  }
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ').trim();
  // A cut may leave half a character.
  return line.slice(0, mostCharacters).toWellFormed();
}
