import { mkdir, open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Job } from './job';

/** One small file per job, each written whole or not at all. */
export interface Journal {
  readAll(): Promise<Job[]>;
  write(job: Job): Promise<void>;
  remove(id: string): Promise<void>;
}

const suffix = '.json';

/** @param warn told of damaged files, which are moved aside and never fatal */
export function openJournal(folder: string, warn: (text: string) => void): Journal {
  const pathOf = (id: string): string => join(folder, id + suffix);

  async function read(name: string): Promise<Job[]> {
    const path = join(folder, name);
    try {
      return [parseJob(await readFile(path, 'utf8'))];
    } catch (error) {
      await rename(path, `${path}.damaged`);
      warn(`The job file ${path} is damaged and was moved aside: ${(error as Error).message}`);
      return [];
    }
  }

  return {
    async readAll() {
      await mkdir(folder, { recursive: true });
      const names = (await readdir(folder)).filter((name) => name.endsWith(suffix));
      const jobs: Job[] = [];
      for (const name of names) jobs.push(...(await read(name)));
      return jobs.sort((a, b) => a.runAt - b.runAt);
    },

    async write(job) {
      const path = pathOf(job.id);
      const draft = `${path}.new`;
      const file = await open(draft, 'w', 0o600);
      try {
        await file.writeFile(JSON.stringify(job));
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, path);
    },

    async remove(id) {
      await rm(pathOf(id), { force: true });
    },
  };
}

function parseJob(text: string): Job {
  const job = JSON.parse(text) as Partial<Job> | null;
  const whole =
    typeof job?.id === 'string' &&
    typeof job.owner === 'string' &&
    typeof job.data === 'object' &&
    Number.isFinite(job.createdAt) &&
    Number.isFinite(job.runAt);
  if (!whole) throw new Error('it is not a job');
  return { failures: 0, ...job } as Job;
}
