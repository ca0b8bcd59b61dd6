import assert from 'node:assert/strict';
import { idsOf } from '../support/event-follower';
import { distort, garbage } from './distortions';
import { checkPage, useEventRig } from './event-rig';
import type { ForcedReply, Harness } from './harness';
import { checkError } from './rig';
import { repeat } from './suite-hostile';

/** Whatever is answered to a question for events. */
export function eventFaultSuite(harness: () => Harness): void {
  const rig = useEventRig(harness);

  it('is not harmed by answers that are garbage', async function () {
    this.timeout(60_000);
    const { events, clock, follower, started } = rig();
    const begun = await started();
    const id = events.happen();
    for (const [name, reply] of garbage()) await meet(begun, name, reply, 'error');
    clock.skip(24 * 3600_000);
    assert.deepEqual(idsOf(await follower({ cursor: begun.cursor }).look()), [id]);
  });

  it('is not harmed by answers of the wrong types', async function () {
    this.timeout(60_000);
    const { world, events, follower, started } = rig();
    const { cursor } = await started();
    events.happen();
    await follower({ cursor }).look();
    const response = await repeat(world.requestsFor('events').at(-1)!);
    const type = response.headers.get('content-type');
    const headers: Record<string, string> = type ? { 'content-type': type } : {};
    const real = { status: response.status, headers, body: await response.text() };
    for (const [name, body] of distort(real.body)) await meet({ cursor }, name, { ...real, body }, 'any');
  });

  /** What comes of it must be an error of ours or well-typed. */
  async function meet({ cursor }: { cursor: string }, name: string, reply: ForcedReply, expected: 'error' | 'any') {
    const { world, open, list } = rig();
    const handle = open();
    world.force('events', reply, 10);
    try {
      const outcome = await list(handle, { cursor }).then(
        (page) => ({ page }),
        (error: unknown) => ({ error }),
      );
      if ('error' in outcome) checkError(outcome.error, world);
      else if (expected === 'any') checkPage(outcome.page, world);
      else assert.fail(`It succeeded: ${JSON.stringify(outcome.page).slice(0, 300)}`);
    } catch (thrown) {
      throw new Error(`Answer "${name}": ${(thrown as Error).message}`, { cause: thrown });
    } finally {
      world.clearFaults?.();
    }
  }
}
