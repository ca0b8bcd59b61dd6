/** What every provider must do, whichever way its vendor speaks. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Harness } from './harness';
import { writeResults } from './results';
import { contractSuite } from './suite';

const ids = [
  'vdg-sense',
  'rhombus',
  'kinesis-video',
  'aipix',
  'zoneminder',
  'frigate-16',
  'frigate-17',
  'frigate-18',
  'sample',
];

for (const id of ids) {
  describe(`the provider ${id}`, function () {
    this.timeout(30_000);
    const file = join(__dirname, `${id}.ts`);
    if (!existsSync(file)) {
      it('is held to the contract (left out: it has no harness yet)', function () {
        if (process.env['CI']) assert.fail(`There is no ${file}`);
        this.skip();
      });
      return;
    }

    let loaded: Harness;
    // A harness that cannot be loaded must not keep the others from being run.
    const harness = (): Harness => loaded;
    before('its harness', () => {
      loaded = (require(file) as { harness: Harness }).harness;
      assert.equal(loaded.id, id);
    });
    contractSuite(harness);
  });
}

after('the table of results', () => writeResults(ids));
