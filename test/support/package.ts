/** The package as its users get it: packed and installed, or linked from the working tree. */
import { spawn } from 'node:child_process';
import { globSync, rmSync, statSync } from 'node:fs';
import { cp, mkdir, mkdtemp, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';

export const packageRoot = resolve(__dirname, '../..');
export const packageName = '@vms-nodes/node-red-video-clips';

const userPackage = { name: 'node-red-project', description: 'A Node-RED Project', version: '0.0.1', private: true };

/** Node-RED runs what is in `dist`: a stale one would test yesterday's code. */
export function assertBuilt(): void {
  const newest = (patterns: string[]): number =>
    Math.max(0, ...globSync(patterns, { cwd: packageRoot }).map((path) => statSync(join(packageRoot, path)).mtimeMs));
  const built = newest(['dist/nodes/*.js']);
  if (built < newest(['nodes/*.ts', 'lib/**/*.ts'])) {
    throw new Error('The sources are newer than dist: run "npm run build" first');
  }
}

/** Lets a user directory use the working tree, whose dependencies are found where it really lies, and copies of these folders. */
export async function linkPackage(userDir: string, plugins: string[] = []): Promise<void> {
  assertBuilt();
  for (const folder of plugins) await cp(folder, join(userDir, 'node_modules', basename(folder)), { recursive: true });
  const link = join(userDir, 'node_modules', packageName);
  await mkdir(dirname(link), { recursive: true });
  await symlink(packageRoot, link, 'junction');
  const dependencies = { [packageName]: `file:${packageRoot}` };
  await writeFile(join(userDir, 'package.json'), JSON.stringify({ ...userPackage, dependencies }));
}

/** Gives a user directory what `npm install <tarball>` puts there; then, in the same way, the packages in these folders. */
export async function installPackage(userDir: string, plugins: string[] = []): Promise<void> {
  const source = await installedOnce();
  for (const name of ['package.json', 'node_modules']) {
    await cp(join(source, name), join(userDir, name), { recursive: true });
  }
  if (plugins.length === 0) return;
  // npm looks once more at what has been installed already.
  for (const name of globSync('*.tgz', { cwd: source })) await cp(join(source, name), join(userDir, name));
  const tarballs: string[] = [];
  for (const folder of plugins) {
    const packed = await npm(['pack', '--ignore-scripts', '--json', '--pack-destination', userDir], folder);
    tarballs.push(join(userDir, readPackedName(packed)));
  }
  await npm(['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', ...tarballs], userDir);
}

/** What `npm pack` would make of what is built. */
export async function packedPackage(): Promise<{ size: number; files: { path: string }[] }> {
  assertBuilt();
  const answer = JSON.parse(await npm(['pack', '--dry-run', '--ignore-scripts', '--json'], packageRoot)) as
    Packed[] | Record<string, Packed>;
  const [packed] = Object.values(answer);
  if (!packed) throw new Error('npm pack named no package');
  return packed;
}

interface Packed {
  size: number;
  files: { path: string }[];
}

let installed: Promise<string> | undefined;

/** Packing and installing takes seconds, so it is done once per process and copied from then on. */
function installedOnce(): Promise<string> {
  installed ??= packAndInstall();
  return installed;
}

async function packAndInstall(): Promise<string> {
  assertBuilt();
  const folder = await mkdtemp(join(tmpdir(), 'clips-package-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  await writeFile(join(folder, 'package.json'), JSON.stringify(userPackage));
  // Without scripts: packing would otherwise take dist away for a moment, from under whoever runs out of it.
  const packed = await npm(['pack', '--ignore-scripts', '--json', '--pack-destination', folder], packageRoot);
  const tarball = join(folder, readPackedName(packed));
  await npm(['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', tarball], folder);
  return folder;
}

/** npm 12 answers with an object by package name where older versions have a list. */
function readPackedName(packed: string): string {
  const answer = JSON.parse(packed) as { filename: string }[] | Record<string, { filename: string }>;
  const [file] = Object.values(answer);
  if (!file) throw new Error(`npm pack answered ${packed}`);
  return file.filename;
}

/** Runs the npm that runs us, else the one on PATH. Resolves to what it printed. */
async function npm(parameters: string[], cwd: string): Promise<string> {
  // What an outer "npm run" says about this project must not steer an npm that works elsewhere.
  const outer = /^npm_(package|lifecycle|config_local_prefix|command|config_prefix)/i;
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !outer.test(name)));
  const cli = process.env['npm_execpath'];
  const [command, before, shell] = cli?.endsWith('.js')
    ? [process.execPath, [cli], false]
    : ['npm', [], process.platform === 'win32'];
  const child = spawn(command, [...before, ...parameters], { cwd, env, shell, stdio: ['ignore', 'pipe', 'pipe'] });
  let out = '';
  let complaint = '';
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  const code = await new Promise<number | null>((done, fail) => {
    child.once('error', fail);
    child.once('close', done);
  });
  if (code !== 0) throw new Error(`npm ${parameters.join(' ')} ended with ${code}:\n${complaint}${out}`);
  return out;
}
