import assert from 'node:assert/strict';
import { sniff } from '../../../lib/mp4';
import type { Content } from '../../../lib/mp4';

const utf16be = (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
const box = (type: string, size = 24) => Buffer.from([0, 0, 0, size, ...Buffer.from(type), 0, 0, 0, 0]);

describe('sniff', () => {
  const cases: [Content, string, Buffer][] = [
    ...['ftyp', 'styp', 'moov', 'moof', 'mdat', 'free', 'skip', 'wide', 'pdin', 'uuid', 'sidx'].map(
      (type): [Content, string, Buffer] => ['mp4', `a ${type} box`, box(type)],
    ),
    ['mp4', 'a large mdat box whose size reads as text', Buffer.from('abcdmdat')],
    ['unknown', 'text with a word where a box type would be', Buffer.from('not free at the moment')],
    ['unknown', 'text with uuid where a box type would be', Buffer.from('the uuid is unknown')],
    ['unknown', 'a box type at another place', Buffer.from('ftypisom')],
    ['unknown', 'a box type in upper case', box('FTYP')],
    ['unknown', 'a box type that is cut off', box('ftyp').subarray(0, 7)],
    ['unknown', 'zeros', Buffer.alloc(64)],
    ['unknown', 'plain text', Buffer.from('Internal error')],
    ['unknown', 'a JPEG', Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0, 16])],
    ['unknown', 'an MPEG transport stream', Buffer.from([0x47, 0x40, 0, 0x10, 0, 0])],
    ['unknown', 'a Matroska file', Buffer.from([0x1a, 0x45, 0xdf, 0xa3])],
    ['unknown', 'less-than before something else', Buffer.from('< 5')],
    ['empty', 'nothing', Buffer.alloc(0)],
    ['empty', 'blanks', Buffer.from(' \r\n\t')],
    ['empty', 'a byte order mark alone', Buffer.from('\ufeff')],
    ['xml', 'a declaration', Buffer.from('<?xml version="1.0"?>\n<response><error/></response>')],
    ['xml', 'an element', Buffer.from('<ErrorResponse xmlns="x">')],
    ['xml', 'an element that begins like one of HTML', Buffer.from('<header/>')],
    ['xml', 'a comment', Buffer.from('<!-- generated --><a/>')],
    ['xml', 'a document type', Buffer.from('<!DOCTYPE plist PUBLIC "x">')],
    ['xml', 'a byte order mark and blanks', Buffer.from('\ufeff \r\n<a/>')],
    ['xml', 'UTF-16, little endian', Buffer.from('\ufeff<?xml version="1.0"?><a/>', 'utf16le')],
    ['xml', 'UTF-16, big endian', utf16be(' <a/>')],
    ['xml', 'UTF-16 that is cut off', utf16be('<a/>').subarray(0, 7)],
    ['html', 'a document type', Buffer.from('<!doctype html><p>')],
    ['html', 'an html element', Buffer.from('\n\n<HTML lang="en">')],
    ['html', 'XHTML', Buffer.from('<?xml version="1.0"?>\n<!-- x -->\n<!DOCTYPE html PUBLIC "x">')],
    ['html', 'a bare heading', Buffer.from('<h1>503 Service Unavailable</h1>')],
    ['html', 'a byte order mark', Buffer.from('\ufeff<html>')],
    ['json', 'an object', Buffer.from('{"error":"no"}')],
    ['json', 'an empty object', Buffer.from('{}')],
    ['json', 'an array', Buffer.from('[1,2]')],
    ['json', 'a byte order mark and blanks', Buffer.from('\ufeff\r\n { "a": 1 }')],
    ['json', 'UTF-16', Buffer.from('\ufeff{"a":1}', 'utf16le')],
    ['json', 'an object that is cut off', Buffer.from('{')],
    ['unknown', 'a bracket before words', Buffer.from('[warning] disk full')],
  ];
  for (const [expected, name, head] of cases) {
    it(`finds ${expected} in ${name}`, () => assert.equal(sniff(head), expected));
  }

  it('leaves the bytes as they were', () => {
    const head = utf16be('<a/>');
    const before = Buffer.from(head);
    sniff(head);
    assert.deepEqual(head, before);
  });

  it('answers at once for hostile texts', () => {
    const started = performance.now();
    for (const text of ['<!--', '<!-->', '<?', '<? >', '{ ', '-->']) sniff(Buffer.from(text.repeat(1e6 / text.length)));
    assert.ok(performance.now() - started < 5000);
  });
});
