import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ResourceUse } from './resource-use.ts';

/** What a program of these benches says of itself, and what was seen of it from outside. */
export interface Measured extends Partial<ResourceUse> {
  readonly rows: number;
  readonly seconds: number;
  /** Greatest memory that is its own: without the mapped files, which it shares with all who use them. */
  readonly ownMegabytes?: number;
  /** When everything was there to be read. */
  readonly published?: ResourceUse;
}

const LOOK_EVERY_MS = 20;
const COMPILED = join(tmpdir(), 'etl-bench-compiled');

/** Runs a program of Node to its end and returns the JSON that it prints, with its own memory at the highest. */
export async function measuredProcess(script: string, parameters: readonly string[]): Promise<Measured> {
  const child = spawn(process.execPath, [script, ...parameters], {
    stdio: ['ignore', 'pipe', 'inherit'],
    // Compiled once, as the command does it.
    env: { ...process.env, NODE_COMPILE_CACHE: COMPILED },
  });
  let ownKilobytes = 0;
  const timer = setInterval(() => (ownKilobytes = Math.max(ownKilobytes, ownMemory(child.pid))), LOOK_EVERY_MS);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString('utf8')));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearInterval(timer);
  if (code !== 0) throw new Error(`${script} ended with ${code}`);
  const measured = JSON.parse(output) as Measured;
  return ownKilobytes === 0 ? measured : { ...measured, ownMegabytes: ownKilobytes / 1024 };
}

/** Where the system says it; else 0. */
function ownMemory(pid: number | undefined): number {
  try {
    return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
