import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { writeFile, mkdtemp, rm } from 'node:fs/promises';
import https from 'node:https';
import os from 'node:os';
import path from 'node:path';
import { XMLParser } from 'fast-xml-parser';
import { htmlPage } from './http-server';
import { boxesOf, findFfmpeg, makeVideo, openMedia, sha256Of } from './video';
import { experimentalDigest, senseCamera, startVdgSense, type SenseSettings, type VdgSense } from './vdg-sense';
import { selfSignedCertificate } from './vdg-sense/self-signed';

const ONE = '6917529027641081901';
const TWO = '6917529027641081902';
const NOON = '2025-03-01T12:00:00Z';
const MINUTE = 60_000;

describe('VDG Sense simulator', () => {
  let sim: VdgSense;

  /** Time stands still and nobody has to log in, unless the test says otherwise. */
  async function begin(settings: SenseSettings = {}): Promise<VdgSense> {
    sim = await startVdgSense({ clock: { at: NOON }, auth: ['open'], ...settings });
    return sim;
  }

  afterEach(async () => {
    await sim.close();
    assert.deepEqual(sim.errors, []);
  });

  async function command(name: string, parameters: Record<string, string> = {}, init: RequestInit = {}) {
    const query = Object.entries({ command: name, ...parameters }).map(
      ([key, value]) => `${key}=${encodeURIComponent(value)}`,
    );
    return fetch(`${sim.url}/command?${query.join('&')}`, init);
  }

  async function xml(name: string, parameters: Record<string, string> = {}, init: RequestInit = {}): Promise<string> {
    return (await command(name, parameters, init)).text();
  }

  const clipRequest = {
    serverid: ONE,
    deviceid: '2',
    description: 'Alarm 17',
    startdate: '2025-03-01 11:00:00.000',
    enddate: '2025-03-01 11:00:02.000',
  };

  async function makeClip(change: Record<string, string> = {}): Promise<string> {
    const id = field(await xml('addClip', { ...clipRequest, ...change }), 'id');
    sim.advance(1000);
    return id;
  }

  async function login(body: string, headers: Record<string, string> = {}) {
    return fetch(`${sim.url}/webservice`, {
      method: 'POST',
      body,
      headers: { 'content-type': 'text/xml', ...headers },
    });
  }

  const plain = (password = 's3cret'): string =>
    `<?xml version="1.0"?><AuthenticateUser><username>nodered</username><password>${password}</password></AuthenticateUser>`;

  describe('server info', () => {
    it('tells clock and version without a login', async () => {
      await begin({ auth: ['plain'], skewMs: 5000 });
      const text = await (await fetch(`${sim.url}/info`)).text();
      assert.equal(field(text, 'utc'), '2025-03-01 12:00:05');
      assert.equal(field(text, 'version'), '2.7.3');
    });

    it('is missing before 2.6.1', async () => {
      await begin({ version: '2.6.0' });
      assert.equal((await fetch(`${sim.url}/info`)).status, 404);
    });
  });

  describe('login', () => {
    it('gives a session that the cookie carries', async () => {
      await begin({ auth: ['plain'] });
      const reply = await login(plain());
      const key = field(await reply.text(), 'sessionkey');
      assert.equal(reply.headers.get('set-cookie'), `sessionkey=${key}`);
      assert.equal((await command('getDeviceList')).status, 401);
      assert.equal((await command('getDeviceList', {}, { headers: { cookie: `a=b; sessionkey=${key}` } })).status, 200);
      assert.deepEqual([sim.logins, sim.refusedLogins, sim.sessions.size], [1, 0, 1]);
    });

    it('takes tag names in any case', async () => {
      await begin({ auth: ['plain'] });
      await login('<AUTHENTICATEUSER><UserName>nodered</UserName><PASSWORD>s3cret</PASSWORD></AUTHENTICATEUSER>');
      assert.equal(sim.logins, 1);
    });

    it('returns the key wherever it is told to', async () => {
      await begin({ auth: ['plain'], session: { in: ['attribute'], name: 'SessionID', root: 'login' } });
      const reply = await login(plain());
      assert.match(await reply.text(), /<login errorcode="0" SessionID="1048577001"\/>/);
      assert.equal(reply.headers.get('set-cookie'), null);
    });

    it('refuses a wrong password in every way there may be', async () => {
      await begin({ auth: ['plain'] });
      assert.match(await (await login(plain('x'))).text(), /errorcode="-55"/);
      sim.options.refusedLogin = '401';
      assert.equal((await login(plain('x'))).status, 401);
      sim.options.refusedLogin = 'no-key';
      assert.match(await (await login(plain('x'))).text(), /errorcode="0"><description>Access denied/);
      sim.options.refusedLogin = 'login-page';
      assert.match(await (await login('no xml')).text(), /<html>/);
      assert.deepEqual([sim.logins, sim.refusedLogins], [0, 4]);
    });

    it('locks an account after too many wrong passwords', async () => {
      await begin({ auth: ['plain'], lockAfter: 2 });
      await login(plain('x'));
      await login(plain('x'));
      await login(plain());
      assert.deepEqual([sim.logins, sim.refusedLogins], [0, 3]);
    });

    it('checks the experimental digest', async () => {
      await begin({ auth: ['digest'] });
      const timestamp = '2025-03-01 12:00:01';
      const digest = experimentalDigest(sim.options.digest, { username: 'nodered', password: 's3cret', timestamp });
      const body = (value: string): string =>
        `<AuthenticateUserDigest><username>nodered</username><nonce>VENDORISSUED0001</nonce>` +
        `<timestamp>${timestamp}</timestamp><digest>${value}</digest></AuthenticateUserDigest>`;
      await login(body('0'.repeat(40)));
      assert.equal(sim.refusedLogins, 1);
      await login(body(digest.toUpperCase()));
      assert.equal(sim.logins, 1);
      sim.advance(2 * 24 * 60 * MINUTE);
      await login(body(digest));
      assert.equal(sim.refusedLogins, 2);
    });

    it('takes Basic authentication when that is on', async () => {
      await begin({ auth: ['basic'] });
      const authorization = (pair: string) => ({ authorization: `Basic ${Buffer.from(pair).toString('base64')}` });
      assert.equal((await command('getClips', {}, { headers: authorization('nodered:s3cret') })).status, 200);
      const refused = await command('getClips', {}, { headers: authorization('nodered:x') });
      assert.equal(refused.status, 401);
      assert.match(refused.headers.get('www-authenticate') ?? '', /Basic/);
      assert.equal(sim.refusedLogins, 1);
    });

    it('ends idle sessions, and all of them on demand', async () => {
      await begin({ auth: ['plain'], session: { idleMs: MINUTE } });
      const status = async (): Promise<number> =>
        (await command('getClips', {}, { headers: { cookie: 'sessionkey=1048577001' } })).status;
      await login(plain());
      sim.advance(MINUTE);
      assert.equal(await status(), 200);
      sim.advance(MINUTE);
      assert.equal(await status(), 200);
      sim.advance(MINUTE + 1);
      assert.equal(await status(), 401);
      await login(plain());
      sim.expireSessions();
      assert.equal(sim.sessions.size, 0);
    });

    it('keeps to the number of sessions', async () => {
      await begin({ auth: ['plain'], session: { max: 1 } });
      await login(plain());
      assert.match(await (await login(plain())).text(), /errorcode="-18"/);
      sim.options.session.onePerUser = true;
      await login(plain());
      assert.deepEqual([...sim.sessions.keys()], ['1048577002']);
    });

    it('answers strangers in every way there may be', async () => {
      await begin({ auth: ['plain'], unauthenticated: '403' });
      assert.equal((await command('getClips')).status, 403);
      sim.options.unauthenticated = 'errorcode';
      assert.match(await xml('getClips'), /<result errorcode="-54">/);
      sim.options.unauthenticated = 'login-page';
      const page = await command('getClips');
      assert.equal(page.status, 200);
      assert.match(page.headers.get('content-type') ?? '', /text\/html/);
    });
  });

  describe('commands', () => {
    it('lists devices of all servers by name, cameras and others', async () => {
      await begin();
      const list = await xml('GETDEVICELIST');
      assert.match(list, /<devices count="4">/);
      assert.deepEqual(fields(list, 'name'), ['Barrier contacts', 'Dock 1', 'Dock 2', 'Gate']);
      assert.deepEqual(fields(list, 'deviceid'), ['9', '2', '3', '2']);
      assert.equal(new Set(fields(list, 'serverid')).size, 2);
      assert.equal(fields(list, 'ipaddress').length, 4);
      const { result } = new XMLParser().parse(list) as { result: { devices: { device: { location: string }[] } } };
      assert.equal(result.devices.device[2]?.location, 'North & "Süd" <2>');
      sim.options.version = '2.7.1';
      assert.equal(fields(await xml('getDeviceList'), 'ipaddress').length, 0);
    });

    it('takes names of commands and parameters in any case, and commands without the path', async () => {
      await begin();
      const reply = await fetch(`${sim.url}/?COMMAND=getclips&ServerID=${ONE}&noCache=1`);
      assert.match(await reply.text(), /<clips count="0"\/>/);
      assert.equal(sim.requestsFor('getClips').length, 1);
    });

    it('does not know unlicensed, later and invented commands', async () => {
      await begin({ withoutLicence: ['addClip'] });
      for (const name of ['addClip', 'makeCoffee', 'constructor']) assert.match(await xml(name), /errorcode="-1"/);
      sim.options.version = '2.5.3';
      assert.match(await xml('getClips'), /errorcode="-1"/);
      assert.match(await xml('getDeviceList'), /errorcode="0"/);
    });

    it('answers other paths with 404 and broken encoding with 400', async () => {
      await begin();
      assert.equal((await fetch(`${sim.url}/clips`)).status, 404);
      assert.equal((await fetch(`${sim.url}/command?command=%E0%A4%A`)).status, 400);
    });
  });

  describe('addClip', () => {
    it('refuses in the documented way, in this order', async () => {
      await begin();
      const wrong: [number, Record<string, string>][] = [
        [-33, { serverid: '', deviceid: '', startdate: '', enddate: '' }],
        [-34, { deviceid: '', startdate: '', enddate: '' }],
        [-35, { startdate: '', enddate: '' }],
        [-36, { enddate: '', startdate: 'x' }],
        [-4, { startdate: '2025-02-30 00:00:00.000', serverid: '1' }],
        [-4, { startdate: '2025-03-01T11:00:00Z' }],
        [-37, { enddate: '2025-03-01 10:00:00.000', serverid: '1' }],
        [-38, { enddate: '2025-03-01 11:05:00.001', serverid: '1' }],
        [-17, { serverid: '1', deviceid: '77' }],
        [-2, { deviceid: '77' }],
        [-2, { deviceid: '9' }],
        [-22, { vca: 'some' }],
        [-22, { imagewidth: 'wide' }],
      ];
      for (const [code, change] of wrong) {
        const refused = await xml('addClip', { ...clipRequest, ...change });
        assert.equal(/errorcode="(-?\d+)"/.exec(refused)?.[1], String(code), refused);
      }
      assert.equal(sim.clips.length, 0);
      assert.match(await xml('addClip', { ...clipRequest, enddate: '2025-03-01 11:05:00.000' }), /errorcode="0"/);
    });

    it('can be strict about milliseconds and about plus signs', async () => {
      await begin({ timestamps: 'seconds' });
      assert.match(await xml('addClip', clipRequest), /errorcode="-4"/);
      sim.options.timestamps = 'milliseconds';
      assert.match(await xml('addClip', clipRequest), /errorcode="0"/);
      const query = new URLSearchParams({ command: 'addClip', ...clipRequest }).toString();
      assert.match(query, /\+/);
      assert.match(await (await fetch(`${sim.url}/command?${query}`)).text(), /errorcode="-4"/);
      sim.options.plusIsBlank = true;
      assert.match(await (await fetch(`${sim.url}/command?${query}`)).text(), /errorcode="0"/);
    });

    it('returns the same clip for the same camera, times and size', async () => {
      await begin();
      const first = await makeClip();
      assert.equal(await makeClip({ description: 'other', vca: 'all' }), first);
      const others = [
        await makeClip({ imagewidth: '320' }),
        await makeClip({ serverid: TWO }),
        await makeClip({ deviceid: '3' }),
      ];
      assert.equal(new Set([first, ...others]).size, 4);
      assert.equal(new Set([first, ...others].map(Number)).size, 1, 'ids are the same number when they are rounded');
    });

    it('rounds and limits the image size', async () => {
      const device = senseCamera({ serverid: ONE, deviceid: '2', width: 1920, height: 1080 });
      await begin({ devices: [device] });
      const size = async (change: Record<string, string>): Promise<string> => {
        const reply = await xml('addClip', { ...clipRequest, ...change });
        return `${field(reply, 'imagewidth')}x${field(reply, 'imageheight')}`;
      };
      assert.equal(await size({ imagewidth: '640' }), '640x368');
      assert.equal(await size({ imageheight: '360' }), '640x368');
      assert.equal(await size({ imagewidth: '650', imageheight: '650' }), '656x656');
      assert.equal(await size({ imagewidth: '10', imageheight: '4000' }), '128x1072');
      assert.equal(await size({}), '0x0');
      sim.options.imageSizeOutOfRange = 'refuse';
      assert.match(await xml('addClip', { ...clipRequest, imagewidth: '10' }), /errorcode="-22"/);
    });
  });

  describe('clip queue', () => {
    const states = (): string => sim.clips.map((clip) => clip.state).join(' ');

    it('makes one clip at a time', async () => {
      await begin({ queue: { waitMs: 50, makeMs: 100 } });
      for (const second of ['01', '02', '03']) {
        await xml('addClip', { ...clipRequest, enddate: `2025-03-01 11:00:${second}.000` });
      }
      assert.equal(states(), 'pending pending pending');
      sim.advance(50);
      assert.equal(states(), 'busy pending pending');
      sim.advance(100);
      assert.equal(states(), 'finished pending pending');
      sim.advance(50);
      assert.equal(states(), 'finished busy pending');
      sim.removeClip(sim.clips[1]?.id ?? '');
      sim.advance(49);
      assert.equal(states(), 'finished pending');
      sim.advance(101);
      assert.equal(states(), 'finished finished');
    });

    it('runs on the real clock too', async () => {
      await begin({ clock: 'real', queue: { makeMs: 30 } });
      await xml('addClip', clipRequest);
      assert.equal(states(), 'busy');
      const deadline = Date.now() + 2000;
      while (states() !== 'finished' && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 5));
      assert.equal(states(), 'finished');
    });

    it('never finishes when told so, and holds up the clips behind', async () => {
      await begin({ queue: { makeMs: (clip) => (clip.description === 'slow' ? Infinity : 10) } });
      await makeClip();
      await makeClip({ description: 'slow', imagewidth: '320' });
      await makeClip({ imagewidth: '160' });
      sim.advance(24 * 60 * MINUTE);
      assert.equal(states(), 'finished busy pending');
    });

    it('fails where nothing is recorded, and where the test wants it', async () => {
      await begin({ queue: { fails: (clip) => (clip.description === 'bad' ? 'codec error' : undefined) } });
      await makeClip({ deviceid: '3' });
      await makeClip({ description: 'bad' });
      const list = await xml('getClips');
      assert.match(list, /<status description="no recordings">failed<\/status>/);
      assert.match(list, /<status description="codec error">failed<\/status>/);
    });

    it('makes shorter videos of partial footage, never of the future', async () => {
      const footage = [
        { from: '2025-03-01T10:00:00Z', to: '2025-03-01T11:00:01Z' },
        { from: '2025-03-01T11:00:00.500Z', to: '2025-03-01T11:00:01.250Z' },
      ];
      const devices = [
        senseCamera({ serverid: ONE, deviceid: '2', footage }),
        senseCamera({ serverid: ONE, deviceid: '4' }),
      ];
      await begin({ devices });
      await makeClip();
      await makeClip({ deviceid: '4', startdate: '2025-03-01 11:59:59.000', enddate: '2025-03-01 12:04:00.000' });
      assert.deepEqual(
        sim.clips.map((clip) => clip.videoMs),
        [1250, 2150],
      );
      sim.options.partialFootage = 'failed';
      await makeClip({ imagewidth: '320' });
      assert.equal(sim.clips[2]?.stateText, 'incomplete recordings');
    });

    it('lets clips go by age', async () => {
      await begin();
      await makeClip();
      sim.advance(7 * 24 * 60 * MINUTE - 1000);
      assert.match(await xml('getClips'), /count="1"/);
      sim.advance(1000);
      assert.match(await xml('getClips'), /count="0"/);
      assert.match(await xml('downloadClip', { id: '8070450532247928832', serverid: ONE }), /errorcode="-40"/);
    });

    it('lets the oldest clips go when all together are too large', async () => {
      await begin({ download: { largeMedia: 400_000 }, retention: { bytes: 1_000_000 } });
      for (const imagewidth of ['160', '176', '192'])
        await makeClip({ imagewidth, enddate: '2025-03-01 11:00:01.000' });
      assert.deepEqual(fields(await xml('getClips'), 'imagewidth'), ['176', '192']);
    });
  });

  describe('getClips, updateClip, deleteClip', () => {
    it('lists by server; without one the management server', async () => {
      await begin();
      await makeClip();
      await makeClip({ serverid: TWO });
      assert.deepEqual(fields(await xml('getClips'), 'serverid'), [ONE]);
      assert.deepEqual(fields(await xml('getClips', { serverId: TWO }), 'serverid'), [TWO]);
      assert.match(await xml('getClips', { serverid: '1' }), /errorcode="-17"/);
      sim.options.omittedServer = 'all';
      assert.deepEqual(fields(await xml('getClips'), 'serverid'), [ONE, TWO]);
    });

    it('shows clips of other clients and changes made by the test', async () => {
      await begin();
      const start = Date.parse(NOON) - MINUTE;
      const clip = sim.putClip({
        serverid: ONE,
        deviceid: '2',
        start,
        end: start + 500,
        description: '',
        state: 'finished',
      });
      assert.equal(field(await xml('getClips'), 'filesize'), String((await sim.mediaOf(clip.id)).size));
      clip.state = 'failed';
      assert.match(await xml('getClips'), />failed</);
    });

    it('renames', async () => {
      await begin();
      const id = await makeClip();
      assert.equal(
        field(await xml('updateClip', { id, serverid: ONE, description: 'a & b' }), 'description'),
        'a &amp; b',
      );
      assert.match(await xml('updateClip', { id: '1', serverid: ONE, description: 'x' }), /errorcode="-40"/);
    });

    it('deletes with the methods that are accepted', async () => {
      await begin();
      const id = await makeClip();
      assert.match(await xml('deleteClip', { id, serverid: TWO }), /errorcode="-40"/);
      assert.match(await xml('deleteClip', { id, serverid: ONE }, { method: 'DELETE' }), /errorcode="-1"/);
      sim.options.deleteMethods = ['DELETE'];
      assert.match(await xml('deleteClip', { id, serverid: ONE }), /errorcode="-1"/);
      assert.match(await xml('deleteClip', { id, serverid: ONE }, { method: 'DELETE' }), /errorcode="0"/);
      assert.match(await xml('deleteClip', { id, serverid: ONE }, { method: 'DELETE' }), /errorcode="-40"/);
      assert.match(await xml('deleteClip', {}, { method: 'DELETE' }), /errorcode="-10"/);
    });

    it('cancels unfinished clips or refuses to', async () => {
      await begin({ deleteUnfinished: 'refuse' });
      const id = field(await xml('addClip', clipRequest), 'id');
      assert.match(await xml('deleteClip', { id }), /errorcode="-18"/);
      sim.options.deleteUnfinished = 'cancel';
      assert.match(await xml('deleteClip', { id }), /errorcode="0"/);
      assert.equal(sim.clips.length, 0);
    });
  });

  describe('shapes of answers', () => {
    it('wraps a single clip as told', async () => {
      await begin();
      assert.match(await xml('addClip', clipRequest), /<result errorcode="0"><clip><id>/);
      sim.options.replies.wrapper = 'clips';
      assert.match(await xml('addClip', clipRequest), /<result errorcode="0"><clips count="1"><clip><id>/);
      sim.options.replies.wrapper = 'bare';
      assert.match(await xml('addClip', clipRequest), /<result errorcode="0"><id>/);
    });

    it('has a switch for each detail', async () => {
      await begin({ queue: { makeMs: 2000 } });
      await makeClip();
      const { replies } = sim.options;
      const shows = async (pattern: RegExp): Promise<void> => assert.match(await xml('getClips'), pattern);
      await shows(
        /^<\?xml version="1.0" encoding="UTF-8"\?>\n<result.*<startdate>2025-03-01 11:00:00.000<.*<filesize>0</,
      );
      replies.milliseconds = false;
      await shows(/<startdate>2025-03-01 11:00:00</);
      replies.countAttribute = false;
      await shows(/<clips><clip>/);
      replies.pendingFilesize = 'empty';
      await shows(/<filesize><\/filesize>/);
      replies.pendingFilesize = 'absent';
      assert.doesNotMatch(await xml('getClips'), /filesize/);
      replies.status.busy = ' Transcoding ';
      await shows(/<status description=""> Transcoding </);
      replies.statusDescription = false;
      await shows(/<status> Transcoding /);
      replies.debugTags = true;
      await shows(/<result dbgms="3" errorcode="0"><debuginfo thread="7"><elapsed>3/);
      replies.upperCaseTags = true;
      await shows(/<RESULT .*<CLIP.*<ID>/);
      replies.fieldsAsAttributes = true;
      replies.upperCaseAttributes = true;
      replies.debugTags = false;
      await shows(/<CLIP ID="8070450532247928832" SERVERID="6917529027641081901"/);
      replies.indent = true;
      await shows(/<RESULT ERRORCODE="0">\n <CLIPS>\n {2}<CLIP/);
      replies.numericReferences = true;
      await xml('updateClip', { id: '8070450532247928832', description: 'a\n& "b"' });
      await shows(/DESCRIPTION="a&#10;&#38; &#34;b&#34;"/);
      replies.prolog = 'comment';
      await shows(/^<!--\?xml .*-->\n<RESULT/);
      replies.prolog = 'none';
      await shows(/^<RESULT/);
      replies.byteOrderMark = true;
      const bytes = Buffer.from(await (await command('getClips')).arrayBuffer());
      assert.equal(bytes.subarray(0, 3).toString('hex'), 'efbbbf');
      sim.removeClip('8070450532247928832');
      replies.emptyList = 'nothing';
      assert.match(await xml('getClips'), /<RESULT ERRORCODE="0"\/>$/);
    });

    it('shuffles tags, the same way for the same seed', async () => {
      const orders: string[][] = [];
      for (let run = 0; run < 2; run++) {
        await begin({ replies: { shuffleSeed: 42 } });
        await xml('addClip', clipRequest);
        const tags = [...(await xml('getClips')).matchAll(/<([a-z]+)[^>]*>[^<]/g)].map((match) => match[1] ?? '');
        orders.push(tags);
        await sim.close();
      }
      assert.deepEqual(orders[0], orders[1]);
      assert.notDeepEqual(orders[0], orders[0]?.toSorted());
      assert.notEqual(orders[0]?.indexOf('id'), 0);
    });

    it('may declare another size than the true one', async () => {
      await begin({ replies: { declaredFilesize: (size) => size + 7 } });
      const id = await makeClip();
      assert.equal(field(await xml('getClips'), 'filesize'), String((await sim.mediaOf(id)).size + 7));
    });
  });

  describe('downloadClip', () => {
    const download = (id: string, headers: Record<string, string> = {}) =>
      command('downloadClip', { id, serverid: ONE }, { headers });

    it('yields a real video of exactly the length and size of the clip', async () => {
      await begin();
      const id = await makeClip({ enddate: '2025-03-01 11:00:02.345', imagewidth: '320' });
      const reply = await download(id);
      const body = Buffer.from(await reply.arrayBuffer());
      assert.equal(reply.headers.get('content-type'), 'video/mp4');
      assert.equal(reply.headers.get('content-length'), field(await xml('getClips'), 'filesize'));
      assert.equal(Number(reply.headers.get('content-length')), body.length);
      assert.equal(body.toString('latin1', 4, 8), 'ftyp');
      assert.match(await describeVideo(body), /Duration: 00:00:02\.3[45].*Video: h264.*yuv420p.*320x176/s);
    });

    it('refuses unfinished, unknown and vanished clips', async () => {
      await begin({ download: { vanishes: true } });
      const id = field(await xml('addClip', clipRequest), 'id');
      assert.match(await (await download(id)).text(), /errorcode="-18"/);
      assert.match(await (await download('1')).text(), /errorcode="-40"/);
      sim.advance(1000);
      assert.match(await xml('getClips'), />finished</);
      assert.match(await (await download(id)).text(), /errorcode="-40"/);
      assert.equal(sim.clips.length, 0);
    });

    it('may answer something else with status 200', async () => {
      await begin({ download: { answer: 'xml-error', contentType: 'application/octet-stream' } });
      const id = await makeClip();
      const refused = await download(id);
      assert.equal(refused.status, 200);
      assert.match(await refused.text(), /errorcode="-40"/);
      sim.options.download.answer = 'html';
      assert.match(await (await download(id)).text(), /<html>/);
      sim.options.download.answer = 'empty';
      assert.equal((await (await download(id)).arrayBuffer()).byteLength, 0);
    });

    it('frames the body by length, chunks, or the end of the connection', async () => {
      await begin();
      const id = await makeClip();
      const { size } = await sim.mediaOf(id);
      for (const [framing, header] of [
        ['chunked', 'transfer-encoding'],
        ['close', 'connection'],
      ] as const) {
        sim.options.download.framing = framing;
        const reply = await download(id);
        assert.equal(reply.headers.get('content-length'), null);
        assert.equal(reply.headers.get(header), framing);
        assert.equal((await reply.arrayBuffer()).byteLength, size);
      }
    });

    it('resumes with Range and If-Range when that is on', async () => {
      await begin();
      const id = await makeClip();
      const whole = Buffer.from(await (await download(id)).arrayBuffer());
      assert.equal((await download(id, { range: 'bytes=100-' })).status, 200);
      sim.options.download.range = true;
      const first = await download(id, { range: 'bytes=100-199' });
      assert.equal(first.status, 206);
      assert.equal(first.headers.get('content-range'), `bytes 100-199/${whole.length}`);
      assert.deepEqual(Buffer.from(await first.arrayBuffer()), whole.subarray(100, 200));
      const etag = first.headers.get('etag') ?? '';
      const rest = await download(id, { range: 'bytes=200-', 'if-range': etag });
      assert.deepEqual(Buffer.from(await rest.arrayBuffer()), whole.subarray(200));
      assert.equal((await download(id, { range: `bytes=${whole.length}-` })).status, 416);
      const last = await download(id, { range: 'bytes=-5' });
      assert.deepEqual(Buffer.from(await last.arrayBuffer()), whole.subarray(-5));

      const clip = sim.clips[0];
      assert.ok(clip);
      clip.revision++;
      const replaced = await download(id, { range: 'bytes=200-', 'if-range': etag });
      assert.equal(replaced.status, 200);
      assert.notEqual(replaced.headers.get('etag'), etag);
      assert.notEqual((await replaced.arrayBuffer()).byteLength, whole.length);
      sim.options.download.etag = 'weak';
      assert.match((await download(id)).headers.get('etag') ?? '', /^W\//);
      sim.options.download.etag = 'none';
      assert.equal((await download(id)).headers.get('etag'), null);
    });

    it('may end every body early', async () => {
      await begin({ download: { truncateAfter: 1000 } });
      const id = await makeClip();
      await assert.rejects((await download(id)).arrayBuffer());
      assert.equal(sim.requestsFor('downloadClip')[0]?.bytesSent, 1000);
      assert.equal(sim.requestsFor('downloadClip')[0]?.complete, false);
    });

    it('blows a clip up to any size and still serves a valid MP4', async () => {
      await begin({ download: { largeMedia: 3_000_000, range: true } });
      const id = await makeClip();
      const body = Buffer.from(await (await download(id)).arrayBuffer());
      assert.equal(body.length, 3_000_000);
      assert.equal(field(await xml('getClips'), 'filesize'), '3000000');
      assert.deepEqual(
        boxesOf(body).map((box) => box.type),
        ['ftyp', 'free', 'mdat', 'moov'],
      );
      assert.equal(createHash('sha256').update(body).digest('hex'), await sha256Of(await sim.mediaOf(id)));
      const part = await download(id, { range: 'bytes=1234567-2345678' });
      assert.deepEqual(Buffer.from(await part.arrayBuffer()), body.subarray(1234567, 2345679));
      assert.match(await describeVideo(body), /Duration: 00:00:02\.00.*640x360/s);
    });

    it('knows sizes beyond 4 GiB', async () => {
      await begin();
      const media = await openMedia(await makeVideo({ seconds: 1, width: 160, height: 96 }), { bytes: 5 * 1024 ** 3 });
      assert.equal(media.size, 5 * 1024 ** 3);
      const ends: Buffer[] = [];
      for await (const chunk of media.read(0, 64)) ends.push(chunk);
      const boxes = boxesOf(Buffer.concat(ends), 0, 48);
      assert.deepEqual([boxes[1]?.type, (boxes[1]?.end ?? 0) > 4 * 1024 ** 3], ['mdat', true]);
    });
  });

  describe('faults', () => {
    it('loses requests and answers', async () => {
      await begin();
      sim.failNext({ kind: 'reset', when: 'request' }, 'addClip');
      await assert.rejects(command('addClip', clipRequest));
      assert.equal(sim.clips.length, 0);
      sim.failNext({ kind: 'reset', when: 'reply' }, 'addClip');
      await assert.rejects(command('addClip', clipRequest));
      assert.equal(sim.clips.length, 1);
      sim.failNext({ kind: 'reset', when: 'headers' });
      await assert.rejects(xml('getClips'));
      assert.match(await xml('addClip', clipRequest), /errorcode="0"/);
    });

    it('answers with other things, so many times, to matching requests only', async () => {
      await begin();
      const fault = sim.failNext({ kind: 'reply', reply: htmlPage(503, 'Busy') }, 'getclips', 2);
      assert.equal((await command('getDeviceList')).status, 200);
      assert.equal((await command('getClips')).status, 503);
      assert.equal(fault.left, 1);
      sim.failNext({ kind: 'redirect', location: 'http://127.0.0.1:9/' }, (request) => request.path === '/info');
      assert.equal((await fetch(`${sim.url}/info`, { redirect: 'manual' })).status, 302);
      sim.clearFaults();
      assert.equal((await command('getClips')).status, 200);
    });

    it('cuts, shortens and stalls bodies', async () => {
      await begin();
      const id = await makeClip();
      sim.failNext({ kind: 'truncate', afterBytes: 500, how: 'clean' });
      assert.equal((await (await command('downloadClip', { id })).arrayBuffer()).byteLength, 500);
      sim.failNext({ kind: 'truncate', afterBytes: 500, how: 'reset' });
      await assert.rejects((await command('downloadClip', { id })).arrayBuffer());
      sim.failNext({ kind: 'stall', afterBytes: 500, ms: 30 });
      const before = performance.now();
      const body = await (await command('downloadClip', { id })).arrayBuffer();
      assert.equal(body.byteLength, (await sim.mediaOf(id)).size);
      assert.ok(performance.now() - before >= 29);
      sim.failNext({ kind: 'stall', afterBytes: 500 });
      const silent = await command('downloadClip', { id });
      const reader = silent.body?.getReader();
      for (let got = 0; got < 500;) got += (await reader?.read())?.value?.byteLength ?? assert.fail('ended');
      sim.dropConnections();
      await assert.rejects(async () => reader?.read());
    });

    it('delays, and closes while requests still wait', async () => {
      await begin({ latencyMs: 20 });
      sim.failNext({ kind: 'delay', ms: 20 });
      const before = performance.now();
      await command('getClips');
      assert.ok(performance.now() - before >= 39);
      sim.failNext({ kind: 'delay', ms: Infinity });
      const waiting = assert.rejects(command('getClips'));
      while (sim.requests.length < 2) await new Promise((resolve) => setTimeout(resolve, 1));
      await sim.close();
      await waiting;
    });

    it('goes down and comes up on the same port with what it knew', async () => {
      await begin();
      const { port } = sim;
      await makeClip();
      await sim.stop();
      await assert.rejects(command('getClips'));
      assert.equal(sim.connections, 0);
      await sim.start();
      assert.equal(sim.port, port);
      assert.match(await xml('getClips'), /count="1"/);
    });

    it('speaks TLS', async () => {
      const tls = selfSignedCertificate();
      await begin({ tls });
      const status = (ca?: string): Promise<number | undefined> =>
        new Promise((resolve, reject) => {
          const options = ca === undefined ? { agent: false } : { agent: false, ca };
          https
            .get(`${sim.url}/info`, options, (response) => {
              response.resume().once('end', () => resolve(response.statusCode));
            })
            .once('error', reject);
        });
      assert.equal(await status(tls.cert), 200);
      await assert.rejects(status(), { code: 'DEPTH_ZERO_SELF_SIGNED_CERT' });
      sim.failNext({ kind: 'reset', when: 'request' });
      await assert.rejects(status(tls.cert));
    });
  });
});

function fields(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}>([^<]*)</${tag}>`, 'g'))].map((match) => match[1] ?? '');
}

function field(xml: string, tag: string): string {
  const [value] = fields(xml, tag);
  assert.ok(value !== undefined, `${tag} in ${xml}`);
  return value;
}

/** What ffmpeg says about a video after it has decoded all of it. */
async function describeVideo(body: Buffer): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'simulator-test-'));
  try {
    const file = path.join(folder, 'clip.mp4');
    await writeFile(file, body);
    const ffmpeg = await findFfmpeg();
    return await new Promise((resolve, reject) => {
      execFile(ffmpeg, ['-xerror', '-i', file, '-f', 'null', '-'], (error, _, stderr) => {
        if (error) reject(error);
        else resolve(stderr);
      });
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
