/** What is said when a request gets no answer. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo } from 'node:net';
import type { HttpRequest } from '../../../lib/net/http';
import { networkError } from '../../../lib/net/network-errors';
import { selfSignedCertificate } from '../../simulators/vdg-sense/self-signed';
import { client, closeAll, fails, get, never, serve } from './servers';

describe('trouble on the way to a server', () => {
  afterEach(closeAll);

  const say = (code: string, message = '', url = 'https://cams.example:8443/x') =>
    networkError(Object.assign(new Error(message), { code }), { signal: never, action: 'Asking', url });

  const table: [string, string, RegExp, boolean][] = [
    ['CERT_HAS_EXPIRED', '', /certificate of cams\.example:8443 has expired/, false],
    ['CERT_NOT_YET_VALID', '', /not valid yet .*\. Check the clock/, false],
    ['ERR_TLS_CERT_ALTNAME_INVALID', '', /for another name than cams\.example:8443.*Server Name/, false],
    ['SELF_SIGNED_CERT_IN_CHAIN', '', /Add its CA/, false],
    ['EPROTO', 'routines:ssl3_get_record:wrong version number', /does not speak TLS/, false],
    ['ERR_SSL_WRONG_VERSION_NUMBER', '', /does not speak TLS/, false],
    ['ERR_SSL_UNSUPPORTED_PROTOCOL', '', /too old to be safe/, false],
    ['EPROTO', 'tlsv1 alert protocol version', /too old to be safe/, false],
    ['ERR_SSL_EE_KEY_TOO_SMALL', '', /too weak/, false],
    ['ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED', '', /wants a certificate of this client/, false],
    ['ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE', '', /agree on no encryption/, false],
    ['HPE_INVALID_HEADER_TOKEN', '', /breaks the rules of HTTP.*Accept malformed HTTP/, true],
    ['ENOTFOUND', '', /name of cams\.example:8443 is not known.*container/, true],
    ['EAI_AGAIN', '', /no name server answers/, true],
    ['ECONNREFUSED', '', /^Nothing listens at cams\.example:8443 .*\. Check the port/, true],
    ['EHOSTUNREACH', '', /no way to cams\.example:8443/, true],
    ['ECONNRESET', 'socket hang up', /broke the connection/, true],
    ['EWHATEVER', '', /cannot be reached \(EWHATEVER\)/, true],
  ];
  for (const [code, message, expected, retryable] of table) {
    it(`is said in words: ${code} ${message}`, () => {
      const error = say(code, message);
      assert.match(error.message, expected);
      assert.match(error.message, new RegExp(`\\(${code}\\) \\(asking\\)`));
      assert.deepEqual([error.code, error.retryable, error.vendorCode], ['ENETWORK', retryable, code]);
    });
  }

  it('tells what "localhost" means inside of a container', () => {
    assert.match(
      say('ECONNREFUSED', '', 'http://localhost:8971/').message,
      /inside of a container it is the container/,
    );
    assert.doesNotMatch(say('ECONNREFUSED').message, /container/);
  });

  it('is told apart in reality: https where http is spoken, and the other way round', async () => {
    const plain = await serve();
    const secure = await serve(undefined, selfSignedCertificate());
    await assert.rejects(
      client(plain.url.replace('http:', 'https:')).request(get('/')),
      fails('ENETWORK', { message: /does not speak TLS/, retryable: false }),
    );
    await assert.rejects(
      client(secure.url.replace('https:', 'http:')).request(get('/')),
      fails('ENETWORK', { message: /broke the connection.*https: or http:/, retryable: true }),
    );
  });

  /** A server that answers with these very bytes, one connection after the other. */
  async function raw(
    ...answers: (string | undefined)[]
  ): Promise<{ url: string; requests(): number; connections(): number }> {
    let [requests, connections] = [0, 0];
    const server = net.createServer((socket) => {
      connections += 1;
      socket.on('error', () => undefined);
      socket.on('data', () => {
        requests += 1;
        const answer = requests <= answers.length ? answers[requests - 1] : answers.at(-1);
        if (answer === undefined) socket.destroy();
        else socket.write(answer);
      });
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    after(() => server.close());
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return { url, requests: () => requests, connections: () => connections };
  }

  const good = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

  it('may be headers that break the rules, which a switch lets pass', async () => {
    const { url } = await raw('HTTP/1.1 200 OK\r\nX-Device: a\u0001b\r\nContent-Length: 2\r\n\r\nok');
    await assert.rejects(client(url).request(get('/')), fails('ENETWORK', { message: /HPE_.*malformed HTTP/ }));
    assert.equal((await client(url, { lenient: true }).request(get('/'))).text, 'ok');
  });

  const dead = [good, undefined, good];
  const cases: [what: string, options: Partial<HttpRequest>, answers: (string | undefined)[]][] = [
    ['a GET is sent again at once', {}, dead],
    ['so is a POST that may be carried out twice', { method: 'POST', isRepeatable: true }, dead],
    ['any other POST has a connection of its own', { method: 'POST' }, [good]],
  ];
  for (const [what, options, answers] of cases) {
    it(`may be a kept connection that is dead: ${what}`, async () => {
      const server = await raw(...answers);
      const http = client(server.url);
      await http.request(get('/'));
      // The socket goes back to the agent after the reply.
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal((await http.request(get('/', options))).text, 'ok');
      assert.equal(server.connections(), 2);
    });
  }

  it('is not sent again where the connection was a fresh one', async () => {
    const server = await raw(undefined, good);
    await assert.rejects(client(server.url).request(get('/')), fails('ENETWORK'));
    assert.equal(server.requests(), 1);
  });
});
