import { isDeepStrictEqual } from 'node:util';
import { EtlError, type Row, type RowLookup, type SourceMessage } from '@etl/core';
import { PendingRows, type PendingRow } from './pending-rows.ts';
import type { PgoutputMessage, RelationColumn, Tuple } from './pgoutput.ts';
import type { LiveTable } from './read-session.ts';
import { valueFailure, type StreamColumn, type TableStream } from './table-stream.ts';
import { valueType, type TypeRow } from './value-type.ts';

type Change = Extract<PgoutputMessage, { type: 'insert' | 'update' | 'delete' }>;

const LOOKUP_KEYS = 5000;

/** One table during streaming: turns its changes into pending rows. */
export class ChangedTable {
  readonly live: LiveTable;
  /** The stream is not read to the end of this run: it failed, or it will be copied anew. */
  isStopped = false;
  /** Rows handed on so far. */
  rowCount = 0;
  #isAnnounced = false;
  #layout: readonly (StreamColumn | undefined)[] = [];
  #pending: PendingRows;
  // Only for deferrable keys: the whole rows that this transaction has written, by key.
  #images: Map<string, Tuple> | undefined;

  constructor(live: LiveTable) {
    this.live = live;
    this.#pending = new PendingRows(live.stream);
    if (live.stream.table.isKeyDeferrable) this.#images = new Map();
  }

  get stream(): TableStream {
    return this.live.stream;
  }

  get isPending(): boolean {
    return this.#pending.size > 0;
  }

  /** Whether {@link beginTransaction} must be called. */
  get remembersTransaction(): boolean {
    return this.#images !== undefined;
  }

  beginTransaction(): void {
    this.#images?.clear();
  }

  /**
   * Learns in which order the columns come from here on; false when they are not what the stream
   * was made of, so that the catalog has to be read again.
   */
  describe(columns: readonly RelationColumn[], types: ReadonlyMap<number, TypeRow>): boolean {
    let fits = true;
    this.#layout = columns.map((column) => {
      const known = this.stream.columnByName.get(column.name);
      const isSame =
        known !== undefined &&
        ((known.typeOid === column.typeOid && known.typeModifier === column.typeModifier) ||
          isDeepStrictEqual(
            valueType(known.typeOid, known.typeModifier, types).spec,
            valueType(column.typeOid, column.typeModifier, types).spec,
          ));
      if (!isSame) fits = false;
      return isSame ? known : undefined;
    });
    return fits;
  }

  /** Whether a column of the relation has a type other than its stream's column of that name. */
  hasConflict(columns: readonly RelationColumn[]): boolean {
    return columns.some(
      (column, index) => this.#layout[index] === undefined && this.stream.columnByName.has(column.name),
    );
  }

  /** Goes on with columns that came or went. */
  evolve(stream: TableStream): void {
    this.live.stream = stream;
    this.#pending = new PendingRows(stream);
    this.#isAnnounced = false;
  }

  /** Gives up what is pending. */
  stop(): void {
    this.isStopped = true;
    this.#pending.clear();
    this.#images?.clear();
  }

  /** @throws a `data` error that names the column. */
  apply(change: Change, version: bigint): void {
    if (change.type === 'delete') {
      const key = this.#keyRow(change.old);
      if (!this.#isHeldByAnother(key, change.old, change.oldIsWhole)) this.#pending.bury(key, version);
      return;
    }
    const old = change.type === 'update' ? change.old : undefined;
    const oldIsWhole = change.type === 'update' && change.oldIsWhole;
    const whole = old !== undefined && oldIsWhole ? filled(change.row, old) : change.row;
    const missing: string[] = [];
    const next = this.#row(whole, missing);
    next[this.stream.versionKey] = version;
    const base = old === undefined ? next : this.#keyRow(old);
    const nextKey = this.#pending.keyOf(next);
    const isMoved = old !== undefined && this.#pending.keyOf(base) !== nextKey;
    const isHeld = isMoved && this.#isHeldByAnother(base, old, oldIsWhole);
    this.#pending.put(next, missing, base);
    if (isMoved && !isHeld) this.#pending.bury(base, version);
    this.#images?.set(nextKey, whole);
  }

  truncate(): void {
    this.#pending.clear();
    this.#images?.clear();
  }

  /** Hands the pending rows on, those that the log left incomplete being completed first. */
  async *flush(lookup: RowLookup | undefined): AsyncGenerator<SourceMessage, void, undefined> {
    const pending = this.#pending.take();
    yield* this.announce();
    const incomplete = pending.filter(({ missing }) => missing.length > 0);
    if (incomplete.length > 0 && lookup !== undefined) await this.#complete(incomplete, lookup);
    this.rowCount += pending.length;
    yield { type: 'records', stream: this.stream.name, rows: pending.map(({ row }) => row) };
  }

  *announce(): Generator<SourceMessage, void, undefined> {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    yield { type: 'schema', stream: this.stream.spec };
  }

  async #complete(incomplete: readonly PendingRow[], lookup: RowLookup): Promise<void> {
    for (let at = 0; at < incomplete.length; at += LOOKUP_KEYS) {
      const page = incomplete.slice(at, at + LOOKUP_KEYS);
      const columns = [...new Set(page.flatMap(({ missing }) => missing))];
      const found = await lookup(
        this.stream.name,
        page.map(({ baseKey }) => baseKey ?? {}),
        columns,
      );
      page.forEach(({ row, missing }, index) => {
        const base = found[index];
        if (base === undefined) throw baseMissing(this.stream.name);
        for (const name of missing) row[name] = base[name];
      });
    }
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
      if (column === undefined || !this.stream.spec.primaryKey.includes(column.name)) continue;
      key[column.name] = this.#value(column, tuple[index] ?? null);
    }
    return key;
  }

  #value(column: StreamColumn, text: string | null): unknown {
    if (text === null) return null;
    try {
      return column.parse(text);
    } catch (error) {
      throw valueFailure(this.stream.name, column.name, error);
    }
  }
}

function filled(row: Tuple, old: Tuple): Tuple {
  return row.includes(undefined) ? row.map((value, index) => (value === undefined ? old[index] : value)) : row;
}

/** A row whose unchanged values are not at the destination: the table has to be copied anew. */
export const BASE_ROW_MISSING = 'PG_BASE_ROW_MISSING';

function baseMissing(stream: string): EtlError {
  return new EtlError({
    code: BASE_ROW_MISSING,
    kind: 'state',
    message: `A row of ${stream} was updated at the source that the destination does not have.`,
    hint: 'The table is copied anew.',
    context: { stream },
  });
}
