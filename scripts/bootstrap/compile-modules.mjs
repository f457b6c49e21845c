import { existsSync } from 'node:fs';
import path from 'node:path';
import { probe } from './processes.mjs';
import { pathWith } from './run-script.mjs';

/**
 * Has Node compile the command `etl` into its cache, which is where the command looks for it. Takes a second, and
 * is no part of the installation: without it, or when it fails, the first run compiles for itself.
 * @param {string} root
 * @param {import('./prepare.mjs').Toolchain} tools
 */
export async function compileModules(root, tools) {
  const script = path.join(root, 'apps', 'runner', 'scripts', 'compile-modules.ts');
  if (existsSync(script)) await probe(tools.node, [script], { PATH: pathWith(tools) });
}
