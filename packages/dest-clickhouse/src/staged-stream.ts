import type { BinaryBatch, LedgerEntry, OperationOptions, Row, Slice, StreamSpec, TextBatch } from '@etl/core';
import { binaryForm, requireBinary } from './binary-form.ts';
import { rowsOfBinary } from './binary-rows.ts';
import { parentIsStaged } from './child-table.ts';
import { ClosedSlices } from './closed-slices.ts';
import type { Database } from './database.ts';
import { base64Inputs, OPEN, type EncodedTable } from './encoded-table.ts';
import { rowVersion } from './load-id.ts';
import { lookupRows } from './lookup.ts';
import type { ManifestTable } from './manifest.ts';
import type { ResolvedOptions } from './options.ts';
import type { PlainForm } from './plain-form.ts';
import type { PlainSupport } from './plain-support.ts';
import { PlainText } from './plain-text.ts';
import type { PreparedTable } from './prepare-table.ts';
import { rawName } from './raw-table.ts';
import { isVersion, RowEncoder } from './row-encoder.ts';
import { MAX_REJECTS, type Reject } from './schema-contract.ts';
import { changedInLoad, movedColumns } from './moved-columns.ts';
import { StagedRows, type AddedColumn, type StagedLayout } from './staged-rows.ts';
import { requireUniqueKey } from './staged-slice.ts';
import { hasRowId, type ChildOf, type TablePlan } from './table-plan.ts';
import { TextEncoder, wrongCount } from './text-encoder.ts';
import { castDefault } from './variant-columns.ts';

/** What a stream is written with, besides its spec. */
export interface StagedStreamContext {
  readonly database: Database;
  readonly plain: PlainSupport;
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
  'plan' | 'generation' | 'targets' | 'absent' | 'discarded' | 'additions' | 'isViewCurrent'
>;

/** How text with certain columns is taken. */
interface TextForm {
  readonly columns: string;
  readonly encoder: TextEncoder;
  /** Absent where every line has to be rewritten. */
  readonly plain: PlainText | undefined;
}

/** How bytes with certain columns are taken. */
interface BinaryForm {
  readonly columns: string;
  /** Absent where every row has to be encoded. */
  readonly form: PlainForm | undefined;
}

/** The rows of one stream in one load, from encoding to the staging table. */
export class StagedStream {
  readonly #context: StagedStreamContext;
  #stream: StreamSpec;
  #plan: TablePlan;
  #table: EncodedTable;
  #encoder: RowEncoder;
  #text: TextForm | undefined;
  #binary: BinaryForm | undefined;
  #generation: bigint;
  #replaced: 'nothing' | 'rows' | 'table' = 'nothing';
  #isViewCurrent: boolean;
  readonly #rows: StagedRows;
  readonly #slices: ClosedSlices;
  #rejected = 0;
  #rejects: Reject[] = [];
  #ordinal = 0;

  constructor(context: StagedStreamContext, stream: StreamSpec, table: StagedTable) {
    this.#context = context;
    this.#slices = new ClosedSlices(context.database, context.operation);
    this.#stream = stream;
    this.#plan = table.plan;
    this.#table = table;
    this.#generation = table.generation ?? 0n;
    this.#isViewCurrent = table.isViewCurrent;
    this.#encoder = new RowEncoder(stream, this.#context, table);
    this.#rows = new StagedRows(context, this.#layout);
  }

  get #layout(): StagedLayout {
    const inputs = base64Inputs(this.#stream, this.#table.targets);
    return { plan: this.#plan, inputs, columns: this.#encoder.columns };
  }

  /** Whether the rows make a generation of their own, which takes the place of the table. */
  get replaces(): boolean {
    return this.#replaced === 'table';
  }

  /** Takes a changed spec; columns that staging lacks are added to it. */
  async evolve(stream: StreamSpec, table: StagedTable): Promise<void> {
    await this.#rows.flush();
    const added = this.#rows.table === undefined ? [] : this.#addedColumns(stream, table);
    this.#stream = stream;
    this.#plan = table.plan;
    this.#table = table;
    this.#generation = table.generation ?? this.#generation;
    this.#isViewCurrent &&= table.isViewCurrent;
    this.#text = undefined;
    this.#binary = undefined;
    this.#encoder = new RowEncoder(stream, this.#context, table);
    await this.#rows.evolve(this.#layout, added);
  }

  /** Rows that are staged already have to read as they were meant, whatever comes after them. */
  #addedColumns(stream: StreamSpec, table: StagedTable): readonly AddedColumn[] {
    const known = new Map(this.#plan.columns.map(({ name, type }) => [name, type]));
    const inputs = base64Inputs(stream, table.targets);
    const moved = movedColumns({ ...this.#table, plan: this.#plan }, table);
    return table.plan.columns.flatMap((column) => {
      const { name, type } = column;
      const staged = known.get(name);
      const earlier = moved.get(name);
      if (earlier !== undefined && (staged !== undefined || inputs.has(name)))
        throw changedInLoad(stream.name, name, known.get(earlier) ?? '', type);
      if (staged !== undefined && staged !== type) throw changedInLoad(stream.name, name, staged, type);
      if (staged !== undefined) return [];
      const definition = earlier === undefined ? undefined : castDefault(earlier, type);
      return [{ column, source: inputs.get(name), definition }];
    });
  }

  /** From here on the rows are the whole table: they make a generation of their own. */
  async replaceTable(plan: TablePlan): Promise<void> {
    await this.discard();
    this.#plan = plan;
    this.#table = OPEN;
    this.#text = undefined;
    this.#binary = undefined;
    this.#encoder = new RowEncoder(this.#stream, this.#context, this.#table);
    await this.#rows.evolve(this.#layout, []);
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
      const reject = this.#encoder.encode(row, this.#ordinal, this.#rows.buffer);
      this.#count(reject);
      if (reject !== undefined) rejected.add(row);
      if (this.#rows.isChunkFull) await this.#rows.send();
    }
    return rejected.size === 0 ? rows : rows.filter((row) => !rejected.has(row));
  }

  async writeText(batch: TextBatch): Promise<void> {
    await this.#writeBatch(batch);
    if (batch.isLaneEnd === true) await this.#rows.endLane(batch.lane);
  }

  async #writeBatch(batch: TextBatch): Promise<void> {
    const { encoder, plain } = await this.#textForm(batch);
    if (plain === undefined || !this.#takesPlain(plain, batch)) return this.#writeLines(encoder, batch);
    if (plain.isWholly(batch)) return this.#addPlain(plain, batch);
    let count = 0;
    for (const { isPlain, bytes, rowCount } of plain.runs(batch)) {
      count += rowCount;
      if (!isPlain) await this.#writeLines(encoder, { ...batch, bytes, rowCount });
      else await this.#addPlain(plain, { ...batch, bytes, rowCount });
    }
    if (count !== batch.rowCount) throw wrongCount(this.#stream.name, batch);
  }

  async #addPlain({ form }: PlainText, batch: TextBatch): Promise<void> {
    this.#ordinal += batch.rowCount;
    await this.#rows.addPlain(form, batch);
  }

  async writeBinary(batch: BinaryBatch): Promise<void> {
    const { form } = this.#binaryForm(batch.columns);
    if (form !== undefined && isVersion(batch.version) && this.#rows.takesVersion(batch.version)) {
      this.#ordinal += batch.rowCount;
      await this.#rows.addPlain(form, batch);
    } else {
      await this.write(rowsOfBinary(this.#stream, batch));
    }
    if (batch.isLaneEnd === true) await this.#rows.endLane(batch.lane);
  }

  #binaryForm(names: readonly string[]): BinaryForm {
    const columns = JSON.stringify(names);
    if (this.#binary?.columns !== columns) {
      requireBinary(this.#stream, names);
      const form = binaryForm(this.#stream, { ...this.#table, plan: this.#plan }, names);
      const isTaken = form !== undefined && this.#rows.takesBytes();
      this.#binary = { columns, form: isTaken ? form : undefined };
    }
    return this.#binary;
  }

  async #textForm(batch: TextBatch): Promise<TextForm> {
    const columns = JSON.stringify(batch.columns);
    if (this.#text?.columns !== columns) {
      const encoder = new TextEncoder(this.#stream, this.#context, this.#table, batch.columns);
      const plain = PlainText.of(this.#stream, this.#table, batch.columns);
      // Only who has plain text asks whether it is taken.
      const isTaken = plain !== undefined && (await this.#rows.takesPlain());
      this.#text = { columns, encoder, plain: isTaken ? plain : undefined };
    }
    return this.#text;
  }

  #takesPlain(plain: PlainText, { version }: TextBatch): boolean {
    if (plain.hasVersions) return true;
    return version !== undefined && isVersion(version) && this.#rows.takesVersion(version);
  }

  async #writeLines(encoder: TextEncoder, batch: TextBatch): Promise<void> {
    encoder.begin(batch);
    for (let row = 0; ; row += 1) {
      const reject = encoder.encodeNext(batch, row, this.#ordinal, this.#rows.buffer);
      if (reject === false) return;
      this.#count(reject);
      if (this.#rows.isChunkFull) await this.#rows.send();
    }
  }

  #count(reject: Reject | undefined): void {
    this.#ordinal += 1;
    if (reject === undefined) {
      this.#rows.added();
      return;
    }
    this.#rejected += 1;
    if (this.#rejects.length < MAX_REJECTS) this.#rejects.push(reject);
  }

  async discard(): Promise<void> {
    this.#rejected = 0;
    this.#rejects = [];
    await this.#rows.discard();
  }

  async lookup(keys: readonly Row[], columns: readonly string[]): Promise<readonly (Row | undefined)[]> {
    const staging = await this.staging();
    const tables = staging === undefined ? [] : [staging];
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
    await this.#rows.flush();
    return this.#rows.table;
  }

  /** Marks as deleted what the table has below staged parents but was not read. */
  async closeChildren(childOf: ChildOf, parentStaging: string): Promise<void> {
    await this.#rows.flush();
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
      staging: this.#rows.table,
      raw: rawName(this.#plan.publicName, this.#generation),
      stream: this.#stream,
      plan: this.#plan,
    };
    await this.#slices.requireInside(tables);
    await this.#slices.compare(tables);
    const changed = this.#slices.condition(this.#stream);
    if (this.#slices.unchanged.length > 0) await this.#rows.keepOnly(changed, this.#slices.changedRows);
    if (changed !== undefined) await this.#stageTombstones(changed);
  }

  /** @throws `PRIMARY_KEY_NOT_UNIQUE` (data). */
  async requireUniqueKey(): Promise<void> {
    const { database, operation } = this.#context;
    const staging = this.#rows.table;
    if (staging !== undefined && !hasRowId(this.#stream))
      await requireUniqueKey(database, staging, this.#stream, this.#plan, operation);
  }

  async #stageTombstones(condition: string, parent?: string): Promise<void> {
    const version = rowVersion(this.#context.number, this.#ordinal);
    this.#ordinal += 1;
    await this.#rows.bury(rawName(this.#plan.publicName, this.#generation), condition, version, parent);
  }

  /** Everything is in staging, counted. */
  async finish(): Promise<ManifestTable | undefined> {
    await this.#rows.flush();
    await this.#closeSlices();
    if (this.#replaced === 'rows') await this.#stageTombstones('1');
    const { count } = this.#rows;
    // Behind the commit point such a table has to be made, and without rows nothing has shown yet that it can be.
    if (count === 0 && this.replaces) await this.#rows.make();
    if (count === 0) await this.#rows.drop();
    if (count === 0 && this.#rejected === 0 && !this.replaces && this.#isViewCurrent) return undefined;
    await this.#rows.verify();
    const staging = this.#rows.table;
    return {
      plan: this.#plan,
      generation: String(this.#generation),
      replaces: this.replaces,
      ...(staging === undefined ? {} : { staging }),
      rows: count,
      ...(this.#rejected === 0 ? {} : { rejected: this.#rejected, rejects: this.#rejects }),
    };
  }
}
