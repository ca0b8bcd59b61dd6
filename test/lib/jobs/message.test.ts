import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import { PassThrough } from 'node:stream';
import vm from 'node:vm';
import { restoreMessage, storeMessage } from '../../../lib/jobs/message';

/** Through the journal and back. */
function roundTrip(message: object): { restored: Record<string, unknown>; dropped: string[] } {
  const { message: stored, dropped } = storeMessage(message);
  return { restored: restoreMessage(JSON.parse(JSON.stringify(stored))) as Record<string, unknown>, dropped };
}

function nested(depth: number): object {
  return depth === 0 ? { end: true } : { next: nested(depth - 1) };
}

describe('a stored message', () => {
  const surviving: Record<string, object> = {
    'plain values': { _msgid: 'a1', text: 'x', number: 1.5, flag: false, nothing: null, empty: '', zero: 0 },
    'objects and arrays': {
      clip: { id: 'c', ref: { a: 'b' } },
      list: [1, 'two', [3], { four: 4 }],
      none: [],
      bare: {},
    },
    Buffers: { payload: Buffer.from([0, 1, 254, 255]), list: [Buffer.from('a'), Buffer.alloc(0)] },
    'a part of a larger Buffer': { payload: Buffer.from('0123456789').subarray(3, 6) },
    Dates: { time: new Date(0), deep: { list: [new Date('2025-03-01T08:50:00.123Z')] } },
    'a key that looks like the mark of a Buffer': { payload: { $buffer: 'not base64 at all' } },
    'keys that JSON writes with escapes': {
      payload: { '\n': 1, '\\': 2, '"%000a"': 3, '\ud800x': 4, '%000a': 5, '\u{1f3a5}': 6, '\0\u007f': 7 },
    },
    'a key that looks like the mark of such a key': { payload: { '$key:%000a': 1, '$$key:': 2, '$key:\n': 3 } },
    'a key that looks like the mark of a Date': { payload: { $date: '2025-03-01T08:50:00.000Z' } },
    'keys that look like marks that got out of the way': { payload: { $$buffer: 'a', $$$date: 'b' } },
    'keys that look like marks, with other content': {
      payload: { $buffer: 1, $date: null, other: { $buffer: { $date: 'x' } } },
    },
    'a Buffer below a key that looks like a mark': { $buffer: { $date: Buffer.from('x') } },
    'a key named __proto__': { payload: JSON.parse('{"__proto__":{"polluted":true}}') as object },
    'the same object twice': ((shared) => ({ a: shared, b: shared, list: [shared, shared] }))({ x: 1 }),
    'sixty levels': nested(60),
  };
  for (const [what, message] of Object.entries(surviving)) {
    it(`comes back with ${what}`, () => {
      const { restored, dropped } = roundTrip(message);
      assert.deepStrictEqual(restored, message);
      assert.deepEqual(dropped, []);
    });
  }

  it('does not depend on the keys of what was read before', () => {
    // Engines guess that the next key will be the one that followed the same keys the last time.
    roundTrip({ first: 1, '\\': 2 });
    assert.deepEqual(roundTrip({ first: 1, '\n': 2 }).restored, { first: 1, '\n': 2 });
  });

  it('is not polluted by a key named __proto__', () => {
    const { restored } = roundTrip({ payload: JSON.parse('{"__proto__":{"polluted":true}}') as object });
    assert.equal((restored.payload as { polluted?: boolean }).polluted, undefined);
  });

  it('brings back what a function node made in its own context', () => {
    const made = vm.runInNewContext(
      `({ time: new Date(1700000000000), bytes: new Uint8Array([1, 2, 3]), list: [new Date(0)], plain: { a: 1 } })`,
    ) as Record<string, unknown>;
    assert.equal(made.time instanceof Date, false);
    const { restored, dropped } = roundTrip(made);
    assert.deepEqual(dropped, []);
    assert.deepStrictEqual(restored, {
      time: new Date(1700000000000),
      bytes: Buffer.from([1, 2, 3]),
      list: [new Date(0)],
      plain: { a: 1 },
    });
  });

  it('brings back an error as an object with its words', () => {
    const error = Object.assign(new Error('no such camera'), { code: 'ENOTFOUND' });
    const { restored } = roundTrip({ error });
    assert.deepEqual(restored.error, { name: 'Error', message: 'no such camera', code: 'ENOTFOUND' });
  });

  it('brings back what has a JSON form of its own in that form', () => {
    const { restored, dropped } = roundTrip({ link: new URL('http://example.org/x'), wrapped: { toJSON: () => [1] } });
    assert.deepEqual(restored, { link: 'http://example.org/x', wrapped: [1] });
    assert.deepEqual(dropped, []);
  });

  it('turns what JSON does not know into null where it stood in an array', () => {
    const { restored } = roundTrip({ list: [1, undefined, () => 0, new Date(NaN), 5], none: undefined });
    assert.deepEqual(restored, { list: [1, null, null, null, 5] });
  });

  const throwing = Object.defineProperty({}, 'trouble', {
    enumerable: true,
    get() {
      throw new Error('a getter that throws');
    },
  });
  const circular: Record<string, unknown> = { name: 'loop' };
  circular.self = circular;
  const ring: unknown[] = [];
  ring.push(ring);

  const dropping: Record<string, { message: object; dropped: string[]; left: object }> = {
    'the handles of an HTTP request': {
      message: { req: { headers: {} }, res: { _res: {} }, payload: 1 },
      dropped: ['req', 'res'],
      left: { payload: 1 },
    },
    'a function': { message: { a: { call: () => 1, b: 2 } }, dropped: ['a.call'], left: { a: { b: 2 } } },
    'a BigInt': { message: { a: 1n, b: [2n] }, dropped: ['a', 'b.0'], left: { b: [null] } },
    'a symbol': { message: { a: Symbol('x'), b: 1 }, dropped: ['a'], left: { b: 1 } },
    'a stream': { message: { payload: new PassThrough(), b: 1 }, dropped: ['payload'], left: { b: 1 } },
    'an emitter': { message: { a: { socket: new EventEmitter() } }, dropped: ['a.socket'], left: { a: {} } },
    'a circle': { message: { a: circular }, dropped: ['a.self'], left: { a: { name: 'loop' } } },
    'a circle of arrays': { message: { a: ring }, dropped: ['a.0'], left: { a: [null] } },
    'a Map, a Set and a Promise': {
      message: { map: new Map([[1, 2]]), set: new Set([1]), later: Promise.resolve(1) },
      dropped: ['map', 'set', 'later'],
      left: {},
    },
    'bytes in another form': {
      message: { floats: new Float32Array([1]), raw: new ArrayBuffer(2), view: new DataView(new ArrayBuffer(2)) },
      dropped: ['floats', 'raw', 'view'],
      left: {},
    },
    'what throws when it is read': { message: { a: throwing, b: 1 }, dropped: ['a.trouble'], left: { a: {}, b: 1 } },
    'what throws when it is turned into JSON': {
      message: {
        a: {
          toJSON() {
            throw new Error('no');
          },
        },
        b: 1,
      },
      dropped: ['a'],
      left: { b: 1 },
    },
  };
  for (const [what, { message, dropped, left }] of Object.entries(dropping)) {
    it(`names ${what} as dropped, and keeps the rest`, () => {
      const result = roundTrip(message);
      assert.deepEqual(result.dropped, dropped);
      assert.deepStrictEqual(result.restored, left);
    });
  }

  it('names the place where it becomes too deep, however deep it is', () => {
    const { restored, dropped } = roundTrip({ a: nested(5_000), b: 1 });
    assert.equal(dropped.length, 1);
    assert.match(dropped[0]!, /^a(\.next){60,70}$/);
    assert.equal(restored.b, 1);
  });

  it('leaves the message itself as it was', () => {
    const message = { req: {}, payload: Buffer.from('x'), when: new Date(1), $date: 'x', call: () => 1 };
    const before = { ...message };
    storeMessage(message);
    assert.deepStrictEqual(message, before);
  });

  describe('that can do something itself', () => {
    const odd: Record<string, { message: object; dropped: string[]; left: object }> = {
      'turn itself into JSON, or fail to': {
        message: {
          toJSON() {
            throw new Error('no');
          },
          payload: 1,
        },
        dropped: ['toJSON'],
        left: { payload: 1 },
      },
      'be taken for an emitter or a stream': {
        message: { on: () => 0, pipe: () => 0, payload: 1 },
        dropped: ['on', 'pipe'],
        left: { payload: 1 },
      },
      'hold itself': { message: holdingItself(), dropped: ['self'], left: { payload: 1 } },
    };
    function holdingItself(): object {
      const message: Record<string, unknown> = { payload: 1 };
      return Object.assign(message, { self: message });
    }
    for (const [what, { message, dropped, left }] of Object.entries(odd)) {
      it(`is stored property by property (${what})`, () => {
        const result = roundTrip(message);
        assert.deepStrictEqual([result.restored, result.dropped], [left, dropped]);
      });
    }

    it('loses only the property that cannot be read', () => {
      const message = Object.defineProperty(
        { payload: 1 },
        'trouble',
        Object.getOwnPropertyDescriptor(throwing, 'trouble')!,
      );
      assert.deepEqual(roundTrip(message), { restored: { payload: 1 }, dropped: ['trouble'] });
    });
  });

  it('comes back with wrapped values as what they wrap', () => {
    const message = {
      text: new String('x'),
      number: new Number(5),
      flag: new Boolean(false),
      big: Object(1n) as object,
    };
    assert.deepEqual(roundTrip(message), { restored: { text: 'x', number: 5, flag: false }, dropped: ['big'] });
  });

  it('drops what would be endless when it is written out, and keeps the rest', () => {
    let doubling: object = { end: 1 };
    for (let level = 0; level < 60; level += 1) doubling = { a: doubling, b: doubling };
    const sparse: unknown[] = [];
    sparse[50_000_000] = 1;
    for (const [name, value] of Object.entries({ sparse, doubling })) {
      const { message, dropped } = storeMessage({ kept: 'x', [name]: value });
      assert.equal(message.kept, 'x');
      assert.ok(dropped.length > 0 && dropped.length <= 100 && dropped.every((path) => path.startsWith(name)));
    }
  });

  it('drops texts and bytes that are longer than a stored text can be', () => {
    const text = 'x'.repeat(200 * 2 ** 20);
    const { message, dropped } = storeMessage({ text, again: text, bytes: Buffer.alloc(100 * 2 ** 20), small: 'x' });
    assert.deepEqual([message.again, message.bytes, message.small], [undefined, undefined, 'x']);
    assert.deepEqual(dropped, ['again', 'bytes']);
  });

  it('does not read a circle twice as deep as it is', () => {
    const a: Record<string, unknown> = {};
    const b = { a };
    a.b = b;
    assert.deepEqual(roundTrip({ a, b }).dropped, ['a.b.a', 'b.a.b']);
  });
});
