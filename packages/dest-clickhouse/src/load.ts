import {
  unfinishedLoad,
  type BinaryBatch,
  type LedgerEntry,
  type LoadPackage,
  type LoadSummary,
  type OperationOptions,
  type Row,
  type SchemaChange,
  type SourceDrift,
  type Slice,
  type StateEntry,
  type StreamSpec,
  type TextBatch,
} from '@etl/core';
import { childRows, familyOf } from './child-table.ts';
import { mayBeGone } from './clickhouse-error.ts';
import type { Database } from './database.ts';
import { claimLoadNumber, renamed } from './load-number.ts';
import { loadId } from './load-id.ts';
import { isReplacedWhole, LoadStreams, makesGeneration, type LoadStream } from './load-stream.ts';
import { createManifestTable, loadNames, writeManifest, type Manifest, type ManifestTable } from './manifest.ts';
import type { ResolvedOptions } from './options.ts';
import { isTakenOver, takenOver, type PipelineLock } from './pipeline-lock.ts';
import { MissingTables } from './missing-tables.ts';
import type { PlainSupport } from './plain-support.ts';
import { newTable, prepareTable } from './prepare-table.ts';
import { publishPrepared } from './publish.ts';
import { recordSchemaChanges } from './schema-changes.ts';
import { contractOf } from './schema-contract.ts';
import { claimScope, type ScopeClaim } from './scope-owner.ts';
import { StagedStream } from './staged-stream.ts';
import { noTextForNested } from './text-encoder.ts';
import { planTable, type TablePlan } from './table-plan.ts';

interface LoadContext {
  readonly database: Database;
  readonly plain: PlainSupport;
  readonly options: ResolvedOptions;
  readonly pipeline: string;
  readonly lock: PipelineLock;
  /** What this session has registered as its own already. */
  readonly claimed: Set<string>;
  /** Missing tables that this session has told of. */
  readonly announced: Set<string>;
  /** Told of every table that the load put rows into. */
  readonly onPublished: (table: ManifestTable) => void;
}

/**
 * One load: staging tables, then one manifest whose renaming is the commit point.
 *
 * The manifest's table exists before the load's first row and was created while the pipeline's lock
 * certainly was held. Whoever takes the pipeline over drops it first, so a runner that wakes up
 * late finds nothing to rename and can commit nothing.
 */
export class ClickHouseLoad implements LoadPackage {
  readonly id: string;
  readonly #context: LoadContext;
  readonly #operation: OperationOptions;
  readonly #number: bigint;
  readonly #startedAt: Date;
  readonly #names: ReturnType<typeof loadNames>;
  readonly #streams: LoadStreams;
  readonly #missing: MissingTables;
  readonly #ledger: LedgerEntry[] = [];
  #stagingCount = 0;
  #changeCount = 0;
  #committing: Promise<LoadSummary> | undefined;
  #isOver = false;

  private constructor(context: LoadContext, operation: OperationOptions, number: bigint, startedAt: Date) {
    this.id = loadId(number, startedAt);
    this.#streams = new LoadStreams(this.id);
    this.#context = context;
    this.#operation = operation;
    this.#number = number;
    this.#startedAt = startedAt;
    this.#names = loadNames(context.pipeline, number);
    this.#missing = new MissingTables({
      ...context,
      operation,
      record: (changes) => this.#recordChanges(changes),
      owned: (work) => this.#owned(work),
    });
  }

  static async begin(context: LoadContext, operation: OperationOptions): Promise<ClickHouseLoad> {
    const number = await claimLoadNumber(context.database, operation);
    const load = new ClickHouseLoad(context, operation, number, new Date());
    try {
      await createManifestTable(context.database, load.#names.manifest, operation);
      await context.lock.verify(operation);
      return load;
    } catch (error) {
      await load[Symbol.asyncDispose]().catch(() => undefined);
      throw error;
    }
  }

  async prepare(stream: StreamSpec): Promise<readonly SchemaChange[]> {
    const { parent, children } = familyOf(stream);
    const changes = [...(await this.#prepare(parent))];
    for (const child of children) changes.push(...(await this.#prepare(child)));
    this.#streams.get(stream.name).children = children;
    return changes;
  }

  async #prepare(stream: StreamSpec): Promise<readonly SchemaChange[]> {
    const { database, options } = this.#context;
    const plan = planTable(stream, options);
    this.#streams.takeTables(plan);
    const present = this.#streams.find(stream.name);
    if (present?.staged.replaces === true) {
      // The rows make a table of their own: the one that they replace has no say in its columns.
      await this.#owned(present.staged.evolve(stream, newTable(plan)));
      present.spec = stream;
      return [];
    }
    const table = await this.#owned(prepareTable(database, plan, contractOf(stream), options, this.#operation));
    const isMissing = table.generation === undefined;
    const changes = isMissing ? this.#missing.announce(table) : table.changes;
    // That a table was created is recorded by who creates it.
    if (!isMissing) await this.#recordChanges(changes);
    if (present !== undefined) {
      await this.#owned(present.staged.evolve(stream, table));
      present.spec = stream;
      present.conflict = table.conflict;
      present.isMissing = isMissing;
      return changes;
    }
    const context = {
      database,
      plain: this.#context.plain,
      options,
      operation: this.#operation,
      loadId: this.id,
      number: this.#number,
      staging: this.#names.staging((this.#stagingCount += 1)),
    };
    const staged = new StagedStream(context, stream, table);
    // Slices never make a table anew, so nothing can make the conflict moot: before anything is read.
    if (table.conflict !== undefined && stream.scope !== undefined) throw table.conflict;
    const { conflict } = table;
    this.#streams.add({ staged, spec: stream, conflict, isMissing, isClaimed: false, children: [] });
    if (isReplacedWhole(stream)) await this.#replaceWhole(plan, staged);
    return changes;
  }

  /**
   * A table with children is replaced in place: a switch of generations can come between the reads of
   * a statement that joins them, while rows that are attached are in its one snapshot or not at all.
   */
  async #replaceWhole(plan: TablePlan, staged: StagedStream): Promise<void> {
    if (makesGeneration(plan, this.#streams.get(plan.stream).conflict)) return this.truncate(plan.stream);
    await this.#claimTable(plan);
    staged.replaceRows();
  }

  async #claimTable({ stream, publicName }: TablePlan): Promise<void> {
    await this.#claim({ publicName, kind: 'table' });
    this.#streams.get(stream).isClaimed = true;
  }

  async recordDrift(stream: string, drift: SourceDrift): Promise<SchemaChange> {
    const table = planTable(this.#streams.get(stream).spec, this.#context.options).publicName;
    const change: SchemaChange = { type: 'drift-found', stream, table, ...drift };
    await this.#recordChanges([change]);
    return change;
  }

  #recordChanges(changes: readonly SchemaChange[]): Promise<void> {
    const { database, pipeline } = this.#context;
    const by = { pipeline, number: this.#number, token: `${this.id}-schema-${(this.#changeCount += 1)}` };
    return recordSchemaChanges(database, by, changes, this.#operation);
  }

  async write(stream: string, rows: readonly Row[]): Promise<void> {
    if (rows.length === 0) return;
    const entry = await this.#writable(stream);
    const kept = await this.#owned(entry.staged.write(rows));
    for (const child of entry.children) await this.write(child.name, childRows(entry.spec, child, kept));
  }

  async writeText(stream: string, batch: TextBatch): Promise<void> {
    const { staged, children } = await this.#writable(stream);
    // Its nested columns are tables of their own, which such text would leave empty without a word.
    if (children.length > 0) throw noTextForNested(stream);
    await this.#owned(staged.writeText(batch));
  }

  async writeBinary(stream: string, batch: BinaryBatch): Promise<void> {
    const { staged } = await this.#writable(stream);
    await this.#owned(staged.writeBinary(batch));
  }

  async #writable(stream: string): Promise<LoadStream> {
    const entry = this.#streams.get(stream);
    await this.#missing.create(entry);
    if (entry.conflict !== undefined) throw entry.conflict;
    if (!entry.isClaimed && entry.spec.scope === undefined) {
      await this.#claim({ publicName: planTable(entry.spec, this.#context.options).publicName, kind: 'rows' });
      entry.isClaimed = true;
    }
    return entry;
  }

  async truncate(stream: string): Promise<void> {
    const entry = this.#streams.get(stream);
    const plan = planTable(entry.spec, this.#context.options);
    await this.#claimTable(plan);
    entry.conflict = undefined;
    await entry.staged.replaceTable(plan);
    for (const child of entry.children) await this.truncate(child.name);
  }

  async discard(stream: string): Promise<void> {
    const entry = this.#streams.find(stream);
    if (entry === undefined) return;
    for (const child of entry.children) await this.discard(child.name);
    await entry.staged.discard();
    this.#streams.delete(stream);
  }

  async lookup(
    stream: string,
    keys: readonly Row[],
    columns: readonly string[],
  ): Promise<readonly (Row | undefined)[]> {
    const entry = this.#streams.get(stream);
    await this.#missing.create(entry);
    return entry.staged.lookup(keys, columns);
  }

  async publish(stream: string, slice: Slice, entry: LedgerEntry, previous?: LedgerEntry): Promise<void> {
    await this.#close(stream, slice, previous);
    for (const { name } of this.#streams.get(stream).children) await this.#close(name, slice);
    this.#ledger.push(entry);
  }

  async #close(stream: string, slice: Slice, previous?: LedgerEntry): Promise<void> {
    const entry = this.#streams.get(stream);
    await this.#missing.create(entry);
    const { staged, spec, conflict, isClaimed } = entry;
    if (conflict !== undefined) throw conflict;
    const { publicName } = planTable(spec, this.#context.options);
    if (slice.scope !== undefined) await this.#claim({ publicName, kind: 'scope', scope: slice.scope });
    else if (!isClaimed) await this.#claim({ publicName, kind: 'rows' });
    staged.closeSlice(slice, previous);
  }

  /** Upserted parents have exactly the children that came with them. */
  async #closeFamilies(): Promise<void> {
    for (const { staged, children, spec } of this.#streams.all) {
      if (spec.scope !== undefined || children.length === 0) continue;
      const staging = await this.#owned(staged.staging());
      if (staging === undefined) continue;
      // Of a key that came twice the children of both would stay.
      await this.#owned(staged.requireUniqueKey());
      for (const { name, childOf } of children)
        await this.#owned(this.#streams.get(name).staged.closeChildren(childOf, staging));
    }
  }

  commit(state: readonly StateEntry[]): Promise<LoadSummary> {
    this.#committing = this.#commit(state);
    return this.#committing;
  }

  async #commit(state: readonly StateEntry[]): Promise<LoadSummary> {
    const tables: ManifestTable[] = [];
    await this.#missing.createAll(this.#streams.all);
    await this.#closeFamilies();
    for (const { staged } of this.#streams.all) {
      const table = await this.#owned(staged.finish());
      if (table !== undefined) tables.push(table);
    }
    const manifest: Manifest = {
      formatVersion: 1,
      pipeline: this.#context.pipeline,
      number: String(this.#number),
      loadId: this.id,
      startedAt: this.#startedAt.toISOString(),
      tables,
      ledger: this.#ledger.map((entry) => this.#withFingerprint(entry)),
      state,
    };
    const { database } = this.#context;
    await this.#owned(writeManifest(database, this.#names.manifest, manifest, this.#operation));
    const published = await this.#complete(manifest);
    const summary = { ...published, ...this.#compared() };
    for (const table of tables) if (table.staging !== undefined) this.#context.onPublished(table);
    return summary;
  }

  #compared(): Pick<LoadSummary, 'unchanged' | 'restated'> {
    const all = this.#streams.all.map(({ staged, spec }) => ({ name: spec.name, slices: staged.slices }));
    const unchanged = all.flatMap(({ name, slices }) =>
      slices.unchanged.length === 0 ? [] : [[name, slices.unchanged] as const],
    );
    const restated = all.flatMap(({ slices }) => slices.restated);
    return {
      ...(unchanged.length === 0 ? {} : { unchanged: Object.fromEntries(unchanged) }),
      ...(restated.length === 0 ? {} : { restated }),
    };
  }

  #withFingerprint(entry: LedgerEntry): LedgerEntry {
    const fingerprint = this.#streams.find(entry.stream)?.staged.slices.fingerprints.get(entry.slice);
    return fingerprint === undefined ? entry : { ...entry, fingerprint };
  }

  /** From the commit point on: what fails here does not undo the load. */
  async #complete(manifest: Manifest): Promise<LoadSummary> {
    const { database, options, lock } = this.#context;
    try {
      await this.#commitPoint();
      this.#isOver = true;
      // The load counts, whoever finishes it: an abort must not leave it for the next run.
      const operation = { ...this.#operation, signal: undefined };
      return await this.#owned(publishPrepared(database, options, manifest, operation));
    } catch (error) {
      const isOver = lock.lost.aborted || this.#operation.signal?.aborted === true || isTakenOver(error);
      if (isOver) throw error;
      throw unfinishedLoad(this.id, error);
    }
  }

  /** Each claim is made once a session: nobody can take it away meanwhile. */
  async #claim(claim: ScopeClaim): Promise<void> {
    const { database, pipeline, claimed } = this.#context;
    const name = JSON.stringify(claim);
    if (claimed.has(name)) return;
    await claimScope(database, claim, { pipeline, number: this.#number }, this.#operation);
    claimed.add(name);
  }

  /** A table of this load that is gone means that another run has taken the pipeline over. */
  async #owned<T>(work: Promise<T>): Promise<T> {
    try {
      return await work;
    } catch (error) {
      if (mayBeGone(error)) await this.#context.lock.verify(this.#operation);
      throw error;
    }
  }

  async #commitPoint(): Promise<void> {
    const { database } = this.#context;
    if (await renamed(database, this.#names.manifest, this.#names.prepared, this.#operation)) return;
    // The answer to a rename that succeeded may have been lost.
    if ((await database.find(this.#names.prepared)) !== undefined) return;
    this.#context.lock.lose();
    throw takenOver();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#committing?.catch(() => undefined);
    if (this.#isOver) return;
    this.#isOver = true;
    const { database } = this.#context;
    // The manifest goes first: without it nobody can take what is left for a load.
    await database.drop(this.#names.manifest);
    // Its renaming may have been carried out although the answer never came. Then the rows count.
    if ((await database.find(this.#names.prepared)) !== undefined) return;
    for (const { staged } of this.#streams.all) await staged.discard();
  }
}
