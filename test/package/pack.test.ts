// Looks at the package as npm makes it: its size, what is in it, and its types in the programs of others.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import ts from 'typescript';
import { packageName, packageRoot, packedPackage } from '../support/package';

/** Bytes. */
const largest = 450_000;

describe('the packed package', function () {
  this.timeout(120_000);

  it('is small, and holds what is built, the examples and the words about it: no tests, no sources', async () => {
    const { size, files } = await packedPackage();
    assert.ok(size < largest, `${size} bytes`);
    const unwanted = files.filter(
      ({ path }) => !/^(dist|examples|resources)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(path),
    );
    assert.deepEqual(unwanted, []);
    const sources = files.filter(({ path }) => /(?<!\.d)\.ts$|\.map$|^test|\.test\./.test(path));
    assert.deepEqual(sources, []);
  });

  it('is found by those who look for what it is about', () => {
    const { keywords } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { keywords: string[] };
    const wanted = [
      'node-red',
      'camera',
      'nvr',
      'surveillance',
      'recording',
      'frigate',
      'zoneminder',
      'home-assistant',
    ];
    for (const word of wanted) assert.ok(keywords.includes(word), word);
  });

  it('has a changelog that begins with its version', () => {
    const { version } = JSON.parse(readFileSync(join(packageRoot, 'package.json'), 'utf8')) as { version: string };
    const changelog = readFileSync(join(packageRoot, 'CHANGELOG.md'), 'utf8');
    assert.match(changelog, new RegExp(`^# Changelog\\n\\n## ${version.replaceAll('.', '\\.')}\\b`));
  });
});

/** A provider as somebody writes it in TypeScript, strictly. */
const program = `
import { ClipError, defineProvider, type Provider, type ProviderClip, type ProviderConfig } from '${packageName}/provider';
import { createHttpClient, openMedia, readId, readText, statusError } from '${packageName}/provider/net';

const openToy = ({ tls, proxy }: ProviderConfig): Provider<string> => {
const http = createHttpClient({ baseUrl: 'http://localhost', tls, proxy });
return {
  async login({ signal }) {
    const reply = await http.request({ method: 'POST', path: '/login', signal, action: 'Logging in' });
    if (reply.status !== 200) throw statusError(reply, 'Logging in');
    return reply.text;
  },
  async createClip({ camera, start, end }): Promise<ProviderClip> {
    const id = readId(12);
    if (id === undefined) throw new ClipError('EPROTOCOL', 'no id', { retryable: true, vendorCode: readText(7) });
    return { id, camera, start, end, status: 'pending', reason: readText('why') };
  },
  async getClip(clip) {
    return clip;
  },
  openClip: ({ id }, { signal, offset, etag, size, session }) =>
    openMedia(http, { path: \`/\${id}\`, headers: { key: session }, signal, offset, etag, size, action: 'Downloading' }),
  async check() {
    return { name: 'Toy', warnings: [] };
  },
};
};
export const definition = defineProvider<string>({
  id: 'toy',
  label: 'Toy',
  settings: [{ name: 'url', kind: 'url', label: 'Address', default: '' }],
  credentials: { token: { label: 'Key' } },
  clipOptions: [],
  maxClipSeconds: () => 60,
  idempotentCreate: false,
  open: async (config) => openToy(config),
});
`;

describe('the types of the package', function () {
  // The compiler reads all types of Node.js as well.
  this.timeout(180_000);
  let folder: string;

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'clips-types-'));
    const link = join(folder, 'node_modules', packageName);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(packageRoot, link, 'junction');
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it('hold in strict programs, as ES modules and as CommonJS, and say what does not', () => {
    const wrong = program.replace("status: 'pending'", "status: 'perhaps'");
    const programs = { 'esm.mts': program, 'cjs.cts': program, 'wrong.mts': wrong };
    for (const [name, text] of Object.entries(programs)) writeFileSync(join(folder, name), text);
    const compiled = ts.createProgram(
      Object.keys(programs).map((name) => join(folder, name)),
      {
        strict: true,
        exactOptionalPropertyTypes: true,
        noUncheckedIndexedAccess: true,
        noEmit: true,
        module: ts.ModuleKind.NodeNext,
        moduleResolution: ts.ModuleResolutionKind.NodeNext,
        target: ts.ScriptTarget.ES2022,
        skipLibCheck: false,
        typeRoots: [join(packageRoot, 'node_modules', '@types')],
        types: ['node'],
      },
    );
    const problems = ts
      .getPreEmitDiagnostics(compiled)
      .map(
        ({ file, messageText }) =>
          `${basename(file?.fileName ?? '')}: ${ts.flattenDiagnosticMessageText(messageText, ' ')}`,
      );
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0]!, /^wrong\.mts: .*"perhaps"/);
  });
});
