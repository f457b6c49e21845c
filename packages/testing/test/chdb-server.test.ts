import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { startChdbServer, type ChdbServer, type ChdbServerOptions } from '../src/index.ts';

const directory = mkdtempSync(join(tmpdir(), 'etl-chdb-server-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const headers = { 'x-clickhouse-user': 'etl', 'x-clickhouse-key': 'secret' };

async function start(options: Partial<ChdbServerOptions> = {}): Promise<ChdbServer> {
  return startChdbServer({ path: join(directory, 'engine'), username: 'etl', password: 'secret', ...options });
}

async function ask(server: ChdbServer, query: string, signal?: AbortSignal): Promise<string> {
  const response = await fetch(server.url, { method: 'POST', headers, body: query, signal: signal ?? null });
  const text = await response.text();
  if (!response.ok) throw new Error(text);
  return text.trim();
}

/** A statement that takes about so many seconds, and names itself. */
function slow(name: string, seconds: number): string {
  return `SELECT '${name}' FROM numbers(${seconds * 20}) WHERE sleepEachRow(0.05) = 0 LIMIT 1 BY 1 SETTINGS max_block_size = 1`;
}

/** Most of the slow statements that the engine had under way at one moment, until `work` is done. */
async function mostAtOnce(server: ChdbServer, work: Promise<unknown>): Promise<number> {
  const over = new AbortController();
  void work.finally(() => over.abort()).catch(() => undefined);
  let most = 0;
  while (!over.signal.aborted) {
    const count = await ask(
      server,
      "SELECT count() FROM system.processes WHERE query LIKE '%sleepEachRow%' AND query NOT LIKE '%system.processes%'",
    );
    most = Math.max(most, Number(count));
  }
  return most;
}

describe('the HTTP front of an embedded engine', () => {
  it('carries statements of different requests out at the same time', async () => {
    await using server = await start();
    const work = Promise.all([ask(server, slow('one', 1)), ask(server, slow('two', 1))]);
    expect(await mostAtOnce(server, work)).toBe(2);
    expect(await work).toEqual(['one', 'two']);
  });

  it('carries no more out than it is told to, and the others after them', async () => {
    await using server = await start({ concurrency: 2 });
    const work = Promise.all(Array.from({ length: 5 }, (_, index) => ask(server, slow(`number ${index}`, 0.3))));
    expect(await mostAtOnce(server, work)).toBeLessThanOrEqual(2);
    expect(await work).toEqual(['number 0', 'number 1', 'number 2', 'number 3', 'number 4']);
  });

  it('gives the engine the bytes of an insert as they came', async () => {
    await using server = await start();
    await ask(server, 'CREATE TABLE default.bytes (id UInt64, text String) ENGINE = MergeTree ORDER BY id');
    const insert = async (query: string, body: Uint8Array): Promise<string> => {
      const url = `${server.url}/?query=${encodeURIComponent(query)}`;
      return (await fetch(url, { method: 'POST', headers, body: Uint8Array.from(body) })).text();
    };
    const row = Buffer.from('ff0000000000008004fffe0a80', 'hex');
    await insert('INSERT INTO default.bytes (id, text) SETTINGS async_insert = 0 FORMAT RowBinary', row);
    await insert('INSERT INTO default.bytes FORMAT RowBinary', row.fill(1, 0, 1));
    expect(await ask(server, 'SELECT id, hex(text) FROM default.bytes ORDER BY id FORMAT TSV')).toBe(
      '9223372036854775809\tFFFE0A80\n9223372036854776063\tFFFE0A80',
    );
    expect(await insert('INSERT INTO default.bytes FORMAT RowBinary', row.subarray(1))).toContain('Code:');
    expect(readdirSync(join(directory, 'engine')).filter((name) => name.startsWith('insert-'))).toEqual([]);
  });

  it('lets no setting of one statement reach another', async () => {
    await using server = await start({ concurrency: 1 });
    const digits = "SELECT getSetting('max_threads') = 3, getSetting('insert_deduplication_token')";
    const before = await ask(server, digits);
    await ask(server, 'SET max_threads = 3');
    await ask(server, 'USE system');
    expect(await ask(server, `${digits} SETTINGS max_threads = 3, insert_deduplication_token = 'a'`)).toBe('1\ta');
    expect(await ask(server, digits)).toBe(before);
    expect(await ask(server, 'SELECT currentDatabase()')).toBe('default');
  });

  it('stores both of two equal inserts of which only the first has a token', async () => {
    await using server = await start({ concurrency: 1 });
    await ask(server, 'CREATE DATABASE IF NOT EXISTS tokens ENGINE = Atomic');
    await ask(
      server,
      'CREATE TABLE tokens.t (a Int64) ENGINE = MergeTree ORDER BY a SETTINGS non_replicated_deduplication_window = 100',
    );
    const token = "SETTINGS insert_deduplication_token = 'once'";
    for (const settings of [token, token, '']) {
      await ask(server, `INSERT INTO tokens.t (a) ${settings} FORMAT JSONCompactEachRow\n[1]\n`);
    }
    expect(await ask(server, 'SELECT count() FROM tokens.t')).toBe('2');
  });

  it('carries a statement out although its client has gone away, and waits for it when it closes', async () => {
    {
      await using server = await start();
      await ask(server, 'CREATE DATABASE IF NOT EXISTS gone ENGINE = Atomic');
      await ask(server, 'CREATE TABLE gone.t (a String) ENGINE = MergeTree ORDER BY a');
      const client = new AbortController();
      const insert = ask(server, `INSERT INTO gone.t ${slow('late', 0.5)}`, client.signal);
      while ((await ask(server, "SELECT count() FROM system.processes WHERE query LIKE 'INSERT INTO gone%'")) === '0');
      client.abort();
      await expect(insert).rejects.toThrow(/abort/i);
    }
    await using again = await start();
    expect(await ask(again, 'SELECT a FROM gone.t')).toBe('late');
  });

  it('leaves a statement alone that is still held back when it closes', async () => {
    let isHeld = (): void => undefined;
    let letGo = (): void => undefined;
    const held = new Promise<void>((resolve) => (isHeld = resolve));
    const released = new Promise<undefined>((resolve) => (letGo = () => resolve(undefined)));
    {
      await using server = await start({
        fault: (query) => {
          if (!query.startsWith('CREATE DATABASE held')) return undefined;
          isHeld();
          return released;
        },
      });
      const outcome = ask(server, 'CREATE DATABASE held ENGINE = Atomic').then(
        () => 'answered',
        () => 'cut off',
      );
      await held;
      await server[Symbol.asyncDispose]();
      letGo();
      expect(await outcome).toBe('cut off');
    }
    await using again = await start();
    expect(await ask(again, "SELECT count() FROM system.databases WHERE name = 'held'")).toBe('0');
  });
});
