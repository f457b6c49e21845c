import type { OperationOptions, SchemaChange } from '@etl/core';
import type { Database } from './database.ts';
import type { LoadStream } from './load-stream.ts';
import type { ResolvedOptions } from './options.ts';
import { defineTable, tableCreated, type PreparedTable } from './prepare-table.ts';
import { contractOf } from './schema-contract.ts';
import { planTable } from './table-plan.ts';

interface MissingTablesContext {
  readonly database: Database;
  readonly options: ResolvedOptions;
  readonly operation: OperationOptions;
  /** Missing tables that this session has told of. */
  readonly announced: Set<string>;
  readonly record: (changes: readonly SchemaChange[]) => Promise<void>;
  /** Tells a table that is gone from a pipeline that was taken over. */
  readonly owned: <T>(work: Promise<T>) => Promise<T>;
}

/**
 * The tables of a load that are not there: each is created before anything relies on it, and recorded by who
 * creates it. One whose rows replace it is made by the publishing alone.
 */
export class MissingTables {
  readonly #context: MissingTablesContext;
  /** Several may write to a stream at once. */
  readonly #creations = new Map<LoadStream, Promise<void>>();

  constructor(context: MissingTablesContext) {
    this.#context = context;
  }

  /** What to tell of a table that is to be created: several loads of a session may begin with the same. */
  announce({ plan, changes }: PreparedTable): readonly SchemaChange[] {
    const { announced } = this.#context;
    if (announced.has(plan.publicName)) return [];
    announced.add(plan.publicName);
    return changes;
  }

  async create(stream: LoadStream): Promise<void> {
    if (!stream.isMissing || stream.staged.replaces) return;
    const creation = this.#creations.get(stream) ?? this.#create(stream);
    this.#creations.set(stream, creation);
    try {
      await creation;
    } finally {
      this.#creations.delete(stream);
    }
  }

  async #create(stream: LoadStream): Promise<void> {
    const { database, options, operation, record, owned } = this.#context;
    const { spec } = stream;
    const table = await owned(defineTable(database, planTable(spec, options), contractOf(spec), options, operation));
    await record(table.changes);
    // Another pipeline may have created it meanwhile, as its own stream has it.
    await owned(stream.staged.evolve(spec, table));
    stream.isMissing = false;
    stream.conflict = table.conflict;
  }

  /** What nothing has relied on so far has to be there behind the commit point nevertheless. */
  async createAll(streams: readonly LoadStream[]): Promise<void> {
    const { options, record } = this.#context;
    for (const stream of streams) {
      await this.create(stream);
      if (stream.isMissing) await record([tableCreated(planTable(stream.spec, options))]);
    }
  }
}
