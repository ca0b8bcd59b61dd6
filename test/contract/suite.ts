// What every provider must do, whichever way its vendor speaks.
import type { Harness } from './harness';
import { writeResults } from './results';
import { dialectSuite } from './suite-dialects';
import { eventFaultSuite } from './suite-event-faults';
import { eventSuite } from './suite-events';
import { exportSuite } from './suite-export';
import { faultSuite } from './suite-faults';
import { flowSuite } from './suite-flow';
import { hostileSuite } from './suite-hostile';
import { loginSuite } from './suite-login';
import { mediaSuite } from './suite-media';
import { troubleSuite } from './suite-trouble';
import { workSuite } from './suite-work';

/** The contract as far as a real server matters for it: in the rest, every answer is forged. */
export function serverSuite(harness: () => Harness): void {
  describe('at work', () => workSuite(harness));
  describe('and its login', () => loginSuite(harness));
  describe('and other ways to say it', () => dialectSuite(harness));
  describe('in trouble', () => troubleSuite(harness));
  describe('and its video', () => mediaSuite(harness));
  describe('and exports', () => exportSuite(harness));
  describe('and events', () => eventSuite(harness));
  describe('in flows', () => flowSuite(harness));
}

export function contractSuite(harness: Harness): void {
  describe(`the provider ${harness.id}`, function () {
    this.timeout(120_000);
    const given = (): Harness => harness;
    serverSuite(given);
    describe('and hostile answers', () => hostileSuite(given));
    describe('and answers about events that are none', () => eventFaultSuite(given));
    describe('and bad answers that pass', () => faultSuite(given));
    after('its part of the table', () => writeResults(harness.id));
  });
}
