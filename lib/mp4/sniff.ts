// Recognises content by its first bytes: servers send error pages where video was asked for.

export type Content = 'mp4' | 'xml' | 'json' | 'html' | 'empty' | 'unknown';

const words = new Set(['free', 'skip', 'wide', 'uuid', 'meta']);
/** A file may begin with any box; `ftyp` is only where it should. */
const boxTypes = new Set(['ftyp', 'styp', 'moov', 'moof', 'mdat', 'pdin', 'sidx', 'prft', 'emsg', 'pnot', ...words]);

const sniffedBytes = 1024;

/** Tells from the beginning of a body; a few hundred bytes are plenty. Nothing but blanks is `empty`. */
export function sniff(head: Buffer): Content {
  if (startsWithBox(head)) return 'mp4';
  const text = decode(head.subarray(0, sniffedBytes)).trimStart();
  if (text === '') return 'empty';
  if (/^[{[]\s*(?:["{}[\]\d-]|true|false|null|$)/.test(text)) return 'json';
  if (!text.startsWith('<')) return 'unknown';
  // XHTML begins like XML.
  const root = text.replace(/^(?:<\?[^>]*>\s*|<!--[^]*?-->\s*)+/, '');
  if (/^<(?:!doctype\s+html|html|head|body|title|meta|script|center|h[1-6]|div|p|pre|br|table)\b/i.test(root)) {
    return 'html';
  }
  return /^<(?:$|[a-z_!?])/i.test(text) ? 'xml' : 'unknown';
}

function startsWithBox(head: Buffer): boolean {
  const type = head.toString('latin1', 4, 8);
  // "not free" is no box: those that are words as well must come with a size below 16 MiB.
  return boxTypes.has(type) && (!words.has(type) || head[0] === 0);
}

function decode(head: Buffer): string {
  // An odd last byte would be half a character.
  const pairs = head.subarray(0, head.length & ~1);
  if (head[0] === 0xff && head[1] === 0xfe) return pairs.toString('utf16le', 2);
  if (head[0] === 0xfe && head[1] === 0xff) return Buffer.from(pairs).swap16().toString('utf16le', 2);
  // `trimStart` takes the UTF-8 byte order mark for a blank.
  return head.toString('utf8');
}
