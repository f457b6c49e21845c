import { isDeepStrictEqual } from 'node:util';
import type { RowLookup, SourceMessage } from '@etl/core';
import type { LinePool } from './pending-lines.ts';
import type { PgoutputChange, RelationColumn } from './pgoutput.ts';
import type { LiveTable } from './read-session.ts';
import { RowChanges } from './row-changes.ts';
import type { RowVersion } from './row-version.ts';
import type { TableChanges } from './table-changes.ts';
import type { StreamColumn, TableStream } from './table-stream.ts';
import { TextChanges } from './text-changes.ts';
import { valueType, type TypeRow } from './value-type.ts';

/** One table during streaming: its place among the columns that come, and its changes. */
export class ChangedTable {
  readonly live: LiveTable;
  /** The stream is not read to the end of this run: it failed, or it will be copied anew. */
  isStopped = false;
  /** Rows handed on so far. */
  rowCount = 0;
  /** Where text is written; absent when rows are asked for. */
  readonly #pool: LinePool | undefined;
  #isAnnounced = false;
  #layout: readonly (StreamColumn | undefined)[] = [];
  #changes: TableChanges;

  constructor(live: LiveTable, pool: LinePool | undefined) {
    this.live = live;
    this.#pool = pool;
    this.#changes = this.#newChanges();
  }

  get stream(): TableStream {
    return this.live.stream;
  }

  get isPending(): boolean {
    return this.#changes.size > 0;
  }

  /** Whether {@link beginTransaction} must be called. */
  get remembersTransaction(): boolean {
    return this.stream.table.isKeyDeferrable;
  }

  beginTransaction(): void {
    this.#changes.beginTransaction();
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
    this.#changes.setLayout(this.#layout);
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
    this.#changes = this.#newChanges();
    this.#isAnnounced = false;
  }

  /** Gives up what is pending. */
  stop(): void {
    this.isStopped = true;
    this.#changes.clear();
  }

  /** @throws a `data` error that names the column. */
  apply(change: PgoutputChange, version: RowVersion): void {
    this.#changes.apply(change, version);
  }

  truncate(): void {
    this.#changes.clear();
  }

  /** Hands the pending rows on, those that the log left incomplete being completed first. */
  async *flush(lookup: RowLookup | undefined): AsyncGenerator<SourceMessage, void, undefined> {
    const rows = this.#changes.size;
    yield* this.announce();
    yield* this.#changes.flush(lookup);
    this.rowCount += rows;
  }

  *announce(): Generator<SourceMessage, void, undefined> {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    yield { type: 'schema', stream: this.stream.spec };
  }

  #newChanges(): TableChanges {
    return this.#pool === undefined || this.remembersTransaction
      ? new RowChanges(this.stream)
      : new TextChanges(this.stream, this.#pool);
  }
}
