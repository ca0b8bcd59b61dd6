// Copies what the compiler leaves (pages, texts, icons, scripts of the editor), and takes out what only people who edit it need.
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

for (const folder of ['nodes', 'plugins']) {
  cpSync(folder, join('dist', folder), { recursive: true, filter: (path) => !path.endsWith('.ts') });
}
cpSync('icons', join('dist', 'nodes', 'icons'), { recursive: true });
// Node-RED serves the folder of this name, beside package.json.
rmSync('resources', { recursive: true, force: true });
cpSync('editor', 'resources', { recursive: true });

rewrite('dist/**/*.json', (text) => JSON.stringify(JSON.parse(text)));
rewrite('dist/*/locales/**/*.html', (text) => text.replace(/\s*\n\s*/g, ' '));
rewrite('dist/**/*.html', (text) => text.replace(/\n\s+/g, '\n').replace(/^(\/\/.*|\/\*.*\*\/)\n/gm, ''));
rewrite('dist/**/*.js', withoutSpaces);
rewrite('resources/*.js', (text) => withoutSpaces(withoutComments(text)));
rewrite('resources/*.css', (text) => text.replace(/\/\*.*?\*\/|\n\s*/gs, ''));
removeUnreached([join('dist', 'lib', 'provider.d.ts'), join('dist', 'lib', 'net', 'index.d.ts')]);

function rewrite(pattern, change) {
  for (const path of globSync(pattern)) writeFileSync(path, change(readFileSync(path, 'utf8')));
}

function withoutComments(text) {
  const compilerOptions = { removeComments: true, target: ts.ScriptTarget.ESNext, alwaysStrict: false };
  return ts.transpileModule(text, { compilerOptions }).outputText;
}

/** Spaces that no token needs go. Lines stay lines, so that a stack trace names the same ones. */
function withoutSpaces(text) {
  const source = ts.createSourceFile('file.js', text, ts.ScriptTarget.Latest);
  let [written, end] = ['', 0];
  const visit = (node) => {
    const children = node.getChildren(source);
    if (children.length > 0) return children.forEach(visit);
    const token = node.getText(source);
    if (token === '') return;
    const between = text.slice(end, node.getStart(source));
    written += (/\S/.test(between) ? between : spaceBetween(written.at(-1) ?? '', between, token[0])) + token;
    end = node.getEnd();
  };
  visit(source);
  return `${written}\n`;
}

/** Two names, or two signs that would be another one, stay apart. */
function spaceBetween(before, space, after) {
  const lines = space.replace(/[^\n]/g, '');
  const isWord = (sign) => /[\w$#\u0080-\uffff\\]/.test(sign);
  const wouldJoin = (isWord(before) && isWord(after)) || (before === after && /[-+/]/.test(after));
  return lines || (space && wouldJoin ? ' ' : '');
}

/** Declarations that none of the package's doors leads to. */
function removeUnreached(doors) {
  const reached = new Set(doors);
  for (const path of reached) {
    for (const [, target] of readFileSync(path, 'utf8').matchAll(/(?:from |import\()['"](\.[^'"]+)/g)) {
      reached.add(join(dirname(path), `${target}.d.ts`));
    }
  }
  for (const path of globSync('dist/**/*.d.ts')) if (!reached.has(path)) rmSync(path);
}
