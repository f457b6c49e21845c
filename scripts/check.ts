// Runs the static checks, or those named: `npm run check`, `npm run check -- lint types`.
import process from 'node:process';
import { checkCompose } from './check/compose.ts';
import { checkExamples } from './check/examples.ts';
import { checkLinks } from './check/links.ts';
import { checkPackages } from './check/packages.ts';
import { run } from './check/run.ts';
import { checkSecrets } from './check/secrets.ts';
import { checkSources } from './check/sources.ts';
import { checkWorkflows } from './check/workflows.ts';

/** A check gives back what is wrong, one text per problem. */
type Check = () => Promise<string[]>;

const CHECKS: Record<string, Check> = {
  types: () => run('node', 'node_modules/typescript-7/bin/tsc', '--project', '.'),
  lint: () => run('oxlint', '--format=unix'),
  format: () => run('oxfmt', '--list-different'),
  boundaries: () => run('turbo', 'boundaries'),
  manifests: () => run('sherif'),
  unused: () => run('knip', '--no-config-hints'),
  sources: checkSources,
  secrets: checkSecrets,
  compose: checkCompose,
  documents: async () => [
    ...(await run('node', 'apps/runner/scripts/config-table.ts', '--check')),
    ...(await run('node', 'apps/runner/scripts/errors-doc.ts', '--check')),
    ...(await checkExamples()),
    ...checkLinks(),
  ],
  workflows: checkWorkflows,
  packages: checkPackages,
};

const names = process.argv.slice(2);
const unknown = names.find((name) => !(name in CHECKS));
if (unknown !== undefined) {
  console.error(`There is no check ${unknown}. The checks are ${Object.keys(CHECKS).join(', ')}.`);
  process.exit(2);
}

let failedCount = 0;
const selected = Object.entries(CHECKS).filter(([name]) => names.length === 0 || names.includes(name));
for (const [name, check] of selected) {
  const startedAt = performance.now();
  const problems = await check();
  const seconds = ((performance.now() - startedAt) / 1000).toFixed(1);
  console.log(`${problems.length === 0 ? '✓' : '✗'} ${name.padEnd(12)}${seconds.padStart(5)} s`);
  for (const problem of problems) console.log(problem.replaceAll(/^/gm, '    '));
  if (problems.length > 0) failedCount += 1;
}
console.log(`${selected.length - failedCount} passed, ${failedCount} failed`);
process.exitCode = failedCount === 0 ? 0 : 1;
