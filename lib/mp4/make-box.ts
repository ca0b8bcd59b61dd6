// Makes boxes of an MP4 file, and the numbers in them.

/** A box of version 1 where a time does not fit in 32 bits. Numbers are times; buffers stand as they are. */
export function wideBox(type: string, flags: number, head: (number | Buffer)[], rest: Buffer[]): Buffer {
  const isWide = head.some((field) => typeof field === 'number' && field > 0xffffffff);
  const fields = head.map((field) => (typeof field === 'number' ? (isWide ? u64(field) : u32(field)) : field));
  return box(type, u32((isWide ? 0x01000000 : 0) | flags), ...fields, ...rest);
}

export function fullBox(type: string, flags: number, ...content: Buffer[]): Buffer {
  return box(type, u32(flags), ...content);
}

export function box(type: string, ...content: Buffer[]): Buffer {
  const length = content.reduce((sum, part) => sum + part.length, 8);
  return Buffer.concat([u32(length), Buffer.from(type, 'latin1'), ...content], length);
}

export function u32(...values: number[]): Buffer {
  const bytes = Buffer.allocUnsafe(values.length * 4);
  values.forEach((value, index) => bytes.writeUInt32BE(value >>> 0, index * 4));
  return bytes;
}

export function u64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigUInt64BE(BigInt(value));
  return bytes;
}

export function i64(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(8);
  bytes.writeBigInt64BE(BigInt(value));
  return bytes;
}
