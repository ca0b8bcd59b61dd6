// Copies to dist what the compiler leaves (pages, texts, icons), and takes out of dist what only people who edit it need.
import { cpSync, globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

for (const folder of ['nodes', 'plugins']) {
  cpSync(folder, join('dist', folder), { recursive: true, filter: (path) => !path.endsWith('.ts') });
}
cpSync('icons', join('dist', 'nodes', 'icons'), { recursive: true });

rewrite('dist/**/*.json', (text) => JSON.stringify(JSON.parse(text)));
rewrite('dist/*/locales/**/*.html', (text) => text.replace(/\s*\n\s*/g, ' '));
rewrite('dist/**/*.html', (text) => text.replace(/\n\s+/g, '\n').replace(/^(\/\/.*|\/\*.*\*\/)\n/gm, ''));
rewrite('dist/**/*.js', withoutIndentation);
removeUnreached([join('dist', 'lib', 'provider.d.ts'), join('dist', 'lib', 'net', 'index.d.ts')]);

function rewrite(pattern, change) {
  for (const path of globSync(pattern)) writeFileSync(path, change(readFileSync(path, 'utf8')));
}

/** Lines stay lines, so that a stack trace names the same ones. White space inside of template literals is text. */
function withoutIndentation(text) {
  const templates = [];
  const visit = (node) => {
    if (ts.isTemplateLiteral(node)) templates.push(node);
    else ts.forEachChild(node, visit);
  };
  if (text.includes('`')) visit(ts.createSourceFile('', text, ts.ScriptTarget.Latest));
  return text.replace(/\n[ \t]+/g, (found, at) =>
    templates.some(({ pos, end }) => pos <= at && at < end) ? found : '\n',
  );
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
