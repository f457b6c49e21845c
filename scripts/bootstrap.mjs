#!/usr/bin/env node
// Runs a script of this repository with the Node.js, pnpm and dependencies it needs,
// installing whatever is missing. Needs nothing but Node 18 or newer and npm.
//
//   node scripts/bootstrap.mjs [--here] <script> [arguments…]
//
// <script> is relative to the repository. It runs in the repository, or with --here in the
// folder the user called npm from. It is started by Node directly, never through `pnpm run`,
// which replaces the exit code of a script that was told to stop.
import path from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { prepare } from './bootstrap/prepare.mjs';
import { BootstrapError, readPins, requireSupportedPlatform } from './bootstrap/requirements.mjs';
import { runScript } from './bootstrap/run-script.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** `npm run` changes to the repository; INIT_CWD is where the user was. */
function callerFolder() {
  const isRunByNpm = process.env['npm_lifecycle_event'] !== undefined && process.cwd() === root;
  return (isRunByNpm && process.env['INIT_CWD']) || process.cwd();
}

async function main() {
  const commandLine = process.argv.slice(2);
  const isHere = commandLine[0] === '--here';
  const [script, ...args] = isHere ? commandLine.slice(1) : commandLine;
  if (script === undefined) {
    throw new BootstrapError('Usage: node scripts/bootstrap.mjs [--here] <script> [arguments…]', 2);
  }
  requireSupportedPlatform();
  const tools = await prepare(root, readPins(root));
  return runScript(tools, path.resolve(root, script), args, isHere ? callerFolder() : root);
}

try {
  process.exitCode = await main();
} catch (error) {
  if (!(error instanceof BootstrapError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exitCode = error.exitCode;
}
