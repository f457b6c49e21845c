import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { EtlError } from '@etl/core/errors';

/** Holds the demo's directory for this process: two demos would take it from under each other. */
export function holdDemo(file: string): { release(): void } {
  makeFolder(dirname(file));
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

function makeFolder(folder: string): void {
  try {
    // One by one: `recursive` never ends where a folder can be made by nobody, as in /proc.
    const missing: string[] = [];
    for (let path = folder; !existsSync(path); path = dirname(path)) missing.unshift(path);
    for (const path of missing) mkdirSync(path);
  } catch (error) {
    throw new EtlError({
      code: 'DATA_DIRECTORY_UNUSABLE',
      kind: 'config',
      message: `The directory ${folder} cannot be made (${(error as NodeJS.ErrnoException).code ?? 'unknown'}).`,
      hint: 'Set ETL_DATA_DIR to one that can be written into, or start from another directory.',
      cause: error,
    });
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
