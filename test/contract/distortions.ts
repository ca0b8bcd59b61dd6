/** What vendors, proxies and attackers may answer instead of what was asked for. */
import type { ForcedReply } from './harness';

type Named<T> = [name: string, value: T];

const json = { 'content-type': 'application/json' };
const xml = { 'content-type': 'text/xml' };
const html = { 'content-type': 'text/html' };

/** Nothing of this can be an answer to anything. */
export function garbage(): Named<ForcedReply>[] {
  const depth = 10_000;
  const entities = Array.from({ length: 12 }, (_, level) => {
    const inner = level === 0 ? 'lol' : `&e${level - 1};`.repeat(10);
    return `<!ENTITY e${level} "${inner}">`;
  });
  const bodies: Named<ForcedReply>[] = [
    ['empty', { status: 200, body: '' }],
    ['blank', { status: 200, body: ' \r\n\t ' }],
    ['no content', { status: 204, body: '' }],
    ['not modified', { status: 304, body: '' }],
    ['a page', { status: 200, headers: html, body: '<!DOCTYPE html><html><body><h1>Welcome</h1><p>Hi</body></html>' }],
    ['a page without its type', { status: 200, body: '<html><head><title>Log in</title></head></html>' }],
    ['a page that is JSON by its type', { status: 200, headers: json, body: '<html><body>502</body></html>' }],
    ['cut JSON', { status: 200, headers: json, body: '{"id":"12","clip":{"uuid":"ab' }],
    ['cut XML', { status: 200, headers: xml, body: '<result><errorcode>0</errorcode><clip><id>12' }],
    ['crossed XML', { status: 200, headers: xml, body: '<result><a><b></a></b></result>' }],
    ['40 MB', { status: 200, headers: json, body: 'x'.repeat(40_000_000) }],
    ['deep arrays', { status: 200, headers: json, body: '['.repeat(depth) + ']'.repeat(depth) }],
    ['deep arrays, cut', { status: 200, headers: json, body: '['.repeat(depth) }],
    ['deep elements', { status: 200, headers: xml, body: '<a>'.repeat(depth) + '</a>'.repeat(depth) }],
    ['deep elements, cut', { status: 200, headers: xml, body: '<a>'.repeat(depth) }],
    [
      'an entity bomb',
      { status: 200, headers: xml, body: `<!DOCTYPE r [${entities.join('')}]><result><id>&e11;</id></result>` },
    ],
    [
      'a file of ours',
      {
        status: 200,
        headers: xml,
        body: '<!DOCTYPE r [<!ENTITY f SYSTEM "file:///etc/hostname">]><result><id>&f;</id></result>',
      },
    ],
    ['null', { status: 200, headers: json, body: 'null' }],
    ['a number', { status: 200, headers: json, body: '7' }],
    ['a text', { status: 200, headers: json, body: '"ok"' }],
    ['control characters', { status: 200, headers: json, body: '\u0000\u0001\u001b[2J\u202e' }],
    ['a byte order mark', { status: 200, headers: xml, body: '\ufeff' }],
    ['an odd status', { status: 299, body: 'Fine' }],
    ['a teapot', { status: 418, headers: json, body: '{"error":{"code":[null]},"message":{"a":1}}' }],
    ['a long refusal', { status: 400, body: 'no '.repeat(100_000) }],
    ['a refusal of many kinds', { status: 500, headers: json, body: '{"errors":[[{}],null,7],"errorMsg":["x"]}' }],
  ];
  const pauses = ['soon', '-5', '99999999999999999999', '1e9', 'NaN', 'Thu, 99 Foo 2026 00:00:00 GMT', ''];
  const pausing = pauses.map((pause): Named<ForcedReply> => [
    `a pause of "${pause}"`,
    { status: 503, headers: { ...html, 'retry-after': pause }, body: '<html>busy</html>' },
  ]);
  return [...bodies, ...pausing];
}

/** What looks like a video, more or less. */
export function notVideo(): Named<ForcedReply>[] {
  const mp4 = { 'content-type': 'video/mp4' };
  const ftyp = '\u0000\u0000\u0000\u0014ftypisom\u0000\u0000\u0000\u0001isom';
  return [
    ['a page as video', { status: 200, headers: mp4, body: '<html><body>404</body></html>' }],
    ['JSON as video', { status: 200, headers: mp4, body: '{"error":true}' }],
    ['XML as video', { status: 200, headers: mp4, body: '<result><errorcode>-40</errorcode></result>' }],
    ['one byte', { status: 200, headers: mp4, body: '\u0000' }],
    ['zeros', { status: 200, headers: mp4, body: '\u0000'.repeat(10_000) }],
    ['a beginning only', { status: 200, headers: mp4, body: ftyp }],
    ['a beginning and junk', { status: 200, headers: mp4, body: `${ftyp}${'junk'.repeat(1000)}` }],
    ['a box without end', { status: 200, headers: mp4, body: `${ftyp}\u007f\u007f\u007f\u007fmoov` }],
    [
      'a box of no size',
      { status: 200, headers: mp4, body: `${ftyp}\u0000\u0000\u0000\u0001moov${'\u0000'.repeat(8)}` },
    ],
    ['a box smaller than its head', { status: 200, headers: mp4, body: `${ftyp}\u0000\u0000\u0000\u0003moov` }],
    [
      'an empty movie',
      { status: 200, headers: mp4, body: `${ftyp}\u0000\u0000\u0000\u0008moov\u0000\u0000\u0000\u0008mdat` },
    ],
    ['a part that was not asked for', { status: 206, headers: mp4, body: 'part' }],
    ['a range that cannot be', { status: 416, headers: { 'content-range': 'bytes */0' }, body: '' }],
  ];
}

/** A real answer, with its values made something else: never as it is, and nothing twice. */
export function distort(body: string): Named<string>[] {
  const trimmed = body.trim();
  if (trimmed.startsWith('<')) return distinct(distortXml(trimmed), trimmed);
  let real: unknown;
  try {
    real = JSON.parse(trimmed);
  } catch {
    return [['something else', '{}']];
  }
  return distinct(distortJson(real), JSON.stringify(real));
}

function distinct(distorted: Named<string>[], real: string): Named<string>[] {
  const seen = new Set([real]);
  return distorted.filter(([, body]) => !seen.has(body) && seen.add(body));
}

type Change = (value: unknown) => unknown;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isLeaf = (value: unknown): boolean => typeof value !== 'object' || value === null;

const changes: Named<Change>[] = [
  ['numbers for texts', (value) => (typeof value === 'string' ? 12345678901234567000 : value)],
  ['small numbers for texts', (value) => (typeof value === 'string' ? 7 : value)],
  ['zeros for texts', (value) => (typeof value === 'string' ? 0 : value)],
  ['texts for numbers', (value) => (typeof value === 'number' ? 'many' : value)],
  ['digits for numbers', (value) => (typeof value === 'number' ? String(value) : value)],
  ['negative numbers', (value) => (typeof value === 'number' ? -1 - Math.abs(value) : value)],
  ['fractions', (value) => (typeof value === 'number' ? value + 0.5 : value)],
  ['huge numbers', (value) => (typeof value === 'number' ? 1e308 : value)],
  ['negative digits for everything', (value) => (isLeaf(value) ? '-9223372036854775808' : value)],
  ['null for everything', (value) => (isLeaf(value) ? null : value)],
  ['truth for everything', (value) => (isLeaf(value) ? true : value)],
  ['lies for everything', (value) => (isLeaf(value) ? false : value)],
  ['empty texts', (value) => (isLeaf(value) ? '' : value)],
  ['blanks', (value) => (isLeaf(value) ? ' \n' : value)],
  ['arrays for values', (value) => (isLeaf(value) ? [value] : value)],
  ['objects for values', (value) => (isLeaf(value) ? { value } : value)],
  ['objects that are no texts', (value) => (isLeaf(value) ? { toString: 1, valueOf: {}, toJSON: 'no' } : value)],
  ['names of the language', (value) => (isLeaf(value) ? '__proto__' : value)],
  ['strange texts', (value) => (typeof value === 'string' ? '\u0000../../\u202e\ud83c\ud800"<>&%00' : value)],
  ['long texts', (value) => (typeof value === 'string' ? 'long '.repeat(20_000) : value)],
  ['addresses for texts', (value) => (typeof value === 'string' ? 'http://127.0.0.1:1/x' : value)],
  ['texts for arrays', (value) => (Array.isArray(value) ? 'list' : value)],
  ['objects for arrays', (value) => (Array.isArray(value) ? { ...value, length: 5 } : value)],
  ['null for arrays', (value) => (Array.isArray(value) ? null : value)],
  ['strangers in arrays', (value) => (Array.isArray(value) ? [null, 7, 'x', [], true, {}, ...(value as [])] : value)],
  ['arrays in arrays', (value) => (Array.isArray(value) ? [value, [value]] : value)],
  [
    'properties of a prototype',
    (value) => (isRecord(value) ? { hasOwnProperty: 1, ...value, valueOf: { a: 1 } } : value),
  ],
  ['extra names', (value) => (isRecord(value) ? { ...value, constructor: 5, toString: null, then: {} } : value)],
];

function distortJson(real: unknown): Named<string>[] {
  const everywhere = changes.map(([name, change]): Named<string> => [name, JSON.stringify(deep(real, change))]);
  const objects: Named<Change>[] = [
    ['arrays for objects', (value) => [value]],
    ['texts for objects', () => 'object'],
    ['null for objects', () => null],
    ['numbers for objects', () => -1],
  ];
  const inside = objects.map(([name, change]): Named<string> => {
    const changed = isRecord(real)
      ? Object.fromEntries(
          Object.entries(real).map(([key, value]) => [
            key,
            deep(value, (each) => (isRecord(each) ? change(each) : each)),
          ]),
        )
      : real;
    return [name, JSON.stringify(changed)];
  });
  const roots = ['{}', '[]', '[[]]', '[null]', '{"error":{}}', '{"error":[1]}', '{"__proto__":{"id":"x"}}'];
  // As text: an object of that property cannot be made otherwise.
  const inherited = JSON.stringify(real).replace(/^\{/, '{"__proto__":{"polluted":"yes","id":"x"},');
  // One at a time: where all are wrong, only the first is ever looked at.
  const single = pathsOf(real).flatMap((path) =>
    ([null, -1, 'x', [], {}, 1e300, ''] as unknown[]).map((value): Named<string> => [
      `${JSON.stringify(value)} for ${path.join('.')}`,
      JSON.stringify(replaceAt(real, path, value)),
    ]),
  );
  return [
    ...everywhere,
    ...inside,
    ...roots.map((root): Named<string> => [root, root]),
    ['a prototype', inherited],
    ...single.slice(0, 400),
  ];
}

/** From the leaves to the root. */
function deep(value: unknown, change: Change): unknown {
  if (Array.isArray(value)) return change(value.map((each) => deep(each, change)));
  if (!isRecord(value)) return change(value);
  return change(Object.fromEntries(Object.entries(value).map(([key, each]) => [key, deep(each, change)])));
}

/** Of an array, the first entry stands for all. */
function pathsOf(value: unknown): (string | number)[][] {
  if (Array.isArray(value)) return value.length === 0 ? [] : [[0], ...pathsOf(value[0]).map((path) => [0, ...path])];
  if (!isRecord(value)) return [];
  return Object.entries(value).flatMap(([key, each]) => [[key], ...pathsOf(each).map((path) => [key, ...path])]);
}

function replaceAt(root: unknown, [key, ...rest]: (string | number)[], value: unknown): unknown {
  if (key === undefined) return value;
  if (Array.isArray(root)) {
    return root.map((each: unknown, index) => (index === key ? replaceAt(each, rest, value) : each));
  }
  const record = root as Record<string, unknown>;
  return { ...record, [key]: replaceAt(record[key], rest, value) };
}

function distortXml(real: string): Named<string>[] {
  const texts = [
    '',
    ' ',
    '-1',
    '0',
    '1e400',
    'NaN',
    '99999999999999999999999999',
    'null',
    '__proto__',
    '&#0;',
    '&nope;',
  ];
  const longer = [
    '<a/>',
    '<b><c>1</c></b>',
    '<![CDATA[<x>]]>',
    'x'.repeat(100_000),
    '0000-00-00 00:00:00.000',
    '%00../',
  ];
  const everywhere = [...texts, ...longer].map((text): Named<string> => [
    `"${text.slice(0, 30)}" for texts`,
    real.replace(/>[^<>]+</g, () => `>${text}<`),
  ]);
  const names = ['__proto__', 'constructor', 'x', 'length'].map((name): Named<string> => [
    `elements called ${name}`,
    real.replace(/<(\/?)[a-z]+/gi, (_, slash: string) => `<${slash}${name}`),
  ]);
  const body = real.replace(/^<\?[^>]*\?>\s*/, '');
  const shapes: Named<string>[] = [
    ['two roots', `${body}${body}`],
    ['itself inside', body.replace(/^(<[^>]*[^/]>)/, `$1${body}`)],
    ['attributes of all kinds', body.replace(/<([a-z]+)/gi, '<$1 a b="" constructor="1" errorcode="-1"')],
    ['no texts', body.replace(/>[^<>]+</g, '><')],
    ['text around', `before ${body} after`],
    ['an instruction', `<?xml version="1.0"?><?php exit; ?>${body}`],
  ];
  // One at a time: where all are wrong, only the first is ever looked at.
  const places = [...real.matchAll(/>([^<>]+)</g)];
  const single = places
    .slice(0, 40)
    .flatMap(({ index, 1: text }) =>
      ['', '-1', 'x', '<a>1</a>', '1e400', '9'.repeat(40)].map((value): Named<string> => [
        `"${value}" for "${text}"`,
        `${real.slice(0, index + 1)}${value}${real.slice(index + 1 + text!.length)}`,
      ]),
    );
  return [...everywhere, ...names, ...shapes, ...single];
}

/**
 * A real answer with something in every text, or in one of them.
 * @param which counts the texts, and begins again behind the last
 */
export function escapeTexts(body: string, something: string, which?: number): string {
  const isChosen = (index: number, count: number): boolean => which === undefined || index === which % count;
  if (body.trim().startsWith('<')) {
    const count = body.match(/>[^<>]+</g)?.length ?? 1;
    let index = 0;
    return body.replace(/>([^<>]+)</g, (whole, text: string) =>
      isChosen(index++, count) ? `>${text}${something.replace(/[<&]/g, ' ')}<` : whole,
    );
  }
  let real: unknown;
  try {
    real = JSON.parse(body);
  } catch {
    return body + something;
  }
  let count = 0;
  deep(real, (value) => (typeof value === 'string' ? (count += 1) : 0));
  let index = 0;
  const escaped = deep(real, (value) =>
    typeof value === 'string' && isChosen(index++, count) ? `${value}${something}` : value,
  );
  return JSON.stringify(escaped);
}
