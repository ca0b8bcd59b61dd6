/** Where the file of a clip may be, as the server gives it. */
import assert from 'node:assert/strict';
import type { AipixApi, Call } from '../../../../lib/providers/aipix/api';
import { openFile } from '../../../../lib/providers/aipix/media';

describe('the address of a file of Aipix', () => {
  for (const url of [
    'http://127.0.0.1:1880/flows',
    '//localhost./x.mp4',
    'http://[::1]/x.mp4',
    'http://169.254.169.254/latest',
  ]) {
    it(`(${url}) leads nobody from elsewhere into this computer`, async () => {
      const http = { stream: () => assert.fail('nothing may be asked there') };
      const api = { baseUrl: 'http://vms.example', http } as unknown as AipixApi;
      const call = { signal: new AbortController().signal, session: { token: 't' } } as unknown as Call;
      await assert.rejects(openFile(api, { url, offset: 0, action: 'Downloading' }, call), {
        code: 'EPROTOCOL',
        message: /which is this computer itself/,
      });
    });
  }
});
