/** `npm run bench`: figures against the budgets of the design, each measured in this one run. Not a test: nothing fails. */
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { measureDownload } from './download';
import { measureDialogs, measureSidebar } from './editor';
import { measureEvents } from './events';
import { measureExport } from './export';
import { measureInstances } from './instances';
import { measurePolling } from './polling';
import { measurePush } from './push';
import { measureRedisTrouble } from './redis-trouble';
import { measureRestart } from './restart';
import { measureSmallClips } from './small-clips';
import { table, type Row } from './table';

const bytesPerMiB = 2 ** 20;

/** By the names with which one of them is chosen: `npm run bench -- events`, or `"downloads=8 x 1 GiB"`. */
const parts: Record<string, () => Promise<Row[]>> = {
  export: () => measureExport(48 * bytesPerMiB),
  polling: () => measurePolling(1000),
  push: () => measurePush(10, 20),
  restart: () => measureRestart(10_000),
  events: () => measureEvents(10_000),
  instances: () => measureInstances(1000),
  'redis-trouble': () => measureRedisTrouble(),
  'small-clips': () => measureSmallClips(400),
  editor: async () => [...(await measureDialogs()), ...(await measureSidebar())],
};

function isDownloads(name: string): boolean {
  return name.split('=')[0] === 'downloads';
}

/** Prints the parts that are named; what is written down are all of them, out of one run. */
async function main(): Promise<void> {
  const chosen = process.argv.slice(2);
  const unknown = chosen.find((name) => !isDownloads(name) && !Object.hasOwn(parts, name));
  if (unknown !== undefined) {
    throw new Error(`There is no part "${unknown}", but downloads, ${Object.keys(parts).join(', ')}`);
  }
  if (chosen.length > 0) {
    for (const name of chosen) {
      if (!isDownloads(name)) console.log(table(await parts[name]!()));
      else {
        const { details, rows } = await measureDownload(name.split('=')[1]);
        console.log(`${details}\n\n${table(rows)}`);
      }
    }
    return;
  }
  console.log('This takes about a quarter of an hour.\n');
  const downloads = await measureDownload();
  console.log(downloads.details);
  const rows = [...downloads.rows];
  for (const measure of Object.values(parts)) rows.push(...(await measure()));
  const found = table(rows);
  console.log(found);
  const [cpu] = os.cpus();
  const machine = [
    `${process.platform} ${process.arch}`,
    `${os.cpus().length} x ${cpu?.model ?? 'CPU'}`,
    `${Math.round(os.totalmem() / 2 ** 30)} GiB`,
    `Node.js ${process.version}`,
  ];
  const text = `# Benchmarks

\`npm run bench\` on ${new Date().toISOString().slice(0, 10)}: ${machine.join(', ')}. Server, curl and Node-RED shared the machine.
Where there were several rounds, the median comes first and every round follows. Memory is resident memory of the whole
Node-RED process; "within" looks at the worst round for memory and at the medians for time.

## Against the budgets

${found}

## Downloads

"CPU s" is the processor time of the Node-RED process, "peak MiB" its memory at most, over all rounds. Its own nodes write no file
to disk for good, nor do they verify one: they are to be compared with plain curl.

${downloads.details}
`;
  await writeFile(join(__dirname, 'results.md'), text);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
