// Runs the examples that hand videos on: to a phone, to a bucket, to a page; and the one that asks for few.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { startServer, type RecordedRequest, type Reply, type SimulatorServer } from '../simulators/http-server';
import { startVdgSense, type VdgSense } from '../simulators/vdg-sense';
import { eventually } from '../support/eventually';
import { connectTo, demoCameras, findNode, nodesOf, readExample, type FlowNode } from '../support/examples';
import { hasten, runExamples, type ExampleRig, type Saved } from './rig';

const login = { username: 'nodered', password: 's3cret' };
const bot = '1234:telegram-token';
const secretKey = 'secret/key+0123456789';
const titles = {
  phone: 'Picture first, then the video',
  bucket: 'Upload to S3',
  page: 'Player on a dashboard',
  few: 'One clip per minute',
};

/** Values for the variables of a flow, and for the secret ones among them. */
type Variables = Record<string, string>;

interface Uploaded extends Saved {
  payload: string;
  url?: string;
}

describe('the examples that hand videos on', function () {
  this.timeout(120_000);
  let sim: VdgSense;
  let receiver: SimulatorServer;
  let rig: ExampleRig;
  let reply: (request: RecordedRequest) => Reply = () => ({});

  before(async () => {
    sim = await startVdgSense({ users: [login], devices: demoCameras(), queue: { makeMs: 0 } });
    receiver = await startServer({ handle: (request) => reply(request) });
    const names = ['17 - Picture first, then the video', '18 - Upload to S3', '19 - Player on a dashboard'];
    const flows = await Promise.all([...names, '20 - One clip per minute'].map((name) => readExample(`${name}.json`)));
    const { flow, credentials } = connectTo(hasten(flows.flat()), sim.url, login);
    const secrets = {
      ...set(flow, titles.phone, { TELEGRAM_TOKEN: bot, TELEGRAM_CHAT: '42', TELEGRAM_SERVER: receiver.url }),
      ...set(flow, titles.bucket, {
        S3_SERVER: receiver.url,
        S3_BUCKET: 'clips',
        S3_ACCESS_KEY: 'AKIAEXAMPLE',
        S3_SECRET_KEY: secretKey,
      }),
    };
    rig = await runExamples(withoutDashboard(flow), { credentials: { ...credentials, ...secrets } });
  });
  after(async () => {
    await rig?.close();
    await receiver?.stop();
    await sim?.close();
  });

  /** Sets variables of a flow; the secret ones are returned, as Node-RED stores them. */
  function set(flow: FlowNode[], title: string, variables: Variables): Record<string, Variables> {
    const tab = flow.find(({ type, label }) => type === 'tab' && label === title)!;
    const env = tab.env as { name: string; type: string; value?: string }[];
    for (const name of Object.keys(variables)) assert.ok(env.some((each) => each.name === name), name);
    tab.env = env.map((each) => (each.type === 'cred' ? each : { ...each, value: variables[each.name] ?? each.value }));
    const secret = env.filter(({ type }) => type === 'cred').map(({ name }) => [name, variables[name] ?? '']);
    return { [tab.id]: Object.fromEntries(secret) as Variables };
  }

  /** The nodes of the dashboard come with a package of its own: a debug node takes the place of the player. */
  function withoutDashboard(flow: FlowNode[]): FlowNode[] {
    const player = findNode(flow, 'ui-template');
    const debug = findNode(nodesOf(flow, titles.few), 'debug', 'Video');
    return flow
      .filter(({ type }) => !/^ui-|^global-config$/.test(type) || type === 'ui-template')
      .map((node) => (node === player ? { ...debug, id: node.id, z: node.z, name: 'Player' } : node));
  }

  it('Picture first, then the video: both come to the chat, and a refusal is told', async () => {
    reply = () => ({ body: JSON.stringify({ ok: true, result: { message_id: 7 } }), headers: { 'content-type': 'application/json' } });
    await rig.press(titles.phone);
    assert.deepEqual(await rig.shown(titles.phone, 'Sent'), { ok: true, result: { message_id: 7 } });
    await rig.shown(titles.phone, 'Sent');
    const sent = receiver.requests.map(({ path, body }) => [path, body.toString('latin1')] as const);
    assert.deepEqual(sent.map(([path]) => path).sort(), [`/bot${bot}/sendPhoto`, `/bot${bot}/sendVideo`]);
    const bodyOf = (method: string): string => sent.find(([path]) => path.endsWith(method))![1];
    assert.match(bodyOf('sendPhoto'), /name="photo"; filename="alarm.jpg"\r\nContent-Type: image\/jpeg\r\n\r\n\xff\xd8/);
    assert.match(bodyOf('sendVideo'), /name="video"; filename="alarm.mp4"\r\nContent-Type: video\/mp4\r\n\r\n....ftyp/s);
    for (const [, body] of sent) assert.match(body, /name="chat_id"\r\n\r\n42\r\n/);

    reply = () => ({ status: 400, body: '{"ok":false,"description":"chat not found"}' });
    await rig.press(titles.phone);
    assert.deepEqual(await rig.shown(titles.phone, 'Refused'), { ok: false, description: 'chat not found' });
    await rig.shown(titles.phone, 'Refused');
  });

  it('Picture first: the picture does not wait for the footage of the video', async () => {
    const flow = await readExample('17 - Picture first, then the video.json');
    const [picture, video] = ['Cut 2 seconds', 'Cut the video'].map((name) => findNode(flow, 'create-clip', name));
    assert.ok(Number(picture!.after) + 10 < Number(video!.after));
  });

  it('Upload to S3: streams the file to an address that was signed as AWS signs it', async () => {
    receiver.requests.length = 0;
    reply = () => ({});
    await rig.press(titles.bucket);
    const { payload, url, clip, filename } = (await rig.shown(titles.bucket, 'Uploaded')) as Uploaded;
    const [request] = receiver.requests;
    assert.deepEqual([request?.method, receiver.requests.length], ['PUT', 1]);
    assert.deepEqual(request!.body, await readFile(filename));
    assert.equal(request!.headers['content-length'], String(clip.file?.size));
    assert.deepEqual([payload, url], [`${receiver.url}${request!.path}`, undefined]);
    assert.match(request!.path, /^\/clips\/6917529027641081901_2\/[\dTZ.-]+\.mp4$/);
    assert.equal(request!.query.get('X-Amz-Signature'), await signatureOf(request!));
  });

  it('Upload to S3: tells a refusal, and never shows the address that is a key', async () => {
    reply = () => ({ status: 403, body: '<Error><Code>AccessDenied</Code></Error>' });
    await rig.press(titles.bucket);
    const error = (await rig.shown(titles.bucket, 'Failed')) as { message: string };
    assert.match(error.message, /HTTP 403.*AccessDenied/);
    assert.doesNotMatch(JSON.stringify(error) + rig.runtime.logs(), /X-Amz-Signature/);
  });

  /** What the signer of the AWS SDK makes of the same request. */
  async function signatureOf({ path, headers, query }: RecordedRequest): Promise<string | undefined> {
    const { SignatureV4 } = createRequire(require.resolve('@aws-sdk/client-kinesis-video'))('@smithy/signature-v4') as {
      SignatureV4: new (options: object) => { presign(request: object, options: object): Promise<{ query: Variables }> };
    };
    class Sha256 {
      #parts: (string | Uint8Array)[] = [];
      constructor(private readonly key?: string | Uint8Array) {}
      update(part: string | Uint8Array): void {
        this.#parts.push(part);
      }
      async digest(): Promise<Uint8Array> {
        const { createHmac } = await import('node:crypto');
        const hash = this.key === undefined ? createHash('sha256') : createHmac('sha256', this.key);
        for (const part of this.#parts) hash.update(part);
        return hash.digest();
      }
    }
    const signer = new SignatureV4({
      service: 's3',
      region: 'eu-central-1',
      credentials: { accessKeyId: 'AKIAEXAMPLE', secretAccessKey: secretKey },
      sha256: Sha256,
      uriEscapePath: false,
    });
    const [hostname, port] = String(headers.host).split(':');
    const sent = { method: 'PUT', protocol: 'http:', hostname, port: Number(port), path };
    const date = query.get('X-Amz-Date')!.replace(/(....)(..)(..T..)(..)(..Z)/, '$1-$2-$3:$4:$5');
    const request = { ...sent, query: {}, headers: { host: headers.host, 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' } };
    const options = { expiresIn: 300, signingDate: new Date(date), unhoistableHeaders: new Set(['x-amz-content-sha256']), unsignableHeaders: new Set(['x-amz-content-sha256']) };
    return (await signer.presign(request, options)).query['X-Amz-Signature'];
  }

  it('Player on a dashboard: hands out the file in parts, by its name only', async () => {
    await rig.press(titles.page);
    const shown = (await rig.shown(titles.page, 'Player')) as { payload: { address: string; camera: string; start: string } };
    const { address, camera, start } = shown.payload;
    assert.equal(camera, 'Dock 1');
    assert.ok(!Number.isNaN(Date.parse(start)));
    const whole = await fetch(`${rig.runtime.url}${address}`);
    assert.deepEqual([whole.status, whole.headers.get('content-type')], [200, 'video/mp4']);
    const bytes = Buffer.from(await whole.arrayBuffer());
    const part = await fetch(`${rig.runtime.url}${address}`, { headers: { range: 'bytes=100-199' } });
    assert.deepEqual([part.status, Buffer.from(await part.arrayBuffer())], [206, bytes.subarray(100, 200)]);
    for (const other of ['nothing', '..%2f..%2fsettings.js']) {
      assert.equal((await fetch(`${rig.runtime.url}/clip-player/${other}`)).status, 404);
    }
  });

  it('One clip per minute: asks once for each camera', async () => {
    await rig.press(titles.few);
    await rig.press(titles.few);
    const saved = [await rig.shown(titles.few, 'Video'), await rig.shown(titles.few, 'Video')] as Saved[];
    assert.deepEqual(saved.map(({ clip }) => clip.cameraName).sort(), ['Dock 1', 'Gate']);
    for (const { filename } of saved) assert.ok((await stat(filename)).size > 0);
    const made = sim.requestsFor('addClip').filter(({ query }) => query.get('description') === 'Alarm');
    await eventually(() => assert.ok(made.length > 0));
  });

  it('leave no trouble in the log but what was asked for', () => {
    const problems = rig.runtime.problems().filter((line) => !/AccessDenied/.test(line));
    assert.deepEqual(problems, []);
    assert.deepEqual(sim.errors, []);
  });
});
