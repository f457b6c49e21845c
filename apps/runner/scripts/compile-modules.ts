// Imports what `etl` is made of, so that Node keeps it compiled before `etl` is first called: a run then sends
// its first request in half the time. scripts/bootstrap.mjs starts it after an installation.
import { readdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const root = join(import.meta.dirname, '../../..');
const packages = ['core', 'dest-clickhouse', 'source-esim', 'source-facebook', 'source-pg-replication'];
const folders = [
  ...['', 'commands', 'platforms', 'reporters'].map((folder) => join('apps/runner/src', folder)),
  ...packages.map((name) => join('packages', name, 'src')),
];

enableCompileCache();
// The command line is imported with the others, and has to say something.
process.argv = [...process.argv.slice(0, 2), '--help'];
for (const folder of folders) {
  for (const name of readdirSync(join(root, folder))) {
    if (name.endsWith('.ts')) await import(pathToFileURL(join(root, folder, name)).href);
  }
}
