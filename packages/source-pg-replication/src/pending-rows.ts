import type { Row } from '@etl/core';
import type { TableStream } from './table-stream.ts';

/** A change that has not been handed on. */
export interface PendingRow {
  readonly row: Record<string, unknown>;
  readonly isDeleted: boolean;
  /** Columns whose values the log left out; to be looked up under {@link PendingRow.baseKey}. */
  missing: readonly string[];
  baseKey: Row | undefined;
}

const NOTHING: readonly string[] = [];

// String() is lossy for these: bytes that are no UTF-8 become one character, and items lose their borders.
function keyText(value: unknown): string {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.length).toString('hex');
  return Array.isArray(value) ? JSON.stringify(value) : String(value);
}

/**
 * The newest change of each key since the last flush. Versions increase with the log, so what an
 * earlier change of the same key wrote could never be seen.
 */
export class PendingRows {
  readonly #stream: TableStream;
  readonly #rows = new Map<string, PendingRow>();

  constructor(stream: TableStream) {
    this.#stream = stream;
  }

  get size(): number {
    return this.#rows.size;
  }

  /** Identifies the row among the rows of its table. */
  keyOf(row: Row): string {
    const { primaryKey } = this.#stream.spec;
    const [first] = primaryKey;
    if (primaryKey.length === 1 && first !== undefined) return keyText(row[first]);
    return JSON.stringify(primaryKey.map((name) => keyText(row[name])));
  }

  /**
   * Puts the row that its key has now.
   *
   * @param missing Columns whose values are those of the row that had `baseKey` until now.
   */
  put(row: Record<string, unknown>, missing: readonly string[], baseKey: Row): void {
    const pending: PendingRow = { row, isDeleted: false, missing: NOTHING, baseKey: undefined };
    if (missing.length > 0) {
      const base = this.#rows.get(this.keyOf(baseKey));
      if (base === undefined || base.isDeleted) {
        pending.missing = missing;
        pending.baseKey = this.keyRow(baseKey);
      } else {
        pending.missing = missing.filter((name) => base.missing.includes(name));
        pending.baseKey = base.baseKey;
        for (const name of missing) if (!base.missing.includes(name)) row[name] = base.row[name];
      }
    }
    this.#rows.set(this.keyOf(row), pending);
  }

  /** Puts the mark that nothing has the key any more. */
  bury(key: Row, version: bigint): void {
    const row: Record<string, unknown> = this.keyRow(key);
    row[this.#stream.versionKey] = version;
    row[this.#stream.deletedKey] = true;
    this.#rows.set(this.keyOf(key), { row, isDeleted: true, missing: NOTHING, baseKey: undefined });
  }

  /** The changes so far; none are pending afterwards. */
  take(): readonly PendingRow[] {
    const rows = [...this.#rows.values()];
    this.#rows.clear();
    return rows;
  }

  clear(): void {
    this.#rows.clear();
  }

  keyRow(row: Row): Record<string, unknown> {
    const key: Record<string, unknown> = {};
    for (const name of this.#stream.spec.primaryKey) key[name] = row[name];
    return key;
  }
}
