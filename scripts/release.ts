// Makes the versions of the next release, or publishes what npm does not have yet.
import { spawnSync } from 'node:child_process';
import process from 'node:process';
import { checkPackages } from './check/packages.ts';

const changeset = ['node_modules/@changesets/cli/bin.js'];

function run(program: string, ...args: string[]): void {
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

const [command] = process.argv.slice(2);
if (command === 'version') {
  run(process.execPath, ...changeset, 'version');
  run('pnpm', 'install', '--lockfile-only');
} else if (command === 'publish') {
  const problems = await checkPackages();
  if (problems.length > 0) {
    console.error(problems.join('\n'));
    process.exit(1);
  }
  run(process.execPath, ...changeset, 'publish');
} else {
  console.error('Usage: release.ts version | publish');
  process.exit(2);
}
