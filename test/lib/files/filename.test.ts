import assert from 'node:assert/strict';
import path from 'node:path';
import { expandFilename, numbered } from '../../../lib/files/filename';
import type { NamedClip } from '../../../lib/files/filename';
import { ClipError } from '../../../lib/errors';

const clip: NamedClip = {
  id: 'clip-42',
  camera: '12/34',
  cameraName: 'North Gate',
  provider: 'vdg-sense',
  start: '2025-03-01T08:50:00.000Z',
  end: '2025-03-01T08:50:30.120Z',
  title: 'Door forced',
};
const folder = '/srv/clips';

function posix(template: string, change: Partial<NamedClip> = {}): string {
  return expandFilename(template, { ...clip, ...change }, { folder, path: path.posix });
}
function windows(template: string, change: Partial<NamedClip> = {}): string {
  return expandFilename(template, { ...clip, ...change }, { folder: 'C:\\clips', path: path.win32 });
}
/** What a value becomes when it is the whole stem of a file. */
function stem(value: string): string {
  return path.posix.parse(posix('{title}.mp4', { title: value })).name;
}
function refused(action: () => string, message?: RegExp): void {
  assert.throws(action, (error: unknown) => {
    assert.ok(error instanceof ClipError);
    assert.equal(error.code, 'EINVALID');
    if (message) assert.match(error.message, message);
    return true;
  });
}

describe('expandFilename', () => {
  const placeholders: [string, string][] = [
    ['{camera}', '12_34'],
    ['{cameraName}', 'North Gate'],
    ['{start}', '2025-03-01T08-50-00Z'],
    ['{end}', '2025-03-01T08-50-30-120Z'],
    ['{date}', '2025-03-01'],
    ['{time}', '08-50-00'],
    ['{id}', 'clip-42'],
    ['{provider}', 'vdg-sense'],
    ['{title}', 'Door forced'],
    ['{id}{id} {date}', 'clip-42clip-42 2025-03-01'],
  ];
  const localNames: [what: string, start: string, timeZone: string, name: string][] = [
    ['before the clocks go forward', '2025-03-30T00:59:59Z', 'Europe/Berlin', '2025-03-30 01-59-59'],
    ['after the clocks have gone forward', '2025-03-30T01:00:00Z', 'Europe/Berlin', '2025-03-30 03-00-00'],
    ['before the clocks go back', '2025-10-26T00:30:00Z', 'Europe/Berlin', '2025-10-26 02-30-00'],
    ['of the same hour once more', '2025-10-26T01:30:00Z', 'Europe/Berlin', '2025-10-26 02-30-00 B'],
    ['of the same half hour once more', '2026-04-04T15:15:00Z', 'Australia/Lord_Howe', '2026-04-05 01-45-00 B'],
    ['where they go by half an hour', '2025-10-04T15:30:00Z', 'Australia/Lord_Howe', '2025-10-05 02-30-00'],
    ['behind the leap day', '2024-02-29T23:30:00Z', 'Europe/Berlin', '2024-03-01 00-30-00'],
    ['of the leap day', '2024-03-01T04:30:00Z', 'America/New_York', '2024-02-29 23-30-00'],
    ['of midnight', '2025-06-14T22:00:00Z', 'Europe/Berlin', '2025-06-15 00-00-00'],
    ['of the turn of the year', '2024-12-31T18:15:00Z', 'Asia/Kathmandu', '2025-01-01 00-00-00'],
  ];
  for (const [what, start, timeZone, name] of localNames) {
    it(`names a clip by the local time ${what}`, () => {
      assert.equal(posix('{localDate} {localTime}.mp4', { start, timeZone }), `${folder}/${name}.mp4`);
    });
  }

  for (const [template, expected] of placeholders) {
    it(`fills in ${template}`, () => assert.equal(posix(`${template}.mp4`), `/srv/clips/${expected}.mp4`));
  }

  it('gives a file of which nothing can be seen a name of its own', () => {
    for (const name of ['\u202e', '\u200b\ufeff', '..\u200b']) assert.equal(posix(`a/${name}`), '/srv/clips/a/_');
  });

  it('fills in folders as well', () => {
    assert.equal(posix('{date}/{camera}/{start}.mp4'), '/srv/clips/2025-03-01/12_34/2025-03-01T08-50-00Z.mp4');
  });

  it('writes times in UTC, whatever the zone of the clip', () => {
    const local = { start: '2025-03-01T00:30:00.500+02:00' };
    assert.equal(posix('{date} {time} {start}', local), '/srv/clips/2025-02-28 22-30-00 2025-02-28T22-30-00-500Z');
  });

  it('refuses a clip without a time only where the template asks for it', () => {
    assert.equal(posix('{id}.mp4', { start: 'soon' }), '/srv/clips/clip-42.mp4');
    refused(() => posix('{date}.mp4', { start: 'soon' }), /start is not a time/);
    refused(() => posix('{end}.mp4', { end: '' }), /end is not a time/);
  });

  it('puts values in as they are, even where they look like placeholders or replacement patterns', () => {
    assert.equal(posix('{title}.mp4', { title: "{id} $& $1 $'" }), "/srv/clips/{id} $& $1 $'.mp4");
  });

  it('keeps braces that are no placeholder', () => assert.equal(posix('a{.mp4'), '/srv/clips/a{.mp4'));

  describe('with missing values', () => {
    const empty: [string, Partial<NamedClip>, string][] = [
      ['{title}', { title: undefined }, 'untitled'],
      ['{title}', { title: '' }, 'untitled'],
      ['{title}', { title: ' . .. ' }, 'untitled'],
      ['{title}', { title: '\u200b\u202e' }, 'untitled'],
      ['{cameraName}', { cameraName: undefined }, '12_34'],
      ['{cameraName}', { cameraName: '  ' }, '12_34'],
      ['{cameraName}', { cameraName: '', camera: '' }, '_'],
      ['{camera}', { camera: '..' }, '_'],
      ['{id}', { id: '' }, '_'],
      ['{provider}', { provider: '' }, '_'],
    ];
    for (const [template, change, expected] of empty) {
      it(`makes ${expected} of ${template} for ${JSON.stringify(change)}`, () => {
        assert.equal(posix(`${template}.mp4`, change), `/srv/clips/${expected}.mp4`);
      });
    }

    it('reads values of a wrong type as missing', () => {
      const odd = { ...clip, id: 7, title: { toString: () => '../x' }, cameraName: null } as unknown as NamedClip;
      const file = expandFilename('{id}-{title}-{cameraName}', odd, { folder, path: path.posix });
      assert.equal(file, '/srv/clips/7-untitled-12_34');
    });
  });

  describe('with hostile values', () => {
    const values: [string, string, string][] = [
      ['a way up', '../../etc/passwd', '_.._etc_passwd'],
      ['a way up on Windows', '..\\..\\boot.ini', '_.._boot.ini'],
      ['an absolute path', '/etc/passwd', '_etc_passwd'],
      ['a drive', 'C:\\x', 'C__x'],
      ['a stream', 'a:b', 'a_b'],
      ['wildcards and pipes', 'a*b?c"d<e>f|g', 'a_b_c_d_e_f_g'],
      ['a NUL', 'a\0b', 'a_b'],
      ['control characters', 'a\r\n\t\x7f\x9bb', 'a_____b'],
      ['line and paragraph separators', 'a\u2028\u2029b', 'a__b'],
      ['a direction override', 'invoice\u202e4pm.exe', 'invoice4pm.exe'],
      ['direction isolates and marks', '\u2066a\u2069\u200e\u200f\u061cb', 'ab'],
      ['zero-width characters', 'a\u200b\u200c\u200d\u2060\ufeff\u00ad\u115fb', 'ab'],
      ['half a character', 'a\ud800b', 'a_b'],
      ['dots and blanks around', ' ..a.b.. ', 'a.b'],
      ['non-breaking blanks around', '\u00a0a\u3000', 'a'],
      ['a leading dash', '-rf', '_-rf'],
      ['a dash behind something invisible', '\u200b-rf', '_-rf'],
      ['a dash behind a dot', '.-rf', '_-rf'],
      ['decomposed characters', 'Cafe\u0301', 'Caf\u00e9'],
      ['other scripts', '正门 дверь 🚪', '正门 дверь 🚪'],
      ['a device', 'CON', '_CON'],
      ['a device in lower case', 'nul', '_nul'],
      ['a device with an extension', 'aux.tar', '_aux.tar'],
      ['a numbered device', 'COM1', '_COM1'],
      ['a numbered device with a superscript', 'lpt²', '_lpt²'],
      ['a device with blanks behind', 'PRN .x', '_PRN .x'],
      ['a device in pieces', 'CO\u200bN', '_CON'],
      ['nearly a device', 'CONSOLE', 'CONSOLE'],
      ['nearly a numbered device', 'COM10', 'COM10'],
    ];
    for (const [name, value, expected] of values) {
      it(`defuses ${name}`, () => assert.equal(stem(value), expected));
    }

    it('never makes a name that unfinished files have, which are removed one day', () => {
      for (const title of ['a.01234567.012345.part', 'A.01234567.012345.PART', 'a.01234567.012345.part.converted']) {
        assert.equal(posix('{title}', { title }), `/srv/clips/${title}_`);
        assert.equal(posix('{title}/{id}', { title }), `/srv/clips/${title}_/clip-42`);
      }
    });

    it('looks for device names in the whole name, not in the value', () => {
      assert.equal(posix('C{title}.mp4', { title: 'ON' }), '/srv/clips/_CON.mp4');
      assert.equal(posix('{title}-1.mp4', { title: 'CON' }), '/srv/clips/CON-1.mp4');
      assert.equal(posix('nul'), '/srv/clips/_nul');
      assert.equal(posix('{title}/a.mp4', { title: 'LPT9' }), '/srv/clips/_LPT9/a.mp4');
    });

    it('cuts no name down to a device', () => assert.equal(stem(`con${' '.repeat(300)}x`), '_con'));

    it('drops dots and blanks at the end of folders and of the name', () => {
      assert.equal(posix('{title}. /{id} .', { title: 'a' }), '/srv/clips/a/clip-42');
    });

    it('stays in the folder for every value in every place, with the rules of both platforms', () => {
      const pieces = [
        '..',
        '.',
        '/',
        '\\',
        ':',
        'C',
        '\0',
        '\u202e',
        ' ',
        '-',
        '~',
        '%2e',
        '．',
        '／',
        'con',
        '',
        '\ud800',
      ];
      const templates = [
        '{id}',
        '{id}.mp4',
        '.{id}',
        '{id}.',
        '{id}{title}',
        '{id}/{title}.mp4',
        '../clips/{id}',
        '{id}:{title}',
      ];
      for (const a of pieces) {
        for (const b of pieces) {
          for (const c of pieces) {
            const change = { id: a + b + c, title: c + a };
            for (const template of templates) {
              const depth = template.replace('../clips/', '').split('/').length;
              const unix = posix(template, change);
              assert.ok(unix.startsWith('/srv/clips/'), unix);
              assert.equal(unix.split('/').length, 3 + depth, unix);
              const win = windows(template, change);
              assert.ok(win.startsWith('C:\\clips\\'), win);
              assert.equal(win.split('\\').length, 2 + depth, win);
              for (const name of [...unix.split('/').slice(3), ...win.split('\\').slice(2)]) {
                assert.doesNotMatch(name, /^-|[. ]$|[:\p{C}]|^$|^con$/u, JSON.stringify(name));
              }
            }
          }
        }
      }
    });
  });

  describe('with long names', () => {
    const bytes = (file: string) => Buffer.byteLength(path.posix.basename(file));

    for (const [name, character] of [
      ['plain letters', 'x'],
      ['two-byte letters', 'é'],
      ['three-byte letters', '门'],
      ['four-byte characters', '🚪'],
    ] as const) {
      it(`cuts ${name} between characters and keeps the extension`, () => {
        const file = posix('{title}.mp4', { title: character.repeat(400) });
        assert.match(path.posix.basename(file), new RegExp(`^${character}+\\.mp4$`, 'u'));
        assert.ok(bytes(file) <= 200 && bytes(file) > 195, String(bytes(file)));
      });
    }

    for (const template of [
      '{title} {start}.mp4',
      '{cameraName} {title} {start} {end} {id}.mp4',
      '{start} {title}.mp4',
    ]) {
      it(`shortens what describes a clip, never what tells it from another one: ${template}`, () => {
        const named = (clip: Partial<NamedClip>) =>
          path.posix.basename(
            posix(template, { title: '门'.repeat(260), cameraName: 'Gate '.repeat(60), id: 'clip-7', ...clip }),
          );
        const first = named({ start: '2025-03-01T08:50:00Z', end: '2025-03-01T08:50:20Z' });
        const second = named({ start: '2025-03-01T08:51:00Z', end: '2025-03-01T08:51:20Z' });
        assert.ok(Buffer.byteLength(first) <= 200 && Buffer.byteLength(first) > 185, first);
        assert.match(first, /2025-03-01T08-50-00Z/);
        assert.match(second, /2025-03-01T08-51-00Z/);
        if (template.includes('{id}')) assert.match(first, /2025-03-01T08-50-20Z clip-7\.mp4$/);
      });
    }

    it('marks ids that had to be shortened, as they may begin alike', () => {
      const long = 'arn:aws:kinesisvideo:'.padEnd(250, 'x');
      const files = ['1', '2'].map((end) => posix('{camera} {start}.mp4', { camera: long + end }));
      assert.notEqual(files[0], files[1]);
      for (const file of files) {
        assert.ok(bytes(file) <= 200);
        assert.match(file, /~[0-9a-f]{7} 2025-03-01T08-50-00Z\.mp4$/);
      }
    });

    it('keeps two names apart whose typed text is too long by itself', () => {
      const template = `${'x'.repeat(190)} {start}.mp4`;
      const files = ['08:50:00Z', '08:51:00Z'].map((at) => posix(template, { start: `2025-03-01T${at}` }));
      assert.notEqual(files[0], files[1]);
      for (const file of files) assert.ok(bytes(file) <= 200);
    });

    it('keeps to a smaller limit', () => {
      const file = expandFilename(
        '{title} {start}.mp4',
        { ...clip, title: 'x'.repeat(300) },
        { folder: '/', maxNameBytes: 60 },
      );
      assert.match(path.basename(file), /^x+ 2025-03-01T08-50-00Z\.mp4$/);
      assert.equal(Buffer.byteLength(path.basename(file)), 60);
    });

    it('keeps a name of exactly 200 bytes', () => assert.equal(bytes(posix('{id}.mp4', { id: 'x'.repeat(196) })), 200));

    it('stays within 200 bytes when a dash had to be defused', () => {
      const file = posix('{id}.mp4', { id: `-${'x'.repeat(400)}` });
      assert.equal(bytes(file), 200);
      assert.match(file, /\/_-x+~[0-9a-f]{7}\.mp4$/);
    });

    it('cuts folders, and takes nothing there for an extension', () => {
      const file = posix('{title}/a.mp4', { title: `${'x'.repeat(250)}.b` });
      assert.equal(file, `/srv/clips/${'x'.repeat(200)}/a.mp4`);
    });

    it('takes a long part behind a dot for no extension', () => {
      assert.equal(bytes(posix('{title}', { title: `a.${'x'.repeat(300)}` })), 200);
    });

    it('leaves no dot or blank in front of the extension after the cut', () => {
      assert.equal(
        posix('{title}.mp4', { title: `${'x'.repeat(190)}${' .'.repeat(50)}x` }),
        `/srv/clips/${'x'.repeat(190)}.mp4`,
      );
    });

    it('answers at once for values of any length', () => {
      const started = performance.now();
      posix('{title}.mp4', { title: `${'. '.repeat(1e6)}x`, id: '.'.repeat(1e6) });
      assert.ok(performance.now() - started < 5000);
    });
  });

  describe('with templates that must be refused', () => {
    const templates: [string, string, RegExp][] = [
      ['an unknown placeholder', '{nope}.mp4', /\{nope\} is unknown; use \{camera\}/],
      ['a placeholder in the wrong case', '{Camera}.mp4', /\{Camera\}/],
      ['a blank placeholder', '{}.mp4', /\{\}/],
      ['a property that every object has', '{constructor}.mp4', /\{constructor\}/],
      ['a placeholder with a separator', '{a/b}.mp4', /\{a\/b\}/],
      ['an empty template', '', /empty/],
      ['blanks', '  ', /empty/],
      ['a NUL', 'a\0b.mp4', /NUL/],
      ['a separator at the end', '{camera}/', /names a folder/],
      ['a dot at the end', '{camera}/.', /names a folder/],
      ['two dots at the end', '{camera}/..', /names a folder/],
      ['a way out', '../x.mp4', /leaves its folder/],
      ['a way out behind a folder', 'a/../../x.mp4', /leaves its folder/],
      ['a way out behind a placeholder', '{camera}/../../x.mp4', /leaves its folder/],
      ['a way to a neighbour with a similar name', '../clips2/x.mp4', /leaves its folder/],
      ['a folder of dots and blanks', '.. /x.mp4', /dots and blanks/],
      ['an absolute way out behind a placeholder', '/data/{camera}/../../etc/x.mp4', /leaves its folder/],
    ];
    for (const [name, template, message] of templates) {
      it(`refuses ${name}`, () => refused(() => posix(template), message));
    }

    it('shows no more than 40 characters of an unknown placeholder', () => {
      refused(
        () => posix(`{${'x'.repeat(100)}}`),
        /^\{x{39} is unknown; use .*\(making a file name from the template\)$/,
      );
    });

    it('refuses what is no text', () => {
      for (const template of [undefined, null, 7, {}]) refused(() => posix(template as string), /empty/);
    });
  });

  it('allows a way up that stays inside', () => assert.equal(posix('a/../{id}.mp4'), '/srv/clips/clip-42.mp4'));

  describe('with absolute templates', () => {
    it('takes the typed path', () => {
      assert.equal(posix('/data/x.mp4'), '/data/x.mp4');
      assert.equal(posix('/data/../srv/{camera}/{id}.mp4'), '/srv/12_34/clip-42.mp4');
      assert.equal(posix('/{id}.mp4'), '/clip-42.mp4');
      assert.equal(posix('//data//{id}.mp4'), '/data/clip-42.mp4');
    });

    it('keeps typed folders as they are', () => {
      const typed = `/-a/nul/b./${'x'.repeat(240)}`;
      assert.equal(posix(`${typed}/{id}.mp4`), `${typed}/clip-42.mp4`);
    });

    it('does not become absolute by a value', () => {
      assert.equal(posix('{id}/x.mp4', { id: '/' }), '/srv/clips/_/x.mp4');
      assert.equal(windows('{id}:/x.mp4', { id: 'D' }), 'C:\\clips\\D_\\x.mp4');
      assert.equal(windows('{id}{id}\\x.mp4', { id: '\\' }), 'C:\\clips\\__\\x.mp4');
    });
  });

  describe('with the rules of Windows', () => {
    it('takes both separators', () => assert.equal(windows('a/b\\{id}.mp4'), 'C:\\clips\\a\\b\\clip-42.mp4'));
    it('takes a drive', () => assert.equal(windows('D:\\x\\{camera}.mp4'), 'D:\\x\\12_34.mp4'));
    it('takes a server', () => assert.equal(windows('\\\\nas\\video\\{id}.mp4'), '\\\\nas\\video\\clip-42.mp4'));
    it('takes the root of the drive', () => assert.equal(windows('\\x\\{id}.mp4'), 'C:\\x\\clip-42.mp4'));
    it('replaces what Windows would take for a stream', () =>
      assert.equal(windows('ab:{id}'), 'C:\\clips\\ab_clip-42'));
    it('refuses a way out', () => refused(() => windows('a\\..\\..\\x.mp4'), /leaves its folder/));
    it('refuses the current folder of another drive', () => refused(() => windows('D:x.mp4'), /leaves its folder/));
    it('refuses a server that comes from a value', () => {
      refused(() => windows('\\\\{id}\\video\\x.mp4'), /cannot come from a placeholder/);
    });
    it('refuses a separator at the end', () => refused(() => windows('a\\'), /names a folder/));
    it('refuses a drive alone', () => refused(() => windows('D:\\'), /names a folder/));
  });
});

describe('numbered', () => {
  const cases: [string, number, string][] = [
    ['/a/name.mp4', 1, '/a/name-1.mp4'],
    ['/a/name.mp4', 12, '/a/name-12.mp4'],
    ['/a.b/name', 1, '/a.b/name-1'],
    ['/a/b.c.mp4', 2, '/a/b.c-2.mp4'],
    ['/name.mp4', 1, '/name-1.mp4'],
    ['/a/.hidden', 1, '/a/.hidden-1'],
  ];
  for (const [file, n, expected] of cases) {
    it(`makes ${expected} of ${file}`, () => assert.equal(numbered(file, n, path.posix), expected));
  }

  it('keeps to the rules of Windows', () => assert.equal(numbered('C:\\a\\b.mp4', 3, path.win32), 'C:\\a\\b-3.mp4'));
});
