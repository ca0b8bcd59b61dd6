// Shares what all fuzz tests do: how often they run, what they throw at the product, and what must hold for all that comes out.
import assert from 'node:assert/strict';
import fc from 'fast-check';
import { ClipError } from '../../lib/errors';

/** 500 whenever tests are run; `FUZZ_RUNS=10000` for more. */
export const runs = Number(process.env.FUZZ_RUNS ?? 500);
/** One run takes milliseconds: what takes as long as this hangs. */
const longestMs = 20_000;
/** The whole property, with any number of runs. */
export const suiteTimeoutMs = 20 * 60_000;

/** What the engines of this runtime say about a mistake in a program. */
const programmingErrors =
  /Cannot (read|set|access|destructure|convert)|is not (a function|iterable|defined|a constructor)|(undefined|null) (is not|has no)|Invalid (array|string) length|Converting circular|Maximum call stack|\[object |Invalid time value|ERR_INVALID_ARG|BigInt/;

export async function fuzz<T>(inputs: fc.Arbitrary<T>, property: (input: T) => unknown, share = 1): Promise<void> {
  const before = Object.getOwnPropertyNames(Object.prototype).length;
  await fc.assert(
    fc.asyncProperty(inputs, async (input) => {
      await property(input);
      assert.equal(Object.getOwnPropertyNames(Object.prototype).length, before, 'the prototype is changed');
    }),
    { numRuns: Math.ceil(runs * share), timeout: longestMs, endOnFailure: false },
  );
}

/** The result of a call, where it has one; one of our errors is as good. */
export async function resultOrError<T>(call: () => T): Promise<Awaited<T> | undefined> {
  try {
    return await call();
  } catch (thrown) {
    // What the value itself has thrown: whoever reads messages makes an error of ours of it.
    if (thrown instanceof Error && thrown.message === trapped) return undefined;
    if (!(thrown instanceof ClipError)) throw thrown;
    assert.match(thrown.code, /^E[A-Z]+$/);
    assert.doesNotMatch(thrown.message, /\p{Cc}/u);
    assert.doesNotMatch(thrown.message, programmingErrors);
    assert.ok(thrown.message.length <= 1_600, `a message of ${thrown.message.length} characters`);
    return undefined;
  }
}

/** Texts that mean something to somebody. */
const words = [
  ...[
    '',
    ' ',
    '0',
    '-1',
    '1e400',
    'NaN',
    'null',
    'undefined',
    'true',
    '__proto__',
    'constructor',
    'toString',
    '..',
    '../..',
  ],
  ...['/', '\\', 'C:\\', 'CON', '\0', '\u001b[2J', '\r\n', '\u202e', '\ud800', '{camera}', '{start}', '${HOME}', '%00'],
  ...['9'.repeat(30), 'x'.repeat(3_000), '2025-03-01T08:50:00Z', '2025-02-30T00:00:00+25:00', '12345678901234567890'],
];

export const oddText = fc.oneof(fc.constantFrom(...words), fc.string({ unit: 'binary', maxLength: 40 }), fc.string());

export const oddNumber = fc.oneof(
  fc.constantFrom(0, -0, -1, 1, 0.5, NaN, Infinity, -Infinity, 1e308, 2 ** 53, 2 ** 31, 8.64e15 + 1, 1_740_816_000_000),
  fc.double(),
  fc.integer(),
);

const trapped = 'a trap';

/** Throws whatever is asked of it, but how a failing test shows it. */
function trap(): object {
  const get = (_: object, name: string | symbol): unknown => {
    if (typeof name === 'string') throw new Error(trapped);
    return name === fc.toStringMethod ? () => trapped : undefined;
  };
  return new Proxy({}, { get, has: (_, name) => name === fc.toStringMethod });
}

/** Values that no JSON holds, but messages do. */
const oddObject = fc.constantFrom<unknown>(
  () => 1,
  Symbol('s'),
  10n,
  new Date(NaN),
  new Date(0),
  new Map([[1, 2]]),
  Buffer.from('bytes'),
  /x/,
  Object.create(null),
  { toString: 1, valueOf: {} },
  JSON.parse('{"__proto__":{"polluted":1}}'),
  trap(),
);

/** JSON, with names that are likely where it is read. */
export function oddJson(names: readonly string[] = ['id', 'start', 'end', 'camera']): fc.Arbitrary<unknown> {
  const key = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: oddText });
  const leaf = fc.oneof(
    oddText,
    oddNumber.map(finite),
    fc.boolean(),
    fc.constant(null),
    fc.constant({ toString: 1, valueOf: 1 }),
  );
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.array(fc.tuple(key, tie('value')), { maxLength: 10 }).map((entries) => Object.fromEntries(entries)),
    ),
  }));
  return value;
}

const finite = (number: number): number => (Number.isFinite(number) ? number : 0);

/** Anything that a flow can put into a message. */
export function oddValue(names?: readonly string[]): fc.Arbitrary<unknown> {
  return fc.oneof(
    { weight: 4, arbitrary: oddJson(names) },
    { weight: 1, arbitrary: oddNumber },
    { weight: 1, arbitrary: oddObject },
    { weight: 1, arbitrary: fc.constant(undefined) },
  );
}

/** A record of some of these names. */
export function oddRecord(names: readonly string[], values: fc.Arbitrary<unknown> = oddValue(names)) {
  return fc
    .array(fc.tuple(fc.constantFrom(...names), values), { maxLength: names.length })
    .map((entries) => Object.fromEntries(entries) as Record<string, unknown>);
}

/** A real text with some of its characters replaced, taken out, doubled or exchanged. */
export function damaged(real: string): fc.Arbitrary<string> {
  const edit = fc.record({
    at: fc.nat(),
    length: fc.nat(20),
    by: fc.oneof(fc.constantFrom('', '<', '>', '&', '"', '{', '[', '\\', '\0'), oddText),
  });
  return fc.array(edit, { minLength: 1, maxLength: 6 }).map((edits) =>
    edits.reduce((text, { at, length, by }) => {
      const from = text.length === 0 ? 0 : at % text.length;
      return text.slice(0, from) + by + text.slice(from + length);
    }, real),
  );
}
