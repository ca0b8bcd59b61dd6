// Reads the replies of Rhombus tolerantly: every field may be null or missing, and fields are added often.
// Source: the OpenAPI document of the API, and https://api-docs.rhombus.community/api-reference
import { isObject, readCount, readNumber, readObjects, readText, readTexts, type JsonObject } from '../../net/json';
import type { Camera, ClipStatus } from '../../provider';
import type { TimeRange } from '../../time-range';
import { statusOfWord } from '../status-words';
import { bareOf, facetOf } from './facets';

export interface RhombusClip {
  id: string;
  status: ClipStatus;
  /** 0-100 over all stages; absent where the stage says nothing about it. */
  progress?: number;
  reason?: string;
  /** The vendor's own word for the stage, and the operation that it names. */
  vendorStatus?: string;
  title: string;
  /** Ids of the cameras, with or without a facet. */
  devices: string[];
  startMs?: number;
  durationSeconds?: number;
  createdMs?: number;
  /** Region of its file, such as `us-west-2`. */
  region?: string;
  size?: number;
  sha256?: string;
  width?: number;
  height?: number;
}

/**
 * Each stage counts its own percentage from zero, so each gets its share of the whole.
 * Order of the stages: inferred from their names; the vendor publishes none.
 */
const stages: Record<string, { status: ClipStatus; from: number; to: number }> = {
  INITIATING: { status: 'pending', from: 0, to: 5 },
  UPLOADING: { status: 'busy', from: 5, to: 60 },
  RENDERING: { status: 'busy', from: 60, to: 99 },
};

/** `undefined` for what carries no id. */
export function readClip(value: unknown): RhombusClip | undefined {
  if (!isObject(value)) return undefined;
  const id = readText(value.uuid);
  if (!id) return undefined;
  const resolution = isObject(value.videoResolution) ? value.videoResolution : {};
  const state = readState(value);
  // Before the end there is no file that these could be about.
  const isFinished = state.status === 'finished';
  return {
    id,
    ...state,
    title: readText(value.title) ?? '',
    devices: [readText(value.deviceUuid), ...readTexts(value.deviceUuids)].filter((device) => device !== undefined),
    startMs: readCount(value.timestampMs),
    durationSeconds: readCount(value.durationSec),
    createdMs: readCount(value.createdAtMs),
    region: regionOf(value),
    size: isFinished ? readCount(value.byteCount) : undefined,
    sha256: isFinished ? readSha256(value.sha256Hex) : undefined,
    width: readCount(resolution.width),
    height: readCount(resolution.height),
  };
}

/**
 * Finished and failed as the vendor's own client tells them. OFFLINE, UNKNOWN and words that are new mean that the clip is
 * still being made: a camera may come back.
 */
function readState(clip: JsonObject): Pick<RhombusClip, 'status' | 'progress' | 'reason' | 'vendorStatus'> {
  const word = (readText(clip.status) ?? '').toUpperCase();
  const operation = readText(clip.currentOperation);
  const percent = Math.min(100, Math.max(0, readNumber(clip.percentComplete) ?? 0));
  // There is no error field: on failure the operation tells what went wrong.
  if (word === 'FAILED') return { status: 'failed', reason: operation };
  if (word === 'DELETED') return { status: 'expired', reason: 'deleted on the server' };
  const isComplete = percent === 100 && operation?.toLowerCase() === 'complete';
  if (word === 'COMPLETE' || isComplete) return { status: 'finished', progress: 100 };
  const stage = Object.hasOwn(stages, word) ? stages[word] : undefined;
  const vendorStatus = wordsOf(word, operation);
  if (!stage) return { ...ofUnknownWord(word, operation), ...(vendorStatus ? { vendorStatus } : {}) };
  return {
    status: stage.status,
    ...(vendorStatus ? { vendorStatus } : {}),
    progress: Math.floor(stage.from + (percent / 100) * (stage.to - stage.from)),
  };
}

/** Words that the vendor has published nothing about may still speak for themselves. */
function ofUnknownWord(word: string, operation?: string): Pick<RhombusClip, 'status' | 'progress' | 'reason'> {
  const status = statusOfWord(word);
  if (status === 'failed') return { status, reason: operation };
  return status === 'finished' ? { status, progress: 100 } : { status: 'busy' };
}

function wordsOf(word: string, operation = ''): string {
  const isSame = word.toLowerCase() === operation.toLowerCase();
  const said = [word, isSame || !operation ? '' : word ? `(${operation})` : operation].filter(Boolean).join(' ');
  return word === 'OFFLINE' ? `${said}: the camera is away` : said;
}

/**
 * The region of the file. Which of these fields a clip has is not published; the vendor's own player takes the first two.
 * The newer form may be an address, which is not followed.
 */
function regionOf({ clipLocation, thumbnailLocation, deviceUuidMap, clipLocationV2 }: JsonObject): string | undefined {
  const perDevice = isObject(deviceUuidMap) ? Object.values(deviceUuidMap) : [];
  const named = [clipLocation, thumbnailLocation, ...perDevice, clipLocationV2].map(readRegion).find(Boolean);
  const bare = readText(clipLocationV2);
  return named ?? (bare && /^[a-z]{2}(-[a-z]+)+-\d$/.test(bare) ? bare : undefined);
}

/** A camera with several sensors has a video facet for each. `undefined` for what is no camera in use. */
export function readCamera(value: unknown, locations: ReadonlyMap<string, string> = new Map()): Camera[] {
  if (!isObject(value) || value.mummified === true) return [];
  const address = readText(value.uuid);
  if (!address) return [];
  const uuid = bareOf(address);
  const location = locations.get(readText(value.locationUuid) ?? '');
  const name = [readText(value.name) ?? uuid, location && `(${location})`].filter(Boolean).join(' ');
  const online = readOnline(value);
  const facets = [...new Set(readTexts(value.supportedFacets).filter((facet) => /^v\d+$/.test(facet)))];
  facets.sort((a, b) => Number(a.slice(1)) - Number(b.slice(1)));
  if (facets.length === 0) facets.push(facetOf(address) ?? 'v0');
  const facetNames = isObject(value.facetNameMap) ? value.facetNameMap : {};
  return facets.map((facet) => ({
    id: `${uuid}.${facet}`,
    name: facets.length === 1 ? name : `${name} - ${readText(facetNames[facet]) ?? facet}`,
    ...(online === undefined ? {} : { online }),
    ...(facet === 'v0' ? { aliases: [uuid] } : {}),
  }));
}

/** Degraded cameras still record. */
function readOnline(camera: JsonObject): boolean | undefined {
  if (camera.healthStatusDetails === 'DISCONNECTED') return false;
  const colour = readText(camera.connectionStatus)?.toUpperCase();
  if (colour === 'RED') return false;
  return colour === 'GREEN' || colour === 'YELLOW' || colour === 'ORANGE' ? true : undefined;
}

/**
 * Spans with video, in the cloud or on the camera. `undefined` when the answer holds no map, or one of which nothing is
 * understood: that is an error and does not mean that there is no footage.
 */
export function readPresence(reply: JsonObject): TimeRange[] | undefined {
  if (!isObject(reply.presenceWindows)) return undefined;
  const kinds = Object.entries(reply.presenceWindows).filter(([kind]) => !/^audio/i.test(kind));
  const ofVideo = kinds.filter(([kind]) => /^video/i.test(kind));
  const windows = ofVideo.flatMap(([, listed]) => (Array.isArray(listed) ? (listed as unknown[]) : []));
  const spans = windows.flatMap(readSpan);
  const isUnderstood = spans.length > 0 || (windows.length === 0 && ofVideo.length === kinds.length);
  return isUnderstood ? spans.filter(({ start, end }) => end > start) : undefined;
}

function readSpan(window: unknown): TimeRange[] {
  if (!isObject(window)) return [];
  const start = readNumber(window.startSeconds);
  const seconds = readNumber(window.durationSeconds);
  return start === undefined || seconds === undefined ? [] : [{ start: start * 1000, end: (start + seconds) * 1000 }];
}

/** Fields of the envelope that every answer has. */
const envelope: ReadonlySet<string> = new Set(['error', 'errorMsg', 'warningMsg']);

/**
 * A list that may be null, or left out where it is empty, or called otherwise.
 * @returns `undefined` where something else is in its place: that is an error and does not mean that there is nothing
 */
export function readList(reply: JsonObject, name: string): JsonObject[] | undefined {
  const list = reply[name];
  if (Array.isArray(list)) return readObjects(list);
  const other = Object.values(reply).find((value) => readObjects(value).some((each) => readText(each.uuid)));
  if (other) return readObjects(other);
  const isNothing = Object.hasOwn(reply, name) ? list === null : Object.keys(reply).every((key) => envelope.has(key));
  return isNothing ? [] : undefined;
}

function readRegion(location: unknown): string | undefined {
  return isObject(location) ? readText(location.region) : undefined;
}

function readSha256(value: unknown): string | undefined {
  const text = readText(value)?.toLowerCase();
  return text && /^[0-9a-f]{64}$/.test(text) ? text : undefined;
}
