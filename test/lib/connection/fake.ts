import assert from 'node:assert/strict';
import type { Clock } from '../../../lib/async/clock';
import { Connection } from '../../../lib/connection/connection';
import { ClipError } from '../../../lib/errors';
import type { CallOptions, Clip, Provider, ProviderClip, ProviderDefinition } from '../../../lib/provider';
import type { LoginGuard } from '../../../lib/connection/login-guard';
import { manualClock } from '../../support/manual-clock';

export const never: AbortSignal = new AbortController().signal;

export const credentials = { username: 'nodered', password: 's3cret-password', token: 's3cret-token' };

/** A connection around a provider made of the functions given; whatever is missing is a missing capability. */
export function connect(
  methods: Partial<Provider>,
  options: { clock?: Clock; maxConcurrent?: number; open?: ProviderDefinition['open']; guard?: LoginGuard } = {},
): Connection {
  const unexpected = (): never => {
    throw new Error('not expected in this test');
  };
  const provider: Provider = {
    createClip: unexpected,
    getClip: unexpected,
    openClip: unexpected,
    check: async () => ({ name: 'Fake', warnings: [] }),
    ...methods,
  };
  const definition: ProviderDefinition = {
    id: 'fake',
    label: 'Fake VMS',
    settings: [],
    credentials: {},
    clipOptions: [],
    idempotentCreate: true,
    open: options.open ?? (async () => provider),
  };
  return new Connection({
    id: 'connection-1',
    definition,
    config: { settings: {}, credentials, now: () => 0 },
    maxConcurrent: options.maxConcurrent ?? 2,
    clock: options.clock ?? manualClock(),
    ...(options.guard ? { guard: options.guard } : {}),
  });
}

export function clipNamed(id: string, change: Partial<Clip> = {}): Clip {
  return {
    id,
    connection: 'connection-1',
    provider: 'fake',
    camera: '1/2',
    start: '2025-03-01T08:50:00.000Z',
    end: '2025-03-01T08:51:00.000Z',
    status: 'busy',
    ...change,
  };
}

export function found(clip: Clip, change: Partial<ProviderClip> = {}): ProviderClip {
  const { id, camera, start, end } = clip;
  return { id, camera, start, end, status: 'finished', ...change };
}

/** Numbers the sessions it hands out. */
export function loginCounter() {
  let logins = 0;
  return {
    get logins() {
      return logins;
    },
    login: async (): Promise<string> => `session-key-${++logins}`,
  };
}

export const expired = (code: 'EAUTH' | 'EFORBIDDEN' = 'EAUTH'): ClipError =>
  new ClipError(code, 'Who are you?', { sessionExpired: true });

/** A promise to settle by hand. */
export function gate<T = void>() {
  let open!: (value: T) => void;
  let fail!: (error: Error) => void;
  const promise = new Promise<T>((resolve, reject) => {
    open = resolve;
    fail = reject;
  });
  return { promise, open, fail };
}

type Call = Pick<CallOptions, 'signal'>;

/** A method of a provider that is under way until its signal fires. */
export function hang(first: unknown, second?: Call): Promise<never> {
  const { signal } = second ?? (first as Call);
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true });
  });
}

/** For `assert.rejects`. */
export const is =
  (code: string, message = /.*/) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ClipError, `not a ClipError: ${String(error)}`);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };

/** How promises ended: their values, or the codes of their errors. */
export async function outcomes<T>(promises: Promise<T>[]): Promise<(T | string)[]> {
  const onSettled = await Promise.allSettled(promises);
  return onSettled.map((end) => (end.status === 'fulfilled' ? end.value : (end.reason as ClipError).code));
}
