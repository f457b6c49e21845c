import { randomUUID } from 'node:crypto';
import { createRequire } from 'node:module';
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import {
  ClickHouseLogLevel,
  createClient,
  type ClickHouseClient,
  type ClickHouseClientConfigOptions,
} from '@clickhouse/client';
import { EtlError, type OperationOptions } from '@etl/core';
import { Connection, pause } from './connection.ts';
import { makeEmbeddedDirectory } from './embedded-directory.ts';
import { InsertFiles, sweepInsertFiles } from './insert-files.ts';
import { thisProcess, type ProcessIdentity } from './process-identity.ts';

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
 * `CLICKHOUSE_EMBEDDED_MISSING`, `CLICKHOUSE_EMBEDDED_UNWRITABLE` (config) when the package chdb is not installed or
 * the directory cannot be used.
 */
export async function openEmbedded(
  path: string,
  retryWaitMs: number,
  waitMs: number,
  options: OperationOptions,
): Promise<Connection> {
  const directory = resolve(path);
  const chdb = loadChdb();
  makeEmbeddedDirectory(directory);
  const deadline = performance.now() + waitMs;
  for (;;) {
    options.signal?.throwIfAborted();
    try {
      // The engine prints to stderr when it finds its directory locked: only who holds the note asks it.
      if (!claim(directory)) throw new HeldError();
      const client = connect(chdb, directory);
      // Not before: a note cannot tell of a process in another container, and its rows are in such files.
      if (!held.has(directory)) sweepInsertFiles(directory);
      held.set(directory, (held.get(directory) ?? 0) + 1);
      return new Connection(client, {
        target: `embedded in ${path}`,
        isEmbedded: true,
        ...(InsertFiles.canBeIn(directory) ? { insertFiles: new InsertFiles(directory) } : {}),
        another: () => connect(chdb, directory),
        retryWaitMs,
        close: async () => release(directory),
      });
    } catch (error) {
      if (!isLocked(error, directory)) throw error;
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

class HeldError extends Error {}

/** What the engine throws does not say why; its own note of who holds the directory does. */
function isLocked(error: unknown, directory: string): boolean {
  if (error instanceof HeldError) return true;
  if (!(error instanceof Error) || !/lock|create connection/i.test(error.message)) return false;
  const pid = Number(/^PID: (\d+)$/m.exec(readFileOrEmpty(join(directory, 'status')))?.[1]);
  return pid !== process.pid && isRunning(pid);
}

function connect(chdb: ChdbConnectionModule, directory: string): ClickHouseClient {
  try {
    const connection = chdb.createChdbConnection({ path: directory }) as unknown as ClientConnection;
    // The client would log what it is also told by the error that it throws.
    return createClient({ connection, log: { level: ClickHouseLogLevel.OFF } });
  } catch (error) {
    dropUnusedNote(directory);
    throw error;
  }
}

/** Puts this process's note where everybody looks for one. False while the process of another note lives. */
function claim(directory: string): boolean {
  const note = join(directory, HOLDER_FILE);
  const own = `${note}.${thisProcess.instance}`;
  const holder: Holder = { ...thisProcess, startedAt: startTime(process.pid) };
  writeFileSync(own, JSON.stringify(holder));
  try {
    // A link appears with its content, and for one process only.
    while (!linked(own, note)) {
      const found = readFileOrEmpty(note);
      const other = parseHolder(found);
      if (other?.instance === thisProcess.instance) return true;
      if (other !== undefined && isAlive(other)) return false;
      bury(note, found);
    }
    return true;
  } finally {
    rmSync(own, { force: true });
  }
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Takes a dead note away, unless somebody has put a new one in its place meanwhile. */
function bury(note: string, dead: string): void {
  const aside = `${note}.${randomUUID()}`;
  try {
    renameSync(note, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  if (readFileOrEmpty(aside) !== dead) linked(aside, note);
  rmSync(aside, { force: true });
}

function isAlive({ host, namespace, pid, startedAt }: Holder): boolean {
  // Processes elsewhere cannot be seen: the engine's own lock has to do there.
  if (host !== thisProcess.host || namespace !== thisProcess.namespace) return false;
  return isRunning(pid) && startedAt === startTime(pid);
}

function busy(path: string, directory: string, cause: unknown): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_EMBEDDED_BUSY',
    kind: 'transient',
    message: `The embedded database ${path} is in use${heldBy(directory)}.`,
    hint: 'An embedded database serves one process at a time: run again when that one has ended.',
    cause,
  });
}

function heldBy(directory: string): string {
  const known = parseHolder(readFileOrEmpty(join(directory, HOLDER_FILE)));
  return known === undefined ? ' by another process' : ` by process ${known.pid} since ${known.since}`;
}

interface Holder extends ProcessIdentity {
  /** Tells a process from a later one with the same id. */
  readonly startedAt: string;
}

function parseHolder(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}

/** When a process started, in the system's own unit; empty where the system does not say. */
function startTime(pid: number): string {
  const fields = readFileOrEmpty(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');
  return fields[19] ?? '';
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function readFileOrEmpty(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function release(directory: string): void {
  const left = (held.get(directory) ?? 1) - 1;
  if (left > 0) {
    held.set(directory, left);
    return;
  }
  held.delete(directory);
  dropUnusedNote(directory);
}

function dropUnusedNote(directory: string): void {
  if (!held.has(directory)) rmSync(join(directory, HOLDER_FILE), { force: true });
}
