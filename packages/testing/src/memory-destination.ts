import {
  EtlError,
  type ApiCallTotals,
  newestEntries,
  type Destination,
  type DestinationSession,
  type DestinationView,
  type JsonValue,
  type LedgerEntry,
  type LoadPackage,
  type LoadSummary,
  type PipelineHolder,
  type RestatedSlice,
  type Row,
  type RunRecord,
  type SchemaChange,
  type Scope,
  type Slice,
  type StateEntry,
  type StreamMemory,
  type StreamSpec,
  type TextBatch,
} from '@etl/core';
import { rowsOfText } from './text-batch.ts';

interface StoredRow {
  readonly version: bigint;
  readonly isDeleted: boolean;
  readonly row: Row;
}

/** What an in-memory destination keeps; give the same store to a new destination to "restart". */
export class MemoryStore {
  readonly tables = new Map<string, Map<string, StoredRow>>();
  readonly specs = new Map<string, StreamSpec>();
  readonly state = new Map<string, readonly StateEntry[]>();
  readonly ledger = new Map<string, Map<string, LedgerEntry>>();
  readonly memory = new Map<string, JsonValue>();
  /** What all pipelines share. */
  readonly shared = new Map<string, JsonValue>();
  readonly held = new Set<string>();
  /** Records of runs, oldest first. */
  readonly runs: RunRecord[] = [];
  /** Calls by pipeline and run. */
  readonly calls = new Map<string, readonly ApiCallTotals[]>();
  readonly loads: LoadSummary[] = [];
  number = 0n;

  /** The rows a reader sees, in order of their key. */
  rows(stream: string): readonly Row[] {
    const stored = [...(this.tables.get(stream) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
    return stored.filter(([, { isDeleted }]) => !isDeleted).map(([, { row }]) => row);
  }
}

/** A destination in memory that keeps every promise of the contract; for tests of sources and of the engine. */
export function memoryDestination(
  store: MemoryStore = new MemoryStore(),
): Destination & { readonly store: MemoryStore } {
  return {
    specificationVersion: 'v1',
    name: 'memory',
    capabilities: { writeDispositions: ['append', 'merge', 'replace'], text: true },
    store,
    async check() {},
    async open(pipeline) {
      if (store.held.has(pipeline)) {
        throw new EtlError({
          code: 'PIPELINE_HELD',
          kind: 'transient',
          message: `The pipeline ${pipeline} is being run.`,
        });
      }
      store.held.add(pipeline);
      return new MemorySession(store, pipeline);
    },
    async inspect() {
      return new MemoryView(store);
    },
    async [Symbol.asyncDispose]() {},
  };
}

class MemoryView implements DestinationView {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async pipelines(): Promise<readonly string[]> {
    const { state, ledger, runs } = this.#store;
    return [...new Set([...state.keys(), ...ledger.keys(), ...runs.map(({ pipeline }) => pipeline)])].toSorted();
  }

  async readState(pipeline: string): Promise<readonly StateEntry[]> {
    return this.#store.state.get(pipeline) ?? [];
  }

  async readLedger(pipeline: string, stream?: string): Promise<readonly LedgerEntry[]> {
    const entries = [...(this.#store.ledger.get(pipeline)?.values() ?? [])];
    return entries.filter((entry) => stream === undefined || entry.stream === stream);
  }

  async readRuns(pipeline: string, limit: number): Promise<readonly RunRecord[]> {
    return this.#store.runs
      .filter((run) => run.pipeline === pipeline)
      .toReversed()
      .slice(0, limit);
  }

  async readApiCalls(pipeline: string): Promise<readonly ApiCallTotals[]> {
    const asked = [...this.#store.calls].flatMap(([key, calls]) => {
      const [of, run] = JSON.parse(key) as readonly [string, string];
      return of === pipeline && calls.length > 0 ? [{ run, calls }] : [];
    });
    return asked.toSorted((a, b) => (a.run < b.run ? 1 : -1))[0]?.calls ?? [];
  }

  async holder(pipeline: string): Promise<PipelineHolder | undefined> {
    if (!this.#store.held.has(pipeline)) return undefined;
    return { host: 'memory', pid: process.pid, since: new Date(0).toISOString() };
  }
}

class MemorySession implements DestinationSession {
  readonly pipeline: string;
  readonly rolledForward = [];
  readonly lost = new AbortController().signal;
  readonly #store: MemoryStore;

  constructor(store: MemoryStore, pipeline: string) {
    this.#store = store;
    this.pipeline = pipeline;
  }

  async readState(): Promise<readonly StateEntry[]> {
    return this.#store.state.get(this.pipeline) ?? [];
  }

  async writeState(entries: readonly StateEntry[]): Promise<void> {
    // Without waiting between reading and writing: loads of other lanes write theirs.
    const stored = this.#store.state.get(this.pipeline) ?? [];
    const all = newestEntries([...stored, ...structuredClone(entries)]);
    this.#store.state.set(
      this.pipeline,
      all.filter(({ value }) => value !== null),
    );
  }

  async readLedger(stream: string): Promise<readonly LedgerEntry[]> {
    return [...this.#entries().values()].filter((entry) => entry.stream === stream);
  }

  async writeLedger(entries: readonly LedgerEntry[]): Promise<void> {
    for (const entry of entries) this.#entries().set(JSON.stringify([entry.stream, entry.slice]), entry);
  }

  #entries(): Map<string, LedgerEntry> {
    const entries = this.#store.ledger.get(this.pipeline) ?? new Map<string, LedgerEntry>();
    this.#store.ledger.set(this.pipeline, entries);
    return entries;
  }

  async readMemory(stream: string, key: string): Promise<JsonValue | undefined> {
    return this.#store.memory.get(JSON.stringify([this.pipeline, stream, key])) ?? undefined;
  }

  async writeMemory(stream: string, key: string, value: JsonValue): Promise<void> {
    this.#store.memory.set(JSON.stringify([this.pipeline, stream, key]), value);
  }

  readonly shared: StreamMemory = {
    get: async (key) => this.#store.shared.get(key) ?? undefined,
    set: async (key, value) => void this.#store.shared.set(key, value),
  };

  async writeCalls(run: string, calls: readonly ApiCallTotals[]): Promise<void> {
    this.#store.calls.set(JSON.stringify([this.pipeline, run]), calls);
  }

  async writeRun(run: RunRecord): Promise<void> {
    this.#store.runs.push(structuredClone(run));
    await this.writeCalls(run.id, structuredClone(run.calls ?? []));
  }

  async beginLoad(): Promise<LoadPackage> {
    this.#store.number += 1n;
    return new MemoryLoad(this.#store, this, this.#store.number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.held.delete(this.pipeline);
  }
}

class MemoryLoad implements LoadPackage {
  readonly id: string;
  readonly #store: MemoryStore;
  readonly #session: MemorySession;
  readonly #number: bigint;
  readonly #startedAt = performance.now();
  readonly #specs = new Map<string, StreamSpec>();
  readonly #staged = new Map<string, StoredRow[]>();
  readonly #truncated = new Set<string>();
  readonly #slices: (RestatedCandidate & { readonly entry: LedgerEntry })[] = [];
  #ordinal = 0n;

  constructor(store: MemoryStore, session: MemorySession, number: bigint) {
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
  return valuesOf(isAppended ? [...spec.primaryKey, '_row'] : spec.primaryKey, row);
}

function primaryKeyOf(spec: StreamSpec, row: Row): string {
  return valuesOf(spec.primaryKey, row);
}

function valuesOf(names: readonly string[], row: Row): string {
  return JSON.stringify(
    names.map((name) => row[name]),
    (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value),
  );
}
