import type {
  ApiCallTotals,
  ContentReader,
  DestinationSession,
  JsonValue,
  LedgerEntry,
  LoadPackage,
  LoadSummary,
  OpenOptions,
  OperationOptions,
  RunRecord,
  StateEntry,
  StreamMemory,
  TableMerge,
} from '@etl/core';
import { ClickHouseContent } from './content-reader.ts';
import type { Database } from './database.ts';
import { literal } from './identifier.ts';
import { writeApiCalls } from './api-calls.ts';
import { ClickHouseLoad } from './load.ts';
import { claimLoadNumber } from './load-number.ts';
import type { ManifestTable } from './manifest.ts';
import { mergePartitions } from './merge-partitions.ts';
import type { ResolvedOptions } from './options.ts';
import { PipelineLock, sweepDeadLocks } from './pipeline-lock.ts';
import { PlainSupport } from './plain-support.ts';
import { rawName } from './raw-table.ts';
import { recoverPipeline } from './recover.ts';
import { writeRunRecord } from './run-record.ts';
import { readSliceLedger, writeSliceLedger } from './slice-ledger.ts';
import { readState, writeState } from './stored-state.ts';
import { ensureSystemTables, insertSystemRows, systemTime } from './system-tables.ts';

/** Owner of the memory that all pipelines share; no pipeline has an empty name. */
const EVERYBODY = '';

/** A pipeline held in one database. */
export class ClickHouseSession implements DestinationSession {
  readonly pipeline: string;
  readonly rolledForward: readonly LoadSummary[];
  readonly #database: Database;
  readonly #plain: PlainSupport;
  readonly #options: ResolvedOptions;
  readonly #operation: OperationOptions;
  readonly #lock: PipelineLock;
  /** Tables that loads of this session have put rows into. */
  readonly #touched = new Map<string, ManifestTable>();
  readonly #claimed = new Set<string>();
  readonly #announced = new Set<string>();
  #memoryBase: Promise<bigint> | undefined;
  #memoryWrites = 0n;

  private constructor(
    database: Database,
    options: ResolvedOptions,
    operation: OperationOptions,
    pipeline: string,
    lock: PipelineLock,
    rolledForward: readonly LoadSummary[],
  ) {
    this.#database = database;
    this.#plain = new PlainSupport(database.connection);
    this.#options = options;
    this.#operation = operation;
    this.pipeline = pipeline;
    this.#lock = lock;
    this.rolledForward = rolledForward;
  }

  static async open(
    database: Database,
    options: ResolvedOptions,
    pipeline: string,
    operation: OpenOptions,
  ): Promise<ClickHouseSession> {
    await ensureSystemTables(database, operation);
    const lock = await PipelineLock.acquire(database, pipeline, options, operation);
    try {
      await sweepDeadLocks(database, options, operation);
      const rolledForward = await recoverPipeline(database, pipeline, options, lock, operation);
      return new ClickHouseSession(database, options, operation, pipeline, lock, rolledForward);
    } catch (error) {
      await lock[Symbol.asyncDispose]();
      throw error;
    }
  }

  get lost(): AbortSignal {
    return this.#lock.lost;
  }

  readState(): Promise<readonly StateEntry[]> {
    return readState(this.#database, this.pipeline, this.#operation);
  }

  async writeState(entries: readonly StateEntry[]): Promise<void> {
    // Taken while the pipeline certainly was held: what a run writes that wakes up after a takeover is older than
    // all that its successor writes.
    const number = String(await claimLoadNumber(this.#database, this.#operation));
    await this.#lock.verify(this.#operation);
    const by = { pipeline: this.pipeline, number, token: `state-${number}`, at: new Date() };
    await writeState(this.#database, by, entries, this.#operation);
  }

  readLedger(stream: string): Promise<readonly LedgerEntry[]> {
    return readSliceLedger(this.#database, this.pipeline, stream, this.#operation);
  }

  async writeLedger(entries: readonly LedgerEntry[]): Promise<void> {
    const number = String(await claimLoadNumber(this.#database, this.#operation));
    await this.#lock.verify(this.#operation);
    const by = { pipeline: this.pipeline, number, token: `ledger-${number}` };
    await writeSliceLedger(this.#database, by, entries, this.#operation);
  }

  readMemory(stream: string, key: string): Promise<JsonValue | undefined> {
    return this.#readMemory(this.pipeline, stream, key);
  }

  writeMemory(stream: string, key: string, value: JsonValue): Promise<void> {
    return this.#writeMemory(this.pipeline, stream, key, value);
  }

  async #readMemory(pipeline: string, stream: string, key: string): Promise<JsonValue | undefined> {
    const [row] = await this.#database.rows<{ value: string }>(
      `SELECT value FROM ${this.#database.table('_etl_memory')} FINAL WHERE pipeline = ${literal(pipeline)} ` +
        `AND stream = ${literal(stream)} AND key = ${literal(key)}`,
      this.#operation,
      ['_etl_memory'],
    );
    const value = row === undefined ? null : (JSON.parse(row.value) as JsonValue);
    return value ?? undefined;
  }

  async #writeMemory(pipeline: string, stream: string, key: string, value: JsonValue, above = 0n): Promise<void> {
    this.#memoryBase ??= claimLoadNumber(this.#database, this.#operation);
    const base = (await this.#memoryBase) << 64n;
    this.#memoryWrites += 1n;
    const own = base + this.#memoryWrites;
    const version = String(own > above ? own : above + 1n);
    await insertSystemRows(
      this.#database,
      '_etl_memory',
      ['pipeline', 'stream', 'key', 'value', 'version', 'updated_at'],
      [[pipeline, stream, key, JSON.stringify(value), version, systemTime(new Date())]],
      `memory-${own}`,
      this.#operation,
    );
  }

  /** Others share the key: whoever writes last wins, not whoever began last. */
  async #writeShared(key: string, value: JsonValue): Promise<void> {
    const [row] = await this.#database.rows<{ version: string }>(
      `SELECT toString(max(version)) AS version FROM ${this.#database.table('_etl_memory')} ` +
        `WHERE pipeline = ${literal(EVERYBODY)} AND stream = '' AND key = ${literal(key)}`,
      this.#operation,
      ['_etl_memory'],
    );
    await this.#writeMemory(EVERYBODY, '', key, value, BigInt(row?.version ?? 0));
  }

  readContent(): ContentReader {
    return new ClickHouseContent(this.#database, this.#options, this.#operation);
  }

  readonly shared: StreamMemory = {
    get: (key) => this.#readMemory(EVERYBODY, '', key),
    set: (key, value) => this.#writeShared(key, value),
  };

  writeCalls(run: string, calls: readonly ApiCallTotals[], at: string): Promise<void> {
    const record = { pipeline: this.pipeline, id: run, calls, endedAt: at };
    return writeApiCalls(this.#database, record, this.#operation);
  }

  async writeRun(run: RunRecord): Promise<void> {
    const operation = { ...this.#operation, signal: undefined };
    await writeRunRecord(this.#database, run, operation);
    await writeApiCalls(this.#database, run, operation);
  }

  beginLoad(options: OperationOptions = {}): Promise<LoadPackage> {
    const context = {
      database: this.#database,
      plain: this.#plain,
      options: this.#options,
      pipeline: this.pipeline,
      lock: this.#lock,
      claimed: this.#claimed,
      announced: this.#announced,
      onPublished: (table: ManifestTable) => this.#touched.set(table.plan.publicName, table),
    };
    return ClickHouseLoad.begin(context, { ...this.#operation, ...options });
  }

  async optimize(options: OperationOptions = {}): Promise<readonly TableMerge[]> {
    const merges: TableMerge[] = [];
    let left = this.#options.mergeBytes;
    for (const { plan, generation } of this.#touched.values()) {
      const raw = rawName(plan.publicName, BigInt(generation));
      const table = { stream: plan.stream, raw, orderBy: plan.orderBy };
      const merge = await mergePartitions(this.#database, table, left, { ...this.#operation, ...options });
      left -= merge.bytes;
      if (merge.partitionsMerged + merge.partitionsSpared + merge.partitionsLeft > 0) merges.push(merge);
    }
    this.#touched.clear();
    return merges;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#lock[Symbol.asyncDispose]();
  }
}
