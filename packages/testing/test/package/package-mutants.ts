import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { packageChecks, PackageUnderTest } from '../../src/index.ts';

type Files = Readonly<Record<string, string>>;

const NAME = '@etl/source-sample';
const MANIFEST = {
  name: NAME,
  version: '1.2.3',
  description: 'Reads the samples of a platform.',
  keywords: ['etl'],
  license: 'MIT',
  files: ['dist', 'src', 'README.md'],
  type: 'module',
  sideEffects: false,
  exports: { '.': './src/index.ts' },
  publishConfig: { exports: { '.': { types: './dist/index.d.ts', default: './dist/index.js' } } },
  dependencies: { 'small-client': '^1.0.0' },
  peerDependencies: { 'large-sdk': '^9.0.0', zod: '^4.0.0' },
  peerDependenciesMeta: { 'large-sdk': { optional: true } },
  engines: { node: '>=22.18.0' },
};
const INDEX = `import { connect } from 'small-client';
export const VERSION = '1.2.3';
export const sampleOptionsSchema = { parse: connect };
export async function sample() {
  const sdk = await import('large-sdk');
  return sdk;
}
`;
const README = `# ${NAME}

Reads the samples of a platform.

\`\`\`sh
npm install ${NAME}
\`\`\`

\`\`\`ts
import { sample } from '${NAME}';
\`\`\`
`;
const GOOD: Files = {
  'package.json': JSON.stringify(MANIFEST),
  'README.md': README,
  'src/index.ts': INDEX,
  ...moduleOf('small-client', 'export const connect = () => undefined;'),
  ...moduleOf('large-sdk', 'export const client = {};'),
  ...moduleOf(
    'slow-sdk',
    // Asking for the CPU takes time that it does not count among the program's own.
    'for (const until = process.cpuUsage().user + 2_000_000; process.cpuUsage().user < until; ) for (let i = 0; i < 1e7; i += 1);',
  ),
};

const manifest = (changes: object): Files => ({ 'package.json': JSON.stringify({ ...MANIFEST, ...changes }) });
const index = (more: string): Files => ({ 'src/index.ts': `${more}\n${INDEX}` });
const published = (target: unknown): Files => manifest({ publishConfig: { exports: { '.': target } } });

const ESM = 'is ESM only, with types for every export';
const DECLARES = 'declares what its code imports';
const SILENT = 'writes nothing, asks for no environment and ends no process';
const IMPORT = 'does nothing when it is imported';
const LAZY = 'loads what is large when it is used first';
const README_CHECK = 'has a README that can be followed';
const FACTORY = 'exports a factory, its options as a schema, and its version';

/** Mistakes of packages, each with the promise that sees it. */
export const PACKAGE_MUTANTS: readonly (readonly [bug: string, promise: string, Files])[] = [
  ['has no license', 'says what it is', manifest({ license: undefined })],
  ['supports every Node', 'says what it is', manifest({ engines: { node: '>=12' } })],
  ['publishes its tests', 'publishes its code, its README and nothing else', manifest({ files: ['dist', 'test'] })],
  ['does not publish what is built', 'publishes its code, its README and nothing else', manifest({ files: ['src'] })],
  ['is CommonJS', ESM, manifest({ type: 'commonjs' })],
  ['is CommonJS, too', ESM, published({ types: './dist/a.d.ts', require: './dist/a.cjs', default: './dist/a.js' })],
  ['has a main', ESM, manifest({ main: './dist/index.js' })],
  ['has no types', ESM, published({ default: './dist/index.js' })],
  ['has types where nobody looks', ESM, published({ default: './dist/index.js', types: './dist/index.d.ts' })],
  ['publishes another export', ESM, manifest({ exports: { '.': './src/index.ts', './more': './src/index.ts' } })],
  ['claims side effects', ESM, manifest({ sideEffects: true })],
  ['imports what it does not declare', DECLARES, index("import { join } from 'lodash';")],
  ['imports an optional peer at once', DECLARES, index("import { client } from 'large-sdk';")],
  ['brings a zod of its own', DECLARES, manifest({ dependencies: { 'small-client': '1', zod: '4' } })],
  ['depends on what it does not use', DECLARES, manifest({ dependencies: { 'small-client': '1', 'left-pad': '1' } })],
  ['writes to the console', SILENT, index("export const warn = () => console.warn('careful');")],
  ['reads the environment', SILENT, index('export const token = () => process.env.TOKEN;')],
  ['ends the process', SILENT, index('export const stop = () => process.exit(1);')],
  ['greets when it is imported', IMPORT, index("process.stdout.write('hello');")],
  ['makes a global name', IMPORT, index('Object.assign(globalThis, { etl: 1 });')],
  ['keeps the process alive', IMPORT, index('setInterval(() => undefined, 1000);')],
  ['takes two seconds to import', 'is imported quickly', index("import 'slow-sdk';")],
  ['loads an SDK at once', LAZY, index("import 'large-sdk';")],
  ['has the README of another', README_CHECK, { 'README.md': README.replace(`# ${NAME}`, '# @etl/source-other') }],
  ['does not say how it is installed', README_CHECK, { 'README.md': README.replace(/npm install .*/, '') }],
  ['has no example', README_CHECK, { 'README.md': README.replace('```ts', '```') }],
  ['has no schema of its options', FACTORY, { 'src/index.ts': INDEX.replace('sampleOptionsSchema', 'parser') }],
  ['has another version than it says', FACTORY, { 'src/index.ts': INDEX.replace('1.2.3', '1.0.0') }],
];

/** Why the promise says that the bug is one; `undefined` when it does not see it. */
export async function sightOfPackageBug(files: Files, promise: string): Promise<string | undefined> {
  const check = packageChecks.find(({ name }) => name === promise);
  if (check === undefined) throw new Error(`The kit has no promise "${promise}".`);
  const directory = writePackage(files);
  try {
    // Two seconds are as good as for ever, and kinder to those who wait.
    const isEndless = files['src/index.ts']?.includes('setInterval') === true;
    const options = { importMs: 250, ...(isEndless ? { longestMs: 2000 } : {}) };
    await check.run(new PackageUnderTest(directory, options));
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** A package that keeps every promise, but for the files that are given. */
export function writePackage(files: Files = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'etl-package-'));
  for (const [file, text] of Object.entries({ ...GOOD, ...files })) {
    mkdirSync(dirname(join(directory, file)), { recursive: true });
    writeFileSync(join(directory, file), text);
  }
  return directory;
}

function moduleOf(name: string, code: string): Files {
  return {
    [`node_modules/${name}/package.json`]: JSON.stringify({ name, type: 'module', exports: './index.js' }),
    [`node_modules/${name}/index.js`]: code,
  };
}
