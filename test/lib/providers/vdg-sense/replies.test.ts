import assert from 'node:assert/strict';
import type { SenseSettings } from '../../../simulators/vdg-sense';
import {
  closeAll,
  connectTo,
  createFinished,
  fails,
  never,
  ONE,
  plain,
  readAll,
  request,
  startSense,
  TWO,
} from './support';

type Replies = NonNullable<SenseSettings['replies']>;

/** Ways to say the same. */
const dialects: [string, Replies][] = [
  ['as documented', {}],
  ['a single clip in a list', { wrapper: 'clips' }],
  ['a single clip without a wrapper', { wrapper: 'bare' }],
  ['clips and lists without the envelope', { withoutResult: true }],
  ['times without milliseconds', { milliseconds: false }],
  ['lists without a count', { countAttribute: false }],
  ['no element for an empty list', { emptyList: 'nothing' }],
  ...[1, 2, 3].map((seed): [string, Replies] => [`tags in another order (${seed})`, { shuffleSeed: seed }]),
  ['tags and attributes for debugging', { debugTags: true }],
  ['the prolog as a comment', { prolog: 'comment' }],
  ['no prolog', { prolog: 'none' }],
  ['a byte order mark', { byteOrderMark: true }],
  ['a byte order mark before a comment', { byteOrderMark: true, prolog: 'comment' }],
  ['line breaks and indents', { indent: true }],
  ['numeric references', { numericReferences: true }],
  ['tags in capitals', { upperCaseTags: true }],
  ['attributes in capitals', { upperCaseAttributes: true }],
  ['fields as attributes', { fieldsAsAttributes: true }],
  ['fields as attributes, the status too', { fieldsAsAttributes: true, statusDescription: false }],
  ['trailing blanks', { blanks: true }],
  ['no description of the status', { statusDescription: false }],
  ['an empty file size at first', { pendingFilesize: 'empty' }],
  ['no file size at first', { pendingFilesize: 'absent' }],
  ['application/xml with a charset', { contentType: 'application/xml; charset=utf-8' }],
  ['text/plain', { contentType: 'text/plain' }],
  ['text/html', { contentType: 'text/html' }],
  [
    'all of it at once',
    {
      ...{ wrapper: 'bare', milliseconds: false, countAttribute: false, emptyList: 'nothing', shuffleSeed: 7 },
      ...{ debugTags: true, prolog: 'comment', byteOrderMark: true, indent: true, numericReferences: true },
      ...{ upperCaseTags: true, upperCaseAttributes: true, fieldsAsAttributes: true, blanks: true },
      ...{ pendingFilesize: 'empty', contentType: 'text/plain', status: { finished: ' Finished ' } },
    },
  ],
];

describe('VDG Sense: replies', () => {
  afterEach(closeAll);

  for (const [name, replies] of dialects) {
    it(`are understood with ${name}`, async () => {
      const sim = await startSense({ replies, queue: { makeMs: 1000 } });
      const connection = connectTo(sim);
      const { options: _, ...asked } = request({ title: 'Tor & "Süd" <2>' });
      const own = { ...asked, id: '8070450532247928832', connection: 'sense', provider: 'vdg-sense' };

      assert.equal(await connection.pollClip({ ...own, status: 'pending' }, 1000, never), undefined);
      const clip = await connection.createClip({ ...asked, options: {} }, never);
      const { vendorStatus, ...rest } = plain(clip);
      assert.deepEqual(rest, { ...own, status: 'pending', progress: 0 });
      assert.ok(vendorStatus === undefined || /\(waiting\)/.test(vendorStatus), vendorStatus);
      assert.equal((await connection.pollClip(clip, 1000, never))?.status, 'busy');
      sim.advance(1000);

      const media = await sim.mediaOf(clip.id);
      const finished = { status: 'finished', progress: 100, size: media.size, width: 640, height: 360 };
      const found = await connection.pollClip(clip, 1000, never);
      assert.deepEqual(plain(found), { ...own, ...finished });
      const { body } = await connection.openClip(found!, { offset: 0 }, never);
      assert.ok((await readAll(body)).equals(await readAll(media.read())));

      // Two clips in a list: its shape must not depend on how many there are.
      const second = await connection.createClip(request({ end: '2025-03-01T11:00:03.000Z' }), never);
      assert.notEqual(second.id, clip.id);
      assert.equal((await connection.pollClip(second, 1000, never))?.status, 'busy');
      assert.equal((await connection.pollClip(clip, 1000, never))?.status, 'finished');
      assert.deepEqual(await connection.listCameras(never), [
        { id: `${ONE}/2`, name: 'Dock 1', online: true },
        { id: `${ONE}/3`, name: 'Dock 2', online: true },
        { id: `${TWO}/2`, name: 'Gate', online: true },
      ]);
      await connection.deleteClip(clip, never);
      assert.equal(await connection.pollClip(clip, 1000, never), undefined);
      await assert.rejects(
        connection.createClip(request({ camera: `${ONE}/77` }), never),
        fails('ENOTFOUND', /no such device/, { vendorCode: '-2' }),
      );
    });
  }

  it('that accept a clip without naming it lead to the clip that the list has', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    const first = await connection.createClip(request(), never);
    sim.failNext({ kind: 'reply', reply: { body: '<result errorcode="0"/>' } }, 'addClip');
    const second = await connection.createClip(request(), never);
    assert.equal(second.id, first.id);
  });

  it('that return a clip which has failed lead to a new one, once', async () => {
    let reason: string | undefined = 'out of memory';
    const sim = await startSense({ queue: { fails: () => reason } });
    const connection = connectTo(sim);
    const first = await connection.createClip(request(), never);
    assert.equal((await connection.pollClip(first, 1000, never))?.status, 'failed');
    reason = undefined;
    const second = await connection.createClip(request(), never);
    assert.notEqual(second.id, first.id);
    assert.equal((await connection.pollClip(second, 1000, never))?.status, 'finished');
  });

  it('that accept a clip but return none are an error', async () => {
    const sim = await startSense();
    sim.failNext({ kind: 'reply', reply: { body: '<result errorcode="0"><clips/></result>' } }, 'addClip');
    await assert.rejects(
      connectTo(sim).createClip(request(), never),
      fails('EPROTOCOL', /accepted the clip but neither returns nor lists it/),
    );
  });

  it('with a positive code are a success', async () => {
    const sim = await startSense();
    const body = '<result errorcode="12"><clip><id>5</id><status>pending</status></clip></result>';
    sim.failNext({ kind: 'reply', reply: { body } }, 'addClip');
    assert.equal((await connectTo(sim).createClip(request(), never)).id, '5');
  });

  it('may carry the code as an element or without quotes', async () => {
    const sim = await startSense();
    const connection = connectTo(sim);
    for (const body of [
      '<result><errorcode>-38</errorcode><description>too long</description></result>',
      '<result errorcode=-38><description>too long</description></result>',
      "<result errorcode=' -38 '><description> too long </description></result>",
    ]) {
      sim.failNext({ kind: 'reply', reply: { body } }, 'addClip');
      await assert.rejects(connection.createClip(request(), never), fails('ELIMIT', /\("too long"\), code -38 \(/));
    }
  });

  it('with counts without quotes, as the samples of the vendor have them, are lists all the same', async () => {
    const sim = await startSense();
    const body =
      '<!--?xml version="1.0"?-->\n<result errorcode="0"><devices count=1><device><name>A</name>' +
      '<serverid>1</serverid><deviceid>2</deviceid></device></devices></result>';
    sim.failNext({ kind: 'reply', reply: { body } }, 'getDeviceList');
    assert.deepEqual(plain(await connectTo(sim).listCameras(never)), [{ id: '1/2', name: 'A' }]);
  });

  const broken: [string, string][] = [
    ['no XML', 'Service unavailable'],
    ['broken XML', '<result errorcode="0"><clips>'],
    ['broken XML with a count without quotes', '<result errorcode="0"><clips count=4><clip></result>'],
    ['another document', '<rss version="2.0"/>'],
    ['HTML', '<!DOCTYPE html><html><body>Busy</body></html>'],
    ['HTML without a doctype', '<HTML><body>Busy</body></HTML>'],
    ['a document with entities of its own', '<!DOCTYPE r [<!ENTITY a "b">]><result errorcode="0">&a;</result>'],
    ['JSON', '{"errorcode":0}'],
    ['nothing', ''],
    ['blanks', ' \n '],
  ];
  for (const [name, body] of broken) {
    it(`of ${name} are tried once more with a fresh session, then an error`, async () => {
      const sim = await startSense();
      sim.failNext({ kind: 'reply', reply: { body } }, 'getDeviceList', 2);
      await assert.rejects(
        connectTo(sim).listCameras(never),
        fails('EPROTOCOL', /\(asking for the camera list\)/, { retryable: false }),
      );
      assert.deepEqual([sim.logins, sim.requestsFor('getDeviceList').length], [2, 2]);
    });
  }
});

describe('VDG Sense: the status of a clip', () => {
  afterEach(closeAll);

  const table: [string, string, string?][] = [
    ['pending', 'pending'],
    [' Pending ', 'pending'],
    ['BUSY', 'busy'],
    ['busy 40%', 'busy'],
    ['Finished ', 'finished'],
    ['finished (cached)', 'finished'],
    ['failed', 'failed'],
    ['failed: the disk is slow', 'failed', 'the disk is slow'],
    ['Completed', 'finished'],
    ['ready', 'finished'],
    ['error 17', 'failed', '17'],
    [' FAILED: disk full ', 'failed', 'disk full'],
    ['Failure, try later', 'failed', 'try later'],
    ['transcoding', 'busy'],
    ['finishing', 'busy'],
    ['not finished', 'busy'],
    ['0', 'busy'],
    ['', 'busy'],
  ];
  for (const [text, status, reason] of table) {
    it(`${JSON.stringify(text)} is ${status}`, async () => {
      const words = { pending: text, busy: text, finished: text, failed: text };
      const sim = await startSense({ replies: { status: words, statusDescription: false } });
      const connection = connectTo(sim);
      const clip = await connection.createClip(request(), never);
      assert.deepEqual([clip.status, clip.reason], [status, reason]);
    });
  }

  it('names a word that it does not know, with its description', async () => {
    const sim = await startSense({
      replies: { status: { pending: 'Warten', busy: 'Warten', finished: 'Warten', failed: 'Warten' } },
    });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    assert.deepEqual([clip.status, clip.vendorStatus], ['busy', 'Warten (waiting)']);
  });

  it('takes the reason of a failure from the description, if there is one', async () => {
    const sim = await startSense({
      queue: { fails: () => 'codec "x" & more' },
      replies: { status: { failed: 'failed hard' } },
    });
    const connection = connectTo(sim);
    const clip = await connection.createClip(request(), never);
    const found = await connection.pollClip(clip, 1000, never);
    assert.deepEqual([found?.status, found?.reason], ['failed', 'codec "x" & more']);
  });

  it('is still busy where the server leaves it out', async () => {
    const sim = await startSense();
    sim.failNext(
      { kind: 'reply', reply: { body: '<result errorcode="0"><clip><id>5</id></clip></result>' } },
      'addClip',
    );
    assert.equal((await connectTo(sim).createClip(request(), never)).status, 'busy');
  });
});

describe('VDG Sense: the size of a clip', () => {
  afterEach(closeAll);

  const table: [string, number | undefined][] = [
    ['0', undefined],
    ['', undefined],
    ['4194304', 4194304],
    [' 12 ', 12],
    ['5368709120', 5368709120],
    ['-1', undefined],
    ['4 MB', undefined],
    ['1e6', undefined],
    ['99999999999999999999', undefined],
  ];
  for (const [text, size] of table) {
    it(`${JSON.stringify(text)} is ${size}`, async () => {
      const sim = await startSense();
      const body = `<result errorcode="0"><clip><id>5</id><status>finished</status><filesize>${text}</filesize></clip></result>`;
      sim.failNext({ kind: 'reply', reply: { body } }, 'addClip');
      assert.equal((await connectTo(sim).createClip(request(), never)).size, size);
    });
  }

  it('is reported as declared, be it right or wrong', async () => {
    const sim = await startSense({ replies: { declaredFilesize: (size) => size + 1 } });
    const clip = await createFinished(connectTo(sim));
    assert.equal(clip.size, (await sim.mediaOf(clip.id)).size + 1);
  });
});

describe('VDG Sense: the camera list', () => {
  afterEach(closeAll);

  const listOf = async (devices: string): Promise<unknown> => {
    const sim = await startSense();
    const body = `<result errorcode="0"><devices>${devices}</devices></result>`;
    sim.failNext({ kind: 'reply', reply: { body } }, 'getDeviceList');
    return plain(await connectTo(sim).listCameras(never));
  };
  const device = (fields: Record<string, string>): string =>
    `<device>${Object.entries({ serverid: '1', ...fields })
      .map(([tag, text]) => `<${tag}>${text}</${tag}>`)
      .join('')}</device>`;

  it('leaves out what is no camera, and has everything where nothing says it is one', async () => {
    const contacts = device({ deviceid: '9', name: 'Contacts', type: 'digital io ' });
    const camera = device({ deviceid: '2', name: 'Dock', type: ' Dome-CAMERA ' });
    const unknown = device({ deviceid: '3', name: 'Gate', type: '' });
    assert.deepEqual(await listOf(contacts + camera + unknown), [
      { id: '1/2', name: 'Dock' },
      { id: '1/3', name: 'Gate' },
    ]);
    assert.deepEqual(await listOf(contacts), [{ id: '1/9', name: 'Contacts' }]);
  });

  it('leaves out what cannot be addressed, and names by id what has no name', async () => {
    const nowhere = device({ name: 'Nowhere', type: 'camera' });
    assert.deepEqual(await listOf(nowhere + device({ deviceid: '2', type: 'camera' })), [{ id: '1/2', name: '1/2' }]);
    assert.deepEqual(await listOf(''), []);
  });

  const words: [string, boolean | undefined][] = [
    ['Ok ', true],
    ['ONLINE', true],
    ['Active', true],
    ['Connection lost', false],
    ['offline', false],
    ['Inactive', false],
    ['disconnected', false],
    ['Error 5', false],
    ['7', undefined],
    ['', undefined],
  ];
  for (const [status, online] of words) {
    it(`takes the status ${JSON.stringify(status)} for ${online}`, async () => {
      assert.deepEqual(await listOf(device({ deviceid: '2', status })), [plain({ id: '1/2', name: '1/2', online })]);
    });
  }

  it('is served by servers of any age', async () => {
    for (const version of ['1.10.1', '2.3.17', '2.7.1', '2.7.3']) {
      const sim = await startSense({ version });
      assert.equal((await connectTo(sim).listCameras(never)).length, 3);
    }
  });
});
