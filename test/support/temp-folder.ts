import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A folder of its own for every test of the suite that calls this; gone after the test. */
export function tempFolder(): () => string {
  let folder = '';
  beforeEach(() => {
    // Exceptions right after an awaited `mkdtemp` vanish without a trace (Node.js 24.21): a test would not see a crash.
    folder = mkdtempSync(join(tmpdir(), 'clips-test-'));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));
  return () => folder;
}
