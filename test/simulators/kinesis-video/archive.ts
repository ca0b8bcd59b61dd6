/** The data host: what is recorded. */
import type { Reply } from '../http-server';
import { makeVideo, openMedia, type Media } from '../video';
import {
  keptFragments,
  select,
  timeOf,
  withinCap,
  withoutRepeats,
  type SimFragment,
  type SimStream,
  type TimestampType,
} from './fragments';
import { jsonReply, Refusal, Timestamp } from './replies';
import { checkAllowed, draw, findStream, type Asked, type KinesisState } from './state';

interface Selector {
  type: TimestampType;
  startMs: number;
  endMs: number;
}

export function listFragments(state: KinesisState, { body, key }: Asked): Reply {
  const { options } = state;
  const stream = findStream(state, body);
  checkAllowed(state, key, 'ListFragments', stream.arn);
  const size = Number(body.MaxResults ?? options.list.defaultResults);
  if (!(size >= 1 && size <= options.list.maxResults)) {
    throw new Refusal(400, 'InvalidArgumentException', `MaxResults must be between 1 and ${options.list.maxResults}`);
  }
  draw(state, `metadata ${stream.name}`, size, options.limits.metadataPoints);
  const token = typeof body.NextToken === 'string' ? readToken(body.NextToken) : undefined;
  if (token && !body.FragmentSelector && options.list.tokenAlone === 'InternalFailure') {
    throw new Refusal(500, 'InternalFailure', 'The request processing has failed because of an unknown error');
  }
  const selector = token?.selector ?? readSelector(body.FragmentSelector);
  if (stream.retentionHours === 0 && options.list.withoutRetention !== 'empty') {
    const name = options.list.withoutRetention;
    throw new Refusal(name === 'ResourceNotFoundException' ? 404 : 400, name, 'The stream has no data retention.');
  }
  checkRetention(state, stream, selector);
  const fragments = select(keptFragments(stream, state.now()), selector.type, selector.startMs, selector.endMs);
  const list = shuffle(fragments, options.list.shuffleSeed);
  const start = token?.start ?? 0;
  const page = list.slice(start, start + size).map(fragmentInfo);
  const next = options.list.endless ? 0 : start + size;
  const { empty } = options.list;
  const shown = page.length > 0 || empty === 'list' ? page : empty === 'null' ? null : undefined;
  return jsonReply(options, {
    Fragments: shown,
    NextToken: next < list.length || options.list.endless ? writeToken({ start: next, selector }) : null,
  });
}

/** The fragments and the bytes of a clip, by the rules of GetClip. @throws {Refusal} */
export async function makeClip(
  state: KinesisState,
  stream: SimStream,
  selector: Selector,
): Promise<{ fragments: SimFragment[]; media: Media }> {
  const { clip } = state.options;
  if (stream.retentionHours === 0) {
    throw new Refusal(400, 'NoDataRetentionException', 'The stream does not retain any data (its retention is zero).');
  }
  if (selector.endMs <= selector.startMs) {
    throw new Refusal(400, 'InvalidArgumentException', 'EndTimestamp must be later than StartTimestamp');
  }
  if (selector.endMs - selector.startMs > clip.maxRangeMs) {
    throw new Refusal(400, 'InvalidArgumentException', 'EndTimestamp must be within 24 hours of StartTimestamp');
  }
  checkRetention(state, stream, selector);
  const found = select(keptFragments(stream, state.now()), selector.type, selector.startMs, selector.endMs);
  const fragments = withinCap(withoutRepeats(found), clip);
  const [first] = fragments;
  if (!first) {
    throw new Refusal(404, 'ResourceNotFoundException', 'No fragments found in the stream for the clip request.');
  }
  if (
    fragments.some(
      ({ codecPrivateData, tracks }) => codecPrivateData !== first.codecPrivateData || tracks !== first.tracks,
    )
  ) {
    throw new Refusal(400, clip.change, 'The codec private data of the track changes within the clip.');
  }
  const file = await makeVideo({
    seconds: videoMs(fragments, clip.gaps) / 1000,
    width: stream.width,
    height: stream.height,
  });
  const mark = `${stream.name} ${first.number} ${fragments.length}`;
  return { fragments, media: await openMedia(file, { mark, bytes: clip.bytes }) };
}

export async function getClip(state: KinesisState, { body, key }: Asked): Promise<Reply> {
  const { clip, limits } = state.options;
  const stream = findStream(state, body);
  checkAllowed(state, key, 'GetClip', stream.arn);
  const { fragments, media } = await makeClip(state, stream, readSelector(body.ClipFragmentSelector));
  draw(state, `media ${stream.name}`, fragments.length, limits.mediaPoints);
  draw(state, `metadata ${stream.name}`, fragments.length, limits.metadataPoints);
  if (clip.answer === 'json') return { headers: { 'content-type': 'application/json' }, body: '{"Output":{}}' };
  if (clip.answer === 'html')
    return { headers: { 'content-type': 'text/html' }, body: '<html><body>Hello</body></html>' };
  if (clip.answer === 'empty') return { headers: { 'content-type': clip.contentType }, body: '' };
  return {
    headers: { 'content-type': clip.answer === 'unknown-type' ? 'application/x-unknown' : clip.contentType },
    body: media.read(),
    size: media.size,
    framing: clip.framing,
    ...(clip.truncateAfter < media.size ? { truncateAfter: clip.truncateAfter } : {}),
  };
}

/** Milliseconds of the MP4 that fragments make. */
function videoMs(fragments: SimFragment[], gaps: 'jump' | 'freeze'): number {
  const last = fragments.at(-1)!;
  return gaps === 'jump'
    ? fragments.reduce((sum, { durationMs }) => sum + durationMs, 0)
    : last.producerMs + last.durationMs - fragments[0]!.producerMs;
}

/** Said of arrival times only: with the camera's own there are just no fragments. */
function checkRetention(state: KinesisState, stream: SimStream, { type, endMs }: Selector): void {
  if (type !== 'SERVER_TIMESTAMP') return;
  const now = state.now();
  if (endMs > now) throw new Refusal(400, 'InvalidArgumentException', 'End timestamp must be in the past.');
  if (endMs < now - stream.retentionHours * 3600_000) {
    const message = `End timestamp ${endMs} is outside of the stream retention period.`;
    throw new Refusal(400, 'InvalidArgumentException', message);
  }
}

/** Integers, decimals and exponents are all JSON numbers of seconds. */
function readSelector(value: unknown): Selector {
  const selector = value as { FragmentSelectorType?: unknown; TimestampRange?: Record<string, unknown> } | undefined;
  const type = selector?.FragmentSelectorType;
  const { StartTimestamp: start, EndTimestamp: end } = selector?.TimestampRange ?? {};
  if (type !== 'PRODUCER_TIMESTAMP' && type !== 'SERVER_TIMESTAMP') {
    throw new Refusal(400, 'InvalidArgumentException', 'FragmentSelectorType is missing or not valid');
  }
  if (typeof start !== 'number' || typeof end !== 'number') {
    throw new Refusal(400, 'InvalidArgumentException', 'TimestampRange is missing or not valid');
  }
  // Seconds times a thousand, without what the multiplication adds in the last digits.
  return { type, startMs: Math.round(start * 1e6) / 1e3, endMs: Math.round(end * 1e6) / 1e3 };
}

function fragmentInfo(fragment: SimFragment): Record<string, unknown> {
  return {
    FragmentLengthInMilliseconds: fragment.declaredMs,
    FragmentNumber: fragment.number,
    FragmentSizeInBytes: fragment.bytes,
    ProducerTimestamp: new Timestamp(timeOf(fragment, 'PRODUCER_TIMESTAMP')),
    ServerTimestamp: new Timestamp(timeOf(fragment, 'SERVER_TIMESTAMP')),
  };
}

interface Token {
  start: number;
  selector: Selector;
}

function writeToken(token: Token): string {
  return Buffer.from(JSON.stringify(token)).toString('base64');
}

function readToken(text: string): Token {
  try {
    return JSON.parse(Buffer.from(text, 'base64').toString()) as Token;
  } catch {
    throw new Refusal(400, 'InvalidArgumentException', 'NextToken is not valid');
  }
}

/** The same order for the same number, so that pages fit together. */
function shuffle<T>(list: T[], seed: number): T[] {
  if (seed === 0) return list;
  let word = seed;
  const shuffled = [...list];
  for (let index = shuffled.length - 1; index > 0; index--) {
    word = (Math.imul(word, 1664525) + 1013904223) >>> 0;
    const other = word % (index + 1);
    [shuffled[index], shuffled[other]] = [shuffled[other]!, shuffled[index]!];
  }
  return shuffled;
}
