/** Runs a module in a process of its own, so that its memory and its work are not counted as ours, and calls its commands. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

/** Structured clones travel, so `Infinity` and Buffers may. */
type Command = (value: never) => Promise<unknown>;

export type Remote<Commands> = Commands & {
  /** Ends the process. */
  stop(): Promise<void>;
};

interface Call {
  id: number;
  name: string;
  value: unknown;
}
type Result = { id: number } & ({ value: unknown } | { error: string });

/** Starts a module that calls {@link serveRemote}, and resolves when it has. */
export async function startRemote<Commands extends object>(module: string): Promise<Remote<Commands>> {
  const child = fork(module, { execArgv: ['--require', require.resolve('tsx/cjs')], serialization: 'advanced' });
  const killWithUs = (): void => void child.kill();
  process.once('exit', killWithUs);
  await once(child, 'message');
  const waiting = new Map<number, (result: Result) => void>();
  child.on('message', (result: Result) => {
    waiting.get(result.id)?.(result);
    waiting.delete(result.id);
  });
  child.once('exit', () => {
    for (const [id, end] of waiting) end({ id, error: 'it has ended' });
  });
  let calls = 0;
  const call = async (name: string, value: unknown): Promise<unknown> => {
    const id = (calls += 1);
    const answer = new Promise<Result>((resolve) => waiting.set(id, resolve));
    child.send({ id, name, value } satisfies Call);
    const result = await answer;
    if ('error' in result) throw new Error(`The process of ${module}: ${result.error}`);
    return result.value;
  };
  const stop = async (): Promise<void> => {
    process.off('exit', killWithUs);
    if (child.exitCode !== null) return;
    const exit = once(child, 'exit');
    child.kill();
    await exit;
  };
  // A promise must not be taken for it: it has no `then`.
  const known = (name: string | symbol): unknown =>
    name === 'stop' ? stop : (value: unknown) => call(String(name), value);
  return new Proxy({}, { get: (_, name) => (name === 'then' ? undefined : known(name)) }) as Remote<Commands>;
}

/** Serves the commands of this module where it was started by {@link startRemote}. */
export function serveRemote(commands: Record<string, Command>): void {
  process.on('message', ({ id, name, value }: Call) => {
    void commands[name]!(value as never).then(
      (result) => process.send?.({ id, value: result }),
      (error: unknown) => process.send?.({ id, error: String(error) }),
    );
  });
  // Whoever started it may end without a word.
  process.once('disconnect', () => process.exit());
  process.send?.('ready');
}
