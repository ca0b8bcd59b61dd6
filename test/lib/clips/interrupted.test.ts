/** What is noted of a transfer that was interrupted, and when: whatever fails next, no note says more than the disk holds. */
import assert from 'node:assert/strict';
import fs, { link, open as openFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mock } from 'node:test';
import type { DownloadJobData } from '../../../lib/clips/download';
import { openPart } from '../../../lib/clips/resume';
import { box } from '../mp4/files';
import { tempFolder } from '../../support/temp-folder';
import { aContext } from './fake';
import { downloadRig, expectError, expectFile, send, sendFrom, type Download } from './download-rig';

describe('an interrupted download', () => {
  const test = downloadRig();
  /** Larger than a few batches, and than what counts as getting somewhere. */
  let video: Buffer;
  before(() => {
    video = Buffer.concat([test.video, box('free', Buffer.alloc(5_000_000))]);
  });
  afterEach(() => mock.restoreAll());

  const half = (stop: () => void) => (bytes: number) => void (bytes >= video.length / 2 && stop());
  const goOn: Download['open'] = (_count, { offset }) => sendFrom(video, offset);

  async function stopped(): Promise<DownloadJobData> {
    const context = aContext<DownloadJobData>();
    const { answer } = await test.start({ open: goOn, context, onBytes: half(() => context.stop.abort()) });
    expectError(answer, 'failed', 'EABORTED');
    return context.saved.at(-1)!;
  }

  it('has its bytes on the disk before it notes how many they are', async () => {
    const handle = await openFile(__filename);
    const prototype = Object.getPrototypeOf(handle) as typeof handle;
    await handle.close();
    const { sync } = prototype;
    const events: string[] = [];
    mock.method(prototype, 'sync', function (this: typeof handle) {
      events.push('on the disk');
      return sync.call(this);
    });
    const context = aContext<DownloadJobData>();
    const { save } = context;
    context.save = (data) => {
      events.push('noted');
      return save(data);
    };
    await test.start({ open: goOn, context, onBytes: half(() => context.stop.abort()) });
    assert.deepEqual(events, ['on the disk', 'noted']);
    await rm(context.saved.at(-1)!.partial!.path);
  });

  it('has forgotten the old bytes before one of another version comes', async () => {
    const saved = await stopped();
    const context = aContext<DownloadJobData>();
    const noted = new Set<unknown>();
    const onBytes = (): void => void noted.add(context.saved.at(-1)!.partial);
    await test.start({ open: () => sendFrom(video, 0, { etag: '"2"' }), work: saved, context, onBytes });
    assert.deepEqual([...noted], [undefined]);
  });

  it('is tried once more after its last try where that brought a good part of it', async () => {
    const open: Download['open'] = (_count, { offset }) => {
      const { body: _whole, ...rest } = sendFrom(video, offset);
      return { ...rest, body: send(video.subarray(offset, offset + 2_000_000)).body };
    };
    const first = await test.start({ open, job: { failures: 4 } });
    assert.ok(first.answer.type === 'retry', JSON.stringify(first.answer));
    assert.equal(first.answer.error, undefined, 'it is no failure that adds up');
    const { answer } = await test.start({ open: goOn, work: first.answer.data });
    assert.equal(expectFile(answer).resumed, true);
  });

  it('gets no name once it is stopped, and gets it in the next run without another transfer', async () => {
    mock.method(fs, 'rename', () => Promise.reject(Object.assign(new Error('EROFS'), { code: 'EROFS' })));
    const first = await test.start({ work: { exists: 'overwrite' } });
    mock.restoreAll();
    assert.ok(first.answer.type === 'retry' && first.answer.data?.ready, JSON.stringify(first.answer));
    const context = aContext<DownloadJobData>();
    context.stop.abort();
    const second = await test.start({ work: first.answer.data, context });
    expectError(second.answer, 'failed', 'EABORTED');
    assert.ok((await test.files()).every((name) => name.endsWith('.part')));
    const third = await test.start({ work: context.saved.at(-1) ?? first.answer.data });
    assert.ok((await readFile(expectFile(third.answer).path)).equals(test.video));
    assert.equal(test.opened, 1);
  });
});

describe('a part file', () => {
  const temp = tempFolder();

  it('that a crash left under its name is replaced, and never written to: it may be the very file that it became', async () => {
    const [part, video] = [join(temp(), 'a.part'), join(temp(), 'a.mp4')];
    await writeFile(video, 'whole');
    await link(video, part);
    const handle = await openPart(part, 0);
    await handle.write('new');
    await handle.close();
    assert.equal(await readFile(video, 'utf8'), 'whole');
    assert.equal(await readFile(part, 'utf8'), 'new');
  });
});
