import { readFileSync, writeFileSync } from 'node:fs';
import { relative, resolve } from 'node:path';

export const REPOSITORY = resolve(import.meta.dirname, '../../..');

/** Writes a generated text, or with `--check` only says whether it is as it should be. Returns the exit code. */
export function writeOrCheck(path: string, text: string, command: string): number {
  const isCheck = process.argv.includes('--check');
  const current = readOrEmpty(path);
  const name = relative(REPOSITORY, path);
  if (current === text) return 0;
  if (isCheck) {
    process.stderr.write(`${name} is not what the code says. Run: ${command}\n`);
    return 1;
  }
  writeFileSync(path, text);
  process.stderr.write(`wrote ${name}\n`);
  return 0;
}

export function readOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
