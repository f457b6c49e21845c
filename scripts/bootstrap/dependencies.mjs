import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import process from 'node:process';
import { install } from './processes.mjs';
import { pathWith } from './run-script.mjs';

/**
 * Whether `node_modules` is what the lockfile says, made to the end for this Node.js.
 * @param {string} root
 * @param {import('./prepare.mjs').Toolchain} tools
 */
export function areDependenciesFresh(root, tools) {
  const stamp = stampFile(root);
  if (!existsSync(stamp) || existsSync(unfinishedMark(root))) return false;
  return (
    readFileSync(stamp, 'utf8') === stampText(root, tools) && moduleFolders(root).every((folder) => existsSync(folder))
  );
}

/**
 * @param {string} root
 * @param {import('./prepare.mjs').Toolchain} tools
 * @param {import('./lock.mjs').Lock} lock
 */
export async function installDependencies(root, tools, lock) {
  const mark = unfinishedMark(root);
  // What a killed installation left cannot be trusted; made again from pnpm's store it costs a second.
  if (existsSync(mark)) removeModules(root);
  const isFirst = !existsSync(path.join(root, 'node_modules'));
  mkdirSync(path.dirname(mark), { recursive: true });
  writeFileSync(mark, '');
  rmSync(stampFile(root), { force: true });
  try {
    await install(
      {
        title: isFirst ? 'the dependencies (about 1 GB, the embedded ClickHouse being most of it)' : 'the dependencies',
        program: tools.pnpm ?? 'pnpm',
        args: ['install', '--frozen-lockfile', '--reporter=append-only', '--config.confirmModulesPurge=false'],
        cwd: root,
        env: { PATH: pathWith(tools) },
        advice: 'If the lockfile is behind a package.json, run `pnpm install`.',
      },
      lock,
    );
  } catch (error) {
    if (isFirst) {
      removeModules(root);
      rmSync(mark, { force: true });
    }
    throw error;
  }
  writeFileSync(stampFile(root), stampText(root, tools));
  rmSync(mark);
}

/** @param {string} root */
function stampFile(root) {
  return path.join(root, 'node_modules', '.bootstrap');
}

/** @param {string} root */
function unfinishedMark(root) {
  return path.join(root, '.tools', 'dependencies-incomplete');
}

/**
 * @param {string} root
 * @param {import('./prepare.mjs').Toolchain} tools
 */
function stampText(root, tools) {
  const hash = createHash('sha256');
  const files = [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    'package.json',
    ...packageFolders(root).map((folder) => path.join(folder, 'package.json')),
  ];
  for (const file of files)
    hash
      .update(file)
      .update('\0')
      .update(readFileSync(path.join(root, file)))
      .update('\0');
  return `${hash.digest('hex')} ${process.platform}-${process.arch} ${tools.nodeVersion}\n`;
}

/** @param {string} root */
function packageFolders(root) {
  return ['packages', 'apps']
    .filter((parent) => existsSync(path.join(root, parent)))
    .flatMap((parent) => readdirSync(path.join(root, parent)).map((name) => path.join(parent, name)))
    .filter((folder) => existsSync(path.join(root, folder, 'package.json')))
    .sort();
}

/** @param {string} root */
function moduleFolders(root) {
  return ['.', ...packageFolders(root)].map((folder) => path.join(root, folder, 'node_modules'));
}

/** @param {string} root */
function removeModules(root) {
  for (const folder of moduleFolders(root)) rmSync(folder, { recursive: true, force: true });
}
