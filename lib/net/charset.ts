// Decodes the text of answers: many devices send ISO-8859-1 or an older charset of their country.

/** A declaration stands within the first bytes. */
const declarationBytes = 1024;

/**
 * A byte order mark decides; then bytes that are UTF-8 are taken for it, since hardly any text of another charset is UTF-8 by
 * chance; then what the document declares, what its header says, and at last Windows-1252.
 */
export function decodeText(bytes: Uint8Array, contentType = ''): string {
  const marked = /^\xFF\xFE/.test(latin1(bytes, 2))
    ? 'utf-16le'
    : /^\xFE\xFF/.test(latin1(bytes, 2))
      ? 'utf-16be'
      : undefined;
  const labels = marked
    ? [marked]
    : ['utf-8', declaredIn(latin1(bytes, declarationBytes)), charsetOf(contentType), 'windows-1252'];
  for (const label of labels) {
    const text = label && tryDecode(bytes, label);
    if (text !== undefined && text !== '') return text;
  }
  return new TextDecoder().decode(bytes);
}

function tryDecode(bytes: Uint8Array, label: string): string | undefined {
  try {
    // The mark is kept: a reader may want to know.
    return new TextDecoder(label, { fatal: label === 'utf-8', ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function declaredIn(start: string): string | undefined {
  return (
    /^\s*<\?xml[^>]*\bencoding\s*=\s*["']?([\w.:-]+)/i.exec(start)?.[1] ??
    charsetOf(/<meta\b[^>]*>/i.exec(start)?.[0] ?? '')
  );
}

function charsetOf(text: string): string | undefined {
  return /\bcharset\s*=\s*["']?([\w.:-]+)/i.exec(text)?.[1];
}

function latin1(bytes: Uint8Array, length: number): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(length, bytes.length)).toString('latin1');
}
