import html from 'eslint-plugin-html';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/**
 * The layers of lib/, from the top: a folder may import from those below it, never from one above or beside it in the same
 * row. `lib/*.ts` (the contract and its words) is open to all.
 */
const layers = [
  ['node-red'],
  ['exports', 'events'],
  ['clips'],
  ['jobs'],
  ['connection', 'files'],
  ['providers'],
  ['net', 'ffmpeg'],
  ['async', 'mp4'],
];

const zonesOfLayers = layers.flatMap((row, depth) =>
  row.flatMap((folder) => [
    ...[...layers.slice(0, depth).flat(), ...row.filter((beside) => beside !== folder)].map((above) => [
      `./lib/${folder}`,
      `./lib/${above}`,
      `lib/${folder} lies below or beside lib/${above}.`,
    ]),
    [`./lib/${folder}`, './nodes', 'Only nodes know the editor.'],
    [`./lib/${folder}`, './plugins', 'Only nodes know the editor.'],
  ]),
);

/** Which folders a folder must not know although they lie below it. */
const forbidden = [
  ...['nodes', 'plugins', 'lib/node-red'].flatMap((target) =>
    ['net', 'mp4'].map((from) => [`./${target}`, `./lib/${from}`, 'Nodes know messages and dialogs.']),
  ),
  ...['clips', 'exports', 'jobs', 'connection', 'files'].map((folder) => [
    `./lib/${folder}`,
    './lib/providers',
    'Only the list of connections knows which vendors there are.',
  ]),
  ...['clips', 'exports', 'jobs', 'connection', 'files'].map((folder) => [
    `./lib/${folder}`,
    './lib/net',
    'What goes over the network is said by a provider.',
  ]),
];

/** Each of these libraries has one module that may use it. */
const owners = {
  axios: 'lib/net/http.ts',
  'fast-xml-parser': 'lib/net/xml.ts',
  'fluent-ffmpeg': 'lib/ffmpeg/run.ts',
  ws: 'lib/net/websocket.ts',
};

const restricted = (names) => [
  'error',
  { paths: names.map((name) => ({ name, message: `Only ${owners[name]} uses it.` })) },
];

export default tseslint.config(
  { ignores: ['dist/', 'resources/', 'node_modules/', 'test/**/fixtures/'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.recommendedTypeChecked, tseslint.configs.stylistic],
    languageOptions: { parserOptions: { project: ['./tsconfig.json', './test/tsconfig.json'] } },
    plugins: { 'import-x': importX },
    settings: { 'import-x/resolver-next': [createNodeResolver({ extensions: ['.ts', '.js'] })] },
    rules: {
      'import-x/no-restricted-paths': [
        'error',
        {
          basePath: import.meta.dirname,
          zones: [...zonesOfLayers, ...forbidden].map(([target, from, message]) => ({ target, from, message })),
        },
      ],
      'import-x/no-cycle': 'error',
      'no-restricted-imports': restricted(Object.keys(owners)),
      '@typescript-eslint/no-explicit-any': 'error',
      '@typescript-eslint/no-floating-promises': 'error',
      // `export =` is how a CommonJS module hands Node-RED one function.
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/require-await': 'off',
      // What people type may be anything; its text is what gets shown.
      '@typescript-eslint/no-base-to-string': 'off',
      // Our objects are records of functions without `this`.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/only-throw-error': 'off',
      '@typescript-eslint/prefer-promise-reject-errors': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', ignoreRestSiblings: true },
      ],
    },
  },
  ...Object.entries(owners).map(([name, file]) => ({
    files: [file],
    rules: { 'no-restricted-imports': restricted(Object.keys(owners).filter((other) => other !== name)) },
  })),
  {
    files: ['test/**/*.ts'],
    rules: {
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      'no-restricted-imports': 'off',
    },
  },
  {
    files: ['{nodes,plugins}/**/*.html', 'editor/**/*.js'],
    plugins: { html },
    languageOptions: { sourceType: 'script' },
    rules: { 'no-undef': 'off', 'no-unused-vars': 'error' },
  },
);
