// Runs a real ZoneMinder with a live camera for the demo of its example.
import { setTimeout as sleep } from 'node:timers/promises';
import { findNode, readExample } from '../support/examples';
import { addLiveCamera } from '../zoneminder/cameras';
import { hashPictures, makeFootage, shownTimes } from '../zoneminder/footage';
import { obstacle, startZoneMinder, viewer } from '../zoneminder/server';
import { putFirst } from './start-tab';
import type { DemoSystem } from './system';

/** The example wants what was recorded ten seconds before motion. */
const recordedMs = 15_000;

/** @throws where it cannot run */
export async function startZoneMinderDemo(): Promise<DemoSystem> {
  const missing = obstacle();
  if (missing) throw new Error(missing);
  const server = await startZoneMinder();
  try {
    const file = await makeFootage(server.pathOf('live.mp4'), { seconds: 300, layout: 'plain' });
    const pictures = await hashPictures(file);
    const camera = await addLiveCamera(server, file, { name: 'Gate', function: 'Record' });
    await sleep(recordedMs);
    const example = putFirst(await readExample('13 - ZoneMinder motion to MP4.json'), 'ZoneMinder motion to MP4');
    const connection = findNode(example, 'clip-provider');
    return {
      title: `A real ZoneMinder                ${server.url}  (user ${viewer.username}, password ${viewer.password})`,
      trigger: 'Something moved',
      flow: example.map((node) => (node === connection ? { ...node, settings: { url: server.url } } : node)),
      credentials: { [connection.id]: viewer },
      longestMs: 120_000,
      async prove(_, { path }) {
        const { fromMs, toMs } = await shownTimes(path, pictures, camera.startedAt);
        return `every picture that the camera showed in ${((toMs - fromMs) / 1000).toFixed(1)} s, none missing or doubled`;
      },
      async close() {
        await server.close();
        await camera.close();
      },
    };
  } catch (error) {
    await server.close();
    throw error;
  }
}
