import assert from 'node:assert/strict';
import { join } from 'node:path';
import type { Connection } from '../../lib/connection/connection';
import type { Camera, Clip, ConnectionCheck } from '../../lib/provider';
import type { RecordedRequest } from '../simulators/http-server';
import { distort, garbage, notVideo } from './distortions';
import type { ForcedReply, Harness, Step } from './harness';
import {
  checkCameras,
  checkCheck,
  checkClip,
  checkError,
  downloadOnce,
  inTime,
  leaveOut,
  respectException,
  useRig,
  type Rig,
} from './rig';

const never = (): AbortSignal => new AbortController().signal;

/** What a step asks for; whatever comes out has the right types. */
const attempts: Record<
  Exclude<Step, 'any' | 'events'>,
  (rig: Rig, connection: Connection, clip: Clip) => Promise<unknown>
> = {
  login: async (_, connection) => check(await connection.check(never()), checkCheck),
  cameras: async (_, connection) => {
    check(await connection.listCameras(never()), checkCameras);
    return check(await connection.check(never()), checkCheck);
  },
  create: async ({ request }, connection) => check(await connection.createClip(request(), never()), checkClip),
  status: async (_, connection, clip) => check(await connection.pollClip(clip, 10, never()), checkClip),
  delete: (_, connection, clip) => connection.deleteClip(clip, never()),
  download: ({ folder }, connection, clip) => downloadOnce(connection, clip, join(folder, 'clip.mp4')),
};

/** Whatever a vendor, a proxy or an attacker answers: an error of ours, or an answer of the right types. */
export function hostileSuite(harness: () => Harness): void {
  const rig = useRig(harness);
  beforeEach(function () {
    respectException(this, rig().world);
  });

  for (const step of ['login', 'cameras', 'create', 'status', 'delete'] satisfies Step[]) {
    it(`is not harmed by answers to ${step} that are garbage`, async function () {
      this.timeout(180_000);
      const clip = await prepare(this, rig(), step);
      for (const [name, reply] of garbage()) {
        // Nothing need be said of what has been deleted.
        const isFine = step === 'delete' && reply.status < 300 && reply.body.trim() === '';
        await meet(rig(), clip, step, name, reply, isFine ? 'any' : 'error');
      }
    });

    it(`is not harmed by answers to ${step} that are of the wrong types`, async function () {
      this.timeout(180_000);
      const clip = await prepare(this, rig(), step);
      const real = await realReply(rig(), clip, step);
      for (const [name, body] of distort(real.body)) await meet(rig(), clip, step, name, { ...real, body }, 'any');
    });
  }

  it('makes no file of answers to download that are no video', async function () {
    this.timeout(180_000);
    const clip = await prepare(this, rig(), 'download');
    for (const [name, reply] of [...garbage(), ...notVideo()]) {
      await meet(rig(), clip, 'download', name, reply, 'error');
      assert.deepEqual(rig().files(), [], name);
    }
  });
}

function check<T extends Clip | Camera[] | ConnectionCheck>(value: T | undefined, holds: (value: T) => void): unknown {
  if (value !== undefined) holds(value);
  return value;
}

/** Makes a clip, and leaves the test out when nothing is ever sent for this step. */
async function prepare(context: Mocha.Context, rig: Rig, step: Step): Promise<Clip> {
  const { provider, world, connect, finishedClip } = rig;
  const connection = connect();
  const clip = await finishedClip(connection);
  if (step === 'cameras' && provider.listCameras) await connection.listCameras(never());
  if (step === 'delete' && provider.deleteClip) {
    const { start, end } = world.footage;
    const later = new Date(Date.parse(start) + 1000).toISOString();
    await connection.deleteClip(await finishedClip(connection, { start: later, end }), never());
  }
  if (step !== 'download' && world.requestsFor(step).length === 0) leaveOut(context, 'nothing is sent for it');
  return clip;
}

/** One reply in place of the real one: what comes of it must be an error of ours or well-typed, and must come. */
async function meet(
  rig: Rig,
  clip: Clip,
  step: Exclude<Step, 'any' | 'events'>,
  name: string,
  reply: ForcedReply,
  expected: 'error' | 'any',
): Promise<void> {
  const { world, connect } = rig;
  const connection = connect();
  // A provider may log in again and repeat the request: it meets the same then.
  const times = world.clearFaults ? 10 : 1;
  const met = world.requestsFor(step).length;
  world.force(step, reply, times);
  try {
    const outcome = await inTime(attempts[step](rig, connection, clip)).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    );
    if ('error' in outcome) checkError(outcome.error, world);
    else if (expected === 'error' && times > 1) {
      assert.fail(`It succeeded: ${JSON.stringify(outcome.value)?.slice(0, 300)}`);
    }
    assert.ok(world.requestsFor(step).length > met, 'nobody has met the reply');
  } catch (thrown) {
    throw new Error(`Answer "${name}" to ${step}: ${(thrown as Error).message}`, { cause: thrown });
  } finally {
    world.clearFaults?.();
    await connection.close();
  }
}

/** What the vendor answers to that step when all is well. */
async function realReply({ world, ...rig }: Rig, clip: Clip, step: Step): Promise<ForcedReply> {
  if (step === 'status') await rig.connect().pollClip(clip, 10, never());
  const request = world.requestsFor(step).at(-1)!;
  const response = await repeat(request);
  const type = response.headers.get('content-type');
  return { status: response.status, headers: type ? { 'content-type': type } : {}, body: await response.text() };
}

/** The same request once more, as its sender sent it. */
export function repeat({ method, target, headers, body }: RecordedRequest): Promise<Response> {
  const unwanted = /^(host|connection|content-length|transfer-encoding|expect|keep-alive|accept-encoding)$/;
  const kept = Object.entries(headers).filter(([name]) => !unwanted.test(name));
  return fetch(`http://${headers.host}${target}`, {
    method,
    headers: Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
    ...(body.length > 0 ? { body: Uint8Array.from(body) } : {}),
  });
}
