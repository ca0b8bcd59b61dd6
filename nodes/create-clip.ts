// Registers create-clip, which asks for the clip of a range.
import { readCameras } from '../lib/clips/camera';
import { createClip, type CreateJobData } from '../lib/clips/create';
import { readEventMark } from '../lib/clips/event-mark';
import { readTitle } from '../lib/clips/title';
import { checkLength, parseInstant, rangeAround, rangeBetween, toIso, type TimeRange } from '../lib/time-range';
import { readFields } from '../lib/fields';
import { connectionInput, getConnection } from '../lib/node-red/connections';
import { jobNode } from '../lib/node-red/job-node';
import { registerLongestClipRoute } from '../lib/node-red/admin/previews';
import type { Message, Node, NodeDefinition, NodeRed } from '../lib/node-red/node-red';
import { runtimeOf } from '../lib/node-red/runtime';
import { numberInput, readChoice, typedInput } from '../lib/node-red/typed-input';

export = (RED: NodeRed): void => {
  const runtime = runtimeOf(RED);
  registerLongestClipRoute(runtime);

  function CreateClip(this: Node, definition: NodeDefinition): void {
    RED.nodes.createNode(this, definition);
    const camera = typedInput(RED, this, definition, 'camera', 'camera', 'msg');
    const time = typedInput(RED, this, definition, 'time', '', 'date');
    const start = typedInput(RED, this, definition, 'start', 'start', 'msg');
    const end = typedInput(RED, this, definition, 'end', 'end', 'msg');
    const title = typedInput(RED, this, definition, 'title', '', 'str');
    const before = numberInput(RED, this, definition, 'before', 10);
    const after = numberInput(RED, this, definition, 'after', 20);
    const settle = numberInput(RED, this, definition, 'settle', 5);
    const connectionOf = connectionInput(runtime, definition);
    const isFixed = definition.connectionType !== 'msg';

    const readRange = async (
      message: Message,
      settings: ReturnType<typeof configure>,
    ): Promise<TimeRange & { instant?: number }> => {
      const now = runtime.clock.now();
      if (settings.range === 'between') {
        return rangeBetween({
          start: parseInstant(await start.read(message), start.name, now),
          end: parseInstant(await end.read(message), end.name, now),
        });
      }
      const instant = parseInstant(await time.read(message), time.name, now);
      const [beforeSeconds, afterSeconds] = [await before.read(message), await after.read(message)];
      return { ...rangeAround({ time: instant, beforeSeconds, afterSeconds }), instant };
    };

    const configure = () => {
      if (isFixed) readFields(getConnection(runtime, connectionOf({})).definition.clipOptions, definition.options);
      for (const input of [before, after, settle]) input.check();
      return { range: readChoice(definition, 'range', ['around', 'between']) };
    };

    jobNode<CreateJobData, ReturnType<typeof configure>>(runtime, this, {
      configure,
      connectionOf,
      async accept(message, settings) {
        const connection = getConnection(runtime, connectionOf(message));
        const given = await camera.read(message);
        const cameraId = await readCameras(connection, (readCamera) => readCamera(given, camera.name));
        const range = await readRange(message, settings);
        checkLength(range, connection.maxClipSeconds);
        const request = {
          camera: cameraId,
          start: toIso(range.start),
          end: toIso(range.end),
          title: readTitle(await title.read(message), title.name),
          options: readFields(connection.definition.clipOptions, definition.options),
        };
        const instant = range.instant === undefined ? {} : { time: toIso(range.instant) };
        // Only what has been recorded can be asked for.
        const runAt = range.end + (await settle.read(message)) * 1000;
        const event = readEventMark(message.event);
        return { task: { connection: connection.id, request, ...instant, ...(event ? { event } : {}) }, runAt };
      },
      sameAs(message, { connection, request, event }) {
        if (!event) return undefined;
        const { kind } = message.event as { kind?: unknown };
        return JSON.stringify([connection, kind, event.event, request.camera, request.start, request.end]);
      },
      run: createClip,
      write(message, { clip }) {
        if (clip) message.clip = clip;
      },
      outputs: { finished: 0 },
      status: { working: () => ['requesting'], finished: 'created' },
      subject: ({ clip, request }) => clip ?? request,
      idOf: ({ clip }) => clip?.id,
    });
  }

  RED.nodes.registerType('create-clip', CreateClip);
};
