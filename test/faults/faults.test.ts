// A choice of the matrix of faults, so that every family of them is met by every provider whenever tests are run.
import assert from 'node:assert/strict';
import { tempFolder } from '../support/temp-folder';
import { chosenCells, providerIds } from './cells';
import { problemsOf, runCells } from './run';

const count = 500;
const atOnce = 6;

describe('Faults on the way to a video system', function () {
  this.timeout(900_000);
  const folder = tempFolder();
  const cells = chosenCells(count);

  for (const provider of providerIds) {
    it(`end in a clip or in one error of ours: ${provider}`, async () => {
      const own = cells.filter((cell) => cell.provider === provider);
      assert.deepEqual(problemsOf(await runCells(own, { folder: folder(), atOnce })), []);
    });
  }
});
