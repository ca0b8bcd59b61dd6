import html from 'eslint-plugin-html';
import { createNodeResolver, importX } from 'eslint-plugin-import-x';
import tseslint from 'typescript-eslint';

/** Imports run downwards only: which folders a layer must not know. */
const forbidden = [
  ['./lib/!(node-red)/**', ['./nodes', './plugins', './lib/node-red'], 'Only nodes know Node-RED.'],
  ['./lib/*.ts', ['./nodes', './plugins', './lib/node-red'], 'Only nodes know Node-RED.'],
  ...['./nodes', './plugins'].map((target) => [
    target,
    ['./lib/providers', './lib/http.ts', './lib/websocket.ts', './lib/xml.ts', './lib/retry.ts'],
    'Nodes know messages and dialogs.',
  ]),
  [
    './lib/clips',
    ['./lib/providers', './lib/http.ts', './lib/websocket.ts', './lib/xml.ts', './lib/exports'],
    'Clips know no vendor.',
  ],
  [
    './lib/exports',
    ['./lib/providers', './lib/http.ts', './lib/websocket.ts', './lib/xml.ts'],
    'Exports are made of clips.',
  ],
  [
    './lib/jobs',
    ['./lib/clips', './lib/exports', './lib/connection.ts', './lib/providers'],
    'Jobs know nothing of what they run.',
  ],
  [
    './lib/connection.ts',
    ['./lib/providers', './lib/http.ts', './lib/websocket.ts', './lib/xml.ts', './lib/jobs'],
    'A connection knows a contract.',
  ],
  [
    './lib/providers/**',
    [
      './lib/clips',
      './lib/exports',
      './lib/jobs',
      './lib/connection.ts',
      './lib/open-provider.ts',
      './lib/session.ts',
      './lib/slots.ts',
      './lib/retry.ts',
    ],
    'Providers speak a protocol; waiting, trying again and files belong to the layers above.',
  ],
  ['./lib/http.ts', ['./lib'], 'The bottom layer.', ['./errors.ts', './http.ts']],
  // It shares the TLS and proxy options of http.
  ['./lib/websocket.ts', ['./lib'], 'The bottom layer.', ['./errors.ts', './http.ts', './websocket.ts']],
  ['./lib/xml.ts', ['./lib'], 'The bottom layer.', ['./errors.ts', './xml.ts']],
  ['./lib/mp4', ['./lib'], 'The bottom layer.', ['./mp4']],
  ['./lib/errors.ts', ['./lib'], 'The bottom layer.', ['./errors.ts']],
];

/** Each of these libraries has one module that may use it. */
const owners = {
  axios: 'lib/http.ts',
  'fast-xml-parser': 'lib/xml.ts',
  'fluent-ffmpeg': 'lib/ffmpeg.ts',
  ws: 'lib/websocket.ts',
};

const restricted = (names) => [
  'error',
  { paths: names.map((name) => ({ name, message: `Only ${owners[name]} uses it.` })) },
];

export default tseslint.config(
  { ignores: ['dist/', 'node_modules/', 'test/**/fixtures/'] },
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
          zones: forbidden.flatMap(([target, folders, message, except]) =>
            folders.map((from) => ({ target, from, message, ...(except ? { except } : {}) })),
          ),
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
    files: ['{nodes,plugins}/**/*.html', 'resources/**/*.js'],
    plugins: { html },
    languageOptions: { sourceType: 'script' },
    rules: { 'no-undef': 'off', 'no-unused-vars': 'error' },
  },
);
