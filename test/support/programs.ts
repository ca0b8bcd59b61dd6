/** Programs that tests use and that a machine may lack. */
import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Where the first of these programs lies that is installed. */
export function findProgram(...names: string[]): string | undefined {
  return names.map(inPath).find((path) => path !== undefined);
}

function inPath(name: string): string | undefined {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not here.
    }
  }
  return undefined;
}

/** A suite that needs a program: skipped for all to see where it is not installed, and failing on build machines. */
export function describeWith(
  program: string | undefined,
  name: string,
  title: string,
  suite: (this: Mocha.Suite) => void,
): void {
  if (program) return void describe(title, suite);
  if (!process.env.CI) return void describe.skip(`${title} (skipped: ${name} is not installed)`, suite);
  describe(title, () => {
    it(`needs ${name}`, () => {
      throw new Error(`${name} is not installed`);
    });
  });
}
