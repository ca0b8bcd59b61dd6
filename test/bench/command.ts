import { spawn } from 'node:child_process';

/** Resolves when the program has ended well. What it says in error goes to ours. */
export async function runCommand(command: string, ...parameters: string[]): Promise<void> {
  const child = spawn(command, parameters, { stdio: ['ignore', 'ignore', 'inherit'] });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (code !== 0) throw new Error(`${command} ended with ${code}`);
}
