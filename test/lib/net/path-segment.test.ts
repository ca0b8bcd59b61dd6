/** Ids as parts of a path. */
import assert from 'node:assert/strict';
import { pathSegment } from '../../../lib/net/path-segment';

describe('an id in the path of a request', () => {
  const base = 'https://server/api/v1/users/downloads/';
  const address = (id: string): string => new URL(`${base}${pathSegment(id, 'The id')}`).href;

  for (const id of ['7', 'a b', 'a/b', 'a\\b', 'ö', '...', 'a..b', '?x=1', '#x', '%2e%2e', 'v0.mp4']) {
    it(`stays one segment: ${id}`, () => {
      const path = address(id).slice(base.length);
      assert.equal(path.split('/').length, 1);
      assert.equal(decodeURIComponent(path), id);
    });
  }

  for (const id of ['', '.', '..', '../users', 'a/..', 'a\\..\\b', './x', '\ud800']) {
    it(`cannot be ${JSON.stringify(id)}`, () => {
      assert.throws(() => address(id), { code: 'EINVALID', message: /^The id cannot be/ });
    });
  }
});
