import { mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import path from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const BEAT_MS = 2_000;
const POLL_MS = 200;
/** Without a beat for this long, a holder on another machine is dead. */
const DEAD_AFTER_MS = 60_000;
/** Without a beat for this long, the process id of a holder on this machine belongs to somebody else. */
const RECYCLED_AFTER_MS = 600_000;

/**
 * @typedef {object} Lock
 * @property {(pid: number | undefined) => void} setInstaller names the child that works under the lock: while it lives, the lock is held
 */

/**
 * Runs a task while no other process does. The lock is a folder, which exactly one process can make.
 * @template T
 * @param {string} folder
 * @param {(lock: Lock) => Promise<T>} task
 * @returns {Promise<T>}
 */
export async function withLock(folder, task) {
  await acquire(folder);
  /** @param {number} [installer] */
  const setInstaller = (installer) => {
    const processes = installer === undefined ? [process.pid] : [process.pid, installer];
    writeAtomically(ownerFile(folder), JSON.stringify({ host: hostname(), processes }));
  };
  setInstaller();
  const beat = setInterval(() => touch(ownerFile(folder)), BEAT_MS);
  try {
    return await task({ setInstaller });
  } finally {
    clearInterval(beat);
    rmSync(folder, { recursive: true, force: true });
  }
}

/** @param {string} folder */
async function acquire(folder) {
  mkdirSync(path.dirname(folder), { recursive: true });
  let hasTold = false;
  while (!tryMake(folder)) {
    if (isStale(folder)) {
      removeStale(folder);
      continue;
    }
    if (!hasTold) process.stderr.write('Waiting for another installation to end…\n');
    hasTold = true;
    await sleep(POLL_MS);
  }
}

/** @param {string} folder */
function tryMake(folder) {
  try {
    mkdirSync(folder);
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
}

/** @param {string} folder */
function isStale(folder) {
  const owner = readOwner(folder);
  const silentMs = Date.now() - lastBeat(folder);
  if (owner === undefined || owner.host !== hostname()) return silentMs > DEAD_AFTER_MS;
  return silentMs > RECYCLED_AFTER_MS || !owner.processes.some(isAlive);
}

/**
 * Two processes may find the same lock stale: only the one that makes the second lock removes it,
 * and only after another look, so that a lock just taken anew stays.
 * @param {string} folder
 */
function removeStale(folder) {
  const guard = `${folder}.takeover`;
  if (!tryMake(guard)) {
    if (Date.now() - modifiedAt(guard) > DEAD_AFTER_MS) rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    if (isStale(folder)) rmSync(folder, { recursive: true, force: true });
  } finally {
    rmSync(guard, { recursive: true, force: true });
  }
}

/**
 * @param {string} folder
 * @returns {{ host: string, processes: number[] } | undefined}
 */
function readOwner(folder) {
  try {
    return JSON.parse(readFileSync(ownerFile(folder), 'utf8'));
  } catch {
    return undefined;
  }
}

/** @param {string} folder */
function ownerFile(folder) {
  return path.join(folder, 'owner.json');
}

/** @param {string} folder */
function lastBeat(folder) {
  return modifiedAt(ownerFile(folder)) || modifiedAt(folder) || Date.now();
}

/** @param {string} file */
function modifiedAt(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

/** @param {string} file */
function touch(file) {
  try {
    utimesSync(file, new Date(), new Date());
  } catch {
    // The lock was taken away while this process was stopped; what it installs is renamed into place, which does no harm.
  }
}

/**
 * @param {string} file
 * @param {string} text
 */
function writeAtomically(file, text) {
  const temporary = `${file}.${process.pid}`;
  writeFileSync(temporary, text);
  renameSync(temporary, file);
}

/** @param {number} pid */
function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

/**
 * Ended, and not yet noticed by its parent, which in a container may never happen.
 * @param {number} pid
 */
function isZombie(pid) {
  try {
    return / Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

/** @param {unknown} error */
function errorCode(error) {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
