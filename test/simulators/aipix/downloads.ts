/** The calls that make, list, delete and remake files. */
import { setTimeout as sleep } from 'node:timers/promises';
import { htmlPage, type RecordedRequest, type Reply } from '../http-server';
import { footageMs, pageReply, visibleCameras } from './cameras';
import type { Family } from './options';
import { addRecord, catchUp, recordJson, start, streamJson, type AipixRecord } from './records';
import { jsonReply, notFound, parseTime, refusal, rtspRefusal, type Json } from './replies';
import { throttled, type AipixSession, type AipixState } from './state';

type Body = Record<string, unknown>;
type Problems = Record<string, string[]>;

/** What a path below the API means, where it is one of these calls. */
export function downloads(
  state: AipixState,
  request: RecordedRequest,
  session: AipixSession,
  path: string,
  body: Body,
): Promise<Reply> | Reply {
  const { paths } = state.options;
  const [, family, id, verb] = /^((?:users\/)?downloads)(?:\/(\d+)(\/repeat)?)?$/.exec(path) ?? [];
  if (!family) return notFound(state);
  const served = (families: Family[]): boolean => families.includes(family as Family);
  const unserved = (): Reply =>
    paths.unserved === 'page'
      ? htmlPage(200, 'Welcome')
      : refusal(state, paths.unserved, {}, 'The route could not be found.');
  if (!id) {
    if (request.method === 'POST') return served(paths.create) ? create(state, session, body, false) : unserved();
    if (request.method === 'GET')
      return served(paths.list) ? list(state, request, session, family as Family) : unserved();
    return unserved();
  }
  if (verb) {
    const isServed = request.method === 'POST' && served(paths.repeat) && state.options.repeat !== 'missing';
    return isServed ? repeat(state, session, id, false) : unserved();
  }
  if (request.method !== 'DELETE' || !served(paths.delete)) return unserved();
  const record = own(state, session, id);
  if (!record) return notFound(state);
  state.records = state.records.filter((candidate) => candidate !== record);
  return jsonReply({ status: 'ok' });
}

/** Source: https://docs.aipix.ai/en/start/aipix-24.03/video-generation */
export function adminDownloads(
  state: AipixState,
  request: RecordedRequest,
  session: AipixSession,
  path: string,
  body: Body,
): Promise<Reply> | Reply {
  if (!state.options.licence) return refusal(state, 402, {}, 'License error.');
  const [, id] = /^downloads\/(\d+)\/repeat$/.exec(path) ?? [];
  if (id && request.method === 'POST') return repeat(state, session, id, true);
  if (path !== 'downloads') return notFound(state);
  if (request.method === 'POST') return create(state, session, body, true);
  if (!state.options.admin.list) return refusal(state, 405, {}, 'The GET method is not supported for this route.');
  const records = state.records.toReversed().map((record) => adminJson(state, record, 'downloads'));
  return pageReply(state, request, records, Number(request.query.get('per_page')) || 25);
}

async function create(state: AipixState, session: AipixSession, body: Body, forAdmin: boolean): Promise<Reply> {
  const busy = throttled(state, 'downloads', session.user.id);
  if (busy) return busy;
  if (!forAdmin && !session.user.permissions.includes('archives-download')) {
    return refusal(state, 403, { permission: ['This action is unauthorized.'] });
  }
  const { options } = state;
  const from = parseTime(body.from);
  const to = parseTime(body.to);
  const problems: Problems = {};
  if (from === undefined) problems.from = ['The from does not match the format Y-m-dTH:i:sp.'];
  if (to === undefined) problems.to = ['The to does not match the format Y-m-dTH:i:sp.'];
  const named = forAdmin && options.admin.cameraField === 'camera_id' ? [body.camera_id ?? []].flat() : body.ids;
  const ids: unknown[] = Array.isArray(named) ? named : [];
  if (ids.length === 0) problems.ids = ['The ids field is required.'];
  // A vendor's text may repeat what must not be seen.
  if (from !== undefined && to !== undefined && from >= to) problems.to = [rtspRefusal];
  if (to! - from! > options.maxRangeMs) problems.to = ['The range may not be longer than 10 minutes.'];
  const cameras = visibleCameras(state, session.user.login);
  const found = ids.map((id) => cameras.find((camera) => camera.id === String(id)));
  if (found.some((camera) => !camera)) problems.ids = ['The selected ids is invalid.'];
  if (Object.keys(problems).length > 0) return refusal(state, 422, problems);
  if (found.some((camera) => camera!.userStatus === 'blocked')) {
    return refusal(state, 403, { camera: ['Access to the camera is blocked.'] });
  }
  const isPartial = found.some((camera) => footageMs(state, camera!, from!, to!) < to! - from!);
  if (isPartial && options.making.partial === 'refused') {
    return refusal(state, 422, { from: ['There is no archive for this range.'] });
  }
  const records = found.map((camera) => addRecord(state, { camera: camera!, from: from!, to: to! }, session));
  // As they are now: the answer is the state of the moment of the request.
  const answers = records.map((record) =>
    forAdmin ? adminJson(state, record, 'fresh') : recordJson(state, record, 'fresh'),
  );
  if (options.push.sent === 'before the reply') {
    for (const record of records) record.dueAt = state.now();
    catchUp(state);
    // Another connection carries it, so only time makes it come first.
    await sleep(50);
  }
  return wrapped(state, answers, forAdmin);
}

function wrapped(state: AipixState, answers: Json[], forAdmin: boolean): Reply {
  if (forAdmin) return jsonReply(answers[0]);
  const { reply } = state.options.record;
  if (reply === 'nothing') return jsonReply([]);
  if (reply === 'object') return jsonReply(answers[0]);
  return jsonReply(reply === 'data' ? { data: answers } : answers);
}

function adminJson(state: AipixState, record: AipixRecord, where: 'downloads' | 'fresh'): Json {
  const { id, ...rest } = recordJson(state, record, where);
  return { ...(state.options.admin.idInReply ? { id } : {}), ...rest, stream: streamJson(record, true) };
}

function list(state: AipixState, request: RecordedRequest, session: AipixSession, family: Family): Reply {
  const { filter, maxPerPage, order, stream, tooMany, wrapper } = state.options.list;
  const { query } = request;
  const perPage = Number(query.get('per_page')) || 25;
  if (perPage > maxPerPage && tooMany === 'refuse') {
    return refusal(state, 422, { per_page: [`The per page may not be greater than ${maxPerPage}.`] });
  }
  const [from, to] = [parseTime(query.get('from')), parseTime(query.get('to'))];
  if (filter === 'refused' && (query.has('from') || query.has('to'))) {
    return refusal(state, 422, { from: ['The from is invalid.'] });
  }
  const records = state.records.filter(
    ({ createdAt, userId }) =>
      userId === session.user.id &&
      (filter === 'ignored' || (createdAt >= (from ?? -Infinity) && createdAt <= (to ?? Infinity))),
  );
  const items = (order === 'oldest' ? records : records.toReversed()).map((record) => ({
    ...recordJson(state, record, family),
    ...(stream ? { stream: streamJson(record, false) } : {}),
    user: { login: session.user.login },
  }));
  if (wrapper === 'array') return jsonReply(items);
  return pageReply(state, request, items, Math.min(perPage, maxPerPage));
}

function repeat(state: AipixState, session: AipixSession, id: string, forAdmin: boolean): Reply {
  const record = forAdmin ? state.records.find((candidate) => candidate.id === id) : own(state, session, id);
  if (!record) return notFound(state);
  const next = state.options.repeat === 'new id' ? addRecord(state, record, session) : record;
  next.tokenId = session.tokenId;
  if (next === record) start(state, record);
  const answer = forAdmin ? adminJson(state, next, 'fresh') : recordJson(state, next, 'fresh');
  return jsonReply(answer);
}

function own(state: AipixState, session: AipixSession, id: string): AipixRecord | undefined {
  return state.records.find((record) => record.id === id && record.userId === session.user.id);
}
