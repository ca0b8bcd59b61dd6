/** The operations of the REST host. A new one is one entry in the table at the end. */
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { getPolicyAlertDetails, getPolicyAlerts } from './alerts';
import { authenticate, throttle, type Caller } from './auth';
import { footageIn, type RhombusCamera } from './cameras';
import { stepAt, usualSteps, type RhombusClip } from './clips';
import { getClipsWithProgress, getClipWithProgress } from './listing';
import { Refusal, refusalReply, successReply, type Payload } from './replies';
import { addClip, catchUp, findCamera, type RhombusState } from './state';

export interface Operation {
  /** Documented fields; `!` marks those without which it cannot work. */
  fields: string[];
  /** Needs the right to make and share clips. */
  clips?: boolean;
  /** May throw a `Refusal`. */
  run(state: RhombusState, body: Payload, caller: Caller): Payload | Promise<Payload>;
}

/** Name of the operation of a request: `spliceV3` of `/api/video/spliceV3`. */
export function operationOf(request: RecordedRequest): string | undefined {
  const path = request.path.replace(/^\/api\//, '');
  return Object.hasOwn(operations, path) ? path.split('/')[1] : undefined;
}

export async function runOperation(state: RhombusState, request: RecordedRequest): Promise<Reply> {
  const { options } = state;
  const path = request.path.replace(/^\/api\//, '');
  const operation = path !== request.path && Object.hasOwn(operations, path) ? operations[path] : undefined;
  try {
    const caller = authenticate(state, request);
    const throttled = throttle(state, caller);
    if (throttled) return throttled;
    if (!operation) throw new Refusal('404', 'Not Found');
    // Reads are POST too (documented).
    if (request.method !== 'POST') return htmlPage(405, 'Method Not Allowed');
    if (operation.clips && !caller.key.clips) throw new Refusal('403', 'Access Denied');
    const body = readBody(state, request, operation);
    await catchUp(state);
    return successReply(options, await operation.run(state, body, caller));
  } catch (error) {
    if (error instanceof Refusal) return refusalReply(options, error);
    throw error;
  }
}

/** An empty body counts as an empty object, as older clients send none. */
function readBody(state: RhombusState, request: RecordedRequest, operation: Operation): Payload {
  const text = request.body.toString('utf8');
  let body: Payload = {};
  try {
    if (text !== '') body = JSON.parse(text) as Payload;
  } catch {
    throw new Refusal('400', 'Request body does not match the expected object structure');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new Refusal('400', 'Not an object');
  const names = operation.fields.map((name) => name.replace('!', ''));
  const unknown = Object.keys(body).find((name) => !names.includes(name));
  if (unknown && state.options.strictFields) throw new Refusal('400', `Unrecognized field "${unknown}"`);
  const missing = operation.fields.find((name) => name.endsWith('!') && body[name.slice(0, -1)] == null);
  if (missing && state.options.strictMissing) throw new Refusal('500', `Parameter ${missing.slice(0, -1)}`);
  return body;
}

function spliceV3(state: RhombusState, body: Payload, { organization }: Caller): Payload {
  const { splice, refusal, texts } = state.options;
  const nothing = { clipUuid: null, clipUuidList: null };
  const deviceUuids = Array.isArray(body.deviceUuids) ? body.deviceUuids.map(String) : [];
  const [startMs, durationSec] = [Number(body.startTimeMillis), Number(body.durationSec)];
  if (deviceUuids.length === 0 || !Number.isInteger(startMs)) throw new Refusal('400', 'Unexpected value');
  if (!Number.isInteger(durationSec) || durationSec < 1) throw new Refusal('400', 'Unexpected value');
  if (splice.checksCamera && deviceUuids.some((device) => !hasFacet(state, device))) {
    throw new Refusal(refusal, texts.camera, nothing);
  }
  if (durationSec > splice.maxDuration) throw new Refusal(refusal, texts.length, nothing);
  if (startMs > state.now()) throw new Refusal(refusal, texts.range, nothing);
  const settings = body.accessSettings as { visibility?: unknown } | undefined;
  const visibility = String(settings?.visibility ?? body.clipVisibility ?? 'PRIVATE');
  if (!['PRIVATE', 'ROLE_RESTRICTED', 'ORG_WIDE'].includes(visibility)) throw new Refusal('400', 'Unexpected value');
  // One clip for all devices (unknown for several cameras).
  const { uuid } = addClip(state, {
    ...{ organization, deviceUuids, startMs, durationSec, visibility },
    title: typeof body.title === 'string' ? body.title : '',
    audio: body.audioIncluded === true,
  });
  return {
    clipUuid: splice.answer === 'both' || splice.answer === 'uuid' ? uuid : null,
    clipUuidList: splice.answer === 'both' || splice.answer === 'list' ? [uuid] : null,
  };
}

/** A device without a facet means its first video. */
function hasFacet(state: RhombusState, device: string): boolean {
  const facet = device.split('.')[1] ?? 'v0';
  const camera = findCamera(state, device);
  return camera !== undefined && (camera.supportedFacets ?? ['v0', 'a0']).includes(facet);
}

function getMaxSpliceDuration({ options: { splice } }: RhombusState): Payload {
  if (splice.tell === 'error') throw new Refusal('in-band', 'Internal error');
  if (splice.tell === '403') throw new Refusal('403', 'Access Denied');
  return splice.tell === 'missing' ? {} : { maxDuration: splice.maxDuration };
}

function getPresenceWindows(state: RhombusState, body: Payload): Payload {
  const { presence, texts } = state.options;
  if (presence.answer === '403' || presence.answer === '500') throw new Refusal(presence.answer, 'Access Denied');
  if (presence.answer === 'error') throw new Refusal('in-band', 'Internal error');
  if (presence.answer === 'missing') return {};
  if (presence.answer === 'null') return { presenceWindows: null };
  const camera = findCamera(state, String(body.cameraUuid));
  // A bare id is what it takes (documented).
  if (!camera || camera.uuid !== body.cameraUuid) throw new Refusal('in-band', texts.camera);
  const startMs = Number(body.startTimeSec) * 1000;
  const endMs = Math.min(startMs + Number(body.durationSec) * 1000, state.now() - presence.lagMs);
  const windows = (kind: 'cloud' | 'local') =>
    footageIn(camera[kind], startMs, endMs).flatMap((span) => pieces(span, presence));
  const [cloud, local] = [windows('cloud'), windows('local')];
  return {
    presenceWindows: {
      ...(cloud.length > 0 ? { VideoCloud: cloud } : {}),
      ...(local.length > 0 ? { VideoLocal: local } : {}),
    },
  };
}

function pieces(
  { startMs, endMs }: { startMs: number; endMs: number },
  { pieceMs, seamMs }: { pieceMs: number; seamMs: number },
): Payload[] {
  const windows: Payload[] = [];
  for (let at = startMs; at < endMs; at += pieceMs) {
    const end = Math.min(at + pieceMs, endMs);
    const seconds = (end < endMs ? end - seamMs - at : end - at) / 1000;
    windows.push({ startSeconds: at / 1000, durationSeconds: seconds });
  }
  return windows;
}

function deleteSavedClip(state: RhombusState, body: Payload, { organization }: Caller): Payload {
  const clip = state.clips.find((each) => each.uuid === body.savedClipUuid && each.organization === organization);
  const { deleteUnknown, deleted, texts } = state.options;
  if (!clip) {
    if (deleteUnknown === 'fine') return {};
    throw new Refusal(deleteUnknown, texts.clip);
  }
  end(state, clip, deleted);
  return {};
}

function cancelSpliceV2(state: RhombusState, body: Payload, { organization }: Caller): Payload {
  const wanted = [body.clipUuid, ...(Array.isArray(body.clipUuidList) ? body.clipUuidList : [])];
  const clips = state.clips.filter((clip) => wanted.includes(clip.uuid) && clip.organization === organization);
  if (clips.length === 0) throw new Refusal(state.options.refusal, state.options.texts.clip);
  for (const clip of clips) {
    // What is finished stays (ours).
    if (stepAt(clip, state.now()).status !== 'COMPLETE') end(state, clip, state.options.cancelled);
  }
  return {};
}

function end(state: RhombusState, clip: RhombusClip, into: 'nothing' | 'DELETED' | 'FAILED'): void {
  if (into === 'nothing') state.clips.splice(state.clips.indexOf(clip), 1);
  else clip.steps = [{ status: into, ms: Infinity, operation: into === 'FAILED' ? 'Cancelled' : null }];
}

function retrySplice(state: RhombusState, body: Payload): Payload {
  const clip = state.clips.find((each) => each.uuid === body.clipUuid);
  if (!clip) throw new Refusal(state.options.refusal, state.options.texts.clip);
  Object.assign(clip, { createdAt: state.now(), steps: usualSteps() });
  return {};
}

/** Kinds of cameras have lists of their own, under names of their own. */
const listOf =
  (kind: RhombusCamera['kind'], name: string) =>
  (state: RhombusState, body: Payload): Payload => ({
    [name]: statesOf(state, body, kind),
  });

function statesOf({ options }: RhombusState, body: Payload, kind: RhombusCamera['kind']): Payload[] {
  return options.cameras
    .filter((camera) => camera.kind === kind && (body.includeMummified === true || !camera.mummified))
    .map((camera) => ({
      uuid: camera.uuid,
      name: camera.name,
      connectionStatus: camera.connectionStatus,
      healthStatus: camera.connectionStatus,
      healthStatusDetails: camera.healthStatusDetails,
      supportedFacets: camera.supportedFacets,
      facetNameMap: camera.facetNameMap,
      // Not where clips are stored.
      mediaRegion: 'eu-north-9',
      region: 'eu-north-9',
      locationUuid: camera.locationUuid,
      serialNumber: null,
      mummified: camera.mummified,
      ...(options.replies.newFields ? { futureField: true } : {}),
    }));
}

function getLocations({ options }: RhombusState): Payload {
  return { locations: options.locations.map(({ uuid, name }) => ({ uuid, name, tz: 'Europe/Berlin' })) };
}

const operations: Record<string, Operation> = {
  'org/getOrgV2': { fields: [], run: (_, __, { organization }) => ({ org: { uuid: organization, name: 'Own' } }) },
  'video/spliceV3': {
    fields: [
      ...['deviceUuids!', 'startTimeMillis!', 'durationSec!', 'title', 'description', 'audioIncluded', 'saveToConsole'],
      ...['accessSettings', 'clipVisibility', 'deviceIntervalMap', 'alteredViewMap', 'integrationUploadMap'],
      ...['sendToSharedStorage', 'sendToUserStorage'],
    ],
    clips: true,
    run: spliceV3,
  },
  'video/getMaxSpliceDuration': { fields: [], run: getMaxSpliceDuration },
  'video/cancelSpliceV2': { fields: ['clipUuid', 'clipUuidList', 'deviceUuids'], clips: true, run: cancelSpliceV2 },
  'video/retrySplice': { fields: ['clipUuid!'], clips: true, run: retrySplice },
  'camera/getPresenceWindows': {
    fields: ['cameraUuid!', 'startTimeSec!', 'durationSec!'],
    run: getPresenceWindows,
  },
  'camera/getMinimalCameraStateList': { fields: ['includeMummified'], run: listOf('camera', 'cameraStates') },
  'doorbellcamera/getMinimalDoorbellCameraStateList': { fields: [], run: listOf('doorbell', 'doorbellCameras') },
  'relay/getMinimalThirdPartyCameraStateList': { fields: [], run: listOf('third-party', 'thirdPartyCameras') },
  'location/getLocations': { fields: [], run: getLocations },
  'event/getClipWithProgress': { fields: ['clipUuid!'], clips: true, run: getClipWithProgress },
  'event/getClipsWithProgress': {
    fields: [
      ...['pageSize', 'pageToken', 'deviceUuidFilters', 'locationUuidFilters', 'timestampMsAfter', 'timestampMsBefore'],
      ...['timestampFilterField', 'sortField', 'sortOrder', 'searchFilter', 'filterByPrivate'],
      'excludeAlertMonitoringClips',
    ],
    clips: true,
    run: getClipsWithProgress,
  },
  'event/getPolicyAlerts': {
    fields: [
      ...['afterTimestampMs', 'beforeTimestampMs', 'deviceFilter', 'locationFilter', 'maxResults'],
      ...['lastTimestampMs', 'lastUuid'],
    ],
    run: getPolicyAlerts,
  },
  'event/getPolicyAlertDetails': { fields: ['policyAlertUuid!'], run: getPolicyAlertDetails },
  'event/deleteSavedClip': { fields: ['savedClipUuid!'], clips: true, run: deleteSavedClip },
};
