import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import type { ClickHouseClient } from '@clickhouse/client';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { Connection } from '../src/connection.ts';
import { openEmbedded } from '../src/embedded.ts';
import { InsertFiles, type InsertFile } from '../src/insert-files.ts';

const directory = join(mkdtempSync(join(tmpdir(), 'etl-files-')), "it's");
let connection: Connection;

const insertFiles = (): readonly string[] => readdirSync(directory).filter((name) => name.startsWith('etl-insert-'));
const count = async (table: string): Promise<number> =>
  Number((await connection.rows<{ count: string }>(`SELECT count() AS count FROM ${table}`))[0]?.count);
const lines = (rows: number): Buffer =>
  Buffer.from(Array.from({ length: rows }, (_, id) => `[${id},"text of ${id}, é\\n\\n"]\n`).join(''));

beforeAll(async () => {
  connection = await openEmbedded(directory, 1, 1000, {});
  await connection.close();
  // What a process that was killed in an insert leaves.
  writeFileSync(join(directory, 'etl-insert-left'), 'x');
  connection = await openEmbedded(directory, 1, 1000, {});
  await connection.command(
    `CREATE TABLE default.items (id Int64, text String) ENGINE = MergeTree ORDER BY id SETTINGS non_replicated_deduplication_window = 100`,
  );
});
afterAll(async () => {
  await connection.close();
  rmSync(join(directory, '..'), { recursive: true, force: true });
});

test('the file that a killed process left is removed when the directory is opened', () => {
  expect(insertFiles()).toEqual([]);
});

test('rows go through a file or with the statement, and a token counts once in either way', async () => {
  const columns = ['id', 'text'];
  for (const [token, body] of [
    ['big', lines(20_000)],
    ['small', lines(10)],
  ] as const) {
    await connection.insert({ table: 'default.items', columns, token }, body);
    await connection.insert({ table: 'default.items', columns, token }, body);
  }
  expect(await count('default.items')).toBe(20_010);
  expect(await count(`default.items WHERE text = concat('text of ', toString(id), ', é\\n\\n')`)).toBe(20_010);
  expect(insertFiles()).toEqual([]);
});

test('the settings of an insert do not stay for the statements that follow', async () => {
  const [setting] = await connection.rows<{ value: string }>(
    `SELECT value FROM system.settings WHERE name = 'input_format_parallel_parsing'`,
  );
  expect(setting?.value).toBe('1');
});

test('an insert that fails leaves neither rows nor file', async () => {
  const body = Buffer.concat([lines(20_000), Buffer.from('["no number","x"]\n')]);
  const failing = connection.insert({ table: 'default.items', columns: ['id', 'text'], token: 'bad' }, body);
  await expect(failing).rejects.toMatchObject({ name: 'EtlError' });
  expect(await count('default.items')).toBe(20_010);
  expect(insertFiles()).toEqual([]);
});

test('the file is for its owner only', async () => {
  const files = new InsertFiles(directory);
  await files.with(lines(1), async (path) => {
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });
});

test('a directory that the engine would take for a pattern has no such files', () => {
  for (const name of ['a*', 'b?', '{c}']) expect(InsertFiles.canBeIn(join('/data', name))).toBe(false);
  expect(InsertFiles.canBeIn("/data/it's")).toBe(true);
});

const filled = (files: InsertFiles, text: string): InsertFile => {
  const file = files.open();
  file.write(Buffer.from(text));
  return file;
};
const content = async (file: InsertFile): Promise<string> => {
  let text = '';
  await file.read(async (path) => {
    text = readFileSync(path, 'utf8');
  });
  return text;
};

test('a file that was read is written anew, shorter or longer, and holds nothing of what it held', async () => {
  const files = new InsertFiles(directory);
  for (const text of ['some lines\n', 'x\n', '', 'many more lines than before\n'.repeat(1000)]) {
    const file = filled(files, text);
    file.close();
    expect(await content(file)).toBe(text);
    file.remove();
    file.remove();
    expect(insertFiles()).toHaveLength(1);
  }
  files.close();
  expect(insertFiles()).toEqual([]);
});

test.each([
  ['after a long one that was read', 1000, 1, 500],
  ['after one that was read, and is longer', 500, 1000, 1],
  ['and was long itself', 0, 1000, 1],
])('a file that was given up unread is written anew %s', async (_, before, givenUp, next) => {
  const files = new InsertFiles(directory);
  if (before > 0) {
    const file = filled(files, 'before\n'.repeat(before));
    file.close();
    await content(file);
    file.remove();
  }
  filled(files, 'given up\n'.repeat(givenUp)).remove();
  const file = filled(files, 'next\n'.repeat(next));
  file.close();
  expect(await content(file)).toBe('next\n'.repeat(next));
  expect(insertFiles()).toHaveLength(1);
  file.remove();
  files.close();
});

test('nobody writes or reads a file that was given up: it may be that of another insert by now', async () => {
  const files = new InsertFiles(directory);
  const file = filled(files, 'lines\n');
  file.remove();
  expect(() => file.write(Buffer.from('more\n'))).toThrow('given up');
  expect(() => file.close()).toThrow('given up');
  await expect(content(file)).rejects.toThrow('given up');
  files.close();
});

test('a file is not written again after an attempt that failed, for it may still be read', async () => {
  const files = new InsertFiles(directory);
  for (const isRepeated of [false, true]) {
    const failing = filled(files, 'lines\n');
    const refused = new Error('the answer is lost');
    await expect(failing.read(() => Promise.reject(refused))).rejects.toBe(refused);
    if (isRepeated) expect(await content(failing)).toBe('lines\n');
    failing.remove();
    expect(insertFiles()).toEqual([]);
  }
  files.close();
});

test('a file that the engine was asked twice to read is not written again', async () => {
  const refusals = [new Error('socket hang up'), undefined];
  const exec = async (): Promise<unknown> => {
    const refusal = refusals.shift();
    if (refusal !== undefined) throw Object.assign(refusal, { code: 'ECONNRESET' });
    return { stream: Readable.from([]) };
  };
  const client = { exec, close: async () => undefined } as unknown as ClickHouseClient;
  const files = new InsertFiles(directory);
  const asked = new Connection(client, {
    target: 'test',
    isEmbedded: true,
    retryWaitMs: 0,
    insertFiles: files,
    another: () => client,
    close: async () => undefined,
  });
  const body = asked.openPlain();
  body.write(Buffer.from('1\ta\n'));
  await asked.insertPlain(
    { table: 'default.items', columns: ['id', 'text'], format: 'TabSeparated', token: 'twice' },
    body,
  );
  expect(refusals).toEqual([]);
  body.remove();
  expect(insertFiles()).toEqual([]);
  await asked.close();
});

test('a few files are kept for later, and none after the end', () => {
  const files = new InsertFiles(directory);
  const open = Array.from({ length: 6 }, () => files.open());
  open.slice(0, 5).forEach((file) => file.remove());
  expect(insertFiles()).toHaveLength(5);
  files.close();
  expect(insertFiles()).toHaveLength(1);
  open[5]?.remove();
  expect(insertFiles()).toEqual([]);
});
