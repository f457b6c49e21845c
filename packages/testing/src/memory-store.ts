import type {
  ApiCallTotals,
  JsonValue,
  LedgerEntry,
  LoadSummary,
  Row,
  RunRecord,
  StateEntry,
  StreamSpec,
} from '@etl/core';

/** A row with the version that won. */
export interface StoredRow {
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
