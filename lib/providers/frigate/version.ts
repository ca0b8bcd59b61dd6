// Finds out which version of Frigate answers: since 0.18 exports wait in a queue, and are deleted by another call.
import { ClipError, reasonFirst } from '../../errors';
import { parseLongJson } from '../../net/json';
import type { Call, FrigateApi } from './api';
import { replyError, strangeReply } from './errors';

export interface Version {
  text: string;
  /** Exports are jobs of a queue (0.18 and later). */
  hasQueue: boolean;
  /** 0.16 and later. */
  isSupported: boolean;
  /** 0.16 cuts at the key frame behind the start, later ones at the one before. */
  startsLate: boolean;
  /** Positive: the server's clock was ahead of ours when it was asked. */
  clockSkewMs?: number;
}

export interface VersionOf {
  (call: Call): Promise<Version>;
  /** Something speaks against it: the next call asks. */
  forget(): void;
}

/** An upgrade is noticed after this time. */
const keptMs = 10 * 60_000;

export function createVersion(api: FrigateApi, now: () => number): VersionOf {
  let known: { version: Version; until: number } | undefined;
  const versionOf = async (call: Call): Promise<Version> => {
    if (known && now() < known.until) return known.version;
    const version = await askVersion(api, now, call);
    known = { version, until: now() + keptMs };
    return version;
  };
  return Object.assign(versionOf, { forget: () => void (known = undefined) });
}

async function askVersion(api: FrigateApi, now: () => number, call: Call): Promise<Version> {
  const action = 'Asking for the version of Frigate';
  const reply = await api.text('/api/version', call, action);
  const text = reply.text.replace(/^\uFEFF/, '').trim();
  if (text === '' || text.length > 100 || text.startsWith('<')) throw strangeReply(text, action);
  const serverTime = Date.parse(reply.headers.date ?? '');
  const version = { text, ...(Number.isNaN(serverTime) ? {} : { clockSkewMs: serverTime - now() }) };
  const [, major, minor] = /^v?(\d+)\.(\d+)/.exec(text) ?? [];
  if (major === undefined) {
    return { ...version, hasQueue: await probeQueue(api, call), isSupported: true, startsLate: false };
  }
  const at = Number(major) * 1000 + Number(minor);
  return { ...version, hasQueue: at >= 18, isSupported: at >= 16, startsLate: at === 16 };
}

/** For builds whose version says nothing. */
async function probeQueue(api: FrigateApi, call: Call): Promise<boolean> {
  const action = 'Asking whether Frigate has a queue of exports';
  const reply = await api.send({ method: 'GET', path: '/api/jobs/export', action }, call);
  if (reply.status === 404) return false;
  const problem = replyError(reply, action, api.access);
  if (problem) throw problem;
  return Array.isArray(await parseLongJson(reply.text));
}

/** @throws EUNSUPPORTED for versions that lack what is needed */
export function requireSupported({ isSupported, text }: Version, action: string): void {
  if (isSupported) return;
  throw new ClipError(
    'EUNSUPPORTED',
    reasonFirst(`this is Frigate ${text}`, action, 'Version 0.16 or later is needed'),
  );
}
