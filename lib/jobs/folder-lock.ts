// Locks a folder of jobs for one process, by a file beside it that names the process, with a heartbeat.
import { readFileSync, readlinkSync, unlinkSync } from 'node:fs';
import { mkdir, open, rm, utimes, writeFile, type FileHandle } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { systemClock, type Clock } from '../async/clock';
import { ClipError } from '../errors';
import { isMissing } from '../files/errors';

/** Holder of a lock. */
export interface LockOwner {
  pid: number;
  host: string;
  /** Scope of the process id: a boot of a machine, and there a container. Empty: unknown. */
  pidSpace: string;
  /** When the process started, as the system counts it: ids are used again. Empty: unknown. */
  startTime: string;
}

interface FoundLock extends LockOwner {
  /** When the file was touched last. Epoch milliseconds of the file system's clock: good for comparing only. */
  heartbeat: number;
}

export interface FolderLock {
  /** Resolves once this process holds the lock. @throws EFAILED while another process does */
  acquire(): Promise<void>;
  /** Another process has taken over, because this one was silent for too long. */
  onLost(listener: () => void): void;
}

export interface FolderLockOptions {
  clock?: Clock;
  /** Default: of this process. */
  self?: LockOwner;
}

const heartbeatMs = 10_000;
/** An owner that cannot be looked at is dead when it was silent for so long. */
const silentMs = 35_000;
const checkMs = 1_000;
/** Removing the lock of a dead owner takes a moment: for so long others wait. */
const turnMs = 100;
const mostTries = 100;

/** Locks of this process, given back when it ends. */
const held = new Set<() => void>();

export function folderLock(
  folder: string,
  { clock = systemClock, self = thisProcess() }: FolderLockOptions = {},
): FolderLock {
  const path = `${folder}.lock`;
  /** Held while the lock of a dead owner is removed: otherwise that of whoever was faster might be. */
  const turn = `${path}.turn`;
  const listeners = new Set<() => void>();
  let isHeld = false;
  /** The last sign of life of another owner, and when it was noticed here. */
  let seen: { heartbeat: number; at: number } | undefined;
  let turnSeen: { heartbeat: number; at: number } | undefined;

  const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.after(ms, resolve));

  async function create(file: string): Promise<boolean> {
    try {
      await writeFile(file, JSON.stringify(self), { mode: 0o600, flag: 'wx' });
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
      throw error;
    }
  }

  /** Is the other owner dead? Waits for a heartbeat where nothing else shows it. */
  async function isDead(owner: FoundLock): Promise<boolean> {
    const state = ownerState(owner, self);
    if (state !== 'unknown') return state === 'dead';
    for (let found: FoundLock | undefined = owner; found; found = await readLock(path)) {
      if (seen?.heartbeat !== found.heartbeat) {
        // The first one that is seen may be old, a second one is a sign of life.
        const isAlive = seen !== undefined;
        seen = { heartbeat: found.heartbeat, at: clock.steadyNow() };
        if (isAlive) return false;
      }
      if (clock.steadyNow() - seen.at >= silentMs) return true;
      await wait(checkMs);
    }
    return true;
  }

  /** Removes the lock of a dead owner, unless another process has done so and has made its own. */
  async function removeDead(owner: FoundLock): Promise<void> {
    if (!(await create(turn))) return waitForTurn();
    try {
      const found = await readLock(path);
      // One that is just being made names nobody, as one does that was cut short.
      if (found && isSame(found, owner) && found.heartbeat === owner.heartbeat) await rm(path, { force: true });
    } finally {
      await rm(turn, { force: true });
    }
  }

  /** A process that has died within its turn does not keep it. */
  async function waitForTurn(): Promise<void> {
    const found = await readLock(turn);
    if (!found) return;
    if (turnSeen?.heartbeat !== found.heartbeat) turnSeen = { heartbeat: found.heartbeat, at: clock.steadyNow() };
    const state = ownerState(found, self);
    const isOver = state === 'dead' || (state === 'unknown' && clock.steadyNow() - turnSeen.at >= silentMs);
    if (isOver) await rm(turn, { force: true });
    else await wait(turnMs);
  }

  async function acquire(): Promise<void> {
    if (isHeld) return;
    await mkdir(dirname(folder), { recursive: true });
    for (let tries = 1; ; tries += 1) {
      if (await create(path)) break;
      const owner = await readLock(path);
      // A link to nowhere is there for whoever makes it, and not for whoever reads it.
      if (!owner && tries > mostTries) throw new Error(`${path} can neither be made nor read: remove it`);
      if (!owner) continue;
      // Ours, or of an earlier engine of this process.
      if (isSame(owner, self)) break;
      if (!(await isDead(owner))) throw heldBy(owner, folder);
      await removeDead(owner);
    }
    isHeld = true;
    seen = undefined;
    hold(release);
    heartbeat = setInterval(() => void beat(), heartbeatMs).unref();
  }

  let heartbeat: NodeJS.Timeout | undefined;

  async function beat(): Promise<void> {
    try {
      const owner = await readLock(path);
      if (owner && !isSame(owner, self)) {
        letGo();
        for (const listener of listeners) listener();
        return;
      }
      if (!owner) await create(path);
      const now = new Date();
      await utimes(path, now, now);
    } catch (error) {
      // The folder has been removed. Anything else may pass until the next heartbeat.
      if (isMissing(error)) letGo();
    }
  }

  function letGo(): void {
    isHeld = false;
    held.delete(release);
    clearInterval(heartbeat);
  }

  /** The next process need not find out that this one is dead. */
  function release(): void {
    try {
      if (isSame(JSON.parse(readFileSync(path, 'utf8')) as LockOwner, self)) unlinkSync(path);
    } catch {
      // It is found out then.
    }
  }

  return { acquire, onLost: (listener) => void listeners.add(listener) };
}

function hold(release: () => void): void {
  held.add(release);
  if (held.size > 1) return;
  process.off('exit', releaseAll).once('exit', releaseAll);
}

function releaseAll(): void {
  for (const release of held) release();
}

/** Through an open file, which network file systems look up anew. */
async function readLock(path: string): Promise<FoundLock | undefined> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, 'r');
    const [{ mtimeMs }, text] = [await handle.stat(), await handle.readFile('utf8')];
    return { ...parseOwner(text), heartbeat: mtimeMs };
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  } finally {
    await handle?.close();
  }
}

/** A file that was cut short by a power failure, or is just being written, names no process: only its heartbeat counts. */
function parseOwner(text: string): LockOwner {
  const unknown: LockOwner = { pid: 0, host: '', pidSpace: '', startTime: '' };
  try {
    return { ...unknown, ...(JSON.parse(text) as Partial<LockOwner>) };
  } catch {
    return unknown;
  }
}

/** A process of the same machine and container can be looked up; of others only the heartbeat is known. */
export function ownerState(owner: LockOwner, self: LockOwner): 'alive' | 'dead' | 'unknown' {
  if (owner.pidSpace === '' || owner.pidSpace !== self.pidSpace) return 'unknown';
  const startTime = processStart(owner.pid);
  if (startTime === undefined || (owner.pid === self.pid && !isSame(owner, self))) return 'dead';
  // Another process may have got the id since.
  if (startTime === '') return 'unknown';
  return startTime === owner.startTime ? 'alive' : 'dead';
}

export function thisProcess(): LockOwner {
  return { pid: process.pid, host: hostname(), pidSpace: pidSpace(), startTime: processStart(process.pid) ?? '' };
}

function isSame(a: LockOwner, b: LockOwner): boolean {
  return a.pid === b.pid && a.host === b.host && a.pidSpace === b.pidSpace && a.startTime === b.startTime;
}

/** @returns undefined where there is no such process, empty where its start is not known */
function processStart(pid: number): string | undefined {
  try {
    process.kill(pid, 0);
  } catch (error) {
    // EPERM: it is another user's.
    if ((error as NodeJS.ErrnoException).code === 'ESRCH') return undefined;
  }
  try {
    // The 22nd field; the second one may hold blanks and parentheses. Source: proc(5).
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function pidSpace(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return process.platform === 'linux' ? '' : hostname();
  }
}

function heldBy({ pid, host }: LockOwner, folder: string): ClipError {
  return new ClipError(
    'EFAILED',
    `Another process works on the jobs in ${folder}: ${pid} on ${host}. Two Node-RED must not share a user directory: ` +
      'end one of them, or let them share their jobs in Redis. This one goes on when the other has ended',
    { retryable: true },
  );
}
