// Requests to come back later, in every form that servers, their frameworks and mistakes give them.
import { json, type Family, type Fault } from '../fault';

const inMs = (ms: number): Date => new Date(Date.now() + ms);

/** What `Retry-After` may hold; of the clock of the server, where it is a date. */
const forms: Record<string, () => string> = {
  '0': () => '0',
  '1': () => '1',
  ' 2 ': () => ' 2 ',
  '90': () => '90',
  '1.5': () => '1.5',
  '-5': () => '-5',
  '1e9': () => '1e9',
  '0x10': () => '0x10',
  'of 20 digits': () => '9'.repeat(20),
  'of 30 digits': () => '1'.repeat(30),
  'of 400 digits': () => '7'.repeat(400),
  'two of them': () => '3, 9',
  NaN: () => 'NaN',
  Infinity: () => 'Infinity',
  'no word': () => '',
  soon: () => 'soon',
  'a date': () => inMs(5_000).toUTCString(),
  'a past date': () => inMs(-3_600_000).toUTCString(),
  'a date in a year': () => inMs(365 * 24 * 3_600_000).toUTCString(),
  'a date in the year 9999': () => 'Fri, 31 Dec 9999 23:59:59 GMT',
  'a date of RFC 850': () => 'Sunday, 06-Nov-94 08:49:37 GMT',
  'a date of asctime': () => 'Sun Nov  6 08:49:37 1994',
  'an ISO date': () => inMs(5_000).toISOString(),
  'no date': () => 'Thu, 99 Foo 2026 25:61:61 GMT',
  'a second since 1970': () => String(Math.floor(inMs(7_000).getTime() / 1000)),
  'a millisecond since 1970': () => String(inMs(7_000).getTime()),
};

const asked = (status: number, name: string, headers: () => Record<string, string>): Fault => ({
  name: `HTTP ${status}, ${name}`,
  // Two of these in a row are as many as a job needs to get over it.
  passes: true,
  meet: ({ send }) => send({ status, headers: { ...json, ...headers() }, body: Buffer.from('{"message":"Later"}') }),
});

export const pauses: Family = {
  name: 'pauses asked for',
  faults: [
    ...Object.entries(forms).map(([name, form], index) =>
      asked(index % 2 === 0 ? 429 : 503, `Retry-After ${name}`, () => ({ 'retry-after': form() })),
    ),
    asked(429, 'RateLimit-Reset', () => ({ 'ratelimit-reset': '3' })),
    asked(429, 'X-RateLimit-Reset of 25 digits', () => ({ 'x-ratelimit-reset': '4'.repeat(25) })),
    asked(429, 'without a word', () => ({})),
    asked(503, 'without a word', () => ({})),
    asked(429, 'all of them at once', () => ({
      'retry-after': '-1',
      'ratelimit-reset': 'x',
      'x-ratelimit-reset': '2',
    })),
  ],
};
