import { deepStrictEqual, equal, ok } from 'node:assert/strict';
import { withoutComments, type ExportTarget, type PackageUnderTest } from './package-under-test.ts';

/** CPU of a start of Node on the machine that limits are given for. A slower or busier one has so much longer. */
const NODE_START_MS = 30;

/** One promise of a published package; `run` rejects when the package breaks it. */
export interface PackageCheck {
  readonly name: string;
  run(given: PackageUnderTest): Promise<void>;
}

const check = (name: string, run: (given: PackageUnderTest) => Promise<void> | void): PackageCheck => ({
  name,
  run: async (given) => run(given),
});

const CONNECTOR = /(?:^|[/-])(source|dest)-/;
/** What would be another version next to the user's own: two cores do not know each other's schemas. */
const SHARED = ['zod', 'vitest', 'fast-check'];

/** What everybody expects of a package that they install. */
export const packageChecks: readonly PackageCheck[] = [
  check('says what it is', ({ manifest }) => {
    const { name = '', description = '', version = '', license = '', keywords = [], engines } = manifest;
    ok(/^(@[a-z0-9-]+\/)?[a-z0-9-]+$/.test(name), 'its name is not one of npm');
    ok(/^\d+\.\d+\.\d+/.test(version), 'it has no version');
    ok(description.length > 10, 'it has no description');
    ok(license !== '', 'it has no license');
    ok(keywords.length > 0, 'it has no keywords');
    ok(/^>=\s*(2[2-9]|[3-9]\d)/.test(engines?.node ?? ''), 'it does not say which Node it needs: 22 or newer');
  }),
  check('publishes its code, its README and nothing else', ({ manifest, readme }) => {
    const { files = [] } = manifest;
    ok(files.includes('dist') || files.some((file) => file.startsWith('dist/')), 'what is built is not published');
    ok(readme !== undefined, 'it has no README.md');
    const odd = files.find((file) => /test|bench|fixture|\.env|^\*|^\.$/.test(file));
    equal(odd, undefined, `${odd} is published`);
  }),
  check('is ESM only, with types for every export', ({ manifest }) => {
    const { type, main, module, exports: given = {}, publishConfig, sideEffects } = manifest;
    equal(type, 'module', 'its type is not module');
    deepStrictEqual([main, module], [undefined, undefined], 'main and module are for others than ESM');
    equal(sideEffects, false, 'it does not say that it is free of side effects');
    const published = publishConfig?.exports ?? given;
    ok('.' in published, 'it exports nothing');
    deepStrictEqual(
      Object.keys(published),
      Object.keys(given),
      'what is published has other exports than the workspace',
    );
    for (const [key, target] of Object.entries(published)) {
      const problem = exportProblem(key, target);
      ok(problem === undefined, `${key} ${problem}`);
    }
  }),
  check('declares what its code imports', ({ manifest, imports }) => {
    const { name: own = '', dependencies = {}, peerDependencies = {}, peerDependenciesMeta = {} } = manifest;
    for (const { file, name, isLazy, isTypeOnly } of imports) {
      if (name === own) continue;
      ok(name in dependencies || name in peerDependencies, `${file} imports ${name}, which is not declared`);
      const isOptional = peerDependenciesMeta[name]?.optional === true;
      ok(!isOptional || isLazy || isTypeOnly, `${file} imports ${name} at once, although it is optional`);
    }
    for (const name of SHARED)
      ok(!(name in dependencies), `${name} is a dependency: as a peer there is only one of it`);
    const used = new Set(imports.map(({ name }) => name));
    const unused = Object.keys(dependencies).find((name) => !used.has(name) && !name.startsWith('@types/'));
    equal(unused, undefined, `no source imports ${unused}`);
  }),
  check('writes nothing, asks for no environment and ends no process', ({ sources, options }) => {
    const forbidden: readonly (readonly [RegExp, string])[] = [
      [/\bconsole\s*\./, 'writes to the console'],
      [/\bprocess\.exit\b/, 'ends the process'],
      [/\bprocess\.exitCode\s*=/, 'sets the exit code'],
      ...(options.readsEnvironment === true ? [] : ([[/\bprocess\.env\b/, 'reads the environment']] as const)),
    ];
    for (const [file, text] of sources) {
      const code = withoutComments(text);
      for (const [pattern, what] of forbidden) ok(!pattern.test(code), `${file} ${what}`);
    }
  }),
  check('does nothing when it is imported', async (given) => {
    for (const [name, file] of given.entries) {
      const { output, globals, hasEnded } = await given.probe(file);
      equal(output, '', `importing ${name} writes something`);
      deepStrictEqual(globals, [], `importing ${name} makes global names`);
      ok(hasEnded, `a process that has imported ${name} does not end`);
    }
  }),
  check('is imported quickly', async (given) => {
    const { importMs = 750 } = given.options;
    for (const [name, file] of given.entries) {
      const { cpuMs, startMs } = await given.probe(file);
      const allowed = Math.round(importMs * Math.max(1, startMs / NODE_START_MS));
      ok(cpuMs <= allowed, `importing ${name} takes ${Math.round(cpuMs)} ms of CPU, at most ${allowed} are allowed`);
    }
  }),
  check('loads what is large when it is used first', async (given) => {
    const { peerDependenciesMeta = {} } = given.manifest;
    const optional = Object.keys(peerDependenciesMeta).filter((name) => peerDependenciesMeta[name]?.optional === true);
    const lazy = [...(given.options.lazyModules ?? []), ...optional];
    for (const [name, file] of given.entries) {
      const { loaded } = await given.probe(file);
      const early = lazy.find((module) => loaded.some((url) => url.includes(`/node_modules/${module}/`)));
      equal(early, undefined, `importing ${name} loads ${early}`);
    }
  }),
  check('has a README that can be followed', ({ manifest, readme = '' }) => {
    const { name = '' } = manifest;
    ok(readme.startsWith(`# ${name}\n`), 'the title of the README is not the name of the package');
    const first =
      readme
        .split('\n')
        .slice(1)
        .find((line) => line.trim() !== '') ?? '';
    ok(/^[A-Z].*[.:]$/.test(first), 'the README does not begin with what the package does');
    ok(new RegExp(`npm (install|i) [^\\n]*${name}`).test(readme), 'the README does not say how to install it');
    const examples = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map(([, code = '']) => code);
    ok(
      examples.some((code) => code.includes(`from '${name}`)),
      'the README has no example that imports it',
    );
  }),
  check('exports a factory, its options as a schema, and its version', async (given) => {
    const { name = '', version } = given.manifest;
    if (!CONNECTOR.test(name)) return;
    const file = given.entries.get(name);
    ok(file !== undefined, 'it exports nothing');
    const { names } = await given.probe(file);
    ok(
      names.some((one) => /^[a-z]\w*$/.test(one) && !one.endsWith('Schema')),
      'it exports no factory',
    );
    ok(
      names.some((one) => one.endsWith('OptionsSchema')),
      'it exports no schema of its options',
    );
    ok(names.includes('VERSION'), 'it exports no VERSION');
    const said = [...given.sources.values()].map((text) => /\bVERSION = '([^']+)'/.exec(text)?.[1]).find(Boolean);
    if (said !== undefined) equal(said, version, 'its VERSION is not that of the manifest');
  }),
];

function exportProblem(key: string, target: ExportTarget): string | undefined {
  if (key === './package.json') return undefined;
  // Sources that run as they are have their types with them.
  if (typeof target === 'string') return /\.m?ts$/.test(target) ? undefined : 'has no types';
  if ('require' in target) return 'is CommonJS, too';
  const names = Object.keys(target);
  if (!('types' in target)) return 'has no types';
  if (names[0] !== 'types') return 'has its types not first, where they would be overlooked';
  const code = target['import'] ?? target['default'];
  if (code === undefined) return 'has no code';
  return /\.m?[jt]s$/.test(code) ? undefined : 'is no ES module';
}
