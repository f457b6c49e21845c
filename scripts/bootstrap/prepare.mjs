import { existsSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { compileModules } from './compile-modules.mjs';
import { areDependenciesFresh, installDependencies } from './dependencies.mjs';
import { withLock } from './lock.mjs';
import { probe } from './processes.mjs';
import { isAtLeast, nodeTool, pnpmTool } from './requirements.mjs';
import { installTool, sweepUnfinished, toolProgram } from './tools.mjs';

/**
 * The programs a script runs with.
 * @typedef {object} Toolchain
 * @property {string} node
 * @property {string} nodeVersion
 * @property {string | undefined} pnpm absent when the user's own, found on the PATH, is used
 */

/**
 * Makes the toolchain and the dependencies complete. When they are, nothing is started or written.
 * @param {string} root
 * @param {import('./requirements.mjs').Pins} pins
 * @returns {Promise<Toolchain>}
 */
export async function prepare(root, pins) {
  const found = findTools(root, pins);
  if (existsSync(found.node) && areDependenciesFresh(root, found)) return found;
  return withLock(path.join(root, '.tools', 'lock'), async (lock) => {
    sweepUnfinished(root);
    const tools = await installTools(root, pins, lock);
    if (!areDependenciesFresh(root, tools)) {
      await installDependencies(root, tools, lock);
      await compileModules(root, tools);
    }
    return tools;
  });
}

/** @param {import('./requirements.mjs').Pins} pins */
function isOwnNodeFitting(pins) {
  return isAtLeast(process.versions.node, pins.minimumNode);
}

/**
 * @param {string} root
 * @param {import('./requirements.mjs').Pins} pins
 * @returns {Toolchain}
 */
function findTools(root, pins) {
  const pnpm = toolProgram(root, pnpmTool(pins));
  const isOwnNode = isOwnNodeFitting(pins);
  return {
    node: isOwnNode ? process.execPath : toolProgram(root, nodeTool(pins)),
    nodeVersion: isOwnNode ? process.versions.node : pins.node,
    pnpm: existsSync(pnpm) ? pnpm : undefined,
  };
}

/**
 * @param {string} root
 * @param {import('./requirements.mjs').Pins} pins
 * @param {import('./lock.mjs').Lock} lock
 */
async function installTools(root, pins, lock) {
  const missing = [];
  if (!isOwnNodeFitting(pins)) missing.push(nodeTool(pins));
  if (!(await isPnpmOnPath(pins))) missing.push(pnpmTool(pins));
  for (const tool of missing) await installTool(root, tool, lock);
  return findTools(root, pins);
}

/** @param {import('./requirements.mjs').Pins} pins */
async function isPnpmOnPath(pins) {
  // Corepack's pnpm would download a version of its own choice here.
  const version = await probe('pnpm', ['--version'], { COREPACK_ENABLE_NETWORK: '0' });
  return version?.split('.')[0] === pins.pnpm.split('.')[0];
}
