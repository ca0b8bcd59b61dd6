import assert from 'node:assert/strict';
import type { ErrorCode } from '../../../../lib/errors';
import { exampleKey, type KinesisSettings } from '../../../simulators/kinesis-video';
import { htmlPage } from '../../../simulators/http-server';
import { withoutAwsEnvironment } from '../../../support/aws-environment';
import { closeAll, connectTo, create, download, fails, keys, never, poll, startKinesis } from './support';

interface Case {
  status: number;
  name: string;
  text?: string;
  code: ErrorCode;
  retryable?: boolean;
  says?: RegExp;
}

const cases: Case[] = [
  { status: 400, name: 'ClientLimitExceededException', code: 'ETHROTTLED', retryable: true },
  { status: 400, name: 'ThrottlingException', code: 'ETHROTTLED', retryable: true },
  { status: 429, name: 'TooManyRequestsException', code: 'ETHROTTLED', retryable: true },
  { status: 429, name: 'SomethingNew', code: 'ETHROTTLED', retryable: true },
  { status: 400, name: 'InvalidArgumentException', code: 'EINVALID' },
  { status: 400, name: 'ValidationException', code: 'EINVALID' },
  { status: 400, name: 'NoDataRetentionException', code: 'ENOTFOUND', says: /raise its data retention/ },
  { status: 400, name: 'InvalidMediaFrameException', code: 'EFAILED', says: /damaged/ },
  { status: 400, name: 'UnsupportedStreamMediaTypeException', code: 'EUNSUPPORTED', says: /H\.264/ },
  { status: 401, name: 'NotAuthorizedException', code: 'EFORBIDDEN', says: /IAM policy/ },
  { status: 400, name: 'AccessDeniedException', code: 'EFORBIDDEN', says: /IAM policy/ },
  { status: 403, name: 'SomethingNew', code: 'EFORBIDDEN' },
  { status: 400, name: 'SomethingNew', code: 'EPROTOCOL' },
  { status: 500, name: 'InternalFailure', code: 'EFAILED', retryable: true },
  { status: 503, name: 'ServiceUnavailable', code: 'ENETWORK', retryable: true },
  { status: 403, name: 'UnrecognizedClientException', code: 'EAUTH', says: /Check access key ID/ },
  { status: 403, name: 'InvalidClientTokenId', code: 'EAUTH' },
  { status: 403, name: 'ExpiredTokenException', code: 'EAUTH', says: /fresh credentials/ },
];

describe('Kinesis Video Streams: errors', () => {
  withoutAwsEnvironment();
  afterEach(closeAll);

  for (const { status, name, code, retryable = false, says = /./ } of cases) {
    it(`are ${code}${retryable ? ', to be tried again,' : ''} for ${name} (HTTP ${status}), after one request`, async () => {
      const sim = await startKinesis();
      const clip = await create(connectTo(sim));
      const connection = connectTo(sim);
      sim.failNext(sim.refusal(status, name, 'The words of AWS.'), 'getClip', 9);
      const words = new RegExp(`^AWS answered ${name}: The words of AWS \\(downloading the clip of camera dock, `);
      await assert.rejects(download(connection, clip), (error: Error) => {
        assert.match(error.message, words);
        return fails(code, says, { retryable, vendorCode: name })(error);
      });
      // A refusal for one place in the clip is followed by a search for that place.
      const isAboutPlace = /^(Invalid|Missing)(CodecPrivateData|MediaFrame)/.test(name);
      assert.equal(sim.requestsFor('getClip').length, isAboutPlace ? 2 : 1);
    });
  }

  const shapes: [string, KinesisSettings['errors']][] = [
    ['in the body', { type: 'body', textKey: 'message' }],
    ['under "message"', { textKey: 'message' }],
  ];
  for (const [how, errors] of shapes) {
    it(`are understood ${how}`, async () => {
      const sim = await startKinesis({ errors });
      sim.failNext(sim.refusal(400, 'ClientLimitExceededException', 'Too much.'), 'listFragments');
      await assert.rejects(create(connectTo(sim)), fails('ETHROTTLED', /Too much/));
    });
  }

  it('without a name go by their status', async () => {
    const sim = await startKinesis({ errors: { type: 'amz' } });
    sim.failNext(sim.refusal(400, 'ClientLimitExceededException', 'Too much.'), 'listFragments');
    await assert.rejects(create(connectTo(sim)), fails('EPROTOCOL', /HTTP 400: Too much/, { vendorCode: 'HTTP 400' }));
    sim.failNext({ kind: 'reply', reply: { status: 500 } }, 'listFragments');
    await assert.rejects(create(connectTo(sim)), fails('EFAILED', /AWS answered HTTP 500 \(/, { retryable: true }));
  });

  it('ask for the pause that an answer asks for', async () => {
    const sim = await startKinesis();
    const reply = { status: 503, headers: { 'retry-after': '7', 'content-type': 'application/json' }, body: '{}' };
    sim.failNext({ kind: 'reply', reply }, 'listFragments');
    await assert.rejects(create(connectTo(sim)), fails('ENETWORK', undefined, { retryAfterMs: 7000 }));
    sim.failNext({ kind: 'reply', reply: { ...reply, body: 'Busy' } }, 'listFragments');
    await assert.rejects(create(connectTo(sim)), fails('ENETWORK', undefined, { retryAfterMs: 7000 }));
  });

  const pages: [number, ErrorCode][] = [
    [200, 'EPROTOCOL'],
    [302, 'EPROTOCOL'],
    [403, 'EFORBIDDEN'],
    [404, 'EPROTOCOL'],
    [429, 'ETHROTTLED'],
    [503, 'ENETWORK'],
  ];
  for (const [status, code] of pages) {
    for (const operation of ['getDataEndpoint', 'listFragments']) {
      it(`are ${code} for a page in place of an answer to ${operation} (HTTP ${status})`, async () => {
        const sim = await startKinesis();
        sim.failNext({ kind: 'reply', reply: htmlPage(status, 'Router') }, operation, 2);
        await assert.rejects(create(connectTo(sim)), fails(code, /document that is not from Kinesis.*\(planning /));
      });
    }
  }

  const nothing: [string, number, string, RegExp][] = [
    ['an empty answer', 200, '', /HTTP 200 with nothing in it/],
    ['a blank answer', 200, ' \r\n', /HTTP 200 with nothing in it/],
    ['no content', 204, '', /HTTP 204 with nothing in it/],
    ['null', 200, 'null', /HTTP 200 with a document that is not from Kinesis/],
    ['a refusal that is null', 400, 'null', /HTTP 400 with a document that is not from Kinesis/],
    ['a number', 200, '7', /HTTP 200 with a document that is not from Kinesis/],
    ['a text', 200, '"ok"', /HTTP 200 with a document that is not from Kinesis/],
    ['a list', 200, '[]', /HTTP 200 with a document that is not from Kinesis/],
  ];
  for (const [what, status, body, says] of nothing) {
    it(`are EPROTOCOL for ${what}, which is no empty list (HTTP ${status})`, async () => {
      const sim = await startKinesis();
      const connection = connectTo(sim);
      const clip = await create(connection);
      sim.failNext({ kind: 'reply', reply: { status, body } }, () => true, 99);
      await assert.rejects(connection.listCameras(never), fails('EPROTOCOL', says));
      await assert.rejects(create(connection, 20, 24), fails('EPROTOCOL', says));
      await assert.rejects(poll(connection, clip), fails('EPROTOCOL', says));
      await assert.rejects(download(connection, clip), fails('EPROTOCOL'));
      sim.clearFaults();
      assert.equal((await poll(connection, clip))?.status, 'finished');
    });
  }

  it('name the network when AWS nothing listens, and the vendor code', async () => {
    const sim = await startKinesis();
    const connection = connectTo(sim);
    await sim.close();
    await assert.rejects(create(connection), fails('ENETWORK', /nothing listens/, { vendorCode: 'ECONNREFUSED' }));
  });

  for (const when of ['request', 'reply', 'headers'] as const) {
    it(`name the network when the connection breaks (${when}), after one request`, async () => {
      const sim = await startKinesis();
      sim.failNext({ kind: 'reset', when }, 'listFragments', 9);
      await assert.rejects(create(connectTo(sim)), fails('ENETWORK', /\(planning/, { retryable: true }));
      assert.equal(sim.requestsFor('listFragments').length, 1);
    });
  }

  it('name the time that was waited in vain', async () => {
    const sim = await startKinesis();
    sim.failNext({ kind: 'delay', ms: Infinity }, 'listFragments');
    await assert.rejects(create(connectTo(sim, { timeoutMs: 100 })), fails('ETIMEOUT', /no answer within 0\.1 s/));
    sim.failNext({ kind: 'stall', afterBytes: 10 }, 'getDataEndpoint');
    await assert.rejects(create(connectTo(sim, { timeoutMs: 100 })), fails('ETIMEOUT', /no answer within 0\.1 s/));
  });

  it('are told apart from a cancelled request', async () => {
    const sim = await startKinesis();
    const connection = connectTo(sim);
    sim.failNext({ kind: 'delay', ms: Infinity }, 'listFragments');
    const creating = create(connection);
    setTimeout(() => void connection.close(), 50);
    await assert.rejects(creating, fails('EABORTED'));
  });

  describe('of credentials', () => {
    const token = 'session/token/of/the/simulator+0123456789==';
    const refused = [
      ['an unknown key', { username: 'AKIAUNKNOWN' }, 'UnrecognizedClientException'],
      ['a wrong secret', { password: 'wrong-secret-key' }, 'InvalidSignatureException'],
      ['a wrong session token', { token: 'wrong-session-token' }, 'UnrecognizedClientException'],
    ] as const;
    for (const [what, change, vendorCode] of refused) {
      it(`stop everything after the one request that found ${what}`, async () => {
        const sim = await startKinesis();
        const connection = connectTo(sim, { credentials: change });
        await assert.rejects(create(connection), fails('EAUTH', /Check/, { vendorCode }));
        await assert.rejects(connection.listCameras(never), fails('EAUTH', /Nothing more is sent/));
        assert.equal(sim.requests.length, 1);
      });
    }

    it('never show key, secret or session token, whatever AWS repeats', async () => {
      const key = { ...exampleKey, sessionToken: token };
      const sim = await startKinesis({ keys: [key] });
      const wrong = connectTo(sim, { credentials: { password: 'wrong-secret-key', token } });
      const error = await create(wrong).catch((thrown: Error) => thrown);
      const connection = connectTo(sim, { credentials: { token } });
      const echo = `Seen: ${key.accessKeyId} ${key.secretAccessKey} ${token}`;
      sim.failNext(sim.refusal(400, 'InvalidArgumentException', echo), 'listFragments');
      const other = await create(connection).catch((thrown: Error) => thrown);
      assert.match(String(other), /Seen: \*\*\* \*\*\* \*\*\*/);
      for (const secret of [keys.username, keys.password, token, 'wrong-secret-key', 'Signature=']) {
        assert.ok(!`${JSON.stringify(error)}${String(error)}${JSON.stringify(other)}`.includes(secret), secret);
      }
    });

    it('never show a signature', async () => {
      const sim = await startKinesis();
      const echo = 'Authorization header requires existence of a date. Authorization=AWS4-HMAC-SHA256 Signature=0a1b2c';
      sim.failNext(sim.refusal(403, 'IncompleteSignatureException', echo), 'listFragments');
      await assert.rejects(create(connectTo(sim)), (error: Error) => {
        assert.doesNotMatch(error.message, /Signature=/);
        return fails('EAUTH', /AWS answered IncompleteSignatureException .*\. Check/)(error);
      });
    });

    it('take the clock of AWS when this one is wrong', async () => {
      const sim = await startKinesis({ skewMs: -3 * 3600_000 });
      const connection = connectTo(sim);
      assert.equal((await create(connection)).status, 'finished');
      assert.equal((await create(connection, 12, 16)).status, 'finished');
      // Refused, and sent again, once at each host.
      assert.deepEqual(
        sim.requests.map(({ path, status }) => `${path} ${status}`),
        [
          '/getDataEndpoint 403',
          '/getDataEndpoint 200',
          '/listFragments 403',
          '/listFragments 200',
          '/listFragments 200',
        ],
      );
    });

    for (const skew of ['InvalidSignatureException', 'RequestExpired'] as const) {
      it(`do not blame the credentials for a clock that cannot be corrected (${skew})`, async () => {
        const sim = await startKinesis({ errors: { skew } });
        sim.failNext(sim.refusal(403, skew, 'Signature expired: 20250301T080000Z is now earlier than'), () => true, 9);
        await assert.rejects(
          create(connectTo(sim)),
          fails('EFAILED', /Set the clock of this computer/, { retryable: true }),
        );
        assert.equal(sim.requests.length, 1);
      });
    }
  });
});
