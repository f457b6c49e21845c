import type { OperationOptions } from '@etl/core';
import { FILES_AT_ONCE, type InsertTarget, type PlainTurns } from './connection.ts';
import type { Database } from './database.ts';
import { PendingInserts } from './pending-inserts.ts';
import type { PlainForm } from './plain-form.ts';
import { PlainLanes, type PlainBatch, type PlainLines } from './plain-lanes.ts';
import type { PlainSupport } from './plain-support.ts';
import { stageTombstones, type Tombstones } from './staged-slice.ts';
import {
  addStagingColumn,
  allowMerges,
  copyStaged,
  createStagingTable,
  MANY_INSERTS,
  verifyCount,
  type StagingDefaults,
} from './staging-table.ts';
import type { PlannedColumn, TablePlan } from './table-plan.ts';
import { WireBuffer } from './wire-buffer.ts';

/** Where rows are staged. */
export interface StagedRowsContext {
  readonly database: Database;
  readonly plain: PlainSupport;
  readonly options: { readonly chunkRows: number; readonly chunkBytes: number };
  readonly operation: OperationOptions;
  readonly loadId: string;
  /** Name of the staging table of this stream in this load. */
  readonly staging: string;
}

/**
 * Size of an insert of rows as they are to that of one of lines, both divided among those that are made at once: it takes
 * an embedded engine some three times the memory of its bytes. For a server they are as large, so that little waits in
 * this process.
 */
const PLAIN_SHARE = 5 / 16;

/** What rows are staged as. */
export interface StagedLayout {
  readonly plan: TablePlan;
  /** Stored column to the column that takes its base64, for columns of bytes. */
  readonly inputs: ReadonlyMap<string, string>;
  /** Columns of a line. */
  readonly columns: readonly string[];
}

/** A column that comes when rows are staged already. */
export interface AddedColumn {
  readonly column: PlannedColumn;
  /** The column that its bytes are decoded from. */
  readonly source: string | undefined;
  /** What it is in rows that have no value for it. */
  readonly definition: string | undefined;
}

/** Encoded rows on their way into the staging table, which is made when the first of them is sent, and counted. */
export class StagedRows {
  /** Lines are written here; each is to be followed by {@link added}. */
  readonly buffer = new WireBuffer();
  readonly #context: StagedRowsContext;
  #layout: StagedLayout;
  /** Staging tables that are there; the last one has the rows. */
  readonly #tables: string[] = [];
  #sent = 0;
  #lines = 0;
  #chunk = 0;
  /** Inserts into the staging table that there is. */
  #inserted = 0;
  readonly #inserts = new PendingInserts();
  readonly #plain: PlainLanes;
  readonly #turns: PlainTurns;
  /** Whether the staging table has defaults for what rows as they are do not say. */
  #hasDefaults: boolean;
  /** Version that such rows without versions have in staging; the first that comes. */
  #version: bigint | undefined;

  constructor(context: StagedRowsContext, layout: StagedLayout) {
    this.#context = context;
    this.#layout = layout;
    // Costs nothing there, and others may come before them.
    this.#hasDefaults = context.plain.isCertain;
    this.#turns = context.database.connection.plainTurns();
    const { chunkRows, chunkBytes } = context.options;
    const limits = {
      chunkRows: Math.ceil(chunkRows / FILES_AT_ONCE),
      chunkBytes: Math.ceil((chunkBytes / FILES_AT_ONCE) * PLAIN_SHARE),
    };
    this.#plain = new PlainLanes(limits, () => context.database.connection.openPlain());
  }

  /** Name of the staging table; `undefined` while there is none. */
  get table(): string | undefined {
    return this.#tables.at(-1);
  }

  /** Rows that were sent, tombstones included. */
  get count(): number {
    return this.#sent;
  }

  /** Takes another layout, and adds the columns that staging lacks to it. Nothing may be left in the buffer. */
  async evolve(layout: StagedLayout, added: readonly AddedColumn[]): Promise<void> {
    // What rows have for a column that comes later is a matter of the table that they were written to.
    const staging = added.length > 0 && this.table !== undefined ? await this.#ensure() : undefined;
    this.#layout = layout;
    if (staging === undefined) return;
    const { database, operation } = this.#context;
    for (const { column, ...origin } of added) await addStagingColumn(database, staging, column, origin, operation);
  }

  /** One more line is in the buffer. */
  added(): void {
    this.#lines += 1;
  }

  get isChunkFull(): boolean {
    const { chunkRows, chunkBytes } = this.#context.options;
    return this.#lines >= chunkRows || this.buffer.length >= chunkBytes;
  }

  // One chunk is under way while the next is encoded; more would only grow memory.
  async send(): Promise<void> {
    const body = this.buffer.take();
    this.#sent += this.#lines;
    this.#lines = 0;
    const token = this.#nextToken();
    const { columns } = this.#layout;
    await this.#inserts.idle();
    const table = await this.#ensure();
    this.#inserts.begin({ run: () => this.#insert({ table, columns, token }, body) });
  }

  /** Whether plain text can be staged. */
  async takesPlain(): Promise<boolean> {
    const { plain, operation } = this.#context;
    return this.#takesAsTheyAre(await plain.takesPlain(operation));
  }

  /** Whether bytes can be staged. */
  takesBytes(): boolean {
    return this.#takesAsTheyAre(this.#context.plain.takesBytes);
  }

  /** They ask more of the staging table than lines do: one that lines have made already does not take them. */
  #takesAsTheyAre(isTaken: boolean): boolean {
    if (this.table === undefined) this.#hasDefaults ||= isTaken;
    return isTaken && this.#hasDefaults;
  }

  /** Whether rows without a version of their own can be staged with this one: a default of the table, made once. */
  takesVersion(version: bigint): boolean {
    if (this.table === undefined) this.#version ??= version;
    return this.#version === version;
  }

  /** Adds rows that go to the engine as they are; only after {@link takesPlain} or {@link takesBytes}. */
  async addPlain(form: PlainForm, batch: PlainBatch): Promise<void> {
    for (const lines of this.#plain.add(form, batch)) await this.#sendPlain(lines);
  }

  /** Nothing comes any more that lies with the last plain rows of the lane. */
  async endLane(lane?: number): Promise<void> {
    for (const lines of this.#plain.take(lane)) await this.#sendPlain(lines);
  }

  async #sendPlain({ form, body, rows }: PlainLines): Promise<void> {
    this.#sent += rows;
    const token = this.#nextToken();
    const { database, operation } = this.#context;
    const { queue, behind } = this.#turns;
    const release = (): void => body.remove();
    try {
      body.close();
      const table = await this.#ensure();
      const run = async (): Promise<void> => {
        await this.#beforeInsert(table);
        await database.insertPlain({ table, ...form, token }, body, operation);
      };
      await this.#inserts.enqueue({ run, release }, queue, behind, operation.signal);
    } catch (error) {
      release();
      throw error;
    }
  }

  async #beforeInsert(table: string): Promise<void> {
    this.#inserted += 1;
    if (this.#inserted === MANY_INSERTS) await allowMerges(this.#context.database, table, this.#context.operation);
  }

  async #insert(target: InsertTarget, body: Buffer): Promise<void> {
    const { database, operation } = this.#context;
    await this.#beforeInsert(target.table);
    await database.insert(target, body, operation);
    // Memory of many MiB is dear to get: the next chunk but one is written where this one stood. Not
    // with a server, to which an attempt that counts as failed may still be under way.
    if (database.connection.isEmbedded) this.buffer.giveBack(body);
  }

  #nextToken(): string {
    const token = `${this.#context.loadId}-${this.#chunk}`;
    this.#chunk += 1;
    return token;
  }

  async flush(): Promise<void> {
    if (this.#lines > 0) await this.send();
    for (const lines of this.#plain.takeAll()) await this.#sendPlain(lines);
    await this.#inserts.idle();
  }

  /** Marks as deleted what the raw table has where `condition` holds, but staging has not. */
  async bury(raw: string, condition: string, version: Tombstones['version'], parent?: string): Promise<void> {
    const { database, operation, loadId } = this.#context;
    const staging = await this.#ensure();
    const tables = { raw, staging, ...(parent === undefined ? {} : { parent }) };
    const { plan } = this.#layout;
    this.#sent += await stageTombstones(database, tables, plan, condition, { version, loadId }, operation);
  }

  /**
   * Keeps the rows where the condition holds, `count` of them. Staging is exchanged for a copy of these: its
   * rows are never altered.
   */
  async keepOnly(condition: string | undefined, count: number): Promise<void> {
    const whole = this.table;
    if (condition === undefined || count === 0 || whole === undefined) return this.drop();
    const { database, operation, loadId } = this.#context;
    const { plan } = this.#layout;
    const kept = `${whole}_changed`;
    this.#tables.push(kept);
    await createStagingTable(database, kept, plan, new Map(), this.#defaults(loadId), operation);
    await copyStaged(database, { from: whole, to: kept }, plan, condition, operation);
    this.#sent = count;
    await database.drop(whole, operation);
    this.#tables.shift();
  }

  /** @throws `CLICKHOUSE_COUNT_MISMATCH` (internal). */
  async verify(): Promise<void> {
    const { database, operation } = this.#context;
    if (this.table !== undefined) await verifyCount(database, this.table, this.#sent, operation);
  }

  /** Gives everything up, what is on its way included. */
  async discard(): Promise<void> {
    this.buffer.take();
    this.#lines = 0;
    this.#plain.discard();
    await this.#inserts.clear();
    // An abort as well: what is left would stand there until the next run.
    await this.drop({ ...this.#context.operation, signal: undefined });
  }

  /** Makes the staging table, rows or no rows. */
  async make(): Promise<void> {
    await this.#ensure();
  }

  async drop(operation = this.#context.operation): Promise<void> {
    this.#sent = 0;
    this.#inserted = 0;
    this.#version = undefined;
    const { database } = this.#context;
    for (const name of this.#tables.toReversed()) {
      await database.drop(name, operation);
      this.#tables.pop();
    }
  }

  #defaults(loadId: string): StagingDefaults | undefined {
    return this.#hasDefaults ? { loadId, version: this.#version } : undefined;
  }

  async #ensure(): Promise<string> {
    const { table } = this;
    if (table !== undefined) return table;
    const { database, operation, loadId, staging } = this.#context;
    const { plan, inputs } = this.#layout;
    await createStagingTable(database, staging, plan, inputs, this.#defaults(loadId), operation);
    this.#tables.push(staging);
    return staging;
  }
}
