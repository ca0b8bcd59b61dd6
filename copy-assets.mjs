// Copies to dist what the compiler leaves: pages, texts and icons. Texts lose the spaces that only people who edit them need.
import { cpSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

for (const folder of ['nodes', 'plugins']) {
  const target = join('dist', folder);
  cpSync(folder, target, { recursive: true, filter: (path) => !path.endsWith('.ts') });
  for (const name of readdirSync(join(target, 'locales'), { recursive: true })) {
    const path = join(target, 'locales', name);
    if (name.endsWith('.json')) writeFileSync(path, JSON.stringify(JSON.parse(readFileSync(path, 'utf8'))));
    if (name.endsWith('.html')) writeFileSync(path, readFileSync(path, 'utf8').replace(/\n\s+/g, '\n'));
  }
}
cpSync('icons', join('dist', 'nodes', 'icons'), { recursive: true });
