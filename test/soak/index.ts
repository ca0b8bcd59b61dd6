/**
 * `npm run soak`: thousands of clips through four vendors, undisturbed, with redeploys, and over instances that are killed.
 * `npm run soak -- redeploys` does only that, and prints what it found.
 */
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import { join } from 'node:path';
import { grid } from '../bench/table';
import type { Holdings } from '../support/probe';
import { isFlat, slopeOf } from './slope';
import { soak, usualPauseMs, type Found, type Unrest } from './run';

const clips = Number(process.env.SOAK_CLIPS ?? 10_000);
const rounds = 20;
/** What was killed half-way is taken over only after a while, so the rest of each round takes its time. */
const roundsOfInstances = 10;

const titles: Record<Unrest, string> = {
  none: 'One Node-RED',
  redeploys: `One Node-RED, redeployed every ${usualPauseMs.redeploys / 1000} s`,
  instances: `Four Node-RED on one Redis, one of them killed and started every ${usualPauseMs.instances / 1000} s`,
};

async function main(): Promise<void> {
  const sections: string[] = [];
  const chosen = process.argv.slice(2) as Unrest[];
  for (const unrest of chosen.length > 0 ? chosen : (Object.keys(titles) as Unrest[])) {
    console.log(titles[unrest]);
    const roundClips = Math.ceil(clips / (unrest === 'instances' ? roundsOfInstances : rounds));
    const found = await soak({ unrest, clips, roundClips, log: (line) => console.log(`  ${line}`) });
    const section = describe(found);
    console.log(section);
    sections.push(section);
    if (found.lost.length + found.wrong.length + found.crashes > 0) process.exitCode = 1;
  }
  if (chosen.length > 0) return;
  const machine = `${process.platform} ${process.arch}, ${os.cpus().length} x ${os.cpus()[0]?.model ?? 'CPU'}, Node.js ${process.version}`;
  const text = `# Soak

\`npm run soak\` on ${new Date().toISOString().slice(0, 10)}: ${machine}. Servers and Node-RED shared the machine.

Messages ask four simulated video systems (VDG Sense, Rhombus, Kinesis Video Streams, Aipix) in turn for clips, by create-clip, poll-clip and
download-clip. One request in twenty meets a fault: connections that break before, within and after answers, answers that are late, stall, or are
cut short without a sign, statuses 404, 429, 500, 502 and 503, a page in place of the answer. One message in a hundred asks for a time without footage.
Each file is held against what its server has served, byte by byte.

After each round, when nothing is under way, Node-RED is asked what it holds: heap after a collection, open files, sockets, timers. The slope is that
of the straight line through the last half of these samples, with its standard error.

${sections.join('\n')}`;
  await writeFile(join(__dirname, 'results.md'), text);
}

function describe(found: Found): string {
  const { asked, files, errors, lost, told, wrong, crashes, requests, faults, disturbances, seconds, samples } = found;
  const codes = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  const share = ((100 * faults) / requests).toFixed(1);
  const counts = [
    ['messages', String(asked)],
    ['one whole file each', String(files)],
    ['one coded error each', codes.join(', ') || '0'],
    ['lost', names(lost)],
    ['ended more than once', names(told.map((text) => text.slice(0, 100)))],
    ['files that are doubled, or not what was served', names(wrong.map((text) => text.slice(0, 100)))],
    ['exceptions in the log', String(crashes)],
    ['requests, and faults among them', `${requests}, ${faults} (${share} %)`],
    ...(disturbances > 0 ? [['redeploys or kills', String(disturbances)]] : []),
    ['clips per second, pauses between the rounds included', (asked / seconds).toFixed(1)],
  ];
  const half = samples.slice(Math.floor(samples.length / 2));
  const held = (['heapKiB', 'files', 'sockets', 'timers'] satisfies (keyof Holdings)[]).map((what) => {
    const points = half.map((sample) => ({ x: sample.clips / 1000, y: sample[what] }));
    const { slope, error } = slopeOf(points);
    const all = samples.map((sample) => Math.round(sample[what])).join(', ');
    return [what, all, `${slope.toFixed(2)} ± ${error.toFixed(2)}`, isFlat(points) ? 'yes' : 'NO'];
  });
  return `## ${titles[found.unrest]}

${grid(['what', 'found'], counts)}

${grid(['held', 'after each round', 'slope per 1,000 clips', 'flat'], held)}
`;
}

function names(list: string[]): string {
  return list.length === 0 ? '0' : `${list.length}: ${list.slice(0, 5).join('; ')}`;
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
