// Adds cameras to the test server, raises their alarms, and serves what they show.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { findFfmpeg } from '../simulators/video';
import { eventually } from '../support/eventually';
import { administrator, quote, type ZoneMinderServer } from './server';

export interface CameraOptions {
  name: string;
  /** `Record`: always. `Nodect`: on alarm. `None`: never. */
  function?: 'Record' | 'Nodect' | 'None';
  /** Address of what it shows. */
  source?: string;
  /** Length of the events that are cut when it records always. */
  sectionSeconds?: number;
}

/** Adds a camera, as the console of ZoneMinder does; its recorder starts by itself. Gives its id. */
export async function addCamera(server: ZoneMinderServer, options: CameraOptions): Promise<string> {
  const { name, source = 'http://127.0.0.1:1/none', function: mode = 'None', sectionSeconds = 600 } = options;
  const fields = {
    ...{ Name: name, Function: mode, Path: source, SectionLength: sectionSeconds, MinSectionLength: 1 },
    ...{ Type: 'Ffmpeg', Method: 'rtpRtsp', Width: 320, Height: 240, Colours: 4, Orientation: 'ROTATE_0' },
    // Passthrough; the recorder's own encoding wrote pictures that could not be read (1.36.33).
    ...{ VideoWriter: 2, OutputContainer: 'mp4', SaveJPEGs: 0, DecodingEnabled: 1, Enabled: mode === 'None' ? 0 : 1 },
    ...{ ImageBufferCount: 3, PreEventCount: 10, PostEventCount: 10, WarmupCount: 0 },
  };
  const body = Object.entries(fields).map(([key, value]): [string, string] => [`Monitor[${key}]`, String(value)]);
  await callApi(server, 'monitors.json', Object.fromEntries(body));
  const [row] = server.query(`select max(Id) from Monitors where Name = ${quote(name)}`);
  const id = row![0]!;
  if (mode !== 'None') await eventually(() => statusOf(server, id) === 'Connected', 60_000);
  return id;
}

/** `Connected`, `Running`, `NotRunning` or, before its first start, `undefined`. */
function statusOf(server: ZoneMinderServer, camera: string): string | undefined {
  return server.query(`select Status from Monitor_Status where MonitorId = ${camera}`)[0]?.[0];
}

/** Forces an alarm until `cancelAlarm`; gives the id of its event. */
export async function raiseAlarm(server: ZoneMinderServer, camera: string): Promise<string> {
  const { status } = (await callApi(server, `monitors/alarm/id:${camera}/command:on.json`)) as { status: string };
  const event = /event id: (\d+)/.exec(status)?.[1];
  if (!event) throw new Error(`Camera ${camera} raises no alarm: ${JSON.stringify(status)}`);
  return event;
}

export async function cancelAlarm(server: ZoneMinderServer, camera: string): Promise<void> {
  await callApi(server, `monitors/alarm/id:${camera}/command:off.json`);
}

async function callApi(server: ZoneMinderServer, path: string, fields: Record<string, string> = {}): Promise<unknown> {
  const { username: user, password: pass } = administrator;
  const { access_token: token } = (await post(server, 'host/login.json', { user, pass })) as { access_token: string };
  return post(server, path, { ...fields, token });
}

async function post({ url }: ZoneMinderServer, path: string, fields: Record<string, string>): Promise<unknown> {
  const response = await fetch(`${url}/api/${path}`, { method: 'POST', body: new URLSearchParams(fields) });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: HTTP ${response.status} ${text.slice(0, 500)}`);
  return text === '' ? undefined : JSON.parse(text);
}

export interface LiveCamera {
  readonly id: string;
  /** When its recorder was sent the first picture; epoch milliseconds by the clock of the server. */
  readonly startedAt: number;
  close(): Promise<void>;
}

/** Adds a camera that shows the pictures of a file in a loop, from the first one on when its recorder connects. */
export async function addLiveCamera(
  server: ZoneMinderServer,
  file: string,
  options: Omit<CameraOptions, 'source'>,
): Promise<LiveCamera> {
  const program = await findFfmpeg();
  let startedAt = 0;
  const source = createServer((_, response) => {
    // Not MPEG-TS: passthrough of it fails in 1.36.33, because the MP4 writer refuses its codec tag.
    const input = ['-v', 'error', '-nostdin', '-re', '-stream_loop', '-1', '-i', file];
    const sender = spawn(program, [...input, '-c', 'copy', '-f', 'matroska', '-flush_packets', '1', 'pipe:1'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    sender.stdout.once('data', () => (startedAt = server.now()));
    sender.stdout.pipe(response);
    response.once('close', () => sender.kill('SIGKILL'));
  });
  source.listen(0, '127.0.0.1');
  await once(source, 'listening');
  const url = `http://127.0.0.1:${(source.address() as AddressInfo).port}/live.mkv`;
  const id = await addCamera(server, { ...options, source: url });
  return {
    id,
    get startedAt() {
      return startedAt;
    },
    async close() {
      const closed = once(source, 'close');
      source.close();
      source.closeAllConnections();
      await closed;
    },
  };
}
