import assert from 'node:assert/strict';
import { readClip, updateClip } from '../../../lib/clips/clip';
import type { Clip, ProviderClip } from '../../../lib/provider';
import { aClip } from './fake';

const now = Date.UTC(2025, 2, 1, 9);

describe('a clip out of a message', () => {
  it('survives JSON also where a number is -0', () => {
    const times = { start: '2025-03-01T08:50:00Z', end: '2025-03-01T08:51:00Z' };
    const clip = { id: '1', connection: 'c', provider: 'p', camera: '1', status: 'busy', progress: -0, ...times };
    assert.ok(Object.is(readClip(clip, Date.parse('2026-01-01T00:00:00Z')).progress, 0));
  });

  it('is taken as it is when it is one', () => {
    const options = { vca: 'all', imageWidth: 640, audio: true };
    const clip = aClip({ title: 'x', ref: { server: '7' }, options, size: 5, progress: 3 });
    assert.deepEqual(readClip(clip, now), clip);
  });

  it('is taken after it went through JSON', () => {
    const clip = aClip({ ref: { a: 'b' } });
    assert.deepEqual(readClip(JSON.parse(JSON.stringify(clip)), now), clip);
  });

  it('has no half characters, which cannot be in an address', () => {
    const { id, title, ref } = readClip({ ...aClip(), id: '7\ud83d', title: 'cut \ud83c', ref: { a: '\udfa5' } }, now);
    assert.deepEqual([id, title, ref], ['7\ufffd', 'cut \ufffd', { a: '\ufffd' }]);
  });

  it('tells nothing of a file: only our own jobs know which file they have written', () => {
    const file = { path: '/etc/passwd', thumbnail: '/etc/shadow', size: 1, gaps: [], problems: [] };
    assert.deepEqual(readClip({ ...aClip(), file }, now), aClip());
  });

  it('loses what no clip has, so that it can neither be endless nor break what it travels through', () => {
    const endless: Record<string, unknown> = { ...aClip(), big: 1n, odd: () => 1, extra: { a: 1 } };
    endless.self = endless;
    assert.deepEqual(readClip(endless, now), aClip());
  });

  it('keeps all that a vendor may have said of it', () => {
    const span = { start: '2025-03-01T08:50:01.000Z', end: '2025-03-01T08:50:02.000Z' };
    const sha256 = 'ab'.repeat(32);
    const said = { vendorStatus: 'x', width: 640, height: 0, expires: 'soon', reason: 'y', cameraName: 'Dock', sha256 };
    const clip = aClip({ ...said, gaps: [span], footage: span });
    assert.deepEqual(readClip({ ...clip, sha256: sha256.toUpperCase() }, now), clip);
  });

  it('may hold null where something is not known', () => {
    const unknown = { gaps: null, sha256: null, size: null, title: null, ref: null, options: null };
    assert.deepEqual(readClip({ ...aClip(), ...unknown }, now), aClip());
  });

  it('gets its times in one spelling, so that nothing below has to read others', () => {
    const written: unknown = { ...aClip(), start: '2025-03-01T09:50:00+01:00', end: Date.UTC(2025, 2, 1, 8, 51) };
    const { start, end } = readClip(written, now);
    assert.equal(start, '2025-03-01T08:50:00.000Z');
    assert.equal(end, '2025-03-01T08:51:00.000Z');
  });

  it('is not changed itself', () => {
    const written = Object.freeze({ ...aClip(), start: '2025-03-01T09:50:00+01:00' });
    readClip(written, now);
    assert.equal(written.start, '2025-03-01T09:50:00+01:00');
  });

  const refused: Record<string, { value: unknown; names: RegExp }> = {
    nothing: { value: undefined, names: /msg\.clip must be a clip/ },
    null: { value: null, names: /msg\.clip must be a clip/ },
    text: { value: 'clip-1', names: /msg\.clip must be a clip/ },
    'a list': { value: [aClip()], names: /msg\.clip must be a clip/ },
    'no id': { value: aClip({ id: undefined }), names: /msg\.clip\.id/ },
    'an empty id': { value: aClip({ id: '' }), names: /msg\.clip\.id/ },
    'a number as id': { value: { ...aClip(), id: 7 }, names: /msg\.clip\.id/ },
    'no connection': { value: aClip({ connection: undefined }), names: /msg\.clip\.connection/ },
    'no provider': { value: aClip({ provider: '' }), names: /msg\.clip\.provider/ },
    'a number as camera': { value: { ...aClip(), camera: 12 }, names: /msg\.clip\.camera/ },
    'no start': { value: aClip({ start: undefined }), names: /msg\.clip\.start/ },
    'a start without a zone': { value: aClip({ start: '2025-03-01T08:50:00' }), names: /msg\.clip\.start/ },
    'an end that is no time': { value: aClip({ end: 'soon' }), names: /msg\.clip\.end/ },
    'an end far ahead': { value: aClip({ end: '2025-04-01T00:00:00Z' }), names: /msg\.clip\.end/ },
    'an end before the start': { value: aClip({ end: '2025-03-01T08:49:00Z' }), names: /start .* before the end/ },
    'no status': { value: aClip({ status: undefined }), names: /msg\.clip\.status/ },
    'another status': { value: { ...aClip(), status: 'done' }, names: /msg\.clip\.status/ },
    'text as references': { value: { ...aClip(), ref: 'x' }, names: /msg\.clip\.ref/ },
    'numbers in references': { value: { ...aClip(), ref: { a: 1 } }, names: /msg\.clip\.ref/ },
    'a list as references': { value: { ...aClip(), ref: ['a'] }, names: /msg\.clip\.ref/ },
    'text as options': { value: { ...aClip(), options: 'x' }, names: /msg\.clip\.options/ },
    'a checksum that is none': { value: { ...aClip(), sha256: 5 }, names: /msg\.clip\.sha256/ },
    'a short checksum': { value: { ...aClip(), sha256: 'abc' }, names: /msg\.clip\.sha256/ },
    'text as gaps': { value: { ...aClip(), gaps: 'x' }, names: /msg\.clip\.gaps/ },
    'a gap of nothing': { value: { ...aClip(), gaps: [null] }, names: /msg\.clip\.gaps\[0\]/ },
    'a gap without an end': {
      value: { ...aClip(), gaps: [{ start: aClip().start }] },
      names: /msg\.clip\.gaps\[0\]\.end/,
    },
    'text as size': { value: { ...aClip(), size: '5' }, names: /msg\.clip\.size/ },
    'a size below nothing': { value: { ...aClip(), size: -1 }, names: /msg\.clip\.size/ },
    'an endless width': { value: { ...aClip(), width: Infinity }, names: /msg\.clip\.width/ },
    'progress beyond the end': { value: { ...aClip(), progress: 101 }, names: /msg\.clip\.progress/ },
    'a number as title': { value: { ...aClip(), title: 7 }, names: /msg\.clip\.title/ },
    'a list as reason': { value: { ...aClip(), reason: [] }, names: /msg\.clip\.reason/ },
    'a number as name of its camera': { value: { ...aClip(), cameraName: {} }, names: /msg\.clip\.cameraName/ },
    'text as footage': { value: { ...aClip(), footage: 'x' }, names: /msg\.clip\.footage/ },
    'objects in options': { value: { ...aClip(), options: { a: {} } }, names: /msg\.clip\.options/ },
  };
  for (const [what, { value, names }] of Object.entries(refused)) {
    it(`is refused with ${what}`, () => {
      assert.throws(() => readClip(value, now), { code: 'EINVALID', retryable: false, message: names });
    });
  }
});

describe('a clip that the vendor was asked about', () => {
  const found = (more: Partial<ProviderClip>): ProviderClip => {
    const { connection, provider, ...clip } = aClip(more);
    return clip;
  };

  const progress: [string, Partial<Clip>, Partial<ProviderClip>, number][] = [
    ['starts at 0', {}, { status: 'pending' }, 0],
    ['follows the vendor', { progress: 10 }, { status: 'busy', progress: 40 }, 40],
    ['never runs backwards', { progress: 40 }, { status: 'busy', progress: 10 }, 40],
    ['stays when the vendor says nothing', { progress: 40 }, { status: 'busy' }, 40],
    ['stays when the vendor starts anew', { progress: 40 }, { status: 'pending', progress: 0 }, 40],
    ['is not 100 before the clip is finished', { progress: 40 }, { status: 'busy', progress: 100 }, 99],
    ['is not 100 any more when the clip is made again', { progress: 100 }, { status: 'busy', progress: 5 }, 99],
    ['is 100 when the clip is finished', { progress: 40 }, { status: 'finished' }, 100],
    ['is 100 when the clip is finished, whatever the vendor says', {}, { status: 'finished', progress: 97 }, 100],
    ['stays when the clip failed', { progress: 40 }, { status: 'failed' }, 40],
  ];
  for (const [what, known, said, expected] of progress) {
    it(`has progress that ${what}`, () => {
      assert.equal(updateClip(aClip(known), found(said)).progress, expected);
    });
  }

  it('takes what is new, and keeps what the vendor does not mention', () => {
    const known = aClip({ status: 'busy', title: 'Door', cameraName: 'Front', ref: { a: 'b' }, size: 1 });
    const updated = updateClip(known, found({ status: 'finished', size: 2, title: undefined, width: 640 }));
    assert.deepEqual(updated, { ...known, status: 'finished', size: 2, width: 640, progress: 100 });
    assert.equal(known.status, 'busy');
  });

  it('still belongs to its connection and keeps its file', () => {
    const file = { path: '/a.mp4' } as Clip['file'];
    const updated = updateClip(aClip({ file }), found({}));
    assert.deepEqual([updated.connection, updated.provider, updated.file], ['connection-1', 'fake', file]);
  });
});
