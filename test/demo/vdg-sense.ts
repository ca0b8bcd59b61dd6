// Simulates a VDG Sense server for the demo of the shipped examples.
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { sha256Of } from '../simulators/video';
import { connectTo, demoCameras, examplesOf } from '../support/examples';
import { putFirst } from './start-tab';
import type { DemoSystem } from './system';

const login = { username: 'nodered', password: 's3cret' };
const portOfExamples = 8090;
/** Long enough to be seen in the editor. */
const makingMs = 3_000;

export async function startVdgSenseDemo(): Promise<DemoSystem> {
  const sim = await startSimulator();
  return {
    title: `A simulated VDG Sense server     ${sim.url}  (user ${login.username}, password ${login.password})`,
    trigger: 'An alarm went off',
    ...connectTo(putFirst(await examplesOf('vdg-sense'), 'Event to MP4'), sim.url, login),
    longestMs: 60_000,
    async prove({ id }, { sha256 }) {
      if (sha256 !== (await sha256Of(await sim.mediaOf(id)))) throw new Error('The file is not what the server has');
      return 'same SHA-256 on the server';
    },
    close: () => sim.close(),
  };
}

async function startSimulator(): Promise<VdgSense> {
  const settings = { users: [login], devices: demoCameras(), queue: { makeMs: makingMs } };
  try {
    return await startVdgSense({ ...settings, port: portOfExamples });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
    return startVdgSense(settings);
  }
}
