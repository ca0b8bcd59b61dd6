/** A script that brings clips as somebody would write it who trusts the network: the same requests, hashed and synced files. */
import { createHash } from 'node:crypto';
import { mkdir, open, rename } from 'node:fs/promises';
import http from 'node:http';
import { join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';

export interface ScriptOrder {
  url: string;
  folder: string;
  atOnce: number;
  /** How often all clips are listed. */
  polls: number;
  /** Instants are epoch milliseconds. */
  clips: { name: string; camera: string; start: number; end: number }[];
}

async function main({ url, folder, atOnce, polls, clips }: ScriptOrder): Promise<void> {
  const agent = new http.Agent({ keepAlive: true, maxSockets: atOnce });
  const get = (parameters: Record<string, string>): Promise<http.IncomingMessage> =>
    new Promise((resolve, reject) => {
      const query = new URLSearchParams(parameters).toString().replaceAll('+', '%20');
      http.get(`${url}/command?${query}`, { agent }, resolve).on('error', reject);
    });
  await mkdir(folder, { recursive: true });
  const [startedAt, used] = [performance.now(), process.cpuUsage()];
  const ids: { serverid: string; id: string }[] = [];
  await eachOf(clips, atOnce, async ({ camera, start, end }) => {
    const [serverid = '', deviceid = ''] = camera.split('/');
    const times = { startdate: timestamp(start), enddate: timestamp(end) };
    const answer = await text(await get({ command: 'addClip', serverid, deviceid, ...times, description: '' }));
    const id = /<id>(\d+)<\/id>/.exec(answer)?.[1];
    if (!id) throw new Error(answer);
    ids.push({ serverid, id });
  });
  const [{ serverid = '' } = {}] = ids;
  for (let poll = 0; poll < polls; poll += 1) await text(await get({ command: 'getClips', serverid }));
  await eachOf(ids, atOnce, async (clip) => {
    const bytes = await buffer(await get({ command: 'downloadClip', ...clip }));
    createHash('sha256').update(bytes).digest('hex');
    const path = join(folder, `${clip.id}.mp4`);
    const handle = await open(`${path}.part`, 'wx');
    await handle.writeFile(bytes);
    await handle.sync();
    await handle.close();
    await rename(`${path}.part`, path);
  });
  const parent = await open(folder, 'r');
  await parent.sync();
  await parent.close();
  const { user, system } = process.cpuUsage(used);
  const cost = { wallSeconds: (performance.now() - startedAt) / 1000, cpuSeconds: (user + system) / 1e6 };
  process.stdout.write(JSON.stringify(cost));
  agent.destroy();
}

function timestamp(at: number): string {
  return new Date(at).toISOString().replace('T', ' ').replace('Z', '');
}

async function eachOf<T>(items: T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const line = [...items];
  const worker = async (): Promise<void> => {
    for (let item = line.shift(); item; item = line.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}

void text(process.stdin).then((order) => main(JSON.parse(order) as ScriptOrder));
