import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { capture, run } from './run.ts';

/** Builds and packs every package that is published, and looks at the tarballs as npm's users will get them. */
export async function checkPackages(): Promise<string[]> {
  const folder = mkdtempSync(path.join(tmpdir(), 'etl-packages-'));
  try {
    const problems = await packPackages(folder);
    if (problems.length > 0) return problems;
    const tarballs = readdirSync(folder).map((name) => path.join(folder, name));
    const results = await Promise.all([...tarballs.map(tarballProblems), installProblems(folder, tarballs)]);
    return results.flat();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Leaves one tarball per package in a folder. */
export async function packPackages(folder: string): Promise<string[]> {
  const problems = await run('turbo', 'run', 'build', '--output-logs=errors-only');
  if (problems.length > 0) return problems;
  return run('pnpm', '--recursive', '--filter=./packages/*', 'pack', '--pack-destination', folder);
}

async function tarballProblems(tarball: string): Promise<string[]> {
  const publint = await run('publint', tarball, '--strict');
  const types = await run('attw', tarball, '--profile', 'esm-only', '--no-emoji');
  return [...publint, ...types, ...(await contentProblems(tarball))].map(
    (problem) => `${path.basename(tarball)}: ${problem}`,
  );
}

async function contentProblems(tarball: string): Promise<string[]> {
  const { output } = await capture('tar', '--list', '--gzip', `--file=${tarball}`);
  const files = output.trim().split('\n');
  const missing = ['package.json', 'LICENSE', 'README.md', 'dist/index.js', 'dist/index.d.ts'];
  return [
    ...missing.filter((file) => !files.includes(`package/${file}`)).map((file) => `lacks ${file}`),
    ...files.filter((file) => /\/test\/|\.test\.|tsconfig|\.env/.test(file)).map((file) => `should not hold ${file}`),
  ];
}

/** In an empty folder, by npm, without the tools of this repository. */
async function installProblems(folder: string, tarballs: string[]): Promise<string[]> {
  const project = path.join(folder, 'project');
  mkdirSync(project);
  writeFileSync(path.join(project, 'package.json'), '{ "private": true, "type": "module" }');
  // The conformance suites need the whole of vitest, which is no news to npm.
  const connectors = tarballs.filter((tarball) => !path.basename(tarball).startsWith('etl-testing-'));
  const problems = await run(
    'npm',
    'install',
    '--prefix',
    project,
    '--no-audit',
    '--no-fund',
    '--prefer-offline',
    ...connectors,
  );
  if (problems.length > 0) return problems;
  const scope = path.join(project, 'node_modules', '@etl');
  const names = readdirSync(scope).flatMap((name) => entryPoints(path.join(scope, name)));
  const script = path.join(project, 'import.js');
  writeFileSync(
    script,
    names
      .map(
        (name) =>
          `if (Object.keys(await import('${name}')).length === 0) throw new Error('${name} exports nothing');\n`,
      )
      .join(''),
  );
  return run('node', script);
}

/** What can be imported of an installed package: its name, and its subpaths. */
function entryPoints(folder: string): string[] {
  const manifest = JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8')) as {
    name: string;
    exports: Record<string, unknown>;
  };
  return Object.keys(manifest.exports).map((subpath) => path.posix.join(manifest.name, subpath));
}
