import type { Row } from '@etl/core';
import type { UpstreamChange, UpstreamTable } from './replication-fixture.ts';

/** What the tables of the upstream must hold: the suite's own truth, made of the changes it asked for. */
export class UpstreamModel {
  readonly #tables: Readonly<Record<UpstreamTable, Map<number, string | null>>> = {
    items: new Map(),
    lines: new Map(),
  };

  apply(changes: readonly UpstreamChange[]): void {
    for (const change of changes) this.#applyOne(this.#tables[change.table], change);
  }

  #applyOne(table: Map<number, string | null>, change: UpstreamChange): void {
    switch (change.type) {
      case 'insert':
      case 'update':
        table.set(change.id, change.note);
        return;
      case 'rekey':
        table.set(change.newId, table.get(change.id) ?? null);
        table.delete(change.id);
        return;
      case 'delete':
        table.delete(change.id);
        return;
      case 'truncate':
        table.clear();
    }
  }

  /** The rows of a table as text that can be compared. */
  rows(table: UpstreamTable): readonly string[] {
    return [...this.#tables[table]].map(([id, note]) => rowText(id, note)).toSorted();
  }
}

/** Rows of a stream of the fixture, written as the model writes them. */
export function rowTexts(rows: readonly Row[]): readonly string[] {
  return rows.map((row) => rowText(row['id'], row['note'])).toSorted();
}

function rowText(id: unknown, note: unknown): string {
  return JSON.stringify([String(id), note ?? null]);
}
