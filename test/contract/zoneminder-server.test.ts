// Holds the ZoneMinder provider to the contract against a real ZoneMinder, with a proxy in front that makes the faults.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { addCamera } from '../zoneminder/cameras';
import { addEvents, removeEvents, videoOf } from '../zoneminder/events';
import { makeFootage } from '../zoneminder/footage';
import { startProxy } from '../zoneminder/proxy';
import { describeWithZoneMinder, startZoneMinder, viewer, type ZoneMinderServer } from '../zoneminder/server';
import { anHourAgo, hour, range } from './faults';
import type { Harness } from './harness';
import { serverSuite } from './suite';
import { worldOf } from './zoneminder';

describeWithZoneMinder('the provider zoneminder, with a real server', function () {
  this.timeout(120_000);
  let server: ZoneMinderServer;
  let camera: string;
  let otherCamera: string;
  let file: string;
  const seconds = 8;
  let logins = 0;

  before('a server with two cameras', async () => {
    server = await startZoneMinder();
    camera = await addCamera(server, { name: 'Gate' });
    otherCamera = await addCamera(server, { name: 'Dock' });
    file = await makeFootage(server.pathOf('footage.mp4'), { seconds });
  });
  after(() => server.close());

  const harness: Harness = {
    id: 'zoneminder',
    async start() {
      const proxy = await startProxy(server);
      const from = anHourAgo();
      server.query('delete from Events');
      const events = [from - 600_000, from - 2000, from + 300_000].map((startMs) => ({
        camera,
        startMs,
        seconds,
        file,
      }));
      const ids = addEvents(server, events);
      const gone = new Set<string>();
      return worldOf({
        url: proxy.url,
        credentials: viewer,
        camera,
        unknownCamera: '99',
        footage: range(from),
        noFootage: range(from - 24 * hour),
        server: proxy.server,
        secrets: () => proxy.tokens,
        expireSessions() {
          // No token outlives the secret that it was signed with.
          server.setOption('ZM_AUTH_HASH_SECRET', `secret ${(logins += 1)} of the test server`);
        },
        eventsIn: (asked, { start, end }) =>
          ids
            .filter((id, index) => {
              const { startMs } = events[index]!;
              const touches = startMs < Date.parse(end) && startMs + seconds * 1000 > Date.parse(start);
              return asked === camera && touches && !gone.has(id);
            })
            .map(Number),
        removeEvent(id) {
          removeEvents(server, [String(id)]);
          gone.add(String(id));
        },
        sha256Of: async (event) =>
          createHash('sha256')
            .update(readFileSync(videoOf(server, String(event))))
            .digest('hex'),
        events: {
          otherCamera,
          lateMs: 30_000,
          happen: ({ agoMs = 0, camera: own = camera, isOpen: open = false } = {}) =>
            addEvents(server, [{ camera: own, startMs: server.now() - agoMs, seconds: 4, file, open }])[0]!,
          // The time of a real server goes on as it does: its events are found by their numbers.
          pass: () => undefined,
          end: (id) =>
            void server.query(
              `update Events set EndDateTime = StartDateTime + interval 4 second, Length = 4 where Id = ${id}`,
            ),
          remove: (id) => removeEvents(server, [id]),
        },
        close: () => proxy.close(),
      });
    },
  };

  serverSuite(() => harness);
});
