import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { EngineMemory } from '../src/engine-memory.ts';
import { openEmbedded } from '../src/embedded.ts';

const MIB = 1024 * 1024;
test('gives memory back once for many bytes of rows', async () => {
  const statements: string[] = [];
  const memory = new EngineMemory();
  const insert = (mebibytes: number): Promise<void> =>
    memory.inserted(mebibytes * MIB, async (statement) => {
      statements.push(statement);
    });
  await insert(3);
  expect(statements).toEqual([]);
  await insert(1);
  expect(statements).toEqual(['SYSTEM JEMALLOC PURGE']);
  await insert(3);
  expect(statements).toHaveLength(1);
});

test('an engine that refuses it is asked once, and no insert fails of it', async () => {
  let asked = 0;
  const memory = new EngineMemory();
  const refuse = async (): Promise<void> => {
    asked += 1;
    throw new Error('jemalloc is not enabled');
  };
  await memory.inserted(16 * MIB, refuse);
  await memory.release(refuse);
  expect(asked).toBe(1);
});

test('the engine that comes with the package takes the statement', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'etl-memory-'));
  const connection = await openEmbedded(directory, 1, 0, {});
  try {
    await connection.command('SYSTEM JEMALLOC PURGE');
    await connection.releaseMemory();
  } finally {
    await connection.close();
    rmSync(directory, { recursive: true, force: true });
  }
});
