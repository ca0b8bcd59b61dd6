/** What the tests of all providers share. */
import assert from 'node:assert/strict';
import type { Readable } from 'node:stream';
import { inspect } from 'node:util';
import type { Clock } from '../../../lib/async/clock';
import type { Connection } from '../../../lib/connection/connection';
import { ClipError } from '../../../lib/errors';
import type { Clip } from '../../../lib/provider';

export const NOON = '2025-03-01T12:00:00Z';
export const never: AbortSignal = new AbortController().signal;

/** Waits are over at the next turn of the event loop: what a server has to say decides, not the time. */
export function hurriedClock(): Clock {
  let now = 0;
  return {
    now: () => now,
    steadyNow: () => now,
    after(ms, call) {
      const dueAt = now + ms;
      const timer = setImmediate(() => {
        now = Math.max(now, dueAt);
        call();
      });
      return () => clearImmediate(timer);
    },
  };
}

const opened: (() => Promise<unknown>)[] = [];

/** Ends with the test, before what was there earlier. */
export function atEnd(close: () => Promise<unknown>): void {
  opened.push(close);
}

/** A simulator that ends with the test, and that must not have stumbled itself. */
export function endsWithTest<Sim extends { close(): Promise<void>; errors: unknown[] }>(sim: Sim): Sim {
  atEnd(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });
  return sim;
}

/** Connections first, then their servers. */
export async function closeAll(): Promise<void> {
  for (const close of opened.splice(0).reverse()) await close();
}

export function poll(connection: Connection, clip: Clip): Promise<Clip | undefined> {
  return connection.pollClip(clip, 1000, never);
}

/** The clip as it is once it is finished; any other outcome fails the test. */
export async function finished(connection: Connection, clip: Clip): Promise<Clip> {
  const found = await poll(connection, clip);
  assert.equal(found?.status, 'finished');
  return { ...clip, ...found };
}

export async function download(connection: Connection, clip: Clip): Promise<Buffer> {
  return readAll((await connection.openClip(clip, { offset: 0 }, never)).body);
}

export async function readAll(body: Readable | AsyncIterable<unknown>): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of body) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Plain JSON, as a message carries it: keys without a value are gone. */
export function plain<T>(value: T): T {
  return JSON.parse(JSON.stringify(value)) as T;
}

/** For `assert.rejects`. An error never carries what it was made from: that holds credentials. */
export const fails =
  (code: string, message = /.*/, details: Partial<ClipError> = {}) =>
  (error: unknown): boolean => {
    assert.ok(error instanceof ClipError, `not a ClipError: ${inspect(error)}`);
    assert.equal(error.code, code, error.message);
    // The reason begins the sentence, or not.
    assert.match(error.message, new RegExp(message, message.flags.replace('i', '') + 'i'));
    assert.doesNotMatch(error.message, /^[A-Z][a-z]+ing (the|in|for|to|at|as|whether|which) [^.]*: /);
    for (const [key, value] of Object.entries(details)) assert.equal(error[key as keyof ClipError], value, key);
    assert.equal('cause' in error || '$metadata' in error, false);
    return true;
  };

export async function errorOf(promise: Promise<unknown>): Promise<ClipError> {
  try {
    await promise;
  } catch (error) {
    assert.ok(error instanceof ClipError, `not a ClipError: ${inspect(error)}`);
    return error;
  }
  return assert.fail('nothing was thrown');
}
