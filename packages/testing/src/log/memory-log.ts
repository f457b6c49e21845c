import type { Row, StreamSpec } from '@etl/core';

/** A change of a table, with the whole row where there is one. */
export type LogChange =
  | { readonly type: 'insert' | 'update'; readonly table: string; readonly row: Row }
  | { readonly type: 'delete'; readonly table: string; readonly key: Row }
  | { readonly type: 'truncate'; readonly table: string };

export interface LogTransaction {
  /** Positions are numbers that follow each other. */
  readonly position: number;
  readonly changes: readonly LogChange[];
}

/** What a log keeps for one reader. */
export interface LogSlot {
  /** The reader needs nothing up to here. */
  confirmed: number;
  /** Who reads now. */
  reader: object | undefined;
}

/**
 * A database in memory with a log of its transactions: the upstream of `memoryLogSource`. Like the
 * real ones it forgets: what every slot has confirmed is gone.
 */
export class MemoryLog {
  readonly specs: readonly StreamSpec[];
  readonly slots = new Map<string, LogSlot>();
  readonly #tables = new Map<string, Map<string, Row>>();
  #transactions: LogTransaction[] = [];
  #end = 0;

  /** `specs` need a primary key, a version and a deleted column. */
  constructor(specs: readonly StreamSpec[]) {
    this.specs = specs;
    for (const { name } of specs) this.#tables.set(name, new Map());
  }

  /** Position of the last transaction. */
  get end(): number {
    return this.#end;
  }

  /** Makes all changes at once. */
  transact(changes: readonly LogChange[]): void {
    for (const change of changes) {
      const table = this.#table(change.table);
      if (change.type === 'truncate') table.clear();
      else if (change.type === 'delete') table.delete(this.keyOf(change.table, change.key));
      else table.set(this.keyOf(change.table, change.row), change.row);
    }
    this.#end += 1;
    // Nobody needs it: as in a database without a slot.
    if (this.slots.size > 0) this.#transactions.push({ position: this.#end, changes });
  }

  /** The rows that a table holds now. */
  rows(table: string): readonly Row[] {
    return [...this.#table(table).values()];
  }

  row(table: string, key: Row): Row | undefined {
    return this.#table(table).get(this.keyOf(table, key));
  }

  /** The transaction at a position; `undefined` where it was forgotten. */
  transaction(position: number): LogTransaction | undefined {
    return this.#transactions.find((one) => one.position === position);
  }

  /** Lets the log forget what the slot does not need any more. Never goes back. */
  confirm(name: string, position: number): void {
    const slot = this.slots.get(name);
    if (slot === undefined) return;
    slot.confirmed = Math.max(slot.confirmed, position);
    const needed = Math.min(...[...this.slots.values()].map(({ confirmed }) => confirmed));
    this.#transactions = this.#transactions.filter((one) => one.position > needed);
  }

  keyOf(table: string, row: Row): string {
    const spec = this.specs.find(({ name }) => name === table);
    return JSON.stringify(spec?.primaryKey.map((name) => String(row[name])));
  }

  #table(name: string): Map<string, Row> {
    const table = this.#tables.get(name);
    if (table === undefined) throw new Error(`There is no table ${name}.`);
    return table;
  }
}
