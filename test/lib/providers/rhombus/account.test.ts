import assert from 'node:assert/strict';
import type { Connection } from '../../../../lib/connection/connection';
import { readFields } from '../../../../lib/fields';
import { providers } from '../../../../lib/providers';
import { selfSignedCertificate } from '../../../simulators/vdg-sense/self-signed';
import { exampleCameras, exampleKeys, rhombusCamera } from '../../../simulators/rhombus';
import {
  closeAll,
  connectTo,
  createFinished,
  definition,
  download,
  fails,
  never,
  openProvider,
  operations,
  request,
  startCloud,
} from './support';

const notChecked =
  'Not checked: the permission "Video : Share and download" of the role, which only making a clip would show';

describe('Rhombus: the definition', () => {
  afterEach(closeAll);

  it('is one of the providers, with the settings, options and credentials of the contract', () => {
    assert.ok(providers.includes(definition));
    assert.deepEqual(readFields(definition.settings, {}), {
      region: 'us',
      apiUrl: '',
      mediaUrl: '',
      authScheme: 'api-token',
      organization: '',
      push: true,
      pushUrl: '',
    });
    assert.deepEqual(readFields(definition.clipOptions, {}), { audio: false, visibility: 'PRIVATE', roles: '' });
    assert.deepEqual(Object.keys(definition.credentials), ['token']);
    assert.equal(definition.credentials.token?.label, 'API key');
  });

  it('takes ids of cameras, with or without a video facet, and nothing else', () => {
    for (const camera of ['b0YwK9w2Q1u3xkQ7n5T1Zg', '-aTe_9w2Q1u3xkQ7n5T1Zg.v0', 'Ba_nK9w2Q1u3xkQ7n5T1Z-.v51']) {
      assert.equal(definition.cameraProblem!(camera), undefined);
    }
    for (const camera of ['', 'Dock 3', '1/2', 'b0YwK9w2Q1u3xkQ7n5T1Zg.a0', 'b0Yw.v', 'b0Yw.v0.v1', 'ü']) {
      assert.ok(definition.cameraProblem!(camera), camera);
    }
  });

  it('has the addresses of both regions, and takes others in their place', async () => {
    const sim = await startCloud();
    const media = async (settings: object) => connectTo(sim, { settings: { ...settings } }).check(never);
    await assert.rejects(media({ apiUrl: '' }), fails('EINVALID', /API address.*is required/));
    await assert.rejects(media({ mediaUrl: '' }), fails('EINVALID', /Media address.*is required/));
    await media({ region: 'eu' });
    await media({ apiUrl: `${sim.apiUrl}/api/`, mediaUrl: `${sim.mediaUrl}/` });
    for (const region of ['us', 'eu']) {
      await openProvider(sim, { settings: { region, apiUrl: '', mediaUrl: '' } });
    }
    assert.equal(sim.requests.length, 10);
  });
});

describe('Rhombus: cameras', () => {
  afterEach(closeAll);

  it('have the name of their location where there are several, doorbells and those of other makers among them', async () => {
    const locations = [
      { uuid: 'L1', name: 'North' },
      { uuid: 'L2', name: 'South' },
    ];
    const cameras = [
      rhombusCamera({ uuid: 'camera', name: 'Dock', locationUuid: 'L1' }),
      rhombusCamera({ uuid: 'bell', name: 'Door', kind: 'doorbell', locationUuid: 'L2' }),
      rhombusCamera({ uuid: 'other', name: 'Dock', kind: 'third-party', locationUuid: 'L2' }),
    ];
    const listed = await connectTo(await startCloud({ cameras, locations })).listCameras(never);
    assert.deepEqual(
      listed.map(({ id, name }) => [id, name]),
      [
        ['camera.v0', 'Dock (North)'],
        ['bell.v0', 'Door (South)'],
        ['other.v0', 'Dock (South)'],
      ],
    );
  });

  it('are listed with one entry for each video facet', async () => {
    const sim = await startCloud();
    const { dock, gate, barn, empty } = exampleCameras;
    assert.deepEqual(await connectTo(sim).listCameras(never), [
      { id: `${dock}.v0`, name: 'Dock 3', online: true, aliases: [dock] },
      { id: `${gate}.v0`, name: 'Gate - North', online: true, aliases: [gate] },
      { id: `${gate}.v1`, name: 'Gate - South', online: true },
      { id: `${gate}.v10`, name: 'Gate - v10', online: true },
      { id: `${barn}.v0`, name: 'Barn', online: false, aliases: [barn] },
      { id: `${empty}.v0`, name: empty, aliases: [empty] },
    ]);
    sim.options.replies.omitNulls = true;
    assert.equal((await connectTo(sim).listCameras(never)).length, 6);
  });

  it('that are out of service are left out', async () => {
    const uuid = 'b0YwK9w2Q1u3xkQ7n5T1Zg';
    const sim = await startCloud({ cameras: [rhombusCamera({ uuid, connectionStatus: 'ORANGE' })] });
    const reply = { body: JSON.stringify({ cameraStates: [{ uuid, mummified: true }, null, 7, { name: 'x' }] }) };
    sim.failNext({ kind: 'reply', reply }, 'getMinimalCameraStateList');
    const connection = connectTo(sim);
    assert.deepEqual(await connection.listCameras(never), []);
    assert.equal((await connection.listCameras(never))[0]!.online, true);
    sim.failNext({ kind: 'reply', reply: { body: '{"cameraStates":null}' } }, 'getMinimalCameraStateList');
    assert.deepEqual(await connection.listCameras(never), []);
  });
});

describe('Rhombus: checking a connection', () => {
  afterEach(closeAll);

  it('counts cameras, compares clocks and reaches both hosts', async () => {
    const sim = await startCloud();
    const check = await connectTo(sim).check(never);
    assert.deepEqual(check, {
      name: 'Rhombus',
      cameras: 6,
      clockSkewMs: 0,
      warnings: ['The API key travels over http without encryption', notChecked],
    });
    assert.deepEqual([sim.api.requests.length, sim.media.requests.length], [4, 1]);
  });

  it('warns of what will be trouble later', async () => {
    const sim = await startCloud({
      cameras: [],
      replies: { warning: 'The licence ends soon' },
      partnerWithoutOrganization: 'first',
    });
    await sim.media.stop();
    const settings = { authScheme: 'partner-api-token' };
    const { warnings, cameras } = await connectTo(sim, { token: exampleKeys.partner, settings }).check(never);
    assert.equal(cameras, 0);
    const all = warnings.join('\n');
    for (const part of [
      /over http/,
      /client organisation/,
      /licence ends/,
      /sees no cameras/,
      /Downloads will fail\. .*ECONNREFUSED.*media host/,
    ]) {
      assert.match(all, part);
    }
  });

  it('warns when the media host has a certificate that is not trusted', async () => {
    const tls = selfSignedCertificate();
    const [api, media] = [await startCloud(), await startCloud({ tls })];
    const settings = { mediaUrl: media.mediaUrl };
    const { warnings } = await connectTo(api, { settings }).check(never);
    assert.match(warnings.join(), /Downloads will fail\. .*certificate is not trusted/);
    const trusted = await connectTo(api, { settings, tls: { ca: tls.cert } }).check(never);
    assert.doesNotMatch(trusted.warnings.join(), /Downloads/);
  });

  it('works over TLS on both hosts', async () => {
    const tls = selfSignedCertificate();
    const sim = await startCloud({ tls });
    const connection = connectTo(sim, { tls: { ca: tls.cert } });
    assert.deepEqual((await connection.check(never)).warnings, [notChecked]);
    await download(connection, await createFinished(connection));
  });
});

describe('Rhombus: refusals', () => {
  afterEach(closeAll);

  it('of an unknown key end everything until the connection is corrected', async () => {
    for (const wrongKey of ['401', 'invalid-key'] as const) {
      const sim = await startCloud({ wrongKey });
      const connection = connectTo(sim, { token: 'kR7_no-such-key' });
      const error = fails('EAUTH', /Check the API key/, { retryable: false });
      await assert.rejects(connection.createClip(request(), never), error);
      const asked = sim.requests.length;
      assert.ok(!operations(sim).includes('spliceV3'), 'what comes before has told already');
      await assert.rejects(connection.createClip(request(), never), error);
      await assert.rejects(connection.check(never), error);
      assert.equal(sim.requests.length, asked);
    }
  });

  it('for lack of rights name the permission', async () => {
    const sim = await startCloud({ wrongKey: 'access-denied' });
    const error = fails('EFORBIDDEN', /Access Denied \(.*"Video : Share and download"/, { retryable: false });
    await assert.rejects(connectTo(sim, { token: exampleKeys.viewer }).createClip(request(), never), error);
    assert.equal((await connectTo(sim, { token: exampleKeys.viewer }).listCameras(never)).length, 6);
    const clip = await createFinished(connectTo(sim));
    await assert.rejects(download(connectTo(sim, { token: exampleKeys.viewer }), clip), error);
  });

  it('of a key that may not even see cameras are those of a wrong key, and the last requests with it', async () => {
    const sim = await startCloud({ wrongKey: 'access-denied' });
    const clip = await createFinished(connectTo(sim));
    const error = fails('EAUTH', /Access Denied \(.*Check the API key and its kind/, { retryable: false });
    const ways: ((connection: Connection) => Promise<unknown>)[] = [
      (connection) => connection.check(never),
      (connection) => connection.createClip(request(), never),
      (connection) => connection.pollClip(clip, 1000, never),
      (connection) => download(connection, clip),
      (connection) => connection.deleteClip(clip, never),
    ];
    for (const way of ways) {
      const connection = connectTo(sim, { token: 'kR7_no-such-key' });
      await assert.rejects(way(connection), error);
      const { length } = sim.requests;
      for (const again of ways) await assert.rejects(again(connection), error);
      assert.equal(sim.requests.length, length);
    }
    assert.equal(sim.made, 1);
  });

  it('of rights stay those of rights while nobody can tell whether the key is wrong', async () => {
    const sim = await startCloud({ wrongKey: 'access-denied' });
    const connection = connectTo(sim, { token: exampleKeys.viewer });
    const clip = await createFinished(connectTo(sim));
    sim.failNext({ kind: 'reply', reply: { status: 404 } }, 'getMinimalCameraStateList');
    await assert.rejects(connection.deleteClip(clip, never), fails('EFORBIDDEN'));
    sim.failNext({ kind: 'reply', reply: { status: 503 } }, 'getMinimalCameraStateList');
    await assert.rejects(connection.deleteClip(clip, never), fails('ENETWORK', /\(trying the API key\)/));
    await assert.rejects(connection.deleteClip(clip, never), fails('EFORBIDDEN'));
    assert.equal((await connection.listCameras(never)).length, 6);
  });

  it('of a missing or impossible key come without any request', async () => {
    const sim = await startCloud();
    await assert.rejects(connectTo(sim, { token: ' ' }).check(never), fails('EAUTH', /has no API key/));
    for (const token of ['two words', 'new\nline', 'schlüssel']) {
      await assert.rejects(connectTo(sim, { token }).check(never), fails('EAUTH', /characters that no key has/));
    }
    const settings = { authScheme: 'partner-api-token', organization: 'a b' };
    await assert.rejects(connectTo(sim, { settings }).check(never), fails('EINVALID', /client organisation/));
    assert.equal(sim.requests.length, 0);
    await connectTo(sim, { token: ` ${exampleKeys.key}\n` }).check(never);
  });

  it('of a partner that names no organisation are those of a wrong key', async () => {
    const sim = await startCloud();
    const settings = { authScheme: 'partner-api-token' };
    await assert.rejects(
      connectTo(sim, { token: exampleKeys.partner, settings }).listCameras(never),
      fails('EAUTH', /Check the API key and its kind/),
    );
  });

  it('for too many requests come as plain text and name the pause', async () => {
    const sim = await startCloud({ rateLimit: { perSecond: 1, burst: 1, retryAfterSeconds: 60 } });
    const connection = connectTo(sim);
    await connection.listCameras(never);
    await assert.rejects(
      connection.listCameras(never),
      fails('ETHROTTLED', /HTTP 429: Too many requests for this organization/, {
        retryable: true,
        retryAfterMs: 60_000,
      }),
    );
    sim.advance(1000);
    await connectTo(sim).listCameras(never);
  });

  it('inside of a success are found wherever their text is', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    const answer = (body: object, status = 200) =>
      sim.failNext({ kind: 'reply', reply: { status, body: JSON.stringify(body) } }, 'spliceV3');
    const bodies: [object, RegExp][] = [
      [{ error: true, errorMsg: 'one', message: 'two' }, /refused: one \(/],
      [{ error: true, errorMsg: null, message: 'two' }, /refused: two \(/],
      [{ error: true, msg: 'three.' }, /refused: three \(/],
      [{ error: 'four', clipUuid: 'x' }, /refused: four \(/],
      [{ error: true }, /the server refused \(/],
      [{ error: true, errorMsg: `${'long '.repeat(100)}` }, /refused: [long …]{290,310} \(/],
    ];
    for (const [body, message] of bodies) {
      answer(body);
      await assert.rejects(connection.createClip(request(), never), fails('EFAILED', message, { retryable: false }));
    }
    answer({ error: 'false', clipUuid: 'fine' });
    assert.equal((await connection.createClip(request(), never)).id, 'fine');
  });

  it('are told apart by their words', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    const texts: [string, string][] = [
      ['Clip is too long', 'ELIMIT'],
      ['Maximum duration is 600 seconds', 'ELIMIT'],
      ['durationSec must not be longer than 3600', 'ELIMIT'],
      ['Duration must be less than one hour', 'ELIMIT'],
      ['Rate limit exceeded for splices', 'ETHROTTLED'],
      ['User does not have permission', 'EFORBIDDEN'],
      ['Camera does not exist', 'ENOTFOUND'],
      ['Unknown device', 'ENOTFOUND'],
      ['Could not find camera b0Yw', 'ENOTFOUND'],
      ['Invalid device uuid', 'ENOTFOUND'],
      ['No such clip', 'ENOTFOUND'],
      ['Unable to locate the device', 'ENOTFOUND'],
      ['Unknown error', 'EFAILED'],
      ['API key has expired', 'EAUTH'],
    ];
    for (const [errorMsg, code] of texts) {
      sim.failNext({ kind: 'reply', reply: { body: JSON.stringify({ error: true, errorMsg }) } }, 'spliceV3');
      await assert.rejects(connection.createClip(request(), never), fails(code, new RegExp(errorMsg)), errorMsg);
    }
  });

  it('by status keep the meaning of the status', async () => {
    const sim = await startCloud();
    const connection = connectTo(sim);
    const cases: [number, string, string, boolean][] = [
      [400, '{"msg":"Unexpected null"}', 'EINVALID', false],
      [400, '{"msg":"Duration is too long"}', 'ELIMIT', false],
      [500, '{"status":500,"error":"Internal Server Error"}', 'EFAILED', true],
      [500, '', 'EFAILED', true],
      [502, '<html>Bad Gateway</html>', 'ENETWORK', true],
      [503, 'down for maintenance', 'ENETWORK', true],
      [418, '{"message":"no coffee"}', 'EPROTOCOL', false],
    ];
    for (const [status, body, code, retryable] of cases) {
      sim.failNext({ kind: 'reply', reply: { status, body } }, 'spliceV3');
      const details = { retryable, ...(code === 'ELIMIT' ? {} : { vendorCode: `HTTP ${status}` }) };
      await assert.rejects(connection.createClip(request(), never), fails(code, /HTTP/, details));
    }
    sim.failNext({ kind: 'reply', reply: { status: 200, body: '{"authenticationFailed":true}' } }, 'spliceV3');
    await assert.rejects(connection.createClip(request(), never), fails('EAUTH'));
  });

  it('never show the key, even when the vendor does', async () => {
    const sim = await startCloud();
    const body = JSON.stringify({ error: true, errorMsg: `Key ${exampleKeys.key} may not do this` });
    sim.failNext({ kind: 'reply', reply: { body } }, 'any', 9);
    const connection = connectTo(sim);
    await assert.rejects(connection.listCameras(never), fails('EFAILED', /Key \*\*\* may not/));
  });

  it('to be redirected ask for the right address', async () => {
    const sim = await startCloud();
    sim.failNext({ kind: 'redirect', location: 'https://elsewhere.invalid/' }, 'getMinimalCameraStateList');
    await assert.rejects(connectTo(sim).listCameras(never), fails('EPROTOCOL', /redirects/));
  });
});
