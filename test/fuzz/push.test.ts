import assert from 'node:assert/strict';
import fc from 'fast-check';
import { subscribe } from '../../lib/providers/aipix/push';
import { readPush } from '../../lib/providers/aipix/types';
import { readActiveJobs } from '../../lib/providers/frigate/types';
import { manualClock } from '../support/manual-clock';
import { damaged, fuzz, oddJson, oddText, resultOrError, suiteTimeoutMs } from './fuzz';

const channel = 'private-token.1';
const events = [
  ...['pusher:connection_established', 'pusher_internal:subscription_succeeded', 'pusher:ping', 'pusher:pong'],
  ...['pusher:error', 'pusher:subscription_error', 'Archive', '__proto__', 'constructor', 'toString'],
];
const names = ['event', 'data', 'channel', 'socket_id', 'activity_timeout', 'code', 'type', 'id', 'status'];
const frames = fc.oneof(
  fc
    .record({
      event: fc.constantFrom(...events),
      channel: fc.constantFrom(channel, 'other', undefined),
      data: oddJson(names),
    })
    .map((frame) => JSON.stringify(frame)),
  fc
    .record({ event: fc.constantFrom(...events), data: oddJson(names).map((data) => JSON.stringify(data)) })
    .map((frame) => JSON.stringify(frame)),
  oddJson(names).map((value) => JSON.stringify(value)),
  damaged('{"event":"pusher:connection_established","data":"{\\"socket_id\\":\\"1.1\\",\\"activity_timeout\\":30}"}'),
  oddText,
);

describe('Fuzz: frames of push servers', function () {
  this.timeout(suiteTimeoutMs);

  it('of Aipix are heard, answered in moderation, and never end anything but their connection', async () => {
    await fuzz(fc.array(frames, { maxLength: 30 }), async (texts) => {
      const clock = manualClock(0);
      const stop = new AbortController();
      let sent = 0;
      let signatures = 0;
      const done = subscribe({
        channel,
        clock,
        signal: stop.signal,
        discover: async () => ['ws://a'],
        authorize: async () => `key:${(signatures += 1)}`,
        async connect(_url, { onMessage, onClose }) {
          queueMicrotask(() => {
            for (const text of texts) onMessage(text);
          });
          return { send: () => void (sent += 1), drop: () => onClose(1006) };
        },
        onPush: (payload) => void readPush(payload),
        onGap: () => undefined,
      });
      await new Promise((resolve) => setImmediate(resolve));
      stop.abort();
      await done;
      assert.ok(signatures <= 1, `${signatures} signatures were asked for`);
      assert.ok(sent <= 3, `${sent} answers`);
    });
  });

  it('of Frigate are read, or they say nothing', async () => {
    const topics = fc.record({
      topic: fc.constantFrom('job_state', 'events', '__proto__'),
      payload: oddJson(['export', 'results', 'jobs', 'id', 'status']),
    });
    const texts = fc.oneof(
      topics.map((frame) => JSON.stringify(frame)),
      topics.map(({ topic, payload }) => JSON.stringify({ topic, payload: JSON.stringify(payload) })),
      oddText,
    );
    await fuzz(texts, async (text) => {
      const jobs = await resultOrError(() => readActiveJobs(text));
      for (const job of jobs ?? []) assert.equal(typeof job, 'string');
    });
  });
});
