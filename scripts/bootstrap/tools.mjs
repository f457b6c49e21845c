import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { install } from './processes.mjs';

/**
 * @param {string} root
 * @param {import('./requirements.mjs').Tool} tool
 */
export function toolProgram(root, tool) {
  return path.join(root, '.tools', tool.folder, tool.program);
}

/**
 * Installs in a temporary folder and renames it, so that a tool's folder exists only when it is complete.
 * @param {string} root
 * @param {import('./requirements.mjs').Tool} tool
 * @param {import('./lock.mjs').Lock} lock
 */
export async function installTool(root, tool, lock) {
  const folder = path.join(root, '.tools', tool.folder);
  if (existsSync(path.join(folder, tool.program))) return;
  const unfinished = `${folder}.${process.pid}.unfinished`;
  mkdirSync(unfinished, { recursive: true });
  writeFileSync(path.join(unfinished, 'package.json'), '{ "private": true }\n');
  try {
    const npm = npmCommand();
    await install(
      {
        title: tool.title,
        program: npm.program,
        args: [...npm.args, 'install', '--ignore-scripts', '--no-audit', '--no-fund', tool.spec],
        cwd: unfinished,
        advice: 'Is the npm registry within reach?',
      },
      lock,
    );
    rmSync(folder, { recursive: true, force: true });
    renameSync(unfinished, folder);
  } finally {
    rmSync(unfinished, { recursive: true, force: true });
  }
}

/**
 * Removes what a killed installation left. Call it with the lock held.
 * @param {string} root
 */
export function sweepUnfinished(root) {
  const folder = path.join(root, '.tools');
  for (const name of readdirSync(folder)) {
    if (name.endsWith('.unfinished')) rmSync(path.join(folder, name), { recursive: true, force: true });
  }
}

/** The npm that started this process, else the one on the PATH. */
function npmCommand() {
  const parent = process.env['npm_execpath'];
  return parent !== undefined && path.basename(parent) === 'npm-cli.js'
    ? { program: process.execPath, args: [parent] }
    : { program: 'npm', args: [] };
}
