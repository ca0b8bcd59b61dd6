import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { boxesOf } from './video';
import {
  exampleCameras,
  exampleKeys,
  failingSteps,
  offlineSteps,
  organizationWebhook,
  ruleWebhook,
  startRhombus,
  usualSteps,
  type Rhombus,
  type RhombusSettings,
} from './rhombus';

const NOON = Date.parse('2025-03-01T12:00:00Z');
const MINUTE = 60_000;

describe('Rhombus simulator', () => {
  let sim: Rhombus;
  const own: Record<string, string> = { 'x-auth-scheme': 'api-token', 'x-auth-apikey': exampleKeys.key };

  /** Time stands still. */
  async function begin(settings: RhombusSettings = {}): Promise<Rhombus> {
    sim = await startRhombus({ clock: { at: NOON }, ...settings });
    return sim;
  }

  afterEach(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });

  type Json = Record<string, unknown>;

  async function post(path: string, body: Json | string = {}, headers: Record<string, string> = own) {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    return fetch(`${sim.apiUrl}/api/${path}`, { method: 'POST', body: text, headers });
  }

  async function json(path: string, body: Json | string = {}, headers?: Record<string, string>): Promise<Json> {
    return (await (await post(path, body, headers)).json()) as Json;
  }

  const splice = {
    deviceUuids: [`${exampleCameras.dock}.v0`],
    startTimeMillis: NOON - 10 * MINUTE,
    durationSec: 2,
    title: 'Alarm 17',
    accessSettings: { visibility: 'ORG_WIDE' },
    audioIncluded: false,
    saveToConsole: true,
  };

  async function makeClip(change: Json = {}): Promise<string> {
    return String((await json('video/spliceV3', { ...splice, ...change })).clipUuid);
  }

  const clipOf = async (clipUuid: string) => (await json('event/getClipWithProgress', { clipUuid })).clip as Json;

  const file = (uuid: string, { region = 'us-west-2', headers = own } = {}) =>
    fetch(`${sim.mediaUrl}/media/metadata/${region}/${uuid}.mp4`, { headers });

  describe('keys', () => {
    it('are needed on both hosts, which are two', async () => {
      await begin();
      assert.notEqual(sim.apiUrl, sim.mediaUrl);
      const strangers: Record<string, string>[] = [
        {},
        { 'x-auth-scheme': 'api-token' },
        { 'x-auth-apikey': exampleKeys.key },
        { 'x-auth-scheme': 'federated-token', 'x-auth-ft': 'x', 'x-auth-apikey': exampleKeys.key },
      ];
      for (const headers of strangers) {
        const refused = await post('camera/getMinimalCameraStateList', {}, headers);
        assert.equal(refused.status, 401);
        assert.match(refused.headers.get('www-authenticate') ?? '', /^Bearer resource_metadata=/);
        assert.deepEqual(Object.keys((await refused.json()) as Json).sort(), ['authenticationFailed', 'futureField']);
        assert.equal((await file('x', { headers })).status, 401);
      }
      assert.equal((await fetch(`${sim.apiUrl}/media/metadata/us-west-2/x.mp4`, { headers: own })).status, 404);
      assert.equal((await fetch(`${sim.mediaUrl}/api/video/spliceV3`, { headers: own, method: 'POST' })).status, 405);
    });

    it('that are wrong are refused in every way there may be', async () => {
      await begin();
      const wrong = { ...own, 'x-auth-apikey': 'nonsense' };
      const answer = await json('camera/getMinimalCameraStateList', {}, wrong);
      assert.deepEqual([answer.status, answer.error, answer.msg], [403, 'Forbidden', 'Access Denied']);
      sim.options.wrongKey = 'invalid-key';
      assert.equal((await json('camera/getMinimalCameraStateList', {}, wrong)).msg, 'Invalid api key');
      sim.options.wrongKey = '401';
      assert.equal((await post('camera/getMinimalCameraStateList', {}, wrong)).status, 401);
    });

    it('of a viewer make no clips', async () => {
      await begin();
      const viewer = { ...own, 'x-auth-apikey': exampleKeys.viewer };
      assert.equal((await post('video/spliceV3', splice, viewer)).status, 403);
      assert.equal((await post('camera/getMinimalCameraStateList', {}, viewer)).status, 200);
      assert.equal((await file(await makeClip(), { headers: viewer })).status, 403);
    });

    it('of a partner work for the organisation that they name', async () => {
      await begin();
      const partner = { 'x-auth-scheme': 'partner-api-token', 'x-auth-apikey': exampleKeys.partner };
      const named = { ...partner, 'x-auth-org': exampleKeys.organization };
      assert.equal((await post('video/spliceV3', splice, partner)).status, 403);
      assert.equal((await post('video/spliceV3', splice, { ...partner, 'x-auth-org': 'other' })).status, 403);
      const { clipUuid } = await json('video/spliceV3', splice, named);
      assert.equal(sim.clips[0]!.organization, exampleKeys.organization);
      assert.equal((await json('event/getClipWithProgress', { clipUuid })).clip, null, 'not for others');
      sim.options.partnerWithoutOrganization = 'first';
      assert.ok((await json('event/getClipWithProgress', { clipUuid }, partner)).clip);
    });

    it('share a limit per organisation, told in plain text', async () => {
      await begin({ rateLimit: { perSecond: 2, burst: 2, retryAfterSeconds: 3 } });
      const status = async (key: string) =>
        (await post('video/getMaxSpliceDuration', {}, { ...own, 'x-auth-apikey': key })).status;
      assert.deepEqual([await status(exampleKeys.key), await status(exampleKeys.viewer)], [200, 200]);
      const refused = await post('video/getMaxSpliceDuration');
      assert.deepEqual(
        [refused.status, refused.headers.get('retry-after'), refused.headers.get('content-type')],
        [429, '3', 'text/plain'],
      );
      assert.match(await refused.text(), /^Too many requests/);
      sim.advance(500);
      assert.deepEqual([await status(exampleKeys.key), await status(exampleKeys.key)], [200, 429]);
    });
  });

  describe('requests', () => {
    it('are POST, with a body that fits', async () => {
      await begin();
      assert.equal((await fetch(`${sim.apiUrl}/api/video/spliceV3`, { headers: own })).status, 405);
      assert.equal((await post('video/noSuchThing')).status, 404);
      assert.equal((await post('video/getMaxSpliceDuration', '')).status, 200);
      assert.equal((await post('video/getMaxSpliceDuration', 'nonsense')).status, 400);
      assert.equal((await post('video/getMaxSpliceDuration', '[]')).status, 400);
      assert.match(String((await json('video/spliceV3', { ...splice, nonsense: 1 })).msg), /nonsense/);
      assert.equal((await post('video/spliceV3', { ...splice, durationSec: undefined })).status, 500);
      Object.assign(sim.options, { strictFields: false, strictMissing: false });
      assert.equal((await post('video/spliceV3', { ...splice, nonsense: 1 })).status, 200);
      assert.equal((await post('video/spliceV3', { ...splice, durationSec: undefined })).status, 400);
    });

    it('are answered in the form that the switches say', async () => {
      await begin({ replies: { warning: 'careful' } });
      const answer = await json('video/getMaxSpliceDuration');
      assert.deepEqual(answer, {
        futureField: { nested: [1, null, 'x'] },
        ...{ maxDuration: 3600, error: false, errorMsg: null, warningMsg: 'careful' },
      });
      Object.assign(sim.options.replies, { success: 'null', newFields: false, warning: null });
      assert.deepEqual(await json('video/getMaxSpliceDuration'), {
        ...{ maxDuration: 3600, error: null, errorMsg: null, warningMsg: null },
      });
      Object.assign(sim.options.replies, { success: 'absent', omitNulls: true });
      assert.deepEqual(await json('video/getMaxSpliceDuration'), { maxDuration: 3600 });
    });

    it('are refused in the form that the switches say', async () => {
      await begin({ replies: { newFields: false } });
      const wanted = { ...splice, deviceUuids: ['nobody'] };
      assert.deepEqual(await json('video/spliceV3', wanted), {
        ...{ error: true, errorMsg: 'Device not found', clipUuid: null, clipUuidList: null },
      });
      sim.options.replies.messageIn = 'msg';
      assert.equal((await json('video/spliceV3', wanted)).msg, 'Device not found');
      sim.options.replies.failure = 'text';
      assert.equal((await json('video/spliceV3', wanted)).error, 'Device not found');
      for (const refusal of ['400', '404', '500'] as const) {
        sim.options.refusal = refusal;
        assert.equal((await post('video/spliceV3', wanted)).status, Number(refusal));
      }
      assert.equal(sim.made, 0);
    });
  });

  describe('spliceV3', () => {
    it('makes another clip each time, with ids as they may be', async () => {
      await begin();
      const ids = [await makeClip(), await makeClip()];
      assert.equal(new Set(ids).size, 2);
      for (const id of ids) assert.match(id, /^[A-Za-z0-9_-]{22}$/);
      assert.ok(ids.some((id) => id.startsWith('-')) && ids.every((id) => id.includes('_')));
      assert.deepEqual(sim.requestsFor('spliceV3').length, 2);
    });

    it('answers with an id, a list, both or neither', async () => {
      await begin();
      const answer = async () => {
        const { clipUuid, clipUuidList } = await json('video/spliceV3', splice);
        return [typeof clipUuid === 'string', Array.isArray(clipUuidList)];
      };
      assert.deepEqual(await answer(), [true, true]);
      sim.options.splice.answer = 'uuid';
      assert.deepEqual(await answer(), [true, false]);
      sim.options.splice.answer = 'list';
      assert.deepEqual(await answer(), [false, true]);
      sim.options.splice.answer = 'none';
      assert.deepEqual(await answer(), [false, false]);
    });

    it('refuses what is too long, what has not been yet, and what is no value', async () => {
      await begin({ splice: { maxDuration: 60 } });
      const said = async (change: Json) => (await json('video/spliceV3', { ...splice, ...change })).errorMsg;
      assert.match(String(await said({ durationSec: 61 })), /maximum/);
      assert.match(String(await said({ startTimeMillis: NOON + 1 })), /start time/);
      assert.match(String(await said({ deviceUuids: [`${exampleCameras.dock}.v1`] })), /Device/);
      for (const wrong of [{ durationSec: 0 }, { durationSec: 1.5 }, { startTimeMillis: 'x' }, { deviceUuids: [] }]) {
        assert.equal((await post('video/spliceV3', { ...splice, ...wrong })).status, 400);
      }
      const visibility = { accessSettings: { visibility: 'EVERYONE' } };
      assert.equal((await post('video/spliceV3', { ...splice, ...visibility })).status, 400);
      assert.ok(await makeClip({ deviceUuids: [exampleCameras.dock, `${exampleCameras.dock}.a0`] }));
      sim.options.splice.checksCamera = false;
      assert.equal(await said({ deviceUuids: ['nobody'] }), null);
    });

    it('makes filler frames where there is no footage', async () => {
      await begin({ splice: { steps: () => usualSteps(0) } });
      const uuid = await makeClip({ deviceUuids: [exampleCameras.empty] });
      assert.equal((await clipOf(uuid)).status, 'COMPLETE');
    });
  });

  describe('a clip', () => {
    it('goes through its stages, each with a percentage of its own', async () => {
      await begin({ splice: { steps: () => usualSteps(100) } });
      const uuid = await makeClip();
      const seen: unknown[] = [];
      for (let at = 0; at <= 300; at += 50) {
        const { status, percentComplete } = await clipOf(uuid);
        seen.push(`${String(status)} ${String(percentComplete)}`);
        sim.advance(50);
      }
      assert.deepEqual(seen, [
        ...['INITIATING 0', 'INITIATING 50', 'UPLOADING 0', 'UPLOADING 50', 'RENDERING 0', 'RENDERING 50'],
        'COMPLETE 100',
      ]);
    });

    it('fails, goes offline and comes back, or stays where it is, as it is told', async () => {
      await begin();
      const statusOf = async (steps: ReturnType<typeof usualSteps>, atMs: number) => {
        sim.options.splice.steps = () => steps;
        const uuid = await makeClip();
        sim.advance(atMs);
        return (await clipOf(uuid)).status;
      };
      assert.equal(await statusOf(failingSteps('why', 10), 20), 'FAILED');
      assert.equal(await statusOf(offlineSteps(100, 10), 50), 'OFFLINE');
      assert.equal(await statusOf(offlineSteps(100, 10), 125), 'UPLOADING');
      assert.equal(await statusOf(offlineSteps(100, 10), 140), 'COMPLETE');
      assert.equal(await statusOf([{ status: 'UPLOADING', ms: Infinity }], 1e9), 'UPLOADING');
      assert.equal(await statusOf([{ status: null, ms: Infinity }], 0), null);
    });

    it('tells about its file once it is complete', async () => {
      await begin({ splice: { steps: () => usualSteps(10) } });
      const uuid = await makeClip();
      const before = await clipOf(uuid);
      assert.deepEqual([before.byteCount, before.sha256Hex, before.clipLocation], [null, null, null]);
      sim.advance(30);
      const { media, sha256 } = await sim.mediaOf(uuid);
      const after = await clipOf(uuid);
      assert.deepEqual([after.byteCount, after.sha256Hex], [media.size, sha256]);
      assert.deepEqual(
        [after.clipLocation, after.thumbnailLocation],
        [{ region: 'us-west-2' }, { region: 'us-west-2' }],
      );
      assert.equal(after.lastUpdatedSec, Math.floor((NOON + 30) / 1000));
      Object.assign(sim.options.status, { sha256: 'wrong', byteCount: 'wrong', location: 'v2', device: 'bare' });
      const other = await clipOf(uuid);
      assert.deepEqual([other.byteCount, other.sha256Hex], [media.size + 1, 'f'.repeat(64)]);
      assert.deepEqual([other.clipLocation, other.thumbnailLocation], [null, null]);
      assert.match(String(other.clipLocationV2), /^https:/);
      assert.equal(other.deviceUuid, exampleCameras.dock);
      Object.assign(sim.options.status, { sha256: 'upper-case', byteCount: 'null', location: 'none' });
      sim.options.replies.longsAsText = true;
      const third = await clipOf(uuid);
      assert.deepEqual([third.byteCount, third.sha256Hex], [null, sha256.toUpperCase()]);
      assert.equal(third.timestampMs, String(splice.startTimeMillis));
    });

    it('that does not exist, or not yet, is told in every way there may be', async () => {
      await begin({ status: { hiddenMs: 100 } });
      const uuid = await makeClip();
      assert.equal(await clipOf(uuid), null);
      sim.advance(100);
      assert.ok(await clipOf(uuid));
      sim.removeClip(uuid);
      sim.options.status.unknown = 'absent';
      assert.equal(await clipOf(uuid), undefined);
      sim.options.status.unknown = 'in-band';
      assert.equal((await json('event/getClipWithProgress', { clipUuid: uuid })).errorMsg, 'Clip not found');
      sim.options.status.unknown = '404';
      assert.equal((await post('event/getClipWithProgress', { clipUuid: uuid })).status, 404);
    });

    it('is deleted, cancelled and made again', async () => {
      await begin({ splice: { steps: () => [{ status: 'UPLOADING', ms: Infinity }] } });
      const statusOf = async (uuid: string) => (await clipOf(uuid))?.status;
      for (const [after, seen] of [
        ['nothing', undefined],
        ['DELETED', 'DELETED'],
      ] as const) {
        Object.assign(sim.options, { deleted: after, cancelled: after });
        const [one, two] = [await makeClip(), await makeClip()];
        await json('event/deleteSavedClip', { savedClipUuid: one });
        await json('video/cancelSpliceV2', { clipUuidList: [two], deviceUuids: [] });
        assert.deepEqual([await statusOf(one), await statusOf(two)], [seen, seen]);
      }
      sim.options.cancelled = 'FAILED';
      const uuid = await makeClip();
      await json('video/cancelSpliceV2', { clipUuid: uuid });
      assert.equal(await statusOf(uuid), 'FAILED');
      await json('video/retrySplice', { clipUuid: uuid });
      assert.equal(await statusOf(uuid), 'INITIATING');
      assert.equal((await json('event/deleteSavedClip', { savedClipUuid: 'x' })).error, false);
      sim.options.deleteUnknown = 'in-band';
      assert.equal((await json('event/deleteSavedClip', { savedClipUuid: 'x' })).error, true);
      assert.equal((await json('video/cancelSpliceV2', { clipUuid: 'x' })).error, true);
      assert.equal((await json('video/retrySplice', { clipUuid: 'x' })).error, true);
    });
  });

  describe('the list of clips', () => {
    const list = (body: Json) => json('event/getClipsWithProgress', body);
    const uuids = (answer: Json) => (answer.savedClips as { uuid: string }[]).map(({ uuid }) => uuid);

    it('comes in pages with an opaque token', async () => {
      await begin();
      const made: string[] = [];
      for (let index = 0; index < 5; index += 1) {
        sim.advance(1);
        made.unshift(await makeClip());
      }
      const first = await list({ pageSize: 2 });
      const second = await list({ pageSize: 2, pageToken: first.pageToken });
      const third = await list({ pageSize: 2, pageToken: second.pageToken });
      assert.deepEqual([...uuids(first), ...uuids(second), ...uuids(third)], made);
      assert.equal(third.pageToken, null);
      assert.deepEqual(uuids(await list({ pageSize: 5, sortOrder: 'asc' })), made.toReversed());
      for (const pageSize of [0, 201, 'many']) {
        assert.equal((await post('event/getClipsWithProgress', { pageSize })).status, 400);
      }
      assert.equal((await post('event/getClipsWithProgress', { pageSize: 1, pageToken: 'x' })).status, 400);
      assert.equal((await post('event/getClipsWithProgress', {})).status, 500);
      sim.options.list.strictPageSize = false;
      assert.equal(uuids(await list({})).length, 5);
      sim.options.list.endless = true;
      assert.ok((await list({ pageSize: 9 })).pageToken);
    });

    it('has filters by camera, time, name and visibility', async () => {
      await begin();
      const startTimeMillis = NOON - 60 * MINUTE;
      const dock = await makeClip({ startTimeMillis, title: 'One' });
      const gate = await makeClip({
        deviceUuids: [`${exampleCameras.gate}.v1`],
        accessSettings: { visibility: 'PRIVATE' },
      });
      const found = async (filter: Json) => uuids(await list({ pageSize: 9, sortOrder: 'asc', ...filter }));
      assert.deepEqual(await found({ deviceUuidFilters: [exampleCameras.gate] }), [gate]);
      assert.deepEqual(await found({ deviceUuidFilters: [`${exampleCameras.gate}.v1`] }), []);
      assert.deepEqual(await found({ searchFilter: 'ONE' }), [dock]);
      assert.deepEqual(await found({ filterByPrivate: true }), [gate]);
      assert.deepEqual(await found({ timestampMsAfter: startTimeMillis + 1 }), [dock, gate], 'by creation');
      sim.options.list.time = 'footage';
      assert.deepEqual(await found({ timestampMsAfter: startTimeMillis + 1 }), [gate]);
      assert.deepEqual(await found({ timestampMsBefore: startTimeMillis }), [dock]);
    });

    it('does not have a new clip yet', async () => {
      await begin({ list: { hiddenMs: 10 } });
      const uuid = await makeClip();
      assert.deepEqual(uuids(await list({ pageSize: 1 })), []);
      sim.advance(10);
      assert.deepEqual(uuids(await list({ pageSize: 1 })), [uuid]);
    });
  });

  describe('footage', () => {
    const windows = async (cameraUuid: string, from: number, seconds: number) =>
      json('camera/getPresenceWindows', { cameraUuid, startTimeSec: from / 1000, durationSec: seconds });

    it('is told in pieces, in the cloud and on the camera, up to a while ago', async () => {
      await begin({ presence: { pieceMs: 30_000 } });
      assert.deepEqual((await windows(exampleCameras.dock, NOON - 3 * MINUTE, 180)).presenceWindows, {
        VideoCloud: [
          { startSeconds: NOON / 1000 - 180, durationSeconds: 29 },
          { startSeconds: NOON / 1000 - 150, durationSeconds: 30 },
        ],
      });
      const { presenceWindows } = await windows(exampleCameras.barn, NOON - 10 * MINUTE, 10);
      assert.deepEqual(Object.keys(presenceWindows as Json), ['VideoLocal']);
      assert.deepEqual((await windows(exampleCameras.empty, NOON - 10 * MINUTE, 10)).presenceWindows, {});
      assert.equal((await windows(`${exampleCameras.dock}.v0`, NOON - 10 * MINUTE, 10)).error, true);
    });

    it('is not told, in every way there may be', async () => {
      await begin();
      const answer = async () => windows(exampleCameras.dock, NOON - 10 * MINUTE, 10);
      sim.options.presence.answer = 'missing';
      assert.equal((await answer()).presenceWindows, undefined);
      sim.options.presence.answer = 'null';
      assert.equal((await answer()).presenceWindows, null);
      sim.options.presence.answer = 'error';
      assert.equal((await answer()).error, true);
      sim.options.presence.answer = '403';
      assert.equal((await answer()).error, 'Forbidden');
    });
  });

  it('lists cameras, those out of service on demand', async () => {
    await begin();
    const count = async (body: Json) =>
      ((await json('camera/getMinimalCameraStateList', body)).cameraStates as unknown[]).length;
    assert.deepEqual([await count({}), await count({ includeMummified: true })], [4, 5]);
  });

  it('tells the longest clip, or does not', async () => {
    await begin();
    assert.equal((await json('video/getMaxSpliceDuration')).maxDuration, 3600);
    sim.options.splice.tell = 'missing';
    assert.equal((await json('video/getMaxSpliceDuration')).maxDuration, undefined);
    sim.options.splice.tell = 'error';
    assert.equal((await json('video/getMaxSpliceDuration')).error, true);
    sim.options.splice.tell = '403';
    assert.equal((await post('video/getMaxSpliceDuration')).status, 403);
  });

  describe('the media host', () => {
    it('has a real video of the right length for each clip, and no two alike', async () => {
      await begin({ splice: { steps: () => usualSteps(0) } });
      const [one, two] = [await makeClip(), await makeClip()];
      const reply = await file(one);
      const bytes = Buffer.from(await reply.arrayBuffer());
      assert.equal(reply.headers.get('content-type'), 'video/mp4');
      assert.ok(boxesOf(bytes).some(({ type }) => type === 'moov'));
      assert.equal(createHash('sha256').update(bytes).digest('hex'), (await clipOf(one)).sha256Hex);
      assert.notEqual((await clipOf(one)).sha256Hex, (await clipOf(two)).sha256Hex);
      assert.equal(sim.requestsFor('download').length, 1);
    });

    it('has nothing in another region, before the end, for some time after it, and after deletion', async () => {
      await begin({ splice: { steps: () => usualSteps(10) }, download: { delayMs: 5 } });
      const uuid = await makeClip();
      const status = async (region?: string) => (await file(uuid, region ? { region } : {})).status;
      assert.equal(await status(), 404);
      sim.advance(30);
      assert.equal(await status(), 404);
      sim.advance(5);
      assert.equal(await status(), 200);
      assert.equal(await status('eu-central-1'), 404);
      await json('event/deleteSavedClip', { savedClipUuid: uuid });
      assert.equal(await status(), 404);
    });

    it('sends something else than video when it is told to', async () => {
      await begin({ splice: { steps: () => usualSteps(0) } });
      const uuid = await makeClip();
      const text = async (answer: typeof sim.options.download.answer) => {
        sim.options.download.answer = answer;
        return (await file(uuid)).text();
      };
      assert.match(await text('html'), /<html>/);
      assert.match(await text('json-error'), /"error":true/);
      assert.match(await text('text'), /busy/);
      assert.equal(await text('empty'), '');
    });

    it('cuts, chunks, ranges and blows up videos', async () => {
      await begin({ splice: { steps: () => usualSteps(0) }, download: { range: true, largeMedia: 300_000 } });
      const uuid = await makeClip();
      const part = await file(uuid, { headers: { ...own, range: 'bytes=299990-' } });
      assert.deepEqual([part.status, (await part.arrayBuffer()).byteLength], [206, 10]);
      sim.options.download.framing = 'chunked';
      assert.equal((await file(uuid)).headers.get('content-length'), null);
      Object.assign(sim.options.download, { framing: 'length', truncateAfter: 1000 });
      const cut = await file(uuid);
      assert.equal(cut.headers.get('content-length'), '300000');
      await assert.rejects(cut.arrayBuffer());
    });
  });

  it('meets faults on the host that they are for', async () => {
    await begin();
    sim.failNext({ kind: 'reply', reply: { status: 503 } }, 'spliceV3');
    sim.failNext({ kind: 'reply', reply: { status: 502 } }, 'download');
    assert.equal((await post('video/getMaxSpliceDuration')).status, 200);
    assert.equal((await post('video/spliceV3', splice)).status, 503);
    assert.equal((await file('x')).status, 502);
    sim.failNext({ kind: 'reply', reply: { status: 500 } }, 'any', 2);
    assert.deepEqual([(await file('x')).status, (await post('video/spliceV3', splice)).status], [500, 500]);
    assert.equal((await post('video/spliceV3', splice)).status, 200);
    sim.failNext({ kind: 'reset', when: 'reply' });
    sim.clearFaults();
    assert.equal((await post('video/spliceV3', splice)).status, 200);
  });

  it('signs what a webhook receives', async () => {
    await begin();
    const secret = 'A'.repeat(22);
    const byOrganization = organizationWebhook({ summary: 'Test webhook' }, secret);
    assert.equal(byOrganization.body, '{"version":"2","summary":"Test webhook"}');
    assert.equal(byOrganization.headers['x-rhombus-signature-sha1'], '7c67f32d7b1320f76fa6d171a1a54dd6808570b6');
    const byRule = ruleWebhook({ version: '2', summary: 'Test webhook' }, secret);
    const sha256 = '5d3808f7c72ed8b6e52c12cf3ae13e72667d316178c6110081d58282828b2482';
    assert.equal(byRule.headers['x-rhombus-signature-sha256'], sha256);
    assert.deepEqual(Object.keys(ruleWebhook({}, undefined).headers), ['content-type']);
  });

  it('runs on the real clock too', async () => {
    await begin({ clock: 'real', splice: { steps: () => usualSteps(5) } });
    const uuid = await makeClip({ startTimeMillis: Date.now() - MINUTE });
    const deadline = Date.now() + 5000;
    while ((await clipOf(uuid)).status !== 'COMPLETE' && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    assert.equal((await clipOf(uuid)).status, 'COMPLETE');
  });
});
