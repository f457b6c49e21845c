import { execFile } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { temporaryDirectory } from './etl-process.ts';

const SCRIPT = resolve(import.meta.dirname, '../scripts/compile-modules.ts');

test('every module of the command is compiled, and none does anything but to say its help', async () => {
  await using directory = await temporaryDirectory();
  const cache = join(directory.path, 'cache');
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [SCRIPT], {
    cwd: directory.path,
    env: { PATH: process.env['PATH'], NODE_COMPILE_CACHE: cache },
  });
  expect(stderr).toBe('');
  expect(stdout).toMatch(/^Usage: etl /);
  expect(await readdir(directory.path)).toEqual(['cache']);
  expect((await readdir(cache, { recursive: true })).length).toBeGreaterThan(300);
});
