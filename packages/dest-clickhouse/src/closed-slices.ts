import type { LedgerEntry, OperationOptions, RestatedSlice, Slice, StreamSpec } from '@etl/core';
import type { Database } from './database.ts';
import { scopeCondition } from './scope-condition.ts';
import { contentColumns, EMPTY, fingerprintsIn, rowsOf, type ClosedSlice } from './slice-fingerprint.ts';
import { countChangedRows } from './slice-difference.ts';
import { requireInScopes } from './staged-slice.ts';
import { hasRowId, type TablePlan } from './table-plan.ts';

/** Where the rows of the slices are, and where they go. */
export interface SliceTables {
  /** Absent when no row was staged. */
  readonly staging: string | undefined;
  readonly raw: string;
  readonly stream: StreamSpec;
  readonly plan: TablePlan;
}

/** Beyond it, counting the rows that changed would cost the server more memory than the number is worth. */
const MAX_COUNTED_ROWS = 1_000_000;

/** The slices of one stream whose rows are complete in a load. */
export class ClosedSlices {
  readonly #database: Database;
  readonly #operation: OperationOptions;
  readonly #scoped: ClosedSlice[] = [];
  readonly #fingerprints = new Map<string, string>();
  readonly #unchanged = new Set<ClosedSlice>();
  readonly #restated: RestatedSlice[] = [];
  #any = false;

  constructor(database: Database, operation: OperationOptions) {
    this.#database = database;
    this.#operation = operation;
  }

  /** Whether any slice was closed, with a scope or without. */
  get any(): boolean {
    return this.#any;
  }

  /** Fingerprint by key, once {@link compare} has looked; empty where a stream has none. */
  get fingerprints(): ReadonlyMap<string, string> {
    return this.#fingerprints;
  }

  /** Keys of the slices whose rows the table held before just as they are, once {@link compare} has looked. */
  get unchanged(): readonly string[] {
    return [...this.#unchanged].map(({ key }) => key);
  }

  /** Slices that were published before, with other rows, once {@link compare} has looked. */
  get restated(): readonly RestatedSlice[] {
    return this.#restated;
  }

  /** Staged rows of the slices that are not unchanged. */
  get changedRows(): number {
    return this.#changed.reduce((sum, { key }) => sum + rowsOf(this.#fingerprints.get(key)), 0);
  }

  get #changed(): readonly ClosedSlice[] {
    return this.#scoped.filter((slice) => !this.#unchanged.has(slice));
  }

  /** SQL that is true for the rows of the table that changed slices own; `undefined` when there are none. */
  condition(stream: StreamSpec): string | undefined {
    const changed = this.#changed;
    if (changed.length === 0) return undefined;
    return changed.map(({ scope }) => `(${scopeCondition(stream, scope)})`).join(' OR ');
  }

  add({ key, scope }: Slice, ownsRows: boolean, previous: LedgerEntry | undefined): void {
    this.#any = true;
    if (scope !== undefined && ownsRows) this.#scoped.push({ key, scope, previous });
  }

  /** @throws `SLICE_ROW_OUTSIDE_SCOPE` (data). */
  async requireInside({ staging, stream }: SliceTables): Promise<void> {
    if (staging === undefined || this.#scoped.length === 0) return;
    const scopes = this.#scoped.map(({ scope }) => scope);
    await requireInScopes(this.#database, staging, stream, scopes, this.#operation);
  }

  /**
   * Finds the slices of which the table holds exactly the staged rows already, and how far others
   * differ from what was published. The ledger only says where it is worth looking: what counts is what
   * stands in the table, whoever has had a hand in it. This pipeline owns these rows and reads no two
   * windows of them at once, so nobody changes them before the load counts.
   */
  async compare(tables: SliceTables): Promise<void> {
    if (this.#scoped.length === 0 || !hasFingerprint(tables)) return;
    const staged = await this.#look(tables, tables.staging, false, this.#scoped);
    for (const [index, { key }] of this.#scoped.entries()) this.#fingerprints.set(key, staged[index] ?? EMPTY);
    const alike = this.#scoped.filter(({ key, previous }) => previous?.fingerprint === this.#fingerprints.get(key));
    if (alike.length > 0 && (await this.#hasAllColumns(tables))) {
      const present = await this.#look(tables, tables.raw, true, alike);
      for (const [index, slice] of alike.entries())
        if (present[index] === slice.previous?.fingerprint) this.#unchanged.add(slice);
    }
    await this.#countRestated(tables);
  }

  async #countRestated(tables: SliceTables): Promise<void> {
    const again = this.#changed.filter(({ previous }) => previous?.loadedAt !== undefined);
    const rows = again.reduce(
      (sum, { key, previous }) => sum + rowsOf(this.#fingerprints.get(key)) + (previous?.rows ?? 0),
      0,
    );
    const counts =
      again.length === 0 || rows > MAX_COUNTED_ROWS
        ? undefined
        : await countChangedRows(this.#database, tables, again, this.#operation);
    for (const [index, { key }] of again.entries()) {
      const known = { stream: tables.stream.name, slice: key };
      const changed = counts?.[index];
      // Written again without another value: a column that the source has no more becomes NULL, for one.
      if (changed !== 0) this.#restated.push(changed === undefined ? known : { ...known, rows: changed });
    }
  }

  /** What only the table has would become NULL. */
  async #hasAllColumns({ raw, plan }: SliceTables): Promise<boolean> {
    const columns = await this.#database.columns(raw, this.#operation);
    const content = new Set(contentColumns(plan));
    return columns.every(({ name }) => name.startsWith('_etl_') || content.has(name));
  }

  async #look(
    { stream, plan }: SliceTables,
    name: string | undefined,
    isRaw: boolean,
    slices: readonly ClosedSlice[],
  ): Promise<readonly string[]> {
    if (name === undefined) return slices.map(() => EMPTY);
    return fingerprintsIn(this.#database, { name, isRaw }, { stream, plan }, slices, this.#operation);
  }
}

/** Rows without a key of their own, and rows whose objects are in other tables, are always written. */
function hasFingerprint({ stream, plan }: SliceTables): boolean {
  return !hasRowId(stream) && plan.childTables === undefined && plan.childOf === undefined;
}
