import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { EtlError } from '@etl/core';

/** Holds the demo's directory for this process: two demos would take it from under each other. */
export function holdDemo(file: string): { release(): void } {
  mkdirSync(dirname(file), { recursive: true });
  for (let attempt = 0; ; attempt += 1) {
    try {
      writeFileSync(file, String(process.pid), { flag: 'wx' });
      return { release: () => rmSync(file, { force: true }) };
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    }
    const holder = readHolder(file);
    if (attempt > 0 || (holder !== undefined && isAlive(holder))) throw busy(holder);
    rmSync(file, { force: true });
  }
}

function readHolder(file: string): number | undefined {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function busy(holder: number | undefined): EtlError {
  return new EtlError({
    code: 'DEMO_BUSY',
    kind: 'transient',
    message: `Another demo is running here${holder === undefined ? '' : ` (process ${holder})`}.`,
    hint: 'Wait for it to end, or start the demo in another directory.',
  });
}
