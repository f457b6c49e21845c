import type { OperationOptions, Slice, StreamSpec } from '@etl/core';
import type { Database } from './database.ts';
import { scopeCondition } from './scope-condition.ts';
import { contentColumns, EMPTY, fingerprintsIn, type ClosedSlice } from './slice-fingerprint.ts';
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

/** The slices of one stream whose rows are complete in a load. */
export class ClosedSlices {
  readonly #database: Database;
  readonly #operation: OperationOptions;
  readonly #scoped: ClosedSlice[] = [];
  readonly #fingerprints = new Map<string, string>();
  #any = false;

  constructor(database: Database, operation: OperationOptions) {
    this.#database = database;
    this.#operation = operation;
  }

  /** Whether any slice was closed, with a scope or without. */
  get any(): boolean {
    return this.#any;
  }

  /** Fingerprint by key, once {@link isUnchanged} has looked; empty where a stream has none. */
  get fingerprints(): ReadonlyMap<string, string> {
    return this.#fingerprints;
  }

  /** SQL that is true for the rows of the table that the slices own; `undefined` when they own none. */
  condition(stream: StreamSpec): string | undefined {
    if (this.#scoped.length === 0) return undefined;
    return this.#scoped.map(({ scope }) => `(${scopeCondition(stream, scope)})`).join(' OR ');
  }

  add({ key, scope }: Slice, { ownsRows, previous }: { readonly ownsRows: boolean; readonly previous?: string }): void {
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
   * Whether the table holds exactly the staged rows of all slices already. The ledger only says where
   * it is worth looking: what counts is what stands in the table, whoever has had a hand in it. This
   * pipeline owns these rows and reads no two windows of them at once, so nobody changes them before
   * the load counts.
   */
  async isUnchanged(tables: SliceTables): Promise<boolean> {
    if (this.#scoped.length === 0 || !hasFingerprint(tables)) return false;
    const staged = await this.#look(tables, tables.staging, false);
    for (const [index, { key }] of this.#scoped.entries()) this.#fingerprints.set(key, staged[index] ?? EMPTY);
    if (!this.#scoped.every(({ previous }, index) => previous === staged[index])) return false;
    const columns = await this.#database.columns(tables.raw, this.#operation);
    const content = new Set(contentColumns(tables.plan));
    // What only the table has would become NULL.
    if (columns.some(({ name }) => !name.startsWith('_etl_') && !content.has(name))) return false;
    const present = await this.#look(tables, tables.raw, true);
    return staged.every((fingerprint, index) => fingerprint === present[index]);
  }

  async #look({ stream, plan }: SliceTables, name: string | undefined, isRaw: boolean): Promise<readonly string[]> {
    if (name === undefined) return this.#scoped.map(() => EMPTY);
    return fingerprintsIn(this.#database, { name, isRaw }, { stream, plan }, this.#scoped, this.#operation);
  }
}

/** Rows without a key of their own, and rows whose objects are in other tables, are always written. */
function hasFingerprint({ stream, plan }: SliceTables): boolean {
  return !hasRowId(stream) && plan.childTables === undefined && plan.childOf === undefined;
}
