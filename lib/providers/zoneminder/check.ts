// Tests a connection to ZoneMinder: what it finds, and what speaks against using it like this.
import { ClipError } from '../../errors';
import { readNumber, readText } from '../../net/json';
import type { ConnectionCheck, ProviderConfig } from '../../provider';
import type { Call, ZoneMinderApi } from './api';
import { openEvent } from './media';
import { toRecordings } from './timeline';
import { readEvents, type Monitor } from './types';

const minuteMs = 60_000;
const namesInAWarning = 5;

interface Found {
  monitors: Monitor[];
  zone: string;
}

export async function checkZoneMinder(
  api: ZoneMinderApi,
  { settings, credentials, now }: ProviderConfig,
  { monitors, zone }: Found,
  call: Call,
): Promise<ConnectionCheck> {
  const warnings: string[] = [];
  const { json, headers } = await api.ask('host/getVersion.json', call, 'Asking for the version');
  const servedAtMs = Date.parse(headers.date ?? '');
  if (/^http:/i.test(String(settings.url))) {
    const what = credentials.password ? 'Password and video travel' : 'Video travels';
    warnings.push(`${what} over http without encryption`);
  }
  warnings.push(...aboutMonitors(monitors));
  warnings.push(...(await aboutRecorder(api, call)));
  warnings.push(...(await aboutEvents(api, zone, Number.isNaN(servedAtMs) ? now() : servedAtMs, call)));
  const version = readText(json.version);
  return {
    name: `ZoneMinder, ${zone}`,
    ...(version ? { version } : {}),
    cameras: monitors.length,
    ...(Number.isNaN(servedAtMs) ? {} : { clockSkewMs: servedAtMs - now() }),
    warnings,
  };
}

function aboutMonitors(monitors: Monitor[]): string[] {
  if (monitors.length === 0) return ['The user sees no monitors. Check its right "Monitors: View"'];
  const withoutVideo = monitors.filter(({ picturesOnly }) => picturesOnly).map(({ name }) => name);
  if (withoutVideo.length === 0) return [];
  const more = withoutVideo.length > namesInAWarning ? ` and ${withoutVideo.length - namesInAWarning} more` : '';
  const names = `${withoutVideo.slice(0, namesInAWarning).join(', ')}${more}`;
  return [`No clips of ${names}: only pictures are kept. Set "Video Writer" of the monitor to camera passthrough`];
}

async function aboutRecorder(api: ZoneMinderApi, call: Call): Promise<string[]> {
  try {
    const { json } = await api.ask('host/daemonCheck.json', call, 'Asking whether the recorder runs');
    return readNumber(json.result) === 0 ? ['The recorder of ZoneMinder is not running'] : [];
  } catch (error) {
    return passing(error);
  }
}

/** Tries on the newest event what clips need. */
async function aboutEvents(api: ZoneMinderApi, zone: string, servedAtMs: number, call: Call): Promise<string[]> {
  const action = 'Trying the newest event';
  try {
    const query = 'limit=1&page=1&sort=StartDateTime&direction=desc';
    const { json } = await api.ask(`events/index.json?${query}`, call, action);
    const [newest] = toRecordings(readEvents(json) ?? [], zone);
    if (!newest) return [];
    const aheadMs = newest.startMs - servedAtMs;
    const ahead = `The newest event begins ${Math.round(aheadMs / minuteMs)} minutes from now`;
    const warnings =
      aheadMs > minuteMs
        ? [`${ahead}: recorder and web server differ in their time zone. Set the one of the recorder`]
        : [];
    if (newest.video === '') return warnings;
    const { body } = await openEvent(api, newest.id, { offset: 1, end: 2 }, call, action);
    body.destroy();
    return warnings;
  } catch (error) {
    return passing(error);
  }
}

/** A failure as a warning. @throws errors that concern the whole connection */
function passing(error: unknown): string[] {
  if (!(error instanceof ClipError) || error.sessionExpired || error.code === 'EAUTH' || error.code === 'EABORTED') {
    throw error;
  }
  return error.code === 'EFORBIDDEN' ? [`Downloads will fail. ${error.message}`] : [];
}
