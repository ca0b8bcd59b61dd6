// Registers download-clip, which saves a finished clip as a verified file.
import { downloadClip, removeParts, type DownloadJobData } from '../lib/clips/download';
import { transferRate } from '../lib/clips/transfer-rate';
import { rootFolder } from '../lib/files/filename';
import { expandFittingFilename } from '../lib/files/name-limit';
import { downloadOrRecreate } from '../lib/clips/recreate';
import { ClipError } from '../lib/errors';
import { connectionInput, resolveClip, timeZoneOf, transferQueue } from '../lib/node-red/connections';
import { jobNode } from '../lib/node-red/job-node';
import { registerDownloadPreviewRoutes } from '../lib/node-red/admin/previews';
import type { Node, NodeDefinition, NodeRed } from '../lib/node-red/node-red';
import { nodeRetention, type NodeRetention } from '../lib/node-red/retention';
import { runtimeOf } from '../lib/node-red/runtime';
import { readChoice, readFlag, readNumber, typedInput } from '../lib/node-red/typed-input';

const bytesPerMiB = 2 ** 20;
const bytesPerMB = 1_000_000;
const bytesPerGB = 1_000_000_000;
const msPerDay = 86_400_000;

export = (RED: NodeRed): void => {
  const runtime = runtimeOf(RED);
  registerDownloadPreviewRoutes(runtime);

  function DownloadClip(this: Node, definition: NodeDefinition): void {
    RED.nodes.createNode(this, definition);
    const connectionOf = connectionInput(runtime, definition);
    const filename = typedInput(RED, this, definition, 'filename', '{camera}/{start}.mp4', 'str');
    /** Videos of finished jobs on their way into a message. */
    const buffers = new Map<string, Buffer>();
    let retention: NodeRetention | undefined;
    this.on('close', (_removed, done) => {
      retention?.close();
      done();
    });

    const configure = () => {
      const output = readChoice(definition, 'output', ['file', 'buffer']);
      const convert = readChoice(definition, 'convert', ['none', 'faststart', 'h264']);
      const chosen = readChoice(definition, 'snapshot', ['none', 'start', 'instant', 'middle']);
      // Flows that were saved before there was a choice have a check box.
      const snapshot = chosen === 'none' ? undefined : chosen;
      const thumbnail = snapshot !== undefined || readFlag(definition, 'thumbnail', false);
      if (output === 'buffer' && (convert !== 'none' || thumbnail)) {
        throw new ClipError('EUNSUPPORTED', 'Converting and pictures need a file: set the output to a file');
      }
      const limits = {
        keepMs: readNumber(definition, 'keepDays', 0) * msPerDay,
        keepBytes: readNumber(definition, 'keepGB', 0) * bytesPerGB,
      };
      if (limits.keepMs > 0 || limits.keepBytes > 0) retention = nodeRetention(runtime, this, limits);
      const maxHeight = readNumber(definition, 'maxHeight', 0);
      if (maxHeight === 1) throw new ClipError('EINVALID', '"maxHeight" must be 0 or at least 2');
      return {
        output,
        convert,
        thumbnail,
        snapshot,
        maxHeight,
        maxBytes: readNumber(definition, 'maxSize', 0) * bytesPerMB,
        maxBufferBytes: readNumber(definition, 'maxBuffer', 50) * bytesPerMiB,
        exists: readChoice(definition, 'exists', ['rename', 'overwrite', 'skip']),
        deleteAfter: readFlag(definition, 'deleteAfter', false),
        strict: readFlag(definition, 'strict', true),
      };
    };

    jobNode<DownloadJobData, ReturnType<typeof configure>>(runtime, this, {
      configure,
      connectionOf,
      async accept(message, settings) {
        const { clip, connection } = resolveClip(runtime, message, connectionOf(message));
        if (clip.status !== 'finished') {
          throw new ClipError(
            'EINVALID',
            `msg.clip.status is "${clip.status}": wait with poll-clip until it is finished`,
          );
        }
        const template = settings.output === 'file' ? await filename.read(message) : '';
        if (typeof template !== 'string') throw new ClipError('EINVALID', `${filename.name} must be text`);
        const toFile = settings.output === 'file';
        const path = { folder: runtime.fileFolder };
        const timeZone = timeZoneOf(runtime, connection.id);
        const names = {
          filename: toFile ? await expandFittingFilename(template, { ...clip, timeZone }, path) : '',
          root: toFile ? rootFolder(template, path) : '',
        };
        return { task: { connection: connection.id, clip, ...names, ...settings } };
      },
      run(job, connection, context, { progress }) {
        const measure = transferRate({ now: runtime.clock.steadyNow });
        return downloadOrRecreate(job, connection, context, runtime.clock.steadyNow, (current, kept) =>
          downloadClip(current, connection, kept, {
            clock: runtime.clock,
            findFfmpeg: () => runtime.findFfmpeg(),
            onConvert: (percent) => progress(current.data, ['converting', { percent }]),
            onBuffer: (buffer) => void buffers.set(current.id, buffer),
            onBytes(bytes, total) {
              const percent = total ? Math.min(99, Math.floor((bytes / total) * 100)) : 0;
              const transfer = measure(bytes, total);
              const clip = { ...current.data.clip, progress: percent, transfer };
              const { bytesPerSecond, etaSeconds } = transfer;
              const rate = (bytesPerSecond / bytesPerMB).toFixed(1);
              const mib = Math.round(bytes / bytesPerMiB);
              const values = { rate, bytesPerSecond, etaSeconds };
              progress(
                { ...current.data, clip },
                total ? ['downloading', { percent, ...values }] : ['downloadingBytes', { mib, ...values }],
              );
            },
          }),
        );
      },
      write(message, { clip }, jobId) {
        message.clip = clip;
        if (!clip.file) return;
        message.payload = buffers.get(jobId) ?? clip.file.path;
        if (clip.file.path) message.filename = clip.file.path;
        buffers.delete(jobId);
      },
      onFinished({ clip, publishing }) {
        if (publishing && clip.file) retention?.add(clip.file);
      },
      outputs: { finished: 0, progress: 1 },
      forget: (jobId) => void buffers.delete(jobId),
      status: { working: () => ['queued'], finished: 'saved' },
      subject: ({ clip }) => clip,
      // A file that was there before, as `skip` leaves it, is not ours to show.
      writtenFiles: ({ clip, publishing }, hasFailed) =>
        publishing && clip.file && !hasFailed ? { files: [clip.file] } : undefined,
      idOf: ({ clip }) => clip.id,
      previousIdOf: ({ recreation }) => recreation?.previousId,
      discard: removeParts,
      queue: ({ connection }) => transferQueue(connection),
    });
  }

  RED.nodes.registerType('download-clip', DownloadClip);
};
