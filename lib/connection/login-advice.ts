// Adds to the error of a login what is wrong with the form, where that can be seen: a password with a space, the address of something else.
import type { ClipError } from '../errors';
import type { ProviderConfig, ProviderDefinition } from '../provider';

const names = { username: 'The user name', password: 'The password' };
const hasSpace = (text: string): boolean => text !== text.trim();

export function withLoginAdvice(
  error: ClipError,
  { label }: Pick<ProviderDefinition, 'label'>,
  { credentials }: Pick<ProviderConfig, 'credentials'>,
): ClipError {
  const { code, message } = error;
  if (code === 'EAUTH') {
    const wrong = (['username', 'password'] as const).find((slot) => hasSpace(credentials[slot]));
    if (wrong) return error.withMessage(`${message}. ${names[wrong]} begins or ends with a space: is it meant to?`);
  }
  // The answer says nothing but that there is no such page.
  const isElsewhere = code === 'ENOTFOUND' && !/\baddress\b/i.test(message);
  return isElsewhere ? error.withMessage(`${message}. Check the address: ${label} does not answer there`) : error;
}
