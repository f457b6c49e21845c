import { execFile, spawn } from 'node:child_process';
import { constants } from 'node:os';
import process from 'node:process';
import { BootstrapError, EXIT_INSTALL_FAILED } from './requirements.mjs';

const TAIL_CHARACTERS = 4_000;
/** @type {NodeJS.Signals[]} */
export const STOP_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/** @param {NodeJS.Signals} signal */
export function signalExitCode(signal) {
  return 128 + constants.signals[signal];
}

/**
 * What a program prints, or nothing when it is missing, fails or hangs.
 * @param {string} program
 * @param {string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<string | undefined>}
 */
export function probe(program, args, env) {
  return new Promise((resolve) => {
    const options = { env: { ...installerEnvironment(), ...env }, timeout: 5_000 };
    execFile(program, args, options, (error, stdout) => resolve(error === null ? stdout.trim() : undefined));
  });
}

/**
 * @typedef {object} Installation
 * @property {string} title
 * @property {string} program
 * @property {string[]} args
 * @property {string} cwd
 * @property {Record<string, string>} [env]
 * @property {string} advice what to look at when it fails
 */

/**
 * Runs an installer quietly. Its output is shown only when it fails. It has a process group of its
 * own, so that a signal stops all of it, and what it leaves can be removed without a race.
 * @param {Installation} installation
 * @param {import('./lock.mjs').Lock} lock
 */
export async function install({ title, program, args, cwd, env, advice }, lock) {
  process.stderr.write(`Installing ${title}…\n`);
  const startedAt = Date.now();
  const child = spawn(program, args, {
    cwd,
    env: { ...installerEnvironment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  lock.setInstaller(child.pid);
  let output = '';
  /** @param {Buffer} chunk */
  const keepTail = (chunk) => (output = (output + chunk.toString()).slice(-TAIL_CHARACTERS));
  child.stdout.on('data', keepTail);
  child.stderr.on('data', keepTail);

  /** @type {NodeJS.Signals | undefined} */
  let stoppedBy;
  /** @param {NodeJS.Signals} signal */
  const stop = (signal) => {
    stoppedBy = signal;
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  };
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  const failure = await new Promise((resolve) => {
    child.on('error', (error) => resolve(error.message));
    child.on('close', (code, signal) => resolve(code === 0 ? undefined : `${program} ended with ${code ?? signal}`));
  });
  for (const signal of STOP_SIGNALS) process.off(signal, stop);
  lock.setInstaller(undefined);

  if (stoppedBy !== undefined)
    throw new BootstrapError('Stopped while installing; nothing half-made is left.', signalExitCode(stoppedBy));
  if (failure !== undefined) {
    throw new BootstrapError(`${output}\nCould not install ${title}: ${failure}. ${advice}`, EXIT_INSTALL_FAILED);
  }
  process.stderr.write(`  done in ${((Date.now() - startedAt) / 1000).toFixed(1)} s\n`);
}

/**
 * The user's environment without what `npm run` and Node.js add for this process alone;
 * the settings that say how a registry is reached stay.
 */
function installerEnvironment() {
  const isRegistrySetting =
    /^npm_config_(registry|userconfig|globalconfig|cache|ca|cafile|strict_ssl|proxy|https?_proxy|noproxy)$/i;
  const isForThisProcess = /^(npm_.*|NODE_OPTIONS|INIT_CWD)$/i;
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => isRegistrySetting.test(name) || !isForThisProcess.test(name)),
  );
}
