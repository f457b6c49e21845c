import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { STOP_SIGNALS, signalExitCode } from './processes.mjs';

const REPEAT_MS = 300;

/**
 * Runs a script to its end and passes on every signal meanwhile.
 * @param {import('./prepare.mjs').Toolchain} tools
 * @param {string} script
 * @param {string[]} args
 * @param {string} cwd
 * @returns {Promise<number>} its exit code, or 128 + n when signal n ended it
 */
export async function runScript(tools, script, args, cwd) {
  const child = spawn(tools.node, [script, ...args], {
    cwd,
    env: { ...process.env, PATH: pathWith(tools) },
    stdio: 'inherit',
  });
  const stopForwarding = forwardSignals(child);
  try {
    return await new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('exit', (code, signal) => resolve(signal === null ? (code ?? 1) : signalExitCode(signal)));
    });
  } finally {
    stopForwarding();
  }
}

/** @param {import('./prepare.mjs').Toolchain} tools */
export function pathWith({ node, pnpm }) {
  const folders = [path.dirname(node), ...(pnpm === undefined ? [] : [path.dirname(pnpm)])];
  return [...folders, process.env['PATH']].join(path.delimiter);
}

/** @param {import('node:child_process').ChildProcess} child */
function forwardSignals(child) {
  // Ctrl-C and a closing terminal reach every process of the terminal; a second signal would make the script give up its shutdown.
  const hasTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  const lastAt = new Map();
  /** @param {NodeJS.Signals} signal */
  const forward = (signal) => {
    // npm passes on what a group of processes was sent already, so the same signal comes twice at once.
    const isRepeat = Date.now() - (lastAt.get(signal) ?? 0) < REPEAT_MS;
    lastAt.set(signal, Date.now());
    if (isRepeat || (hasTerminal && signal !== 'SIGTERM')) return;
    child.kill(signal);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, forward);
  return () => {
    for (const signal of STOP_SIGNALS) process.off(signal, forward);
  };
}
