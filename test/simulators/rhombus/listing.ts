/** Clips as the REST host shows them: one, and page by page. */
import type { Caller } from './auth';
import { isComplete, stepAt, type RhombusClip } from './clips';
import { Refusal, type Payload } from './replies';
import type { RhombusState } from './state';

const largestPage = 200;

export function getClipWithProgress(state: RhombusState, body: Payload, { organization }: Caller): Payload {
  const { unknown, hiddenMs } = state.options.status;
  const clip = state.clips.find((each) => each.uuid === body.clipUuid && each.organization === organization);
  if (clip && state.now() >= clip.createdAt + hiddenMs) return { clip: clipPayload(state, clip) };
  if (unknown === 'null') return { clip: null };
  if (unknown === 'absent') return {};
  throw new Refusal(unknown, state.options.texts.clip, { clip: null });
}

export function getClipsWithProgress(state: RhombusState, body: Payload, { organization }: Caller): Payload {
  const { list } = state.options;
  if (list.answer !== 'list') throw new Refusal(list.answer, 'Unexpected value');
  if (body.pageSize == null && list.strictPageSize) throw new Refusal('500', 'Parameter pageSize');
  const pageSize = Number(body.pageSize ?? 100);
  if (!Number.isInteger(pageSize) || pageSize < 1 || pageSize > largestPage) throw new Refusal('400', 'pageSize');
  const timeOf = (clip: RhombusClip): number => (list.time === 'footage' ? clip.startMs : clip.createdAt);
  const devices = Array.isArray(body.deviceUuidFilters) ? body.deviceUuidFilters.map(String) : [];
  const search = typeof body.searchFilter === 'string' ? body.searchFilter.toLowerCase() : '';
  const found = state.clips.filter(
    (clip) =>
      clip.organization === organization &&
      state.now() >= clip.createdAt + list.hiddenMs &&
      // Bare ids (documented): a facet matches nothing.
      (devices.length === 0 || clip.deviceUuids.some((device) => devices.includes(device.split('.')[0] ?? ''))) &&
      timeOf(clip) >= Number(body.timestampMsAfter ?? -Infinity) &&
      timeOf(clip) <= Number(body.timestampMsBefore ?? Infinity) &&
      clip.title.toLowerCase().includes(search) &&
      (body.filterByPrivate !== true || clip.visibility === 'PRIVATE'),
  );
  const descending = (body.sortOrder ?? list.defaultOrder) === 'desc';
  // Equal times keep their order, or clips would be on two pages or on none.
  const sorted = found
    .map((clip, index) => ({ clip, index }))
    .sort((a, b) => timeOf(a.clip) - timeOf(b.clip) || a.index - b.index)
    .map(({ clip }) => clip);
  if (descending) sorted.reverse();
  const from = offsetOf(body.pageToken);
  const to = from + pageSize;
  return {
    savedClips: sorted.slice(from, to).map((clip) => clipPayload(state, clip)),
    pageToken: list.endless ? tokenOf(0) : to < sorted.length ? tokenOf(to) : null,
  };
}

/** Opaque to clients. */
function tokenOf(offset: number): string {
  return Buffer.from(`page:${offset}`).toString('base64url');
}

function offsetOf(token: unknown): number {
  if (token == null) return 0;
  const match = /^page:(\d+)$/.exec(Buffer.from(String(token), 'base64url').toString());
  if (!match) throw new Refusal('400', 'pageToken');
  return Number(match[1]);
}

function clipPayload(state: RhombusState, clip: RhombusClip): Payload {
  const { status: rules, replies } = state.options;
  const now = state.now();
  const step = stepAt(clip, now);
  const done = isComplete(clip, now);
  const place = { region: rules.region };
  const device = rules.device === 'bare' ? clip.deviceUuids[0]?.split('.')[0] : clip.deviceUuids[0];
  return {
    uuid: clip.uuid,
    orgUuid: clip.organization,
    userUuid: null,
    title: clip.title,
    description: null,
    status: step.status,
    percentComplete: step.percent,
    currentOperation: step.operation,
    // The only instant in seconds (documented).
    lastUpdatedSec: Math.floor(step.since / 1000),
    timestampMs: clip.startMs,
    durationSec: clip.durationSec,
    createdAtMs: clip.createdAt,
    clipLocation: done && ['clip', 'both'].includes(rules.location) ? place : null,
    thumbnailLocation: done && ['thumbnail', 'both'].includes(rules.location) ? place : null,
    deviceUuidMap: done && rules.location === 'map' ? { [clip.deviceUuids[0] ?? '']: place } : null,
    clipLocationV2: done ? newerLocation(state, clip) : null,
    byteCount: done ? byteCount(state, clip) : null,
    sha256Hex: done ? sha256(state, clip) : null,
    deviceUuid: rules.device === 'absent' ? null : device,
    deviceUuids: rules.device === 'facet' ? clip.deviceUuids : null,
    videoResolution: done ? { width: clip.width, height: clip.height } : null,
    accessSettings: { visibility: clip.visibility, allowedRoles: [], allowedUsers: [] },
    ...(replies.newFields ? { futureField: { a: 1 } } : {}),
  };
}

/** Its form is not published. */
function newerLocation({ options: { status } }: RhombusState, { uuid }: RhombusClip): string | null {
  if (status.location === 'v2-region') return status.region;
  return status.location === 'v2' ? `https://media.invalid/${status.region}/${uuid}` : null;
}

function byteCount({ options }: RhombusState, { media }: RhombusClip): number | null {
  if (!media || options.status.byteCount === 'null') return null;
  return options.status.byteCount === 'wrong' ? media.size + 1 : media.size;
}

function sha256({ options }: RhombusState, clip: RhombusClip): string | null {
  if (!clip.sha256 || options.status.sha256 === 'null') return null;
  if (options.status.sha256 === 'wrong') return 'f'.repeat(64);
  return options.status.sha256 === 'upper-case' ? clip.sha256.toUpperCase() : clip.sha256;
}
