import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import {
  parseJson,
  parseLongJson,
  readBoolean,
  readCount,
  readId,
  readNumber,
  type JsonObject,
} from '../../lib/net/json';
import { findAll, parseXml, parseXmlList, valueOf, type XmlElement } from '../../lib/net/xml';
import { decodeText } from '../../lib/net/charset';
import { listOf } from '../../lib/providers/aipix/json';
import { isLastPage } from '../../lib/providers/aipix/pages';
import * as aipix from '../../lib/providers/aipix/types';
import * as frigateErrors from '../../lib/providers/frigate/errors';
import * as frigate from '../../lib/providers/frigate/types';
import * as kinesis from '../../lib/providers/kinesis-video/types';
import * as rhombusErrors from '../../lib/providers/rhombus/errors';
import * as rhombus from '../../lib/providers/rhombus/types';
import { readExports } from '../../lib/providers/vdg-sense/export-status';
import * as vdg from '../../lib/providers/vdg-sense/types';
import * as zoneMinder from '../../lib/providers/zoneminder/types';
import { damaged, fuzz, oddJson, oddText, resultOrError, suiteTimeoutMs } from './fuzz';

/** Names that the readers of a provider look for: all words of the file in which these stand. */
function namesOf(provider: string): string[] {
  const source = readFileSync(join(__dirname, '../../lib/providers', provider, 'types.ts'), 'utf8');
  return [...new Set([...source.matchAll(/\b[a-z_][a-zA-Z_0-9]{1,30}\b/g)].map(([word]) => word))];
}

const objects = (value: unknown): JsonObject[] =>
  [value].flat().filter((each) => typeof each === 'object' && each !== null) as JsonObject[];
const first = (value: unknown): JsonObject => objects(value)[0] ?? {};

const readers: Record<string, Record<string, (value: unknown) => unknown>> = {
  aipix: {
    'a download': (value) => aipix.readDownload(first(value)),
    'a page of a list': listOf,
    'the end of a list': isLastPage,
    'a login': aipix.readLogin,
    'a user': aipix.readUser,
    sessions: aipix.readOpenSessions,
    problems: aipix.readProblems,
    'a push server': aipix.readPushServer,
    'a push': aipix.readPush,
    cameras: (value) => aipix.readCameras(objects(value)),
  },
  frigate: {
    'an export': frigate.readExport,
    'a job': frigate.readJob,
    'a file': frigate.readStoredFile,
    'a segment': frigate.readSegment,
    cameras: frigate.readCameras,
    'a profile': frigate.readProfile,
    'active jobs': (value) =>
      frigate.readActiveJobs(JSON.stringify({ topic: 'job_state', payload: JSON.stringify(value) })),
    'active jobs, as they come': (value) => frigate.readActiveJobs(JSON.stringify(value) ?? ''),
    'a token': (value) => frigate.readToken(`x.${Buffer.from(JSON.stringify(value) ?? '').toString('base64url')}.y`),
    words: (value) => frigateErrors.vendorText(JSON.stringify(value) ?? ''),
  },
  'kinesis-video': {
    fragments: kinesis.readFragments,
    streams: kinesis.readStreams,
    'a stream': kinesis.readStream,
  },
  rhombus: {
    'a clip': rhombus.readClip,
    'a camera': (value) => rhombus.readCamera(value),
    presence: (value) => rhombus.readPresence(first(value)),
    words: (value) => rhombusErrors.vendorText(first(value)),
    'a warning': (value) => rhombusErrors.warningIn(first(value)),
  },
  zoneminder: {
    'a login': (value) => zoneMinder.readLogin(first(value)),
    events: (value) => zoneMinder.readEvents(first(value)),
    'the next page': (value) => zoneMinder.hasNextPage(first(value), true),
    monitors: (value) => zoneMinder.readMonitors(first(value)),
  },
};

const sense = [
  ...['result', 'clips', 'clip', 'id', 'serverid', 'deviceid', 'startdate', 'enddate', 'status', 'description', 'size'],
  ...[
    'errorcode',
    'exports',
    'export',
    'devices',
    'device',
    'progress',
    'name',
    'servers',
    'server',
    'online',
    'path',
    'x',
  ],
];
const real = `<?xml version="1.0" encoding="utf-8"?><result errorcode="0"><clips><clip><id>12345678901234567890</id>
<serverid>6917529027641081901</serverid><deviceid>2</deviceid><startdate>2025-03-01 08:50:00.000</startdate>
<enddate>2025-03-01 08:50:20.000</enddate><description>Dock &amp; door</description><status>finished</status><size>1234</size>
</clip></clips></result>`;

const { element } = fc.letrec<{ element: string }>((tie) => ({
  element: fc
    .tuple(
      fc.constantFrom(...sense),
      fc.array(fc.tuple(fc.constantFrom(...sense), oddText), { maxLength: 2 }),
      fc.oneof(
        { maxDepth: 4 },
        oddText,
        fc.array(tie('element'), { maxLength: 5 }).map((all) => all.join('')),
      ),
    )
    .map(([name, attributes, content]) => {
      const shown = attributes.map(([key, value]) => ` ${key}="${value.replace(/[<&"]/g, '')}"`).join('');
      return `<${name}${shown}>${content}</${name}>`;
    }),
}));
const documents = fc.oneof(element, damaged(real), oddText);

function readSense(root: XmlElement): void {
  vdg.resultCode(root);
  for (const clip of vdg.findClips(root)) vdg.readClip(clip);
  vdg.readCameras(root);
  readExports(root);
  for (const name of sense) {
    findAll(root, name);
    valueOf(root, name);
  }
}

describe('Fuzz: replies', function () {
  this.timeout(suiteTimeoutMs);

  for (const [provider, each] of Object.entries(readers)) {
    const replies = oddJson(namesOf(provider));
    for (const [what, read] of Object.entries(each)) {
      it(`${what} of ${provider} is read from any JSON`, async () => {
        await fuzz(replies, async (value) => {
          const found = await resultOrError(() => read(value));
          // Plain data, as it is put into messages.
          if (found !== undefined) assert.doesNotThrow(() => structuredClone(found));
        });
      });
    }
  }

  it('documents of VDG Sense are read from any XML', async () => {
    await fuzz(documents, async (text) => {
      const root = await resultOrError(() => parseXml(text));
      if (root) readSense(root);
    });
  });

  it('a list of XML is the same, however long it is', async () => {
    const padding = `<!--${'x'.repeat(100_000)}-->`;
    await fuzz(
      documents,
      async (text) => {
        const short = await resultOrError(() => parseXml(text));
        const long = await resultOrError(() => parseXmlList(`${text}${padding}`, 'clip'));
        if (!short || !long) return;
        assert.equal(findAll(long, 'clip').length >= 1, findAll(short, 'clip').length >= 1);
        readSense(long);
      },
      0.2,
    );
  });

  it('JSON is read, or it is none; long numbers keep their digits', async () => {
    const json = JSON.stringify({ id: 1, list: [{ a: 'b\\"c', n: 1.5e3 }], t: true, z: null });
    await fuzz(
      fc.oneof(
        damaged(json),
        oddText,
        oddJson().map((value) => JSON.stringify(value)),
      ),
      (text) => {
        const value = parseJson(text);
        for (const read of [readBoolean, readCount, readId, readNumber]) read(value);
      },
    );
    await fuzz(fc.bigInt({ min: -(2n ** 70n), max: 2n ** 70n }), (number) => {
      const { id } = parseJson(`{"id":${number}}`) as { id: unknown };
      assert.equal(readId(id) ?? String(id), String(number));
    });
  });

  it('long JSON is read in pieces as it would be at once', async () => {
    const filling = Array.from({ length: 3_000 }, (_, index) => ({ index, text: `},{"[${index}` }));
    await fuzz(
      fc.tuple(oddJson(), oddJson()),
      async ([before, behind]) => {
        const text = JSON.stringify({ before, filling, behind });
        const safe = JSON.stringify(JSON.parse(text));
        const value = await resultOrError(() => parseLongJson(text));
        if (value === undefined || /\d{16}|__proto__/.test(text)) return;
        assert.deepEqual(JSON.stringify(value), safe);
      },
      0.2,
    );
  });

  it('bytes of any charset become text', async () => {
    const types = fc.constantFrom(
      '',
      'text/xml; charset=utf-8',
      'application/json; charset=klingon',
      'x; charset="iso-8859-1"',
    );
    await fuzz(fc.tuple(fc.uint8Array({ maxLength: 300 }), types), ([bytes, type]) => {
      assert.equal(typeof decodeText(bytes, type), 'string');
    });
  });
});
