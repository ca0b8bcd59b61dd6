// Registers export-video, which exports many cameras or hours.
import { readCameras } from '../lib/clips/camera';
import { ClipError } from '../lib/errors';
import {
  cancelExport,
  discardExport,
  filesOfExport,
  newExport,
  runExport,
  showExport,
  subjectOfExport,
  type ExportJobData,
} from '../lib/exports/export';
import { wholeRange } from '../lib/exports/plan';
import { readRanges } from '../lib/exports/request';
import { checkTarget } from '../lib/exports/server';
import { readFields } from '../lib/fields';
import type { ClipTransfer } from '../lib/provider';
import { connectionInput, getConnection, timeZoneOf } from '../lib/node-red/connections';
import { jobNode } from '../lib/node-red/job-node';
import type { StatusWords } from '../lib/node-red/job-node/event';
import type { Message, Node, NodeDefinition, NodeRed } from '../lib/node-red/node-red';
import { runtimeOf } from '../lib/node-red/runtime';
import { readChoice, readFlag, readNumber, typedInput, type TypedInput } from '../lib/node-red/typed-input';

const bytesPerMB = 1e6;

export = (RED: NodeRed): void => {
  const runtime = runtimeOf(RED);
  function ExportVideo(this: Node, definition: NodeDefinition): void {
    RED.nodes.createNode(this, definition);
    const cameras = typedInput(RED, this, definition, 'cameras', 'cameras', 'msg');
    const start = typedInput(RED, this, definition, 'start', 'start', 'msg');
    const end = typedInput(RED, this, definition, 'end', 'end', 'msg');
    const folder = typedInput(RED, this, definition, 'folder', 'exports/{date}', 'str');
    const connectionOf = connectionInput(runtime, definition);
    const isFixed = definition.connectionType !== 'msg';

    const configure = () => {
      const to = readChoice(definition, 'to', ['files', 'server']);
      if (isFixed) checkTarget(to, getConnection(runtime, connectionOf({})).definition);
      return {
        to,
        bandwidth: readNumber(definition, 'bandwidth', 0),
        join: readFlag(definition, 'join', true),
        settleMs: readNumber(definition, 'settle', 5) * 1000,
        timeoutMs: readNumber(definition, 'timeout', 7200) * 1000,
      };
    };

    jobNode<ExportJobData, ReturnType<typeof configure>>(runtime, this, {
      configure,
      connectionOf,
      async accept(message, { settleMs, timeoutMs, ...settings }) {
        const connection = getConnection(runtime, connectionOf(message));
        checkTarget(settings.to, connection.definition);
        const now = runtime.clock.now();
        const asked = {
          cameras: await named(cameras, message),
          start: await named(start, message),
          end: await named(end, message),
        };
        const ranges = await readCameras(connection, (readCamera) => readRanges(asked, now, readCamera));
        const template = await folder.read(message);
        if (typeof template !== 'string') throw new ClipError('EINVALID', `${folder.name} must be text`);
        // Only what has been recorded can be asked for.
        const runAt = Date.parse(wholeRange(ranges).end) + settleMs;
        const untilRunMs = Math.max(0, runAt - now);
        const giveUpAt = timeoutMs > 0 ? { giveUpAt: runtime.clock.steadyNow() + untilRunMs + timeoutMs } : {};
        const options = readFields(connection.definition.clipOptions, {});
        const timeZone = timeZoneOf(runtime, connection.id);
        const place = { folder: template, base: runtime.fileFolder, ...(timeZone ? { timeZone } : {}) };
        return { task: await newExport({ ...settings, options, ...giveUpAt, ranges, ...place }, connection), runAt };
      },
      run: (job, connection, context, { progress }) =>
        runExport(job, connection, context, {
          clock: runtime.clock,
          findFfmpeg: () => runtime.findFfmpeg(),
          onProgress: (work, transfer) => progress({ ...work, transfer }, exporting(work.progress, transfer)),
        }),
      write(message, task) {
        message.export = showExport(task);
      },
      outputs: { finished: 0, progress: 1, failure: 2 },
      completesProgress: true,
      status: {
        working: (task) => exporting(showExport(task).progress),
        finished: 'exported',
      },
      subject: subjectOfExport,
      writtenFiles: filesOfExport,
      idOf: ({ id }) => id,
      discard: ({ data }) => discardExport(data),
      cancelAtVendor: cancelExport,
    });
  }

  RED.nodes.registerType('export-video', ExportVideo);
};

function exporting(percent: number, { bytesPerSecond = 0, etaSeconds }: Partial<ClipTransfer> = {}): StatusWords {
  const values = { percent, bytesPerSecond, etaSeconds };
  // Between two clips nothing comes.
  return bytesPerSecond > 0
    ? ['exportingRate', { ...values, rate: (bytesPerSecond / bytesPerMB).toFixed(1) }]
    : ['exporting', values];
}

async function named(input: TypedInput, message: Message): Promise<{ name: string; value: unknown }> {
  return { name: input.name, value: await input.read(message) };
}
