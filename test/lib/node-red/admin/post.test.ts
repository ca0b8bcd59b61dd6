import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { packageRoot } from '../../../support/package';

describe('POST routes of the admin API', () => {
  it('are all registered where other than JSON is refused', () => {
    const sources = globSync(['lib/**/*.ts', 'nodes/*.ts', 'plugins/*.ts'], { cwd: packageRoot });
    const direct = sources.filter((path) =>
      /\bhttpAdmin\.(post|put|patch|use)\b/.test(readFileSync(join(packageRoot, path), 'utf8')),
    );
    assert.ok(sources.length > 50);
    assert.deepEqual(direct, ['lib/node-red/admin/post.ts']);
  });
});
