import type { BinaryBatch } from './binary-batch.ts';
import type { ApiCallTotals } from './api-call.ts';
import type { ContentReader } from './content.ts';
import type { EtlError } from './etl-error.ts';
import type { JsonValue } from './json.ts';
import type { OperationOptions } from './operation-options.ts';
import type { Row } from './row.ts';
import type { Slice } from './slice.ts';
import type { SourceDrift } from './source.ts';
import type { StateEntry } from './state.ts';
import type { StreamMemory } from './stream.ts';
import type { StreamSpec, WriteDisposition } from './stream-spec.ts';
import type { TextBatch } from './text-batch.ts';

/** Where rows go, and where everything that must survive lives. */
export interface Destination extends AsyncDisposable {
  readonly specificationVersion: 'v1';
  readonly name: string;
  readonly capabilities: {
    readonly writeDispositions: readonly WriteDisposition[];
    /** Whether loads have {@link LoadPackage.writeText}. Absent: they have not. */
    readonly text?: boolean;
    /** Whether loads have {@link LoadPackage.writeBinary}. Absent: they have not. */
    readonly binary?: boolean;
  };
  /** Proves address, credentials, version and grants. Throws what has to be fixed. */
  check(options?: OperationOptions): Promise<void>;
  /**
   * Begins to connect, for whoever has something else to do before {@link Destination.open}. Changes nothing
   * there and never throws: what goes wrong is said by the next call. Absent where connecting takes no time.
   */
  connect?(options?: OperationOptions): void;
  /**
   * Takes the pipeline: from here on no other process can commit for it. Completes every load that
   * an earlier run had prepared, drops what it had only staged, and so stands at a known state.
   * Throws `transient` when another live run holds the pipeline.
   */
  open(pipeline: string, options?: OpenOptions): Promise<DestinationSession>;
  /**
   * What pipelines have left, for those who only look: takes no pipeline, completes no load, creates
   * nothing. Everything is empty where nothing was ever loaded.
   */
  inspect(options?: OpenOptions): Promise<DestinationView>;
  /**
   * What loading these streams would define, without defining anything: no lock is taken, nothing is
   * created. What others change meanwhile changes it. Absent where a destination defines nothing.
   */
  plan?(streams: readonly StreamSpec[], options?: OperationOptions): Promise<DestinationPlan>;
  /**
   * Frees the pipeline from holders that are dead and, with `force`, from those that may be alive: they
   * can commit nothing from then on. A run does the former by itself. Absent where nothing is ever held.
   */
  unlock?(pipeline: string, options?: UnlockOptions): Promise<PipelineUnlock>;
}

export interface UnlockOptions extends OpenOptions {
  /** Also free it from a holder that may be alive. */
  readonly force?: boolean | undefined;
}

/** What {@link Destination.unlock} found. */
export interface PipelineUnlock {
  /** They hold it no more. */
  readonly freed: readonly PipelineHolder[];
  /** They may be alive and still hold it; empty with `force`. */
  readonly held: readonly PipelineHolder[];
}

/** A look at a destination, as of each call. */
export interface DestinationView {
  /** Pipelines that have ever loaded, by name. */
  pipelines(): Promise<readonly string[]>;
  readState(pipeline: string): Promise<readonly StateEntry[]>;
  /** Entries of one stream, or of all. */
  readLedger(pipeline: string, stream?: string): Promise<readonly LedgerEntry[]>;
  /** Newest first. */
  readRuns(pipeline: string, limit: number): Promise<readonly RunRecord[]>;
  /** The calls of the newest run that made some, per stream and account. Absent where calls are not kept. */
  readApiCalls?(pipeline: string): Promise<readonly ApiCallTotals[]>;
  /** Who holds the pipeline now; `undefined` when nobody does. */
  holder(pipeline: string): Promise<PipelineHolder | undefined>;
}

/** Who holds a pipeline. */
export interface PipelineHolder {
  readonly host: string;
  readonly pid: number;
  /** ISO instant. */
  readonly since: string;
  /** Milliseconds since it last said that it lives; absent where that is not known. */
  readonly silentMs?: number;
}

/** What is kept of a run. */
export interface RunRecord {
  readonly pipeline: string;
  /** Unique within the pipeline. */
  readonly id: string;
  /** ISO instants. */
  readonly startedAt: string;
  readonly endedAt: string;
  readonly status: 'ok' | 'partial' | 'failed';
  readonly rows: number;
  readonly loads: readonly string[];
  readonly streams: readonly {
    readonly stream: string;
    readonly rows: number;
    readonly slicesDue: number;
    readonly slicesPublished: number;
    readonly slicesUnchanged?: number;
    readonly slicesRestated?: number;
    readonly rowsRestated?: number;
    readonly slicesLeft: number;
  }[];
  /** What was asked of the platform. Not read back with the run, see {@link DestinationView.readApiCalls}. */
  readonly calls?: readonly ApiCallTotals[];
  /**
   * What was not good, at most a hundred. Of streams that the run was not asked for, and of all where it ended early,
   * one of what the run before it has here, if it has some.
   */
  readonly failures: readonly {
    readonly stream: string;
    readonly slice?: string;
    readonly code: string;
    readonly message: string;
  }[];
}

/** See {@link Destination.plan}. */
export interface DestinationPlan {
  /** What has to be made before any stream: the database, the loader's own tables. Empty when all is there. */
  readonly statements: readonly string[];
  /** In the order of the streams; a stream's tables of nested columns follow it. */
  readonly streams: readonly StreamPlan[];
}

/** What loading one stream would define. */
export interface StreamPlan {
  readonly stream: string;
  readonly table: string;
  /** As {@link LoadPackage.prepare} would return them; drift that was found included. */
  readonly changes: readonly SchemaChange[];
  /** Why a load of the stream would fail; absent when it would not. */
  readonly conflict?: EtlError;
  /** The definitions in their order, in the destination's language. `<load number>` is the load's. */
  readonly statements: readonly string[];
}

export interface OpenOptions extends OperationOptions {
  /** How long to wait for a run that holds the pipeline. Default: as the destination says. */
  readonly waitMs?: number | undefined;
}

/** One pipeline, held by one process. Disposing it lets it go. */
export interface DestinationSession extends AsyncDisposable {
  readonly pipeline: string;
  /** Loads of an earlier run that opening has completed. */
  readonly rolledForward: readonly LoadSummary[];
  /** Aborts when the pipeline was taken over by another run; every commit fails from then on. */
  readonly lost: AbortSignal;
  /** Positions of the last committed loads. */
  readState(): Promise<readonly StateEntry[]>;
  /** Sets positions outside any load (`null` forgets); durable when it resolves. */
  writeState(entries: readonly StateEntry[]): Promise<void>;
  readLedger(stream: string): Promise<readonly LedgerEntry[]>;
  /** Records slices outside any load: those that failed. */
  writeLedger(entries: readonly LedgerEntry[]): Promise<void>;
  readMemory(stream: string, key: string): Promise<JsonValue | undefined>;
  /** Durable when it resolves; `null` forgets. */
  writeMemory(stream: string, key: string, value: JsonValue): Promise<void>;
  /** What the tables of the pipeline hold, as people read them. Absent where it cannot be compared. */
  readContent?(): ContentReader;
  /** Memory that all pipelines of the destination share, such as what is known of a quota. Absent: they share none. */
  readonly shared?: StreamMemory;
  /**
   * Keeps the calls that the run with that id has made until `at`, an ISO instant, in the place of those
   * that were kept of it before: a run that dies has no other record. Absent where calls are not kept.
   */
  writeCalls?(run: string, calls: readonly ApiCallTotals[], at: string): Promise<void>;
  /** Keeps what a run was, its calls included, for those who look later. */
  writeRun(run: RunRecord): Promise<void>;
  /**
   * Begins a load. To be called before its rows are read, and by a log, whose loads follow each other, before the
   * first of them is written: its number orders it among all loads.
   */
  beginLoad(options?: OperationOptions): Promise<LoadPackage>;
  /**
   * Makes what this session loaded cheap to read, within a budget of the destination's. Absent where
   * there is nothing to do. Correctness never depends on it.
   */
  optimize?(options?: OperationOptions): Promise<readonly TableMerge[]>;
}

/** What optimising one table took; apart from the load, because nothing waits for it. */
export interface TableMerge {
  readonly stream: string;
  readonly partitionsMerged: number;
  /** Partitions that are as they were, because readers would hardly gain by merging them. */
  readonly partitionsSpared: number;
  /** Partitions beyond the budget, left to the server. */
  readonly partitionsLeft: number;
  readonly bytes: number;
  readonly durationMs: number;
}

/**
 * One unit of loading. Nothing of it is visible before {@link LoadPackage.commit}, everything of it
 * after. Disposing it without a commit gives it up.
 */
export interface LoadPackage extends AsyncDisposable {
  /** Unique; sorts by time. */
  readonly id: string;
  /**
   * Makes the stream's table ready for the spec, and returns what that changes. A table that is missing may be
   * created as late as by the first row, or by {@link LoadPackage.commit}. To be called before the first write of
   * a stream in this load and again when its spec changed.
   */
  prepare(stream: StreamSpec): Promise<readonly SchemaChange[]>;
  /**
   * Takes rows over; it may still hold them in memory when it resolves. A slow destination resolves
   * slowly. Throws `data` naming stream, column and row when a value does not fit its column.
   */
  write(stream: string, rows: readonly Row[]): Promise<void>;
  /**
   * Takes rows as text over, with the same promises as {@link LoadPackage.write}; rows and text may
   * take turns. The batch is not looked at any more when it resolves. Present when the destination
   * has the capability `text`.
   *
   * @throws `TEXT_BATCH_INVALID` (data) when a line has another number of fields than the batch has
   * columns, or the batch another number of lines than it says.
   */
  writeText?(stream: string, batch: TextBatch): Promise<void>;
  /**
   * Takes rows as bytes over, as {@link LoadPackage.writeText} does with text; all three may take turns. Present
   * when the destination has the capability `binary`.
   *
   * @throws `BINARY_BATCH_INVALID` (data) when the columns are not those of the stream, or have no such form. Of
   * bytes that are not what they should be nothing is committed, but which error says so depends on what they are.
   */
  writeBinary?(stream: string, batch: BinaryBatch): Promise<void>;
  /**
   * Keeps a drift that the source found, next to what changed of tables, and returns it with the
   * table's name. Durable at once: it says how the source was, whatever becomes of the load. The
   * stream was prepared. Absent where nothing is kept.
   */
  recordDrift?(stream: string, drift: SourceDrift): Promise<SchemaChange>;
  /** The table's earlier rows, those written in this load included, are gone once this load commits. */
  truncate(stream: string): Promise<void>;
  /** Gives up what this load holds of the stream. */
  discard(stream: string): Promise<void>;
  /** See `RowLookup`. */
  lookup(stream: string, keys: readonly Row[], columns: readonly string[]): Promise<readonly (Row | undefined)[]>;
  /**
   * Declares that everything of the slice was written: on commit the rows of its scope become
   * exactly those, and the entry goes into the ledger with them.
   *
   * `previous` is what the ledger says of the slice so far. With it a destination may find that it
   * holds exactly these rows already, and leave them as they are: see `LoadSummary.unchanged`. It has
   * to be sure of it by looking at the rows; the ledger alone does not prove that they are there.
   * Where they differ, it may tell by how much: see `LoadSummary.restated`.
   */
  publish(stream: string, slice: Slice, entry: LedgerEntry, previous?: LedgerEntry): Promise<void>;
  /**
   * Makes rows, ledger entries and positions durable and visible together. When it rejects, nothing
   * counts; or, where the error is an `unfinishedLoad`, all of it counts or may count, and the next
   * opening of the pipeline completes it.
   */
  commit(state: readonly StateEntry[]): Promise<LoadSummary>;
}

/** What the destination remembers of one slice. */
export interface LedgerEntry {
  readonly stream: string;
  readonly slice: string;
  /** How the last attempt ended. A failed slice shows what it was when it was last good. */
  readonly status: 'good' | 'failed';
  /** Rows of the version that the table holds; 0 when the slice was never good. */
  readonly rows: number;
  /** When the last attempt began to read, ISO instant. Compared with the slice's `settledAt`. */
  readonly readAt: string;
  /** When the version that the table holds was read; absent when the slice was never good. */
  readonly loadedAt?: string;
  /** How that version falls short of the whole truth, see `RecordBatch.flags`; absent when it does not. */
  readonly flags?: readonly string[];
  /**
   * What the rows of that version are, set by the destination: two versions with the same one hold
   * the same rows. Absent where the destination has none.
   */
  readonly fingerprint?: string;
  /** Attempts since the slice was last good, this one included. */
  readonly attempts: number;
  /** Code and message of the failure; absent when good. */
  readonly reason?: string;
}

export type SchemaChange =
  | { readonly type: 'table-created'; readonly stream: string; readonly table: string }
  | {
      readonly type: 'column-added';
      readonly stream: string;
      readonly table: string;
      readonly column: string;
      readonly dataType: string;
    }
  /** The table or the source is not as it was declared, and loading cannot mend that. */
  | {
      readonly type: 'drift-found';
      readonly stream: string;
      readonly table: string;
      /** What differs: engine, sorting key, partition key; or what the source says, see `SourceDrift`. */
      readonly property: string;
      readonly declared: string;
      readonly actual: string;
    };

/** A slice that was published before, with other rows. */
export interface RestatedSlice {
  readonly stream: string;
  readonly slice: string;
  /** How many came, went, or have other values now. Absent where counting them would cost too much. */
  readonly rows?: number;
}

export interface LoadSummary {
  readonly loadId: string;
  /** Rows staged per stream, rows that mark deletions included. */
  readonly rowsWritten: Readonly<Record<string, number>>;
  /** By stream, the slices that held these very rows before, so that none of theirs was written. Absent: none. */
  readonly unchanged?: Readonly<Record<string, readonly string[]>>;
  /** What changed in slices that had been published before. Absent: nothing, or nothing was compared. */
  readonly restated?: readonly RestatedSlice[];
  /** Rows that the schema contract kept out, per stream; absent when there were none. */
  readonly rowsRejected?: Readonly<Record<string, number>>;
  readonly durationMs: number;
}
