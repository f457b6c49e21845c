import type {
  ApiCallTotals,
  DestinationView,
  LedgerEntry,
  OperationOptions,
  PipelineHolder,
  RunRecord,
  StateEntry,
} from '@etl/core';
import { readApiCalls } from './api-calls.ts';
import type { Database } from './database.ts';
import type { ResolvedOptions } from './options.ts';
import { holderOf } from './pipeline-lock.ts';
import { readSliceLedger } from './slice-ledger.ts';
import { readState } from './stored-state.ts';
import { readRunRecords } from './run-record.ts';

/** Looks at the loader's tables without taking a pipeline; a table that is missing is empty. */
export class ClickHouseView implements DestinationView {
  readonly #database: Database;
  readonly #options: ResolvedOptions;
  readonly #operation: OperationOptions;

  constructor(database: Database, options: ResolvedOptions, operation: OperationOptions) {
    this.#database = database;
    this.#options = options;
    this.#operation = operation;
  }

  async pipelines(): Promise<readonly string[]> {
    const tables = await this.#present(['_etl_loads', '_etl_slices', '_etl_runs', '_etl_state']);
    if (tables.length === 0) return [];
    const names = tables.map((table) => `SELECT pipeline FROM ${this.#database.table(table)}`).join(' UNION ALL ');
    const rows = await this.#database.rows<{ pipeline: string }>(
      `SELECT DISTINCT toString(pipeline) AS pipeline FROM (${names}) ORDER BY pipeline`,
      this.#operation,
      tables,
    );
    return rows.map(({ pipeline }) => pipeline);
  }

  async readState(pipeline: string): Promise<readonly StateEntry[]> {
    if ((await this.#present(['_etl_state'])).length === 0) return [];
    return readState(this.#database, pipeline, this.#operation);
  }

  async readLedger(pipeline: string, stream?: string): Promise<readonly LedgerEntry[]> {
    if ((await this.#present(['_etl_slices'])).length === 0) return [];
    return readSliceLedger(this.#database, pipeline, stream, this.#operation);
  }

  async readRuns(pipeline: string, limit: number): Promise<readonly RunRecord[]> {
    if ((await this.#present(['_etl_runs'])).length === 0) return [];
    return readRunRecords(this.#database, pipeline, limit, this.#operation);
  }

  async readApiCalls(pipeline: string): Promise<readonly ApiCallTotals[]> {
    if ((await this.#present(['_etl_api_calls'])).length === 0) return [];
    return readApiCalls(this.#database, pipeline, this.#operation);
  }

  holder(pipeline: string): Promise<PipelineHolder | undefined> {
    return holderOf(this.#database, pipeline, this.#options, this.#operation);
  }

  async #present(names: readonly string[]): Promise<readonly string[]> {
    const tables = await this.#database.tables(names, this.#operation);
    return tables.map(({ name }) => name).filter((name) => names.includes(name));
  }
}
