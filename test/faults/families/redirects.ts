// Redirects of every kind, to every place.
import { html, type Family, type Fault } from '../fault';
import type { Exchange } from '../proxy';

const places: Record<string, ((exchange: Exchange) => string) | undefined> = {
  'to itself': ({ request }) => request.target,
  'in a circle that grows': ({ request }) => `${request.target}${request.target.includes('?') ? '&' : '?'}a=1`,
  'to another path': () => '/somewhere/else',
  'to another port': () => 'http://127.0.0.1:1/elsewhere',
  'to another name': ({ request }) => `http://localhost:${request.headers.host?.split(':')[1]}${request.target}`,
  'without a scheme': () => '//127.0.0.1:1/elsewhere',
  'to https': ({ request }) => `https://${request.headers.host}${request.target}`,
  'to a file': () => 'file:///etc/passwd',
  'to a script': () => 'javascript:alert(1)',
  'to data': () => 'data:application/json,{}',
  'to ftp': () => 'ftp://127.0.0.1:1/x',
  'with a login': ({ request }) => `http://admin:s3cret@${request.headers.host}${request.target}`,
  'to what is no address': () => 'http://[::bad',
  'to nothing': () => '',
  'to a long address': () => `/${'x'.repeat(7_000)}`,
  'to a path with escapes': () => '/%1b%5b2J%0d%0aX-Forged:%201',
  nowhere: undefined,
};

const redirect = (name: string, place: ((exchange: Exchange) => string) | undefined): Fault => ({
  name: `redirected ${name}`,
  meet(exchange) {
    const status = [301, 302, 303, 307, 308][exchange.variant % 5]!;
    const location = place?.(exchange);
    const body = Buffer.from('<html><body>Moved</body></html>');
    exchange.send({ status, headers: { ...html, ...(location === undefined ? {} : { location }) }, body });
  },
});

export const redirects: Family = {
  name: 'redirects',
  faults: Object.entries(places).map(([name, place]) => redirect(name, place)),
};
