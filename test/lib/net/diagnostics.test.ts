/** The record of each request for those who look for a fault. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { requestChannelName, withoutSecrets, type RequestRecord } from '../../../lib/net/diagnostics';
import { client, closeAll, get, serve } from './servers';

describe('the trace of requests', () => {
  afterEach(closeAll);

  it('has one record for each, with its outcome', async () => {
    const records: RequestRecord[] = [];
    const note = (record: unknown): void => void records.push(record as RequestRecord);
    subscribe(requestChannelName, note);
    try {
      const server = await serve(() => ({ body: 'hello' }));
      const http = client(server.url);
      await http.request(get('/command?command=getClips&sessionkey=secret'));
      (await http.stream(get('/clip'))).body.destroy();
      await server.stop();
      await http.request(get('/gone')).catch(() => undefined);
      assert.deepEqual(
        records.map(({ ms, ...record }) => ({ ...record, timed: ms >= 0 })),
        [
          {
            method: 'GET',
            url: `${server.url}/command?command=getClips&sessionkey=…`,
            status: 200,
            bytes: 5,
            timed: true,
          },
          { method: 'GET', url: `${server.url}/clip`, status: 200, bytes: 5, timed: true },
          { method: 'GET', url: `${server.url}/gone`, error: 'ENETWORK', timed: true },
        ],
      );
    } finally {
      unsubscribe(requestChannelName, note);
    }
  });

  for (const [address, shown] of [
    ['http://joe:secret@h/x', 'http://h/x'],
    [`http://h/files/${'t'.repeat(40)}/clip.mp4`, 'http://h/files/tttt…/clip.mp4'],
    ['http://h/x?token=abc&camera=7&X-Amz-Signature=1', 'http://h/x?token=…&camera=7&X-Amz-Signature=…'],
    [`http://h/x?id=${'9'.repeat(30)}`, 'http://h/x?id=9999…'],
    ['http://h/x?sid=1234567890&PHPSSID=ab&ticket=7&side=left', 'http://h/x?sid=…&PHPSSID=…&ticket=…&side=left'],
    ['nonsense', '(no address)'],
  ] as const) {
    it(`shows nothing that may be a secret of ${address}`, () => {
      assert.equal(withoutSecrets(address), shown);
    });
  }
});
