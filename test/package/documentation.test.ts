/** Holds the documentation to what can be checked: every block of code parses, every link leads somewhere. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { Script } from 'node:vm';
import ts from 'typescript';

const root = join(__dirname, '../..');
const pages = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file && existsSync(join(root, file)));

interface Block {
  language: string;
  code: string;
  line: number;
}

function blocksOf(text: string): Block[] {
  return [...text.matchAll(/^([ \t]*)```(\w*)[^\n]*\n([\s\S]*?)^\1```/gm)].map((match) => ({
    language: match[2]!,
    code: match[3]!,
    line: text.slice(0, match.index).split('\n').length,
  }));
}

function typeErrors(code: string): string[] {
  const { diagnostics = [] } = ts.transpileModule(code, { reportDiagnostics: true });
  return diagnostics.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, ' '));
}

/** Properties to paste into an object, as into the settings file, would pass for labelled blocks. */
function asScript(code: string): string {
  if (/^\s*(\/\/[^\n]*\n\s*)*[\w$]+\s*:/.test(code)) return `({${code}})`;
  return code.replace(/^import .*$/gm, '').replace(/^export (default )?/gm, '');
}

const checks: Record<string, (code: string) => void> = {
  js: (code) => void new Script(asScript(code)),
  json: (code) => void JSON.parse(code),
  ts: (code) => assert.deepEqual(typeErrors(code), []),
  sh: (code) => void execFileSync('bash', ['-n'], { input: code, stdio: ['pipe', 'ignore', 'pipe'] }),
};

/** The anchors that GitHub makes of headings. */
function anchorsOf(text: string): Set<string> {
  const headings = [...text.replace(/```[\s\S]*?```/g, '').matchAll(/^#+ (.+)$/gm)].map((match) => match[1]!);
  return new Set(
    headings.map((heading) =>
      heading
        .toLowerCase()
        .replace(/[^\p{L}\p{N}\s_-]/gu, '')
        .replace(/\s/g, '-'),
    ),
  );
}

const ours = 'https://github.com/vms-nodes/node-red-video-clips/blob/main/';

describe('the documentation', () => {
  it('is what the help of the nodes links to', () => {
    for (const file of globSync('nodes/locales/*/*.html', { cwd: root })) {
      for (const [, address = ''] of readFileSync(join(root, file), 'utf8').matchAll(/href="([^"]*)"/g)) {
        if (!address.startsWith(ours)) continue;
        const [path = '', anchor = ''] = address.slice(ours.length).split('#');
        const anchors = anchorsOf(readFileSync(join(root, path), 'utf8'));
        assert.ok(anchor === '' || anchors.has(anchor), `${file}: ${address}`);
      }
    }
  });

  for (const page of pages) {
    const text = readFileSync(join(root, page), 'utf8');

    for (const { language, code, line } of blocksOf(text)) {
      const check = checks[language];
      if (check) it(`${page}:${line} is valid ${language}`, () => check(code));
    }

    it(`${page} names files and folders that are there`, () => {
      const prose = text.replace(/```[\s\S]*?```/g, '');
      for (const [, path = ''] of prose.matchAll(/`((?:lib|nodes|plugins|test|docs|examples|editor)\/[^`\s]*)`/g)) {
        const pattern = path.replace(/<[^>]*>/g, '*').replace(/\/$/, '');
        assert.ok(globSync(pattern, { cwd: root }).length > 0, path);
      }
    });

    it(`${page} links to what is there`, () => {
      const prose = text.replace(/```[\s\S]*?```/g, '').replace(/`[^`\n]*`/g, '');
      for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue;
        const [path, anchor] = target!.split('#') as [string, string | undefined];
        const file = path ? join(root, dirname(page), decodeURIComponent(path)) : join(root, page);
        assert.ok(existsSync(file), `${target} is not there`);
        if (anchor && file.endsWith('.md')) {
          assert.ok(
            anchorsOf(readFileSync(file, 'utf8')).has(anchor),
            `${relative(root, file)} has no heading #${anchor}`,
          );
        }
      }
    });
  }
});
