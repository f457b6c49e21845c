import { createRequire } from 'node:module';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ClickHouseLogLevel, createClient, type ClickHouseClientConfigOptions } from '@clickhouse/client';
import { EtlError, type OperationOptions } from '@etl/core';
import { Connection, pause } from './connection.ts';

/** chDB is built against another copy of the client's types. */
type ClientConnection = NonNullable<ClickHouseClientConfigOptions['connection']>;
type ChdbConnectionModule = typeof import('chdb/connection');

const RETRY_MS = 250;
const HOLDER_FILE = 'etl-holder.json';

/** Directories this process holds, each with the number of open connections. */
const held = new Map<string, number>();

/**
 * Opens an embedded database. One process at a time may hold its directory; a second one waits up
 * to `waitMs`.
 *
 * @throws `CLICKHOUSE_EMBEDDED_BUSY` (transient) when another process still holds it, and
 * `CLICKHOUSE_EMBEDDED_MISSING` (config) when the package chdb is not installed.
 */
export async function openEmbedded(
  path: string,
  retryWaitMs: number,
  waitMs: number,
  options: OperationOptions,
): Promise<Connection> {
  const directory = resolve(path);
  const chdb = loadChdb();
  mkdirSync(directory, { recursive: true });
  const deadline = performance.now() + waitMs;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      const connection = chdb.createChdbConnection({ path: directory });
      held.set(directory, (held.get(directory) ?? 0) + 1);
      writeHolder(directory);
      // The client would log what it is also told by the error that it throws.
      const client = createClient({
        connection: connection as unknown as ClientConnection,
        log: { level: ClickHouseLogLevel.OFF },
      });
      return new Connection(client, {
        target: `embedded in ${path}`,
        isEmbedded: true,
        retryWaitMs,
        close: async () => release(directory),
      });
    } catch (error) {
      if (!isLocked(error)) throw error;
      if (performance.now() >= deadline) throw busy(path, directory, error);
      options.logger?.info({ path }, 'waiting for the process that holds the embedded database');
    }
    await pause(RETRY_MS, options.signal);
  }
}

function loadChdb(): ChdbConnectionModule {
  try {
    return createRequire(import.meta.url)('chdb/connection') as ChdbConnectionModule;
  } catch (error) {
    throw new EtlError({
      code: 'CLICKHOUSE_EMBEDDED_MISSING',
      kind: 'config',
      message: 'The embedded ClickHouse needs the package chdb, which could not be loaded.',
      hint: 'Install chdb next to @etl/dest-clickhouse, or give the url of a server.',
      cause: error,
    });
  }
}

function isLocked(error: unknown): boolean {
  return error instanceof Error && /lock/i.test(error.message);
}

function busy(path: string, directory: string, cause: unknown): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_EMBEDDED_BUSY',
    kind: 'transient',
    message: `The embedded database ${path} is in use${holder(directory)}.`,
    hint: 'An embedded database serves one process at a time: run again when that one has ended.',
    cause,
  });
}

function holder(directory: string): string {
  try {
    const { pid, since } = JSON.parse(readFileSync(join(directory, HOLDER_FILE), 'utf8')) as {
      pid: number;
      since: string;
    };
    return ` by process ${pid} since ${since}`;
  } catch {
    return ' by another process';
  }
}

function writeHolder(directory: string): void {
  writeFileSync(join(directory, HOLDER_FILE), JSON.stringify({ pid: process.pid, since: new Date().toISOString() }));
}

function release(directory: string): void {
  const left = (held.get(directory) ?? 1) - 1;
  if (left > 0) {
    held.set(directory, left);
    return;
  }
  held.delete(directory);
  rmSync(join(directory, HOLDER_FILE), { force: true });
}
