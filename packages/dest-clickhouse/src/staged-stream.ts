import {
  EtlError,
  type LedgerEntry,
  type OperationOptions,
  type Row,
  type Slice,
  type StreamSpec,
  type TextBatch,
} from '@etl/core';
import { parentIsStaged } from './child-table.ts';
import { ClosedSlices } from './closed-slices.ts';
import type { InsertTarget } from './connection.ts';
import type { Database } from './database.ts';
import { binaryInputs, OPEN, type EncodedTable } from './encoded-table.ts';
import { rowVersion } from './load-id.ts';
import { lookupRows } from './lookup.ts';
import type { ManifestTable } from './manifest.ts';
import type { ResolvedOptions } from './options.ts';
import type { PreparedTable } from './prepare-table.ts';
import { rawName } from './raw-table.ts';
import { RowEncoder } from './row-encoder.ts';
import { MAX_REJECTS, type Reject } from './schema-contract.ts';
import { requireUniqueKey, stageTombstones } from './staged-slice.ts';
import { addStagingColumn, copyStaged, createStagingTable, verifyCount } from './staging-table.ts';
import { hasRowId, type ChildOf, type TablePlan } from './table-plan.ts';
import { TextEncoder } from './text-encoder.ts';
import { WireBuffer } from './wire-buffer.ts';

/** What a stream is written with, besides its spec. */
export interface StagedStreamContext {
  readonly database: Database;
  readonly options: ResolvedOptions;
  readonly operation: OperationOptions;
  readonly loadId: string;
  readonly number: bigint;
  /** Name of the staging table of this stream in this load. */
  readonly staging: string;
}

/** The table that a stream is staged for. */
export type StagedTable = Pick<PreparedTable, 'plan' | 'targets' | 'discarded' | 'isViewCurrent'>;

/** The rows of one stream in one load, from encoding to the staging table. */
export class StagedStream {
  readonly #context: StagedStreamContext;
  #stream: StreamSpec;
  #plan: TablePlan;
  #table: EncodedTable;
  #encoder: RowEncoder;
  #text: { readonly columns: string; readonly encoder: TextEncoder } | undefined;
  #generation: bigint;
  #replaced: 'nothing' | 'rows' | 'table' = 'nothing';
  #isViewCurrent: boolean;
  /** Staging tables that are there; the last one has the rows. */
  readonly #tables: string[] = [];
  #rows = 0;
  #rejected = 0;
  readonly #slices: ClosedSlices;
  #rejects: Reject[] = [];
  #ordinal = 0;
  #chunk = 0;
  readonly #buffer = new WireBuffer();
  #lines = 0;
  #sending: Promise<void> = Promise.resolve();

  constructor(context: StagedStreamContext, stream: StreamSpec, table: StagedTable, generation: bigint) {
    this.#context = context;
    this.#slices = new ClosedSlices(context.database, context.operation);
    this.#stream = stream;
    this.#plan = table.plan;
    this.#table = table;
    this.#generation = generation;
    this.#isViewCurrent = table.isViewCurrent;
    this.#encoder = new RowEncoder(stream, this.#context, table);
  }

  /** Whether the rows make a generation of their own, which takes the place of the table. */
  get replaces(): boolean {
    return this.#replaced === 'table';
  }

  /** Takes a changed spec; columns that staging lacks are added to it. */
  async evolve(stream: StreamSpec, table: StagedTable): Promise<void> {
    await this.#flush();
    const staging = this.#staging;
    if (staging !== undefined) {
      const { database, operation } = this.#context;
      const known = new Map(this.#plan.columns.map(({ name, type }) => [name, type]));
      for (const { name, type } of table.plan.columns) {
        const staged = known.get(name);
        if (staged !== undefined && staged !== type) throw changedInLoad(stream.name, name, staged, type);
      }
      const inputs = binaryInputs(stream, table.targets);
      for (const column of table.plan.columns) {
        if (!known.has(column.name))
          await addStagingColumn(database, staging, column, inputs.get(column.name), operation);
      }
    }
    this.#stream = stream;
    this.#plan = table.plan;
    this.#table = table;
    this.#isViewCurrent &&= table.isViewCurrent;
    this.#text = undefined;
    this.#encoder = new RowEncoder(stream, this.#context, table);
  }

  /** From here on the rows are the whole table: they make a generation of their own. */
  async replaceTable(plan: TablePlan): Promise<void> {
    await this.discard();
    this.#plan = plan;
    this.#table = OPEN;
    this.#text = undefined;
    this.#encoder = new RowEncoder(this.#stream, this.#context, this.#table);
    this.#generation = this.#context.number;
    this.#replaced = 'table';
  }

  /** The rows are the whole table, but in place: what is not among them gets a tombstone. */
  replaceRows(): void {
    this.#replaced = 'rows';
  }

  /** @returns the rows that the schema contract let in. */
  async write(rows: readonly Row[]): Promise<readonly Row[]> {
    const rejected = new Set<Row>();
    for (const row of rows) {
      const reject = this.#encoder.encode(row, this.#ordinal, this.#buffer);
      this.#count(reject);
      if (reject !== undefined) rejected.add(row);
      if (this.#isChunkFull()) await this.#send();
    }
    return rejected.size === 0 ? rows : rows.filter((row) => !rejected.has(row));
  }

  async writeText(batch: TextBatch): Promise<void> {
    const columns = JSON.stringify(batch.columns);
    if (this.#text?.columns !== columns) {
      this.#text = { columns, encoder: new TextEncoder(this.#stream, this.#context, this.#table, batch.columns) };
    }
    const { encoder } = this.#text;
    encoder.begin(batch);
    for (let row = 0; ; row += 1) {
      const reject = encoder.encodeNext(batch, row, this.#ordinal, this.#buffer);
      if (reject === false) return;
      this.#count(reject);
      if (this.#isChunkFull()) await this.#send();
    }
  }

  #count(reject: Reject | undefined): void {
    this.#ordinal += 1;
    if (reject === undefined) {
      this.#lines += 1;
      return;
    }
    this.#rejected += 1;
    if (this.#rejects.length < MAX_REJECTS) this.#rejects.push(reject);
  }

  #isChunkFull(): boolean {
    const { chunkRows, chunkBytes } = this.#context.options;
    return this.#lines >= chunkRows || this.#buffer.length >= chunkBytes;
  }

  // One insert is under way while the next chunk is encoded; more would only grow memory.
  async #send(): Promise<void> {
    const body = this.#buffer.take();
    this.#rows += this.#lines;
    this.#lines = 0;
    const token = `${this.#context.loadId}-${this.#chunk}`;
    this.#chunk += 1;
    await this.#sending;
    const staging = await this.#ensureStaging();
    const { columns } = this.#encoder;
    this.#sending = this.#insert({ table: staging, columns, token }, body);
    // Awaited before the next chunk and before the commit; until then it must not count as unhandled.
    this.#sending.catch(() => undefined);
  }

  async #insert(target: InsertTarget, body: Buffer): Promise<void> {
    const { database, operation } = this.#context;
    await database.insert(target, body, operation);
    // Memory of many MiB is dear to get: the next chunk but one is written where this one stood. Not
    // with a server, to which an attempt that counts as failed may still be under way.
    if (database.connection.isEmbedded) this.#buffer.giveBack(body);
  }

  async #ensureStaging(): Promise<string> {
    if (this.#staging !== undefined) return this.#staging;
    const { database, staging, operation } = this.#context;
    await createStagingTable(database, staging, this.#plan, binaryInputs(this.#stream, this.#table.targets), operation);
    this.#tables.push(staging);
    return staging;
  }

  async #flush(): Promise<void> {
    if (this.#lines > 0) await this.#send();
    await this.#sending;
  }

  async discard(): Promise<void> {
    this.#buffer.take();
    this.#lines = 0;
    await this.#sending.catch(() => undefined);
    this.#sending = Promise.resolve();
    this.#rejected = 0;
    this.#rejects = [];
    await this.#dropStaged();
  }

  async lookup(keys: readonly Row[], columns: readonly string[]): Promise<readonly (Row | undefined)[]> {
    await this.#flush();
    const tables = [...this.#tables];
    if (this.#replaced === 'nothing') tables.push(rawName(this.#plan.publicName, this.#generation));
    return lookupRows(
      this.#context.database,
      tables,
      this.#stream,
      this.#table.targets,
      keys,
      columns,
      this.#context.operation,
    );
  }

  /** Name of the staging table, with all rows so far; `undefined` when there were none. */
  async staging(): Promise<string | undefined> {
    await this.#flush();
    return this.#staging;
  }

  /** Marks as deleted what the table has below staged parents but was not read. */
  async closeChildren(childOf: ChildOf, parentStaging: string): Promise<void> {
    await this.#flush();
    if (this.#replaced !== 'nothing') return;
    await this.#stageTombstones(parentIsStaged(this.#context.database, childOf, parentStaging), parentStaging);
  }

  /** From here on the slice is complete; it is checked, and what it lacks is marked as deleted, at the end. */
  closeSlice(slice: Slice, previous?: LedgerEntry): void {
    this.#slices.add(slice, !this.replaces, previous);
  }

  /** What was found of the closed slices, once everything is in staging. */
  get slices(): Pick<ClosedSlices, 'fingerprints' | 'unchanged' | 'restated'> {
    return this.#slices;
  }

  // Once for all slices: their rows may have come mixed, and a window costs what a day costs.
  async #closeSlices(): Promise<void> {
    if (!this.#slices.any) return;
    await this.requireUniqueKey();
    const tables = {
      staging: this.#staging,
      raw: rawName(this.#plan.publicName, this.#generation),
      stream: this.#stream,
      plan: this.#plan,
    };
    await this.#slices.requireInside(tables);
    await this.#slices.compare(tables);
    const changed = this.#slices.condition(this.#stream);
    if (this.#slices.unchanged.length > 0) await this.#keepOnly(changed, this.#slices.changedRows);
    if (changed !== undefined) await this.#stageTombstones(changed);
  }

  /** Only what changed is published, so staging is exchanged for a copy of that: its rows are never altered. */
  /** Only what changed is published, so staging is exchanged for a copy of that: its rows are never altered. */
  async #keepOnly(condition: string | undefined, rows: number): Promise<void> {
    const whole = this.#staging;
    if (condition === undefined || rows === 0 || whole === undefined) return this.#dropStaged();
    const { database, operation } = this.#context;
    const kept = `${whole}_changed`;
    this.#tables.push(kept);
    await createStagingTable(database, kept, this.#plan, new Map(), operation);
    await copyStaged(database, { from: whole, to: kept }, this.#plan, condition, operation);
    this.#rows = rows;
    await database.drop(whole, operation);
    this.#tables.shift();
  }

  async #dropStaged(): Promise<void> {
    this.#rows = 0;
    const { database, operation } = this.#context;
    for (const name of this.#tables.toReversed()) {
      await database.drop(name, operation);
      this.#tables.pop();
    }
  }

  get #staging(): string | undefined {
    return this.#tables.at(-1);
  }

  /** @throws `PRIMARY_KEY_NOT_UNIQUE` (data). */
  async requireUniqueKey(): Promise<void> {
    const { database, operation } = this.#context;
    const staging = this.#staging;
    if (staging !== undefined && !hasRowId(this.#stream))
      await requireUniqueKey(database, staging, this.#stream, this.#plan, operation);
  }

  async #stageTombstones(condition: string, parent?: string): Promise<void> {
    const staging = await this.#ensureStaging();
    const { database, operation, number, loadId } = this.#context;
    const raw = rawName(this.#plan.publicName, this.#generation);
    const tables = { raw, staging, ...(parent === undefined ? {} : { parent }) };
    const tombstones = { version: rowVersion(number, this.#ordinal), loadId };
    this.#ordinal += 1;
    this.#chunk += 1;
    this.#rows += await stageTombstones(database, tables, this.#plan, condition, tombstones, operation);
  }

  /** Everything is in staging, counted. */
  async finish(): Promise<ManifestTable | undefined> {
    await this.#flush();
    await this.#closeSlices();
    if (this.#replaced === 'rows') await this.#stageTombstones('1');
    const { database, operation } = this.#context;
    if (this.#rows === 0) await this.#dropStaged();
    if (this.#rows === 0 && this.#rejected === 0 && !this.replaces && this.#isViewCurrent) return undefined;
    const staging = this.#staging;
    if (staging !== undefined) await verifyCount(database, staging, this.#rows, operation);
    return {
      plan: this.#plan,
      generation: String(this.#generation),
      replaces: this.replaces,
      ...(staging === undefined ? {} : { staging }),
      rows: this.#rows,
      ...(this.#rejected === 0 ? {} : { rejected: this.#rejected, rejects: this.#rejects }),
    };
  }
}

// Rows of the old type are staged already; only another truncation or another load can help.
function changedInLoad(stream: string, column: string, staged: string, declared: string): EtlError {
  return new EtlError({
    code: 'CLICKHOUSE_TYPE_CONFLICT',
    kind: 'schema',
    message: `Column ${column} of ${stream} changed from ${staged} to ${declared} in the middle of a load.`,
    hint: 'Run again: the load was given up, and the next one begins with the new type.',
    context: { stream, column },
  });
}
