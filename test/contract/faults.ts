/** What the harnesses of all simulators share: they rest on the same server. */
import type { Fault } from '../simulators/http-server';
import type { Step, World } from './harness';

export const hour = 3_600_000;

/** The beginning of a second, an hour ago: everything of then has long been recorded. */
export const anHourAgo = (): number => Math.floor(Date.now() / 1000) * 1000 - hour;

export function range(startMs: number, seconds = 4): { start: string; end: string } {
  return { start: new Date(startMs).toISOString(), end: new Date(startMs + seconds * 1000).toISOString() };
}

type Faults = Pick<World, 'force' | 'loseAnswer' | 'hang' | 'truncateDownload' | 'stallDownload' | 'dress'>;

/** @param fail lets the next `times` requests of a step meet a fault */
export function faultsBy(fail: (step: Step, fault: Fault, times?: number) => void): Faults {
  return {
    force: (step, reply, times) => fail(step, { kind: 'reply', reply }, times),
    loseAnswer: (step, times) => fail(step, { kind: 'reset', when: 'reply' }, times),
    hang: (step) => fail(step, { kind: 'delay', ms: Infinity }),
    truncateDownload: (afterBytes) => fail('download', { kind: 'truncate', afterBytes }),
    stallDownload: (afterBytes) => fail('download', { kind: 'stall', afterBytes }),
    dress: (dress) => fail('any', { kind: 'dress', dress }, Infinity),
  };
}

/** "Too many requests", as servers and proxies of all kinds say it. */
export function tooMany(type = 'text/plain', body = ''): Fault {
  return { kind: 'reply', reply: { status: 429, headers: { 'content-type': type, 'retry-after': '1' }, body } };
}
