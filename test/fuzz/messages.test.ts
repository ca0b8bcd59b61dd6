import assert from 'node:assert/strict';
import { readClip } from '../../lib/clips/clip';
import { readCameras } from '../../lib/clips/camera';
import { CameraList } from '../../lib/connection/cameras';
import { readRanges } from '../../lib/exports/request';
import { restoreMessage, storeMessage } from '../../lib/jobs/message';
import { describeRefused } from '../../lib/node-red/job-node/refused';
import type { ProviderDefinition } from '../../lib/provider';
import { vdgSense } from '../../lib/providers/vdg-sense';
import { manualClock } from '../support/manual-clock';
import { fuzz, oddJson, oddRecord, oddValue, resultOrError, suiteTimeoutMs } from './fuzz';
import fc from 'fast-check';

const now = Date.parse('2026-01-01T00:00:00Z');
const clipNames = [
  ...['id', 'connection', 'provider', 'camera', 'cameraName', 'start', 'end', 'status', 'vendorStatus', 'progress'],
  ...['title', 'size', 'sha256', 'width', 'height', 'expires', 'reason', 'gaps', 'footage', 'options', 'ref', 'file'],
  ...['time', 'transfer', '__proto__'],
];
const good = {
  ...{ id: '1', connection: 'c', provider: 'vdg-sense', camera: '1/2', status: 'finished' },
  ...{ start: '2025-03-01T08:50:00Z', end: '2025-03-01T08:51:00Z' },
};

describe('Fuzz: messages', function () {
  this.timeout(suiteTimeoutMs);

  it('a clip is read, or refused in words', async () => {
    const clips = fc.oneof(
      oddValue(clipNames),
      oddRecord(clipNames),
      oddRecord(clipNames).map((odd) => ({ ...good, ...odd })),
      fc.tuple(fc.constantFrom(...clipNames), oddValue(clipNames)).map(([name, odd]) => ({ ...good, [name]: odd })),
    );
    await fuzz(clips, async (value) => {
      const clip = await resultOrError(() => readClip(value, now));
      if (!clip) return;
      assert.equal(clip.file, undefined, 'a file is for our nodes to vouch for');
      assert.ok(clip.start < clip.end && !Number.isNaN(Date.parse(clip.start)));
      assert.deepEqual(JSON.parse(JSON.stringify(clip)), clip);
    });
  });

  it('cameras of an export are read, or refused in words', async () => {
    const names = ['camera', 'start', 'end'];
    const definition = vdgSense as unknown as ProviderDefinition;
    const cameras = new CameraList(manualClock(0), () => Promise.reject(new Error('away')));
    const messages = fc.record({ cameras: oddValue(names), start: oddValue(), end: oddValue() });
    await fuzz(messages, async (message) => {
      const named = <Name extends keyof typeof message>(name: Name) => ({ name: `msg.${name}`, value: message[name] });
      const asked = { cameras: named('cameras'), start: named('start'), end: named('end') };
      const ranges = await resultOrError(() =>
        readCameras({ cameras, definition }, (readCamera) => readRanges(asked, now, readCamera)),
      );
      for (const { start, end } of ranges ?? []) assert.ok(start < end);
    });
  });

  it('whatever a message holds can be stored, and comes back as it was where JSON can hold it', async () => {
    await fuzz(
      oddRecord(['payload', 'topic', 'req', 'clip', '$buffer', '$$date', 'toJSON', '__proto__']),
      (message) => {
        const { message: stored } = storeMessage(message);
        restoreMessage(JSON.parse(JSON.stringify(stored)));
      },
    );
    await fuzz(fc.record({ payload: oddJson(), topic: oddJson(['$buffer', '$date', '$$buffer', 'x']) }), (message) => {
      const plain = JSON.parse(JSON.stringify(message)) as object;
      const { message: stored } = storeMessage(plain);
      assert.deepEqual(restoreMessage(JSON.parse(JSON.stringify(stored))), plain);
    });
  });

  it('a message that is refused can be described', async () => {
    await fuzz(oddRecord(['clip', 'camera', 'start', 'end', 'payload']), (message) => {
      const { connection, subject } = describeRefused(message, () => '', now);
      for (const text of [connection, ...Object.values(subject)]) assert.equal(typeof text, 'string');
    });
  });
});
