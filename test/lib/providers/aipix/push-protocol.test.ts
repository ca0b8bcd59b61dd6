import assert from 'node:assert/strict';
import { ClipError } from '../../../../lib/errors';
import { pushAddresses, subscribe, type PushOptions } from '../../../../lib/providers/aipix/push';
import { readPush, readPushServer } from '../../../../lib/providers/aipix/types';
import { manualClock } from '../../../support/manual-clock';

interface FakeSocket {
  url: string;
  sent: { event: string; data?: Record<string, unknown> }[];
  dropped: boolean;
  say(event: string, data?: unknown, channel?: string): void;
  raw(text: string): void;
  close(code: number): void;
}

/** A push server in the hands of the test, in time that stands still. */
function rig(change: Partial<PushOptions> = {}) {
  const clock = manualClock(0);
  const stop = new AbortController();
  const sockets: FakeSocket[] = [];
  const heard: unknown[] = [];
  const discovered: number[] = [];
  const refusals: ClipError[] = [];
  const listening: number[] = [];
  void subscribe({
    channel: 'private-token.abc',
    async discover() {
      discovered.push(clock.now());
      return ['ws://a', 'ws://b'];
    },
    authorize: async (socketId) => `key:${socketId}`,
    async connect(url, { onMessage, onClose }) {
      const refusal = refusals.shift();
      if (refusal) throw refusal;
      const socket: FakeSocket = {
        url,
        sent: [],
        dropped: false,
        say: (event, data, channel) => onMessage(JSON.stringify({ event, data, channel, '#msg-id': 'x' })),
        raw: onMessage,
        close: onClose,
      };
      sockets.push(socket);
      return {
        send: (text) => void socket.sent.push(JSON.parse(text) as FakeSocket['sent'][0]),
        drop: () => {
          socket.dropped = true;
          onClose(1006);
        },
      };
    },
    onPush: (payload) => heard.push(payload),
    onGap: () => heard.push('gap'),
    clock,
    random: () => 0.5,
    signal: stop.signal,
    ...change,
  }).then(() => listening.push(clock.now()));

  return {
    clock,
    stop,
    sockets,
    heard,
    discovered,
    refusals,
    listening,
    last: () => sockets.at(-1)!,
    events: () => sockets.at(-1)!.sent.map(({ event }) => event),
    async greet(activity: unknown = '40') {
      await clock.advance(0);
      const data = JSON.stringify({ socket_id: '17.42', activity_timeout: activity });
      sockets.at(-1)!.say('pusher:connection_established', data);
      await clock.advance(0);
    },
    async enter(activity: unknown = '40') {
      await this.greet(activity);
      sockets.at(-1)!.say('pusher_internal:subscription_succeeded', undefined, 'private-token.abc');
      await clock.advance(0);
    },
  };
}

describe('Aipix: push protocol', () => {
  it('subscribes with the signature for its socket, and is listening then', async () => {
    const push = rig();
    await push.greet();
    assert.deepEqual(push.last().sent, [
      { event: 'pusher:subscribe', data: { channel: 'private-token.abc', auth: 'key:17.42' } },
    ]);
    assert.deepEqual(push.listening, []);
    push.last().say('pusher_internal:subscription_succeeded', undefined, 'private-token.other');
    await push.clock.advance(0);
    assert.deepEqual(push.listening, []);
    push.last().say('pusher_internal:subscription_succeeded', '{}', 'private-token.abc');
    await push.clock.advance(0);
    assert.deepEqual(push.listening, [0]);
  });

  it('hands on what comes on its channel, as JSON in text or as it is', async () => {
    const push = rig();
    await push.enter();
    push.last().say('App\\Events\\TokenPush', '{"data":{"id":9007199254740993}}', 'private-token.abc');
    push.last().say('App\\Events\\TokenPush', { data: 1 }, 'private-token.abc');
    push.last().say('App\\Events\\TokenPush', 'no JSON', 'private-token.abc');
    assert.deepEqual(push.heard, [{ data: { id: '9007199254740993' } }, { data: 1 }, 'no JSON']);
  });

  it('is greeted once: another greeting asks for no signature, and ends the connection', async () => {
    let signatures = 0;
    const push = rig({ authorize: async () => `key:${(signatures += 1)}` });
    await push.enter();
    await push.greet();
    await push.greet();
    assert.equal(signatures, 1);
    assert.equal(push.last().dropped, true);
  });

  it('takes an error of the server whose code is none for one that passes', async () => {
    const push = rig();
    await push.enter();
    push.last().say('pusher:error', { code: { toString: 1 } });
    await push.clock.advance(5_000);
    assert.equal(push.sockets.length, 2);
  });

  it('overlooks what it does not know', async () => {
    const push = rig();
    await push.enter();
    push.last().say('App\\Events\\UserPush', '{}', 'private-user.7');
    push.last().say('pusher:something_new', '{}');
    for (const text of [
      '',
      'x',
      '[]',
      '7',
      'null',
      '{"event":7}',
      '{"event":"__proto__"}',
      '{"event":"constructor"}',
    ]) {
      push.last().raw(text);
    }
    assert.deepEqual(push.heard, []);
    assert.equal(push.last().dropped, false);
  });

  describe('pings', () => {
    for (const [timeout, pingAt] of [
      ['40', 35_000],
      [40, 35_000],
      ['20', 15_000],
      ['6', 3_000],
      [null, 25_000],
      ['nonsense', 25_000],
    ] as const) {
      it(`before the server (activity_timeout ${String(timeout)}) loses patience`, async () => {
        const push = rig();
        await push.enter(timeout);
        await push.clock.advance(pingAt - 1);
        assert.deepEqual(push.events(), ['pusher:subscribe']);
        await push.clock.advance(1);
        assert.deepEqual(push.events(), ['pusher:subscribe', 'pusher:ping']);
        push.last().say('pusher:pong');
        await push.clock.advance(pingAt);
        assert.deepEqual(push.events(), ['pusher:subscribe', 'pusher:ping', 'pusher:ping']);
      });
    }

    it('five times a second at most, whatever the server wants', async () => {
      const push = rig();
      await push.enter(0.001);
      for (let ms = 0; ms < 1_000; ms += 50) {
        push.last().say('pusher:pong');
        await push.clock.advance(50);
      }
      assert.ok(push.events().length <= 6, push.events().join());
      assert.equal(push.sockets.length, 1);
    });

    it('in time where the server names a time that is none', async () => {
      for (const activity of [{ toString: 1, valueOf: {} }, [40], true, 1e300, '1e400', -1]) {
        const push = rig();
        await push.enter(activity);
        await push.clock.advance(3_600_000);
        const [first] = push.sockets;
        assert.ok(
          first!.sent.some(({ event }) => event === 'pusher:ping'),
          JSON.stringify(activity),
        );
      }
    });

    it('for those of the server, but no more than one a second', async () => {
      const push = rig();
      await push.enter('40');
      for (let count = 0; count < 1_000; count += 1) push.last().say('pusher:ping');
      await push.clock.advance(0);
      assert.deepEqual(push.events(), ['pusher:subscribe', 'pusher:ping']);
    });

    it('also while the server has much to say, since it minds the silence of the client', async () => {
      const push = rig();
      await push.enter('40');
      for (let count = 0; count < 7; count += 1) {
        push.last().say('App\\Events\\TokenPush', '{}', 'private-token.abc');
        await push.clock.advance(5_000);
      }
      assert.deepEqual(push.events(), ['pusher:subscribe', 'pusher:ping']);
    });

    it('and takes anything for an answer', async () => {
      const push = rig();
      await push.enter('40');
      await push.clock.advance(35_000);
      push.last().say('App\\Events\\TokenPush', '{}', 'private-token.abc');
      await push.clock.advance(34_000);
      assert.equal(push.last().dropped, false);
    });

    it('and comes back when there is no answer', async () => {
      const push = rig();
      await push.enter('40');
      await push.clock.advance(35_000 + 19_999);
      assert.equal(push.last().dropped, false);
      await push.clock.advance(1);
      assert.equal(push.last().dropped, true);
      await push.clock.advance(1_000);
      assert.equal(push.sockets.length, 2);
    });

    it('back where a server pings, and never sends a pong, for which others throw it out', async () => {
      const push = rig();
      await push.enter();
      push.last().say('pusher:ping');
      await push.clock.advance(0);
      assert.deepEqual(push.events(), ['pusher:subscribe', 'pusher:ping']);
    });
  });

  describe('comes back', () => {
    it('after an end, signs in anew, and tells that something may have been missed', async () => {
      const push = rig();
      await push.enter();
      await push.clock.advance(30_000);
      push.last().close(1006);
      await push.clock.advance(999);
      assert.equal(push.sockets.length, 1);
      await push.clock.advance(1);
      assert.deepEqual(push.heard, []);
      await push.enter();
      assert.deepEqual(push.heard, ['gap']);
      assert.deepEqual(push.events(), ['pusher:subscribe']);
      // The address was good, and asking for it is limited.
      assert.deepEqual(push.discovered, [0]);
    });

    it('after longer and longer pauses, up to a minute', async () => {
      const push = rig({ connect: () => Promise.reject(new ClipError('ENETWORK', 'down')) });
      await push.clock.advance(300_000);
      const pauses = push.discovered.slice(1).map((at, index) => at - push.discovered[index]!);
      assert.deepEqual(
        pauses,
        [1, 2, 4, 8, 16, 32, 60, 60, 60].map((seconds) => seconds * 1000),
      );
      assert.ok(push.discovered.length <= 20, 'the server allows 20 questions in 5 minutes');
    });

    it('quickly after a connection that was good, and slowly after one that was not', async () => {
      const push = rig();
      for (const pauseMs of [1_000, 2_000, 4_000]) {
        await push.enter();
        push.last().close(1002);
        await push.clock.advance(pauseMs - 1);
        const count = push.sockets.length;
        await push.clock.advance(1);
        assert.equal(push.sockets.length, count + 1);
      }
      await push.enter();
      await push.clock.advance(30_000);
      push.last().close(1006);
      await push.clock.advance(1_000);
      assert.equal(push.sockets.length, 5);
    });

    it('no sooner than a server that is throttled wants', async () => {
      let refusals = 1;
      const push = rig({
        discover: async () => {
          if (refusals-- > 0) throw new ClipError('ETHROTTLED', 'slow down', { retryAfterMs: 20_000 });
          return ['ws://a'];
        },
      });
      await push.clock.advance(19_999);
      assert.equal(push.sockets.length, 0);
      await push.clock.advance(1);
      assert.equal(push.sockets.length, 1);
    });

    it('when it was not let in, or not answered', async () => {
      const push = rig();
      await push.greet();
      push.last().say('pusher:subscription_error', '{}', 'private-token.abc');
      await push.clock.advance(1_000);
      assert.equal(push.sockets.length, 2);
      await push.greet();
      await push.clock.advance(10_000 + 2_000);
      assert.equal(push.sockets.length, 3);
    });

    for (const code of [4000, 4004, 4099]) {
      it(`never after code ${code}`, async () => {
        const push = rig();
        await push.enter();
        push.last().close(code);
        await push.clock.advance(600_000);
        assert.equal(push.sockets.length, 1);
        assert.deepEqual(push.heard, ['gap']);
      });
    }

    for (const code of [1001, 4100, 4200]) {
      it(`after code ${code}`, async () => {
        const push = rig();
        await push.enter();
        push.last().say('pusher:error', { code, message: 'over capacity' });
        await push.clock.advance(1_000);
        assert.equal(push.sockets.length, 2);
      });
    }

    for (const code of ['EAUTH', 'EFORBIDDEN', 'ENOTFOUND'] as const) {
      it(`never when its account is refused with ${code}, but says that news have to be asked for`, async () => {
        const push = rig({ authorize: () => Promise.reject(new ClipError(code, 'no')) });
        await push.greet();
        await push.clock.advance(600_000);
        assert.equal(push.sockets.length, 1);
        assert.equal(push.last().dropped, true);
        assert.deepEqual(push.heard, ['gap']);
        assert.equal(push.listening.length, 1);
      });
    }
  });

  describe('finds the server', () => {
    it('at the next address when nothing speaks at the first one', async () => {
      const push = rig();
      await push.clock.advance(9_999);
      assert.equal(push.sockets.length, 1);
      await push.clock.advance(1);
      assert.deepEqual(
        push.sockets.map(({ url, dropped }) => [url, dropped]),
        [
          ['ws://a', true],
          ['ws://b', false],
        ],
      );
      await push.enter();
      push.last().close(1006);
      await push.clock.advance(1_000);
      assert.equal(push.last().url, 'ws://b', 'and stays there');
    });

    it('at the next address when the first one refuses', async () => {
      const push = rig();
      push.refusals.push(new ClipError('EPROTOCOL', 'HTTP 404', { vendorCode: 'HTTP 404' }));
      await push.enter();
      assert.deepEqual(
        push.sockets.map(({ url }) => url),
        ['ws://b'],
      );
      assert.deepEqual(push.listening, [0]);
    });

    it('anew when it is at none of them', async () => {
      const push = rig();
      push.refusals.push(new ClipError('ENETWORK', 'down'), new ClipError('ENETWORK', 'down'));
      await push.clock.advance(1_000);
      assert.deepEqual(push.discovered, [0, 1_000]);
    });

    it('below the path it names, else below the one of newer releases', () => {
      const query = '?protocol=7&client=node-red-video-clips&version=1.0';
      const addresses = (url: string): string[] =>
        pushAddresses({ url, key: 'k/1' }).map((address) => address.replace(query, ''));
      assert.deepEqual(addresses('wss://h/ws'), ['wss://h/ws/app/k%2F1', 'wss://h/pusher/app/k%2F1']);
      assert.deepEqual(addresses('wss://h:8443/pusher'), ['wss://h:8443/pusher/app/k%2F1']);
      assert.deepEqual(addresses('ws://h'), ['ws://h/pusher/app/k%2F1', 'ws://h/app/k%2F1']);
    });

    it('however its address is given', () => {
      const parts = { app_key: 'k', port: 443, host: 'h', path: '/ws', is_encrypted: true };
      assert.deepEqual(readPushServer({ ...parts, ws_url: 'wss://x/ws/' }), { key: 'k', url: 'wss://x/ws' });
      assert.deepEqual(readPushServer({ ...parts, ws_url: 'https://x' }), { key: 'k', url: 'wss://x' });
      assert.deepEqual(readPushServer(parts), { key: 'k', url: 'wss://h:443/ws' });
      assert.deepEqual(readPushServer({ data: { ...parts, is_encrypted: 'false', port: '6001', path: 'ws' } }), {
        key: 'k',
        url: 'ws://h:6001/ws',
      });
      assert.deepEqual(readPushServer({ ...parts, is_encrypted: 'true', port: null, path: null }), {
        key: 'k',
        url: 'wss://h',
      });
      for (const none of [undefined, [], {}, { ...parts, app_key: '' }, { app_key: 'k' }]) {
        assert.equal(readPushServer(none), undefined);
      }
    });
  });

  it('keeps nobody waiting for longer than 3 s', async () => {
    const push = rig({ discover: () => new Promise(() => undefined) });
    await push.clock.advance(2_999);
    assert.deepEqual(push.listening, []);
    await push.clock.advance(1);
    assert.deepEqual(push.listening, [3_000]);
  });

  it('ends at once, whatever it was doing, and leaves no timer behind', async () => {
    const before = rig();
    before.stop.abort();
    await before.clock.advance(0);
    assert.deepEqual(before.listening, [0]);
    for (const prepare of ['greet', 'enter'] as const) {
      const push = rig();
      await push[prepare]();
      push.stop.abort();
      await push.clock.advance(0);
      assert.equal(push.last().dropped, true);
      assert.deepEqual([push.clock.waiting, push.heard], [0, []]);
      await push.clock.advance(600_000);
      assert.equal(push.sockets.length, 1);
    }
    const pausing = rig({ connect: () => Promise.reject(new ClipError('ENETWORK', 'down')) });
    await pausing.clock.advance(500);
    pausing.stop.abort();
    await pausing.clock.advance(0);
    assert.equal(pausing.clock.waiting, 0);
  });

  it('reads all forms of a push', () => {
    const wrap = (status: string, data: unknown, type = 'archive_generated') => ({ data: { type, status, data } });
    const url = 'https://h/s3/b/a.mp4';
    const short = (payload: unknown) => {
      const { type, isError, download } = readPush(payload);
      return [type, isError, download?.id, download?.url];
    };
    assert.deepEqual(short(wrap('ok', { download: { id: 1, url } })), ['archive_generated', false, '1', url]);
    assert.deepEqual(short(wrap('ok', { url }, 'ARCHIVE_GENERATED')), ['archive_generated', false, undefined, url]);
    assert.deepEqual(short(wrap('ok', { url, download: { id: 1, url: null } })), [
      'archive_generated',
      false,
      '1',
      url,
    ]);
    assert.deepEqual(short(wrap('error', { download: { id: 1, url: null } })), [
      'archive_generated',
      true,
      '1',
      undefined,
    ]);
    assert.deepEqual(short(wrap('error', { url: null })), ['archive_generated', true, undefined, undefined]);
    assert.deepEqual(short(wrap('ok', {}, 'logout')), ['logout', false, undefined, undefined]);
    for (const nonsense of [undefined, null, 'text', 7, [], {}, { data: 'x' }])
      assert.equal(readPush(nonsense).type, '');
  });
});
