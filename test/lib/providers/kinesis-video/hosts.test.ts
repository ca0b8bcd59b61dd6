import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { selfSignedCertificate } from '../../../simulators/vdg-sense/self-signed';
import { withoutAwsEnvironment } from '../../../support/aws-environment';
import { atEnd, closeAll, connectTo, create, download, fails, never, operations, startKinesis } from './support';

const minute = 60_000;

describe('Kinesis Video Streams: hosts', () => {
  withoutAwsEnvironment();
  afterEach(closeAll);

  describe('data endpoints', () => {
    it('are asked for once for each stream and use, and again after 40 minutes', async () => {
      const sim = await startKinesis();
      let now = Date.now();
      const connection = connectTo(sim, { now: () => now });
      for (let count = 0; count < 3; count++) await download(connection, await create(connection));
      assert.equal(sim.requestsFor('getDataEndpoint').length, 2);
      now += 39 * minute;
      await create(connection);
      assert.equal(sim.requestsFor('getDataEndpoint').length, 2);
      now += minute;
      await create(connection);
      assert.equal(sim.requestsFor('getDataEndpoint').length, 3);
    });

    for (const dataEndpointForm of ['slash', 'no-scheme'] as const) {
      it(`are understood in the form "${dataEndpointForm}"`, async () => {
        const certificate = selfSignedCertificate();
        const sim = await startKinesis({ dataEndpointForm, tls: certificate });
        await create(connectTo(sim, { tls: { ca: certificate.cert } }));
        assert.deepEqual(operations(sim), ['getDataEndpoint', 'listFragments']);
      });
    }

    it('must be there', async () => {
      const sim = await startKinesis({ dataEndpointForm: 'missing' });
      await assert.rejects(create(connectTo(sim)), fails('EPROTOCOL', /named no address for the footage/));
    });

    it('are asked for again, once, when nothing answers there any more', async () => {
      const sim = await startKinesis();
      const connection = connectTo(sim);
      const clip = await create(connection);
      await sim.moveDataHost();
      // The client must notice that its idle connection is gone.
      await sleep(20);
      assert.equal((await create(connection)).id, clip.id);
      assert.deepEqual(operations(sim), ['getDataEndpoint', 'listFragments', 'getDataEndpoint', 'listFragments']);
    });

    for (const wrongHost of ['xml-403', 'json-200'] as const) {
      it(`are asked for again, once, when the wrong host answers there (${wrongHost})`, async () => {
        const sim = await startKinesis({ wrongHost });
        const connection = connectTo(sim);
        const clip = await create(connection);
        await download(connection, clip);
        const body = '{"Output":{"__type":"com.amazon.coral.service#UnknownOperationException"},"Version":"1.0"}';
        const reply = wrongHost === 'json-200' ? { body } : { status: 403, body: wrongHostXml };
        sim.failNext({ kind: 'reply', reply }, 'listFragments');
        sim.failNext({ kind: 'reply', reply }, 'getClip');
        assert.equal((await create(connection)).id, clip.id);
        await download(connection, clip);
        assert.deepEqual(operations(sim).slice(4), [
          ...['listFragments', 'getDataEndpoint', 'listFragments'],
          ...['getClip', 'getDataEndpoint', 'getClip'],
        ]);
      });

      it(`that are wrong from the beginning are an error, and never an empty list (${wrongHost})`, async () => {
        const sim = await startKinesis({ wrongHost, dataEndpoint: 'control' });
        const connection = connectTo(sim);
        await assert.rejects(create(connection), fails('EPROTOCOL', /does not know the request/, { retryable: false }));
        const clip = await create(connectTo(await startKinesis()));
        await assert.rejects(download(connection, clip), fails('EPROTOCOL', /\(downloading/));
        assert.equal(sim.requestsFor('listFragments').length, 1);
      });
    }

    it('are kept when a request fails for a reason of its own', async () => {
      const sim = await startKinesis();
      const connection = connectTo(sim);
      await create(connection);
      sim.failNext(sim.refusal(400, 'ClientLimitExceededException'), 'listFragments');
      await assert.rejects(create(connection), fails('ETHROTTLED'));
      await create(connection);
      assert.equal(sim.requestsFor('getDataEndpoint').length, 1);
    });

    it('are forgotten, without trying again at once, when the connection breaks or nothing comes', async () => {
      const sim = await startKinesis();
      const connection = connectTo(sim, { timeoutMs: 200 });
      await create(connection);
      sim.failNext({ kind: 'reset', when: 'reply' }, 'listFragments');
      await assert.rejects(create(connection), fails('ENETWORK'));
      await create(connection);
      sim.failNext({ kind: 'delay', ms: Infinity }, 'listFragments');
      await assert.rejects(create(connection), fails('ETIMEOUT'));
      await create(connection);
      assert.equal(sim.requestsFor('getDataEndpoint').length, 3);
      assert.equal(sim.requestsFor('listFragments').length, 5);
    });
  });

  describe('over TLS', () => {
    it('are trusted by the certificate of the connection', async () => {
      const certificate = selfSignedCertificate();
      const sim = await startKinesis({ tls: certificate });
      const connection = connectTo(sim, { tls: { ca: certificate.cert } });
      assert.deepEqual((await connection.check(never)).warnings, []);
      await download(connection, await create(connection));
    });

    it('are not trusted otherwise, and that is not tried again', async () => {
      const sim = await startKinesis({ tls: selfSignedCertificate() });
      await assert.rejects(
        create(connectTo(sim)),
        fails('ENETWORK', /certificate is not trusted/, { retryable: false }),
      );
    });
  });

  /** What the AWS configuration of the environment asks for must not break the second request. */
  describe('with FIPS and dual-stack set in the environment', () => {
    beforeEach(() => {
      process.env.AWS_USE_FIPS_ENDPOINT = 'true';
      process.env.AWS_USE_DUALSTACK_ENDPOINT = 'true';
    });

    it('are reached at a custom endpoint, and at the data endpoint', async () => {
      const sim = await startKinesis();
      const connection = connectTo(sim);
      await download(connection, await create(connection));
    });
  });

  describe('through a proxy', () => {
    interface Proxy {
      url: string;
      seen: string[];
    }

    /** Lets nothing through but plain requests for loopback. */
    async function startProxy(status = '502 Bad Gateway'): Promise<Proxy> {
      const seen: string[] = [];
      const note = (request: http.IncomingMessage): void => {
        const auth = request.headers['proxy-authorization'];
        seen.push([request.method, request.url, ...(auth ? [auth] : [])].join(' '));
      };
      const server = http.createServer((request, response) => {
        note(request);
        const options = { method: request.method, headers: request.headers };
        const forwarded = http.request(request.url!, options, (reply) => {
          response.writeHead(reply.statusCode!, reply.headers);
          reply.pipe(response);
        });
        request.pipe(forwarded);
      });
      server.on('connect', (request: http.IncomingMessage, socket: Socket) => {
        note(request);
        socket.end(`HTTP/1.1 ${status}\r\n\r\n`);
      });
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      atEnd(async () => {
        server.close();
        server.closeAllConnections();
      });
      return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
    }

    it('are asked for by name and password of the proxy', async () => {
      const sim = await startKinesis();
      const { url, seen } = await startProxy();
      const proxy = { url, username: 'me', password: 'p@ss:word', noProxy: [] };
      const connection = connectTo(sim, { proxy });
      await download(connection, await create(connection));
      const auth = `Basic ${Buffer.from('me:p@ss:word').toString('base64')}`;
      assert.deepEqual(seen, [
        `POST ${sim.url}/getDataEndpoint ${auth}`,
        `POST ${sim.dataUrl}/listFragments ${auth}`,
        `POST ${sim.url}/getDataEndpoint ${auth}`,
        `POST ${sim.dataUrl}/getClip ${auth}`,
      ]);
    });

    for (const pattern of ['127.0.0.1', '*', '.0.0.1']) {
      it(`are reached directly when the proxy is not for "${pattern}"`, async () => {
        const sim = await startKinesis();
        const { url, seen } = await startProxy();
        await create(connectTo(sim, { proxy: { url, noProxy: [pattern] } }));
        assert.deepEqual(seen, []);
      });
    }

    it('are asked for by the proxy of the environment when the connection has none', async () => {
      const sim = await startKinesis();
      const { url, seen } = await startProxy();
      process.env.HTTP_PROXY = url;
      await create(connectTo(sim));
      assert.equal(seen.length, 2);
    });

    const names: [string, Record<string, unknown>, Record<string, string>, string][] = [
      ['in any region', { region: 'eu-west-1' }, {}, 'kinesisvideo.eu-west-1.amazonaws.com'],
      ['in China', { region: 'cn-north-1' }, {}, 'kinesisvideo.cn-north-1.amazonaws.com.cn'],
      ['in GovCloud', { region: 'us-gov-west-1' }, {}, 'kinesisvideo-fips.us-gov-west-1.amazonaws.com'],
      ['with FIPS', {}, { AWS_USE_FIPS_ENDPOINT: 'true' }, 'kinesisvideo-fips.eu-west-1.amazonaws.com'],
      ['with dual-stack', {}, { AWS_USE_DUALSTACK_ENDPOINT: 'true' }, 'kinesisvideo.eu-west-1.api.aws'],
      [
        'in the region of the environment',
        { region: '' },
        { AWS_REGION: 'sa-east-1' },
        'kinesisvideo.sa-east-1.amazonaws.com',
      ],
    ];
    for (const [where, settings, environment, host] of names) {
      it(`are those of AWS ${where}`, async () => {
        Object.assign(process.env, environment);
        const { url, seen } = await startProxy();
        const connection = connectTo(undefined, { settings, proxy: { url, noProxy: [] } });
        await assert.rejects(create(connection), fails('ENETWORK', /proxy refuses the way to the server \(HTTP 502\)/));
        assert.deepEqual(seen, [`CONNECT ${host}:443`]);
      });
    }

    it('are not reached when the proxy wants another password', async () => {
      const { url } = await startProxy('407 Proxy Authentication Required');
      const proxy = { url, username: 'me', password: 'wrong-password', noProxy: [] };
      await assert.rejects(
        create(connectTo(undefined, { proxy })),
        fails('ENETWORK', /proxy on the way wants a user name and a password/),
      );
    });
  });

  it('need a region', async () => {
    await assert.rejects(
      create(connectTo(undefined, { settings: { region: '' } })),
      fails('EINVALID', /no region is set/),
    );
  });
});

const wrongHostXml =
  '<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized</Message>\n</AccessDeniedException>';
