/** A VDG Sense simulator in a process of its own, so that its memory and its work are not counted as ours. */
import { senseCamera, startVdgSense, type SenseSettings, type VdgSense } from '../simulators/vdg-sense';
import { sha256Of, type Media } from '../simulators/video';
import { serveRemote, startRemote, type Remote } from '../support/remote';

const [serverid, deviceid] = ['6917529027641081901', '2'];
/** What every clip here shows. The length has nothing to do with the number of bytes: see `largeMedia`. */
const clipMs = 60_000;

/** As `msg.clip` has it, but for the connection. */
export interface BenchClip {
  id: string;
  provider: 'vdg-sense';
  camera: string;
  start: string;
  end: string;
  status: 'pending' | 'finished';
}

export interface FinishedClip {
  clip: BenchClip;
  /** Bytes. */
  size: number;
  sha256: string;
  /** Where it is downloaded, below the server's address. */
  path: string;
}

/** What can be asked of the other process. */
const commands = {
  async start(settings: SenseSettings): Promise<string> {
    const devices = [senseCamera({ serverid, deviceid })];
    simulator = await startVdgSense({ ...settings, devices, retention: { bytes: Infinity } });
    return simulator.url;
  },

  /** A clip of so many bytes, ready to be downloaded. */
  async finishedClip(bytes: number): Promise<FinishedClip> {
    const { options, putClip, mediaOf } = running();
    options.download.largeMedia = bytes;
    const clip = putClip({ ...newRange(), state: 'finished' });
    const sha256 = await sha256OfClip(await mediaOf(clip.id));
    const path = `/command?command=downloadClip&serverid=${serverid}&id=${clip.id}`;
    return { clip: { ...describe(clip), status: 'finished' }, size: bytes, sha256, path };
  },

  async pendingClips(count: number): Promise<BenchClip[]> {
    const clips = Array.from({ length: count }, () => running().putClip(newRange()));
    return clips.map((clip) => ({ ...describe(clip), status: 'pending' }));
  },

  /** When requests for a command came in, in epoch milliseconds. */
  async requestTimes(command: string): Promise<number[]> {
    return running()
      .requestsFor(command)
      .map(({ at }) => at);
  },

  /** Clips that another measurement has made would make its lists longer. */
  async forget(): Promise<void> {
    const { clips, removeClip, requests } = running();
    for (const { id } of [...clips]) removeClip(id);
    requests.length = 0;
  },
};

type Commands = typeof commands;
export type SimulatorProcess = Remote<Commands>;

/** Clips of one size have the same bytes. */
const hashes = new Map<string, Promise<string>>();

function sha256OfClip(media: Media): Promise<string> {
  const hash = hashes.get(media.etag) ?? sha256Of(media);
  hashes.set(media.etag, hash);
  return hash;
}

let simulator: VdgSense | undefined;
let made = 0;

function running(): VdgSense {
  if (!simulator) throw new Error('The simulator has not been started');
  return simulator;
}

/** Every clip has a range of its own, as the server takes equal ones for the same clip. */
function newRange() {
  const end = Date.now() - 3_600_000 - made++ * 1000;
  return { serverid, deviceid, start: end - clipMs, end, description: 'bench' };
}

function describe({ id, start, end }: { id: string; start: number; end: number }) {
  const iso = (at: number): string => new Date(at).toISOString();
  return { id, provider: 'vdg-sense' as const, camera: `${serverid}/${deviceid}`, start: iso(start), end: iso(end) };
}

export function startSimulatorProcess(): Promise<SimulatorProcess> {
  return startRemote<Commands>(__filename);
}

if (require.main === module) serveRemote(commands);
