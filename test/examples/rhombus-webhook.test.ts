/** The function node of the Rhombus example, run the way the runtime runs it: its code in a context of its own. */
import assert from 'node:assert/strict';
import * as crypto from 'node:crypto';
import vm from 'node:vm';
import { exampleCameras, organizationWebhook, ruleWebhook } from '../simulators/rhombus';
import { findNode, readExample, type FlowNode } from '../support/examples';

const secret = 'A'.repeat(22);
const camera = exampleCameras.dock;

interface JobResult {
  statusCode: number;
  req: unknown;
  res: unknown;
}

interface Outcome {
  events: { payload: Record<string, unknown> }[];
  answer: JobResult;
  complaints: string[];
}

describe('the example "Rhombus webhook to MP4"', () => {
  let flow: FlowNode[];
  before(async () => {
    flow = await readExample('02 - Rhombus webhook to MP4.json');
  });

  function receive(
    { headers, body }: { headers: Record<string, string>; body: string },
    { payload = Buffer.from(body), key = secret }: { payload?: unknown; key?: string } = {},
  ): Outcome {
    const { func, libs } = findNode(flow, 'function') as FlowNode & { func: string; libs: { var: string }[] };
    assert.deepEqual(libs, [{ var: 'crypto', module: 'crypto' }]);
    const complaints: string[] = [];
    const complain = (text: string): void => void complaints.push(text);
    const msg = { req: { headers }, res: 'response', payload };
    const env = { get: (name: string) => (name === 'RHOMBUS_WEBHOOK_SECRET' ? key : undefined) };
    const sandbox = { msg, env, crypto, Buffer, node: { error: complain, warn: complain } };
    const [events, answer] = vm.runInNewContext(`(function () {\n${func}\n})()`, sandbox) as [
      Outcome['events'] | null,
      JobResult,
    ];
    // What a context makes is of its own classes.
    return { events: JSON.parse(JSON.stringify(events ?? [])) as Outcome['events'], answer, complaints };
  }

  const event = { activityTrigger: 'MOTION_HUMAN', summary: 'Person at the dock', deviceUuid: camera, timestampMs: 7 };

  it('knows the published signature', () => {
    const body = '{"version":"2","summary":"Test webhook"}';
    const signatures = {
      'x-rhombus-signature-sha1': '7c67f32d7b1320f76fa6d171a1a54dd6808570b6',
      'x-rhombus-signature-sha256': '5d3808f7c72ed8b6e52c12cf3ae13e72667d316178c6110081d58282828b2482',
    };
    for (const [name, value] of Object.entries(signatures)) {
      const { events, answer, complaints } = receive({ headers: { [name]: value }, body });
      assert.deepEqual([answer.statusCode, answer.res, events, complaints], [200, 'response', [], []]);
    }
  });

  it('hands on the event of a camera', () => {
    const { events, answer } = receive(organizationWebhook(event, secret));
    assert.equal(answer.statusCode, 200);
    assert.deepEqual(events, [{ payload: { version: '2', ...event } }]);
  });

  it('hands on each event of a rule', () => {
    const deviceEvents = [
      { eventUuid: 'e1', deviceUuid: camera, timestampMs: 1, activities: ['MOTION'] },
      { eventUuid: 'e2', deviceUuid: exampleCameras.gate, timestampMs: 2, activities: [] },
      { eventUuid: 'e3', timestampMs: 3 },
    ];
    const { events } = receive(ruleWebhook({ uuid: 'u', ruleUuid: 'r', deviceEvents }, secret));
    assert.deepEqual(
      events.map(({ payload }) => payload.eventUuid),
      ['e1', 'e2'],
    );
  });

  it('asks for no video of what concerns no camera, or only its health', () => {
    for (const other of [{ ...event, deviceUuid: undefined }, { ...event, activityTrigger: undefined }]) {
      const { events, answer } = receive(organizationWebhook(other, secret));
      assert.deepEqual([answer.statusCode, events], [200, []]);
    }
  });

  it('refuses whoever does not know the secret', () => {
    const genuine = organizationWebhook(event, secret);
    const strangers = [
      organizationWebhook(event, 'B'.repeat(22)),
      ruleWebhook(event, undefined),
      { ...genuine, body: genuine.body.replace('dock', 'deck') },
      { ...genuine, headers: { 'x-rhombus-signature-sha1': 'xyz' } },
      { ...genuine, headers: { 'x-rhombus-signature-sha256': genuine.headers['x-rhombus-signature-sha1']! } },
    ];
    for (const stranger of strangers) {
      const { events, answer, complaints } = receive(stranger);
      assert.deepEqual([answer.statusCode, events], [401, []]);
      assert.match(complaints.join(), /signature/);
    }
  });

  it('takes the bytes as they came: another spelling of the same JSON is another body', () => {
    const { headers, body } = organizationWebhook({ ...event, summary: 'Tür  17' }, secret);
    assert.equal(receive({ headers, body }).answer.statusCode, 200);
    assert.equal(receive({ headers, body: JSON.stringify(JSON.parse(body), null, 1) }).answer.statusCode, 401);
  });

  it('complains where it cannot do its work', () => {
    const genuine = organizationWebhook(event, secret);
    const withoutSecret = receive(genuine, { key: '' });
    assert.deepEqual([withoutSecret.answer.statusCode, withoutSecret.events], [500, []]);
    assert.match(withoutSecret.complaints.join(), /RHOMBUS_WEBHOOK_SECRET/);
    const parsed = receive(genuine, { payload: JSON.parse(genuine.body) });
    assert.deepEqual([parsed.answer.statusCode, parsed.events], [500, []]);
    assert.match(parsed.complaints.join(), /raw body/);
  });

  it('answers what is signed but no JSON', () => {
    const body = 'nonsense';
    const signature = crypto.createHmac('sha1', secret).update(body).digest('hex');
    const { events, answer } = receive({ headers: { 'x-rhombus-signature-sha1': signature }, body });
    assert.deepEqual([answer.statusCode, events], [400, []]);
  });

  it('gets the body as it came, and takes camera and time from the event', () => {
    assert.equal(findNode(flow, 'http in').skipBodyParsing, true);
    assert.deepEqual(
      (findNode(flow, 'change').rules as { p: string; to: string }[]).map(({ p, to }) => [p, to]),
      [
        ['camera', 'payload.deviceUuid'],
        ['time', 'payload.timestampMs'],
        ['title', 'payload.summary'],
      ],
    );
    const { camera: from, cameraType, time, timeType, range } = findNode(flow, 'create-clip');
    assert.deepEqual([from, cameraType, time, timeType, range], ['camera', 'msg', 'time', 'msg', 'around']);
  });
});
