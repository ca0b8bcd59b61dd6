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

/** A suite that needs a program. */
export function describeWith(program: string | undefined, name: string, title: string, suite: Suite): void {
  describeUnless(program ? undefined : `${name} is not installed`, title, suite);
}

type Suite = (this: Mocha.Suite) => void;

/** A suite that cannot run everywhere: skipped for all to see where something is in its way, and failing on build machines. */
export function describeUnless(obstacle: string | undefined, title: string, suite: Suite): void {
  if (!obstacle) return void describe(title, suite);
  if (!process.env.CI) return void describe.skip(`${title} (skipped: ${obstacle})`, suite);
  describe(title, () => {
    it('can run on a build machine', () => {
      throw new Error(obstacle);
    });
  });
}
