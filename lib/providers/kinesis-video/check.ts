// Tests a connection to Kinesis Video Streams, right by right.
import { ClipError } from '../../errors';
import type { ConnectionCheck, ProviderConfig } from '../../provider';
import type { Call, KinesisApi, Selection } from './api';
import type { Stream } from './types';

const namesInAWarning = 5;

/** Why clips of this stream may not work; `undefined` when nothing speaks against it. */
export function noteOn({ active, retentionHours }: Stream): string | undefined {
  if (retentionHours === 0) return 'data retention 0: no footage is kept';
  return active ? undefined : 'not active';
}

/** Lists streams, and tries on one of them what clips need. Nothing is asked about who owns the credentials. */
export async function checkKinesis(api: KinesisApi, config: ProviderConfig, call: Call): Promise<ConnectionCheck> {
  const warnings: string[] = [];
  if (/^http:/i.test(String(config.settings.endpoint))) {
    warnings.push('Video and session token travel over http without encryption');
  }
  const streams = await allowed(warnings, () => api.listStreams(call, 'Asking for the list of streams'));
  const region = await api.region(call);
  if (!streams) warnings.push('Enter the names of streams by hand');
  else warnings.push(...aboutStreams(streams, region), ...(await missingRights(api, streams, config, call)));
  return {
    name: `Amazon Kinesis Video Streams, ${region}`,
    ...(streams ? { cameras: streams.length } : {}),
    clockSkewMs: api.clockSkewMs(call),
    warnings,
  };
}

function aboutStreams(streams: Stream[], region: string): string[] {
  if (streams.length === 0) return [`There are no streams in ${region}`];
  const keepNothing = streams.filter(({ retentionHours }) => retentionHours === 0).map(({ name }) => name);
  if (keepNothing.length === 0) return [];
  const more = keepNothing.length > namesInAWarning ? ` and ${keepNothing.length - namesInAWarning} more` : '';
  return [
    `No clips of ${keepNothing.slice(0, namesInAWarning).join(', ')}${more}: data retention is 0, so no footage is kept`,
  ];
}

/** A range without footage costs nothing, and is refused in another way than a missing right. */
async function missingRights(
  api: KinesisApi,
  streams: Stream[],
  config: ProviderConfig,
  call: Call,
): Promise<string[]> {
  const stream = streams.find((candidate) => noteOn(candidate) === undefined);
  if (!stream) return [];
  const warnings: string[] = [];
  const end = config.now() - 60_000;
  const recent: Selection = { camera: stream.name, timestamps: 'PRODUCER_TIMESTAMP', start: end - 1000, end };
  const trying = (right: string): string => `Trying ${right} on stream ${stream.name}`;
  const listed = await allowed(warnings, async () => {
    await api.listFragments(recent, call, trying('kinesisvideo:ListFragments'));
    return true;
  });
  if (!listed) warnings.push('Without that right, limits and gaps of clips are not known before their download');
  await allowed(warnings, async () => {
    const longAgo = { ...recent, start: 0, end: 1000 };
    const { body } = await api.getClip(longAgo, call, trying('kinesisvideo:GetClip'));
    body.destroy();
  });
  return warnings;
}

/** `undefined` where it is forbidden, which becomes a warning, or where it only fails for lack of footage. */
async function allowed<T>(warnings: string[], work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ClipError) || error.sessionExpired) throw error;
    if (error.code === 'EFORBIDDEN') warnings.push(error.message);
    else if (!['ENOTFOUND', 'EINVALID', 'EEXPIRED'].includes(error.code)) throw error;
    return undefined;
  }
}
