// Checks that a connection has the credentials that its login needs, before anything is sent.
import { ClipError } from '../errors';
import { holds } from '../fields';
import type { Credentials, ProviderConfig, ProviderDefinition } from '../provider';

/** The slots that are empty and must not be: of the way to log in that has been begun, else of the first one. */
export function missingCredentials(
  { requiredCredentials = [], settings: fields }: Pick<ProviderDefinition, 'requiredCredentials' | 'settings'>,
  { settings, credentials }: Pick<ProviderConfig, 'settings' | 'credentials'>,
): (keyof Credentials)[] {
  const rule = requiredCredentials.find(({ when }) => !when || holds(when, fields, settings));
  const ways = rule?.anyOf ?? [];
  const missingOf = (way: (keyof Credentials)[]) => way.filter((slot) => credentials[slot].trim() === '');
  if (ways.some((way) => missingOf(way).length === 0)) return [];
  return missingOf(ways.find((way) => missingOf(way).length < way.length) ?? ways[0] ?? []);
}

/** @throws EINVALID */
export function checkCredentials(provider: ProviderDefinition, config: ProviderConfig): void {
  const missing = missingCredentials(provider, config);
  if (missing.length === 0) return;
  const named = missing.map((slot) => `"${provider.credentials[slot]?.label ?? slot}"`).join(' and ');
  const verb = missing.length === 1 ? 'is' : 'are';
  throw new ClipError('EINVALID', `${named} ${verb} missing: type what ${provider.label} needs for its login`);
}
