// Tests: the status of a node that sends events.
import assert from 'node:assert/strict';
import { eventStatus } from '../../../../lib/node-red/event-node/status';
import type { Node, Status } from '../../../../lib/node-red/node-red';
import { manualClock } from '../../../support/manual-clock';

describe('the status of clip-events', () => {
  it('tells the age of the last answer, also when somebody sets the clock', async () => {
    const clock = manualClock();
    const shown: string[] = [];
    const node = { status: ({ text = '' }: Status) => void shown.push(text) } as unknown as Node;
    const translate = (_: string, key: string, values: Record<string, unknown> = {}): string =>
      [key.split('.').at(-1), ...Object.values(values)].join(' ');
    const status = eventStatus({ clock, translate }, node);
    status.report({ state: 'connected' });
    status.looked();
    clock.step(3600_000);
    await clock.advance(10_000);
    assert.equal(shown.at(-1), 'looked connected 10 s');
    clock.step(-7200_000);
    await clock.advance(80_000);
    assert.equal(shown.at(-1), 'looked connected 1 min');
    status.close();
    assert.equal(clock.waiting, 0);
  });
});
