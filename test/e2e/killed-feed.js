// Runs a feed of events on its own files until it kills itself, as `kill -9` would: at one of its steps, or so long after it.
// Parameters: the folder, how many events the vendor has, the step (0: when all is done), and microseconds after it.
'use strict';
const { appendFileSync } = require('node:fs');
const { join } = require('node:path');
const dist = join(__dirname, '../../dist/lib');
const { systemClock } = require(join(dist, 'async/clock'));
const { EventFeed } = require(join(dist, 'events/feed'));
const { fileStates } = require(join(dist, 'jobs/node-states'));

const [folder, count, at, micros] = [process.argv[2], ...process.argv.slice(3).map(Number)];
const sentFile = join(folder, 'sent');
const overlap = 10;
let steps = 0;

function die() {
  process.kill(process.pid, 'SIGKILL');
  for (;;);
}

/** Between any two of them, everything may end. */
function step() {
  steps += 1;
  if (steps !== at) return;
  if (micros === 0) die();
  const dueAt = process.hrtime.bigint() + BigInt(micros) * 1000n;
  const look = () => (process.hrtime.bigint() >= dueAt ? die() : setImmediate(look));
  look();
}

function listEvents({ cursor, limit }) {
  step();
  if (cursor === '') return { events: [], cursor: 'at 0', more: false };
  const from = Number(cursor.slice(3));
  const to = Math.min(count, from + limit);
  const startOf = (number) => new Date(Date.now() - 60_000 + number).toISOString();
  const events = Array.from({ length: to - from }, (_, index) => {
    const id = String(from + index + 1);
    return { id, kind: 'motion', camera: 'cam-1', start: startOf(index), end: startOf(index + 1), type: 'motion' };
  });
  step();
  const more = to < count;
  return { events, cursor: `at ${more ? to : Math.max(0, to - overlap)}`, more };
}

const files = fileStates(join(folder, 'states'), (text) => console.error(text));
const states = {
  async lease(name) {
    const lease = await files.lease(name);
    return {
      ...lease,
      async write(id, state) {
        step();
        await lease.write(id, state);
        step();
      },
    };
  },
};

const filter = {
  kinds: ['motion'],
  cameras: [],
  labels: [],
  zones: [],
  minScore: 0,
  when: 'end',
  minMs: 0,
  cooldownMs: 0,
};
const feed = new EventFeed({
  connection: {
    id: 'connection',
    definition: { id: 'fake' },
    listEvents: async (query) => listEvents(query),
    onEventNews: () => () => undefined,
    check: async () => ({ name: 'Fake', warnings: [] }),
    cameras: { refresh: () => undefined },
  },
  clock: systemClock,
  states: () => states,
  unfinished: async () => 0,
  warn: (text) => console.error(text),
  async deliver(id, call) {
    step();
    call();
    step();
    return step;
  },
});

let looks = 0;
feed.join({
  id: 'node',
  source: 'source',
  filter,
  beforeMs: 0,
  afterMs: 0,
  intervalMs: 20,
  catchUpMs: 24 * 3600_000,
  maxWaiting: 1_000,
  send({ event }) {
    appendFileSync(sentFile, `${JSON.stringify({ id: event.id, isLate: event.late === true })}\n`);
  },
  report({ state, missed }, error) {
    if (missed) console.error(`${missed} left out`);
    if (error) console.error(`${state}: ${error.message}`);
  },
  // Two looks at the end: the second one finds nothing new.
  onLook() {
    looks += 1;
    if (looks === 12) setTimeout(die, 50);
  },
  onStandby: () => undefined,
  onClosed: () => undefined,
});
