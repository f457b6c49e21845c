import { isDeepStrictEqual } from 'node:util';
import type { Row, RowLookup, SourceMessage } from '@etl/core';
import { completeRows } from './base-rows.ts';
import { PendingRows } from './pending-rows.ts';
import type { PgoutputChange } from './pgoutput.ts';
import type { Tuple } from './raw-tuple.ts';
import type { RowVersion } from './row-version.ts';
import type { TableChanges } from './table-changes.ts';
import { valueFailure, type StreamColumn, type TableStream } from './table-stream.ts';

/** Changes as rows. */
export class RowChanges implements TableChanges {
  readonly #stream: TableStream;
  readonly #pending: PendingRows;
  #layout: readonly (StreamColumn | undefined)[] = [];
  // Only for deferrable keys: the whole rows that this transaction has written, by key.
  readonly #images: Map<string, Tuple> | undefined;

  constructor(stream: TableStream) {
    this.#stream = stream;
    this.#pending = new PendingRows(stream);
    this.#images = stream.table.isKeyDeferrable ? new Map() : undefined;
  }

  get size(): number {
    return this.#pending.size;
  }

  setLayout(layout: readonly (StreamColumn | undefined)[]): void {
    this.#layout = layout;
  }

  beginTransaction(): void {
    this.#images?.clear();
  }

  apply(change: PgoutputChange, version: RowVersion): void {
    const old = change.old?.texts();
    if (change.type === 'delete') {
      const key = this.#keyRow(old ?? []);
      if (!this.#isHeldByAnother(key, old ?? [], change.oldIsWhole)) this.#pending.bury(key, version.value);
      return;
    }
    const whole = this.#filled(change.row.texts(), old, change.oldIsWhole);
    const missing: string[] = [];
    const next = this.#row(whole, missing);
    next[this.#stream.versionKey] = version.value;
    const base = old === undefined ? next : this.#keyRow(old);
    const nextKey = this.#pending.keyOf(next);
    const isMoved = old !== undefined && this.#pending.keyOf(base) !== nextKey;
    const isHeld = isMoved && this.#isHeldByAnother(base, old, change.oldIsWhole);
    this.#pending.put(next, missing, base);
    if (isMoved && !isHeld) this.#pending.bury(base, version.value);
    this.#images?.set(nextKey, whole);
  }

  clear(): void {
    this.#pending.clear();
    this.#images?.clear();
  }

  async *flush(lookup: RowLookup | undefined): AsyncGenerator<SourceMessage, void, undefined> {
    const pending = this.#pending.take();
    const incomplete = pending.flatMap(({ row, missing, baseKey }) =>
      missing.length === 0 ? [] : [{ row, missing, baseKey: baseKey ?? {} }],
    );
    if (lookup !== undefined) await completeRows(this.#stream.name, incomplete, lookup);
    yield { type: 'records', stream: this.#stream.name, rows: pending.map(({ row }) => row) };
  }

  // With a deferrable key (UPDATE t SET id = id + 1) a key may be taken before it is vacated. The old
  // row says whose row leaves: if it is not the one that this transaction put there, that one stays.
  #isHeldByAnother(key: Row, old: Tuple, oldIsWhole: boolean): boolean {
    if (this.#images === undefined || !oldIsWhole) return false;
    const name = this.#pending.keyOf(key);
    const image = this.#images.get(name);
    if (image === undefined) return false;
    if (!isDeepStrictEqual(image, old)) return true;
    this.#images.delete(name);
    return false;
  }

  #row(tuple: Tuple, missing: string[]): Record<string, unknown> {
    const row: Record<string, unknown> = {};
    for (let index = 0; index < tuple.length; index += 1) {
      const column = this.#layout[index];
      if (column === undefined) continue;
      const text = tuple[index];
      if (text === undefined) missing.push(column.name);
      else row[column.name] = this.#value(column, text);
    }
    return row;
  }

  #keyRow(tuple: Tuple): Row {
    const key: Record<string, unknown> = {};
    for (let index = 0; index < tuple.length; index += 1) {
      const column = this.#layout[index];
      if (column === undefined || !this.#isKey(column)) continue;
      key[column.name] = this.#value(column, tuple[index] ?? null);
    }
    return key;
  }

  #isKey({ name }: StreamColumn): boolean {
    return this.#stream.spec.primaryKey.includes(name);
  }

  /** A value that did not change is in the old row if that is whole, and a value of the key in any. */
  #filled(row: Tuple, old: Tuple | undefined, oldIsWhole: boolean): Tuple {
    if (old === undefined || !row.includes(undefined)) return row;
    return row.map((value, index) => {
      const column = this.#layout[index];
      const isInOld = oldIsWhole || (column !== undefined && this.#isKey(column));
      return value === undefined && isInOld ? old[index] : value;
    });
  }

  #value(column: StreamColumn, text: string | null): unknown {
    if (text === null) return null;
    try {
      return column.parse(text);
    } catch (error) {
      throw valueFailure(this.#stream, column, error);
    }
  }
}
