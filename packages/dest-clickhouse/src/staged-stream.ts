import type { OperationOptions, Row, Slice, StreamSpec, TextBatch } from '@etl/core';
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
import { addStagingColumn, createStagingTable, verifyCount } from './staging-table.ts';
import { hasRowId, type ChildOf, type TablePlan } from './table-plan.ts';
import { changedInLoad, movedColumns } from './moved-columns.ts';
import { TextEncoder } from './text-encoder.ts';
import { castDefault } from './variant-columns.ts';
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
export type StagedTable = Pick<
  PreparedTable,
  'plan' | 'targets' | 'absent' | 'discarded' | 'additions' | 'isViewCurrent'
>;

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
  #created = false;
  #rows = 0;
  #rejected = 0;
  readonly #slices: ClosedSlices;
  #isUnchanged = false;
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
    if (this.#created) await this.#widenStaging(stream, table);
    this.#stream = stream;
    this.#plan = table.plan;
    this.#table = table;
    this.#isViewCurrent &&= table.isViewCurrent;
    this.#text = undefined;
    this.#encoder = new RowEncoder(stream, this.#context, table);
  }

  /** Rows that are staged already have to read as they were meant, whatever comes after them. */
  async #widenStaging(stream: StreamSpec, table: StagedTable): Promise<void> {
    const { database, staging, operation } = this.#context;
    const known = new Map(this.#plan.columns.map(({ name, type }) => [name, type]));
    const inputs = binaryInputs(stream, table.targets);
    const moved = movedColumns({ ...this.#table, plan: this.#plan }, table);
    for (const column of table.plan.columns) {
      const { name, type } = column;
      const staged = known.get(name);
      const earlier = moved.get(name);
      if (earlier !== undefined && (staged !== undefined || inputs.has(name)))
        throw changedInLoad(stream.name, name, known.get(earlier) ?? '', type);
      if (staged !== undefined && staged !== type) throw changedInLoad(stream.name, name, staged, type);
      if (staged !== undefined) continue;
      const definition = earlier === undefined ? undefined : castDefault(earlier, type);
      await addStagingColumn(database, staging, column, { source: inputs.get(name), definition }, operation);
    }
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
    const { staging, loadId } = this.#context;
    const token = `${loadId}-${this.#chunk}`;
    this.#chunk += 1;
    await this.#sending;
    await this.#ensureStaging();
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

  async #ensureStaging(): Promise<void> {
    if (this.#created) return;
    const { database, staging, operation } = this.#context;
    await createStagingTable(database, staging, this.#plan, binaryInputs(this.#stream, this.#table.targets), operation);
    this.#created = true;
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
    const tables = this.#created ? [this.#context.staging] : [];
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
    return this.#created ? this.#context.staging : undefined;
  }

  /** Marks as deleted what the table has below staged parents but was not read. */
  async closeChildren(childOf: ChildOf, parentStaging: string): Promise<void> {
    await this.#flush();
    if (this.#replaced !== 'nothing') return;
    await this.#stageTombstones(parentIsStaged(this.#context.database, childOf, parentStaging), parentStaging);
  }

  /** From here on the slice is complete; it is checked, and what it lacks is marked as deleted, at the end. */
  closeSlice(slice: Slice, previous?: string): void {
    this.#slices.add(slice, { ownsRows: !this.replaces, ...(previous === undefined ? {} : { previous }) });
  }

  /** Of the closed slices, once everything is in staging. */
  get fingerprints(): ReadonlyMap<string, string> {
    return this.#slices.fingerprints;
  }

  /** Whether the table held these very rows before, so that none of them is left to publish. */
  get isUnchanged(): boolean {
    return this.#isUnchanged;
  }

  // Once for all slices: their rows may have come mixed, and a window costs what a day costs.
  async #closeSlices(): Promise<void> {
    if (!this.#slices.any) return;
    await this.requireUniqueKey();
    const tables = {
      staging: this.#created ? this.#context.staging : undefined,
      raw: rawName(this.#plan.publicName, this.#generation),
      stream: this.#stream,
      plan: this.#plan,
    };
    await this.#slices.requireInside(tables);
    this.#isUnchanged = await this.#slices.isUnchanged(tables);
    if (this.#isUnchanged) return this.#dropStaged();
    const owned = this.#slices.condition(this.#stream);
    if (owned !== undefined) await this.#stageTombstones(owned);
  }

  async #dropStaged(): Promise<void> {
    this.#rows = 0;
    if (!this.#created) return;
    this.#created = false;
    await this.#context.database.drop(this.#context.staging, this.#context.operation);
  }

  /** @throws `PRIMARY_KEY_NOT_UNIQUE` (data). */
  async requireUniqueKey(): Promise<void> {
    const { database, staging, operation } = this.#context;
    if (this.#created && !hasRowId(this.#stream))
      await requireUniqueKey(database, staging, this.#stream, this.#plan, operation);
  }

  async #stageTombstones(condition: string, parent?: string): Promise<void> {
    await this.#ensureStaging();
    const { database, staging, operation, number, loadId } = this.#context;
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
    const { database, staging, operation } = this.#context;
    if (this.#rows === 0) await this.#dropStaged();
    if (this.#rows === 0 && this.#rejected === 0 && !this.replaces && this.#isViewCurrent) return undefined;
    if (this.#created) await verifyCount(database, staging, this.#rows, operation);
    return {
      plan: this.#plan,
      generation: String(this.#generation),
      replaces: this.replaces,
      ...(this.#created ? { staging } : {}),
      rows: this.#rows,
      ...(this.#rejected === 0 ? {} : { rejected: this.#rejected, rejects: this.#rejects }),
    };
  }
}
