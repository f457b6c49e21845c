import {
  EtlError,
  type BinaryBatch,
  type DestinationSession,
  type LedgerEntry,
  type LoadPackage,
  type LoadSummary,
  type RestatedSlice,
  type Row,
  type SchemaChange,
  type Scope,
  type Slice,
  type StateEntry,
  type StreamSpec,
  type TextBatch,
} from '@etl/core';
import { rowsOfBinary } from './binary-batch.ts';
import type { MemoryStore, StoredRow } from './memory-store.ts';
import { canonicalValue } from './rows/canonical-value.ts';
import { rowsOfText } from './text-batch.ts';

/** Where a load writes its positions and ledger entries when it is committed. */
type PositionWriter = Pick<DestinationSession, 'writeState' | 'writeLedger'>;

/** A load into the store: nothing is seen of it before its commit. */
export class MemoryLoad implements LoadPackage {
  readonly id: string;
  readonly #store: MemoryStore;
  readonly #session: PositionWriter;
  readonly #number: bigint;
  readonly #startedAt = performance.now();
  readonly #specs = new Map<string, StreamSpec>();
  readonly #staged = new Map<string, StoredRow[]>();
  readonly #truncated = new Set<string>();
  readonly #slices: (RestatedCandidate & { readonly entry: LedgerEntry })[] = [];
  #ordinal = 0n;

  constructor(store: MemoryStore, session: PositionWriter, number: bigint) {
    this.#store = store;
    this.#session = session;
    this.#number = number;
    this.id = `memory-${number}`;
  }

  async prepare(stream: StreamSpec): Promise<readonly SchemaChange[]> {
    const before = this.#store.specs.get(stream.name);
    this.#store.specs.set(stream.name, stream);
    this.#specs.set(stream.name, stream);
    if (stream.writeDisposition === 'replace' && stream.scope === undefined) this.#truncated.add(stream.name);
    if (before === undefined) return [{ type: 'table-created', stream: stream.name, table: stream.name }];
    const known = new Set(before.columns.map(({ name }) => name));
    return stream.columns
      .filter(({ name }) => !known.has(name))
      .map((column) => ({
        type: 'column-added',
        stream: stream.name,
        table: stream.name,
        column: column.name,
        dataType: column.type,
      }));
  }

  async write(stream: string, rows: readonly Row[]): Promise<void> {
    const spec = this.#spec(stream);
    const staged = this.#staged.get(stream) ?? [];
    this.#staged.set(stream, staged);
    for (const row of rows) {
      const ordinal = (this.#number << 64n) | this.#ordinal;
      this.#ordinal += 1n;
      const given = spec.versionColumn === undefined ? undefined : row[spec.versionColumn];
      const isDeleted = spec.deletedColumn !== undefined && row[spec.deletedColumn] === true;
      const isAppended = spec.writeDisposition === 'append' || spec.primaryKey.length === 0;
      staged.push({
        version: typeof given === 'bigint' ? given : ordinal,
        isDeleted,
        row: isAppended ? { ...row, _row: String(ordinal).padStart(40, '0') } : row,
      });
    }
  }

  async writeText(stream: string, batch: TextBatch): Promise<void> {
    await this.write(stream, rowsOfText(this.#spec(stream), batch));
  }

  async writeBinary(stream: string, batch: BinaryBatch): Promise<void> {
    await this.write(stream, rowsOfBinary(this.#spec(stream), batch));
  }

  async truncate(stream: string): Promise<void> {
    this.#spec(stream);
    this.#staged.delete(stream);
    this.#truncated.add(stream);
  }

  async discard(stream: string): Promise<void> {
    this.#staged.delete(stream);
    this.#truncated.delete(stream);
    this.#specs.delete(stream);
  }

  async lookup(
    stream: string,
    keys: readonly Row[],
    columns: readonly string[],
  ): Promise<readonly (Row | undefined)[]> {
    const spec = this.#spec(stream);
    // Rows that are only appended have more in their keys than the primary key.
    const table = new Map(
      [...this.#merged(stream).values()].map((stored) => [primaryKeyOf(spec, stored.row), stored] as const),
    );
    return keys.map((key) => {
      const stored = table.get(primaryKeyOf(spec, key));
      if (stored === undefined || stored.isDeleted) return undefined;
      return Object.fromEntries(columns.map((name) => [name, stored.row[name]]));
    });
  }

  async publish(stream: string, slice: Slice, entry: LedgerEntry, previous?: LedgerEntry): Promise<void> {
    const spec = this.#spec(stream);
    const keys = (this.#staged.get(stream) ?? []).map(({ row }) => keyOf(spec, row));
    const doubled = keys.length - new Set(keys).size;
    if (doubled > 0) {
      throw new EtlError({
        code: 'PRIMARY_KEY_NOT_UNIQUE',
        kind: 'data',
        message: `${doubled} rows of ${stream} have a primary key that another row of the same slice has.`,
      });
    }
    this.#slices.push({ stream, slice, entry, previous });
  }

  async commit(state: readonly StateEntry[]): Promise<LoadSummary> {
    const rowsWritten: Record<string, number> = {};
    const restated = this.#slices.flatMap((slice) => this.#restated(slice));
    for (const { stream, slice } of this.#slices) this.#bury(stream, slice);
    for (const stream of new Set([...this.#staged.keys(), ...this.#truncated])) {
      rowsWritten[stream] = this.#staged.get(stream)?.length ?? 0;
      this.#store.tables.set(stream, this.#merged(stream));
    }
    await this.#session.writeState(state);
    await this.#session.writeLedger(this.#slices.map(({ entry }) => entry));
    const known = { loadId: this.id, rowsWritten, durationMs: performance.now() - this.#startedAt };
    const summary = restated.length === 0 ? known : { ...known, restated };
    this.#store.loads.push(summary);
    return summary;
  }

  /** Marks as deleted what stands in the slice's scope but was not read. */
  #bury(stream: string, { scope }: Slice): void {
    if (scope === undefined || this.#truncated.has(stream)) return;
    const spec = this.#spec(stream);
    const staged = this.#staged.get(stream) ?? [];
    this.#staged.set(stream, staged);
    const read = new Set(staged.map(({ row }) => keyOf(spec, row)));
    for (const [key, stored] of this.#store.tables.get(stream) ?? []) {
      if (!isInScope(spec, scope, stored.row) || read.has(key) || stored.isDeleted) continue;
      staged.push({ version: (this.#number << 64n) | this.#ordinal, isDeleted: true, row: stored.row });
      this.#ordinal += 1n;
    }
  }

  /** How many rows of a slice that was published before came, went, or have other values now. */
  #restated({ stream, slice, previous }: RestatedCandidate): readonly RestatedSlice[] {
    const { scope } = slice;
    if (previous?.loadedAt === undefined || scope === undefined) return [];
    const spec = this.#spec(stream);
    const inScope = (rows: Iterable<StoredRow>): ReadonlyMap<string, string> => {
      const owned = [...rows].filter(({ row, isDeleted }) => !isDeleted && isInScope(spec, scope, row));
      return new Map(owned.map(({ row }) => [keyOf(spec, row), valuesOf(namesOf(spec), row)]));
    };
    const before = inScope(this.#store.tables.get(stream)?.values() ?? []);
    const now = inScope(this.#staged.get(stream) ?? []);
    const rows = [...new Set([...before.keys(), ...now.keys()])].filter((key) => before.get(key) !== now.get(key));
    return rows.length === 0 ? [] : [{ stream, slice: slice.key, rows: rows.length }];
  }

  #merged(stream: string): Map<string, StoredRow> {
    const spec = this.#spec(stream);
    const table = new Map(this.#truncated.has(stream) ? [] : this.#store.tables.get(stream));
    for (const row of this.#staged.get(stream) ?? []) {
      const key = keyOf(spec, row.row);
      const present = table.get(key);
      if (present === undefined || present.version <= row.version) table.set(key, row);
    }
    return table;
  }

  #spec(stream: string): StreamSpec {
    const spec = this.#specs.get(stream);
    if (spec === undefined) throw new Error(`rows of ${stream} came before its schema`);
    return spec;
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

interface RestatedCandidate {
  readonly stream: string;
  readonly slice: Slice;
  readonly previous: LedgerEntry | undefined;
}

function isInScope(spec: StreamSpec, { equals, days }: Scope, row: Row): boolean {
  const day = spec.scope?.day === undefined ? undefined : String(row[spec.scope.day]);
  const isInDays = days === undefined || (day !== undefined && day >= days.start && day < days.end);
  return isInDays && Object.entries(equals).every(([name, value]) => row[name] === value);
}

function namesOf(spec: StreamSpec): readonly string[] {
  return spec.columns.map(({ name }) => name);
}

function keyOf(spec: StreamSpec, row: Row): string {
  const isAppended = row['_row'] !== undefined;
  return isAppended ? `${primaryKeyOf(spec, row)} ${String(row['_row'])}` : primaryKeyOf(spec, row);
}

/** The same for rows that came in different forms. */
function primaryKeyOf(spec: StreamSpec, row: Row): string {
  const columns = new Map(spec.columns.map((column) => [column.name, column]));
  return JSON.stringify(
    spec.primaryKey.map((name) => {
      const column = columns.get(name);
      return column === undefined ? row[name] : canonicalValue(column, row[name]);
    }),
  );
}

function valuesOf(names: readonly string[], row: Row): string {
  return JSON.stringify(
    names.map((name) => row[name]),
    (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value),
  );
}
