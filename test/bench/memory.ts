/** What another process takes: memory, resident as Linux counts it, and processor time. */
import { readFile, writeFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const bytesPerMiB = 2 ** 20;

/** MiB; `undefined` where there is no /proc. */
export async function residentMiB(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kibibytes = new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
  return kibibytes === undefined ? undefined : (Number(kibibytes) * 1024) / bytesPerMiB;
}

/** The least of a few looks over two seconds: garbage that is about to go is not idle memory. */
export async function idleMiB(pid: number): Promise<number | undefined> {
  let least: number | undefined;
  for (let look = 0; look < 20; look += 1) {
    const now = await residentMiB(pid);
    if (now !== undefined) least = Math.min(least ?? Infinity, now);
    await sleep(100);
  }
  return least;
}

/** MiB: the most that a process holds while `work` goes on, by the kernel's high-water mark, else by samples. */
export async function peakDuring(pid: number, work: () => Promise<void>): Promise<number | undefined> {
  // 5 resets the high-water mark (man 5 proc); it needs the right to write there.
  const isReset = await writeFile(`/proc/${pid}/clear_refs`, '5').then(
    () => true,
    () => false,
  );
  let highest: number | undefined;
  const sampler = setInterval(() => {
    void residentMiB(pid).then((now) => {
      if (now !== undefined) highest = Math.max(highest ?? 0, now);
    });
  }, 50);
  await work().finally(() => clearInterval(sampler));
  return isReset ? residentMiB(pid, 'VmHWM') : highest;
}

/** Clock ticks in a second: Linux shows no others to programs (man 7 time). */
const ticksPerSecond = 100;

/** Of all threads of a process, by itself and in the kernel; `undefined` where there is no /proc. */
export async function cpuSeconds(pid: number): Promise<number | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The name, in brackets, may hold anything. Of what follows, user time is the 12th and system time the 13th.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? undefined : (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}
