// Finds out how ready a VDG Sense server is, for the warnings of "Test connection".
import { ClipError } from '../../errors';
import { findAll, valueOf } from '../../net/xml';
import type { CallOptions, ProviderConfig } from '../../provider';
import type { SenseApi } from './api';
import type { SenseSession } from './types';

type Session = SenseSession | undefined;
type Call = CallOptions<Session>;

/** Warnings by the settings and the version alone. */
export function settingWarnings({ settings }: ProviderConfig, version: string | undefined, session: Session): string[] {
  const found: string[] = [];
  const isPlainHttp = /^http:/i.test(String(settings.url));
  if (isPlainHttp && (settings.auth === 'plain' || settings.auth === 'basic')) {
    found.push('The password travels over http without encryption');
  }
  if (settings.auth === 'digest') found.push('Digest login is experimental');
  if (session?.isSure === false) {
    found.push('The answer to the login holds no session key, only cookies: if commands are refused, set its name');
  }
  if (version === undefined)
    found.push('The server does not tell its version: it is older than 2.6.1. Clips need 2.5.4');
  else if (isOlder(version, [2, 7, 2]))
    found.push(`Version ${version} is older than 2.7.2, for which clips are documented`);
  return found;
}

/** Whether clips are offered at all is seen by a command that changes nothing. */
export async function clipWarnings(listClips: () => Promise<unknown>): Promise<string[]> {
  try {
    await listClips();
    return [];
  } catch (error) {
    if (!(error instanceof ClipError) || error.code === 'EABORTED' || error.sessionExpired) throw error;
    return [`Clips may not work here: ${error.message}`];
  }
}

/**
 * Exports onto the server and events need a licence for the API, clips do not. Servers that keep their status to themselves,
 * or tell it in another shape, are warned of nothing.
 * Source: https://tkhsecurity.atlassian.net/wiki/spaces/KB/pages/9167406402/getServerStatus
 */
export async function licenceWarnings(api: Pick<SenseApi, 'command'>, call: Call): Promise<string[]> {
  try {
    const root = await api.command('getServerStatus', {}, call, 'Asking for the status of the server');
    const [licence] = findAll(root, 'license');
    const isMissing = licence !== undefined && /^(false|0|no)$/i.test(valueOf(licence, 'api') ?? '');
    return isMissing ? [`The server has no licence for its API. ${needed}`] : [];
  } catch (error) {
    if (!(error instanceof ClipError) || error.code === 'EABORTED' || error.code === 'EAUTH') throw error;
    // The command itself needs the licence, and -1 is what commands without one are answered with.
    return error.vendorCode === '-1' ? [`The server may have no licence for its API. ${needed}`] : [];
  }
}

const needed = 'Exports onto its own storage and events need one, clips do not';

function isOlder(version: string, than: number[]): boolean {
  const parts = version.split('.').map((part) => Number.parseInt(part, 10) || 0);
  const different = than.findIndex((part, index) => (parts[index] ?? 0) !== part);
  return different >= 0 && (parts[different] ?? 0) < than[different]!;
}
