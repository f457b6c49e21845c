import { spawn } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { stripVTControlCharacters } from 'node:util';

const bin = path.join(import.meta.dirname, '..', '..', 'node_modules', '.bin');

/** Runs a program of the workspace; what it printed is the problem when it fails. */
export async function run(program: string, ...args: string[]): Promise<string[]> {
  const { exitCode, output } = await capture(program, ...args);
  return exitCode === 0 ? [] : [output.trim() || `${program} ended with ${exitCode}`];
}

export function capture(program: string, ...args: string[]): Promise<{ exitCode: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      env: {
        ...process.env,
        PATH: [bin, process.env['PATH']].join(path.delimiter),
        TURBO_TELEMETRY_DISABLED: '1',
        NO_COLOR: '1',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
    child.on('error', reject);
    child.on('close', (exitCode) => resolve({ exitCode, output: stripVTControlCharacters(output) }));
  });
}
