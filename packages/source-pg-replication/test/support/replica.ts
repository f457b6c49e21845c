import {
  runPipeline,
  type Checkpoint,
  type ComparableSource,
  type Destination,
  type EtlError,
  type Logger,
  type PipelineReport,
  type Row,
  type Source,
  type SourceMessage,
  type SourceReadRequest,
  type StateEntry,
} from '@etl/core';
import { faultyDestination, memoryDestination, MemoryStore } from '@etl/testing';
import { pgReplication, type PgReplicationOptions } from '../../src/index.ts';
import type { TestDatabase } from './postgres.ts';

/** How rows are given; where it is bytes, what changes is given as text. */
export type RowForm = (typeof ROW_FORMS)[number];
export const ROW_FORMS = ['rows', 'text', 'bytes'] as const;

/** A source and the in-memory copy that its runs keep. */
export class Replica {
  readonly store: MemoryStore;
  readonly warnings: string[] = [];
  readonly #database: TestDatabase;
  readonly #options: PgReplicationOptions;
  readonly #form: RowForm;

  constructor(
    database: TestDatabase,
    options: Partial<PgReplicationOptions> = {},
    { form = 'rows', store = new MemoryStore() }: { readonly form?: RowForm; readonly store?: MemoryStore } = {},
  ) {
    this.#database = database;
    this.#form = form;
    this.store = store;
    this.#options = { connectionString: database.url, slot: database.name, ...options };
  }

  /** The same copy, kept up to date from another server. */
  elsewhere(database: TestDatabase): Replica {
    const options = { ...this.#options, connectionString: database.url };
    return new Replica(database, options, { form: this.#form, store: this.store });
  }

  /** The same copy, with other options. */
  with(options: Partial<PgReplicationOptions>): Replica {
    return new Replica(this.#database, { ...this.#options, ...options }, { form: this.#form, store: this.store });
  }

  source(): ComparableSource {
    return pgReplication(this.#options);
  }

  /** The copy, which takes rows in that form. */
  destination(): Destination {
    const destination = memoryDestination(this.store);
    const forms = { text: this.#form !== 'rows', binary: this.#form === 'bytes' };
    return { ...destination, capabilities: { ...destination.capabilities, ...forms } };
  }

  /** One run; fails the test unless every stream is good. */
  async run(options: { readonly commitEveryRows?: number } = {}): Promise<PipelineReport> {
    const report = await this.attempt(options);
    const [failure] = report.failures;
    if (failure !== undefined) throw failure.error;
    return report;
  }

  async attempt(
    options: {
      readonly commitEveryRows?: number;
      readonly fullRefresh?: boolean;
      readonly streams?: readonly string[];
      readonly signal?: AbortSignal;
      /** Instead of the one that keeps its promises. */
      readonly destination?: Destination;
    } = {},
  ): Promise<PipelineReport> {
    await using source = this.source();
    return await runPipeline({
      name: 'test',
      source,
      destination: this.destination(),
      logger: recordingLogger(this.warnings),
      ...options,
    });
  }

  rows(stream: string): readonly Row[] {
    return this.store.rows(stream).map((row) => withoutSystemColumns(row));
  }

  /** Whether all values of the columns are equal on both sides, compared as text. */
  async difference(database: TestDatabase, table: string, columns: readonly string[], key = 'id'): Promise<string[]> {
    const list = columns.map((column) => `"${column}"::text`).join(', ');
    const there = (await database.rows(`SELECT ${list} FROM ${table} ORDER BY "${key}"::text COLLATE "C"`)).map((row) =>
      JSON.stringify(columns.map((column) => row[column])),
    );
    const here = this.store.rows(table).map((row) => JSON.stringify(columns.map((column) => textOf(row[column]))));
    const ours = new Set(here);
    const theirs = new Set(there);
    return [
      ...there.filter((row) => !ours.has(row)).map((row) => `missing ${row.slice(0, 120)}`),
      ...here.filter((row) => !theirs.has(row)).map((row) => `surplus ${row.slice(0, 120)}`),
      ...(here.length === there.length ? [] : [`${here.length} rows instead of ${there.length}`]),
    ];
  }

  state(): readonly StateEntry[] {
    return this.store.state.get('test') ?? [];
  }

  /** What the engine gives a reading: positions, and what the source wants to be remembered. */
  request(): Pick<SourceReadRequest, 'state' | 'memory'> {
    const key = (stream: string, name: string): string => JSON.stringify(['test', stream, name]);
    return {
      state: this.state(),
      memory: (stream) => ({
        get: async (name) => this.store.memory.get(key(stream, name)),
        set: async (name, value) => void this.store.memory.set(key(stream, name), value),
      }),
    };
  }

  lsn(): string {
    const entry = this.state().find(({ stream }) => stream === '');
    return String((entry?.value as { lsn?: string } | undefined)?.lsn);
  }
}

export function withoutSystemColumns(row: Row): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => name !== '_version' && name !== '_deleted'));
}

/**
 * Runs whose process dies at a call to the destination, a later one each time, up to the run that is over
 * before. After each comes a run that is left alone.
 */
export async function killAtCalls(
  replica: Replica,
  {
    change,
    check,
    step = 2,
  }: {
    /** What is written before each run that dies. */
    readonly change: (call: number) => Promise<void>;
    /** What has to hold: after a death, and after the run behind it. */
    readonly check: (call: number, state: 'dead' | 'ended') => Promise<void>;
    readonly step?: number;
  },
): Promise<void> {
  for (let call = 1, isDead = true; isDead; call += step) {
    await change(call);
    isDead = false;
    // The call arrives, and nobody is told, or it never arrives.
    const when = call % (2 * step) === 1 ? 'before' : 'after';
    const destination = faultyDestination(memoryDestination(replica.store), (_, count) => {
      if (count !== call) return undefined;
      isDead = true;
      return { when, error: new Error('killed'), isDeath: true };
    });
    const [outcome] = await Promise.allSettled([replica.attempt({ commitEveryRows: 1, destination })]);
    if (!isDead && outcome.status === 'rejected') throw outcome.reason;
    await check(call, 'dead');
    await replica.run();
    await check(call, 'ended');
  }
}

/** A logger that keeps the phrases of its warnings. */
export function recordingLogger(warnings: string[]): Logger {
  const logger: Logger = {
    debug: () => undefined,
    info: () => undefined,
    warn: (fields, message) => void warnings.push(`${message} ${JSON.stringify(fields)}`),
    error: (_, message) => void warnings.push(message),
    child: () => logger,
  };
  return logger;
}

/** The LSN that a checkpoint carries. */
export function lsnOf({ entries }: Checkpoint): string {
  const value = entries.findLast(({ stream }) => stream === '')?.value;
  return String((value as { lsn?: string } | undefined)?.lsn);
}

/** All messages of one reading, without an engine. */
export async function readAll(source: Source, state: readonly StateEntry[] = []): Promise<SourceMessage[]> {
  const messages: SourceMessage[] = [];
  for await (const message of source.read({ state })) messages.push(message);
  return messages;
}

export function rowsOf(messages: readonly SourceMessage[], stream: string): Row[] {
  return messages.flatMap((message) => (message.type === 'records' && message.stream === stream ? message.rows : []));
}

export function lastCheckpoint(messages: readonly SourceMessage[]): Checkpoint {
  const last = messages.at(-1);
  if (last?.type !== 'checkpoint') throw new Error('the last message is no checkpoint');
  return last.checkpoint;
}

/** The error that a promise is rejected with. */
export async function failureOf(work: Promise<unknown>): Promise<EtlError> {
  try {
    await work;
  } catch (error) {
    return error as EtlError;
  }
  throw new Error('nothing failed');
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' ? value : (JSON.stringify(value) ?? null);
}
