import {
  EtlError,
  type Checkpoint,
  type OperationOptions,
  type Source,
  type SourceMessage,
  type SourceReadRequest,
  type StreamSpec,
} from '@etl/core';
import type { Client } from 'pg';
import { readServerFacts, readTypes, type CatalogTable, type ServerFacts } from './catalog.ts';
import { confirmSlot } from './confirm-slot.ts';
import { Connector } from './connector.ts';
import { resolveOptions, type PgReplicationOptions, type ResolvedOptions } from './options.ts';
import { pgError } from './pg-error.ts';
import { checkpointLsn } from './position.ts';
import { readPublication, requirePublicationRights } from './publication.ts';
import { previewTables, requireDistinctNames } from './read-plan.ts';
import { readSystemIdentifier, requireLogicalWal, requireVersion } from './read-session.ts';
import { readReplication } from './replication-read.ts';
import type { ReplicationStream } from './replication-stream.ts';
import { readSlot, requireFreeSlot, requireUsableSlot } from './slot.ts';
import { tableStream } from './table-stream.ts';
import type { TypeRow } from './value-type.ts';

/**
 * Reads PostgreSQL tables through logical replication: a consistent snapshot of each table once,
 * then every change in the order of commits, up to the moment at which a reading began to follow the log.
 *
 * @example
 * ```ts
 * const source = pgReplication({ connectionString: process.env.DATABASE_URL!, tables: ['orders'] });
 * for await (const message of source.read()) {
 *   if (message.type === 'records') for (const row of message.rows) console.log(message.stream, row);
 * }
 * ```
 *
 * @throws `PG_OPTIONS_INVALID` and `PG_CONNECTION_STRING_INVALID` (config).
 */
export function pgReplication(options: PgReplicationOptions): Source {
  return new PgReplication(
    resolveOptions(
      options,
      (problem) =>
        new EtlError({
          code: 'PG_OPTIONS_INVALID',
          kind: 'config',
          message: `The options of the PostgreSQL source are not valid (${problem}).`,
          hint: 'Correct the options.',
        }),
    ),
  );
}

class PgReplication implements Source {
  readonly specificationVersion = 'v1';
  readonly name = 'pg';
  readonly #options: ResolvedOptions;
  readonly #connector: Connector;
  #stream: ReplicationStream | undefined;
  #serverVersion: number | undefined;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#connector = new Connector(options);
  }

  async check(options: OperationOptions = {}): Promise<void> {
    const { slot: name } = this.#options;
    await this.#withControl(options, async (control, facts) => {
      requireLogicalWal(facts);
      await readSystemIdentifier(this.#connector);
      const slot = await readSlot(control, name);
      if (slot === undefined) await requireFreeSlot(control);
      else requireUsableSlot(name, slot, facts.database);
      const tables = await previewTables(control, this.#options, facts);
      requireDistinctNames(tables);
      if ((await readPublication(control, this.#options.publication)) === undefined) {
        await requirePublicationRights(control, this.#options.publication, tables);
      }
      await this.#requireReadable(control, tables);
    });
  }

  async discover(options: OperationOptions = {}): Promise<readonly StreamSpec[]> {
    return this.#withControl(options, async (control, facts) => {
      const tables = await previewTables(control, this.#options, facts);
      requireDistinctNames(tables);
      const types = await typesOf(control, tables);
      return tables.flatMap((table) => {
        try {
          return [tableStream(table, types).spec];
        } catch (error) {
          // A table that cannot be read is named by `check` and by every run.
          options.logger?.warn({ err: error }, 'table cannot be read');
          return [];
        }
      });
    });
  }

  async *read(request: SourceReadRequest = {}): AsyncGenerator<SourceMessage, void, undefined> {
    yield* readReplication({
      options: this.#options,
      connector: this.#connector,
      request,
      onStream: (stream) => {
        this.#stream = stream;
      },
    });
  }

  async acknowledge(checkpoint: Checkpoint, options: OperationOptions = {}): Promise<void> {
    const lsn = checkpointLsn(checkpoint.entries);
    if (lsn === undefined) return;
    if (this.#stream !== undefined) {
      this.#stream.confirm(lsn);
      return;
    }
    this.#serverVersion ??= await this.#withControl(options, async (_, facts) => facts.version);
    await confirmSlot(this.#connector, {
      slot: this.#options.slot,
      publication: this.#options.publication,
      lsn,
      serverVersion: this.#serverVersion,
      waitMs: 10_000,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#connector.destroyAll();
  }

  async #requireReadable(control: Client, tables: readonly CatalogTable[]): Promise<void> {
    const types = await typesOf(control, tables);
    for (const table of tables) tableStream(table, types);
    const denied = tables.filter((table) => !table.isReadable);
    if (denied.length === 0) return;
    throw new EtlError({
      code: 'PG_PERMISSION_DENIED',
      kind: 'permission',
      message: `The user may not read ${denied.map(({ schema, table }) => `${schema}.${table}`).join(', ')}.`,
      hint: 'Grant USAGE on the schema and SELECT on the tables.',
    });
  }

  async #withControl<T>(
    { signal }: OperationOptions,
    work: (control: Client, facts: ServerFacts) => Promise<T>,
  ): Promise<T> {
    signal?.throwIfAborted();
    let control: Client | undefined;
    const abort = (): void => this.#connector.destroyAll();
    signal?.addEventListener('abort', abort, { once: true });
    try {
      control = await this.#connector.connect();
      const facts = await readServerFacts(control);
      requireVersion(facts);
      return await work(control, facts);
    } catch (error) {
      signal?.throwIfAborted();
      throw pgError(error, 'asking the server');
    } finally {
      signal?.removeEventListener('abort', abort);
      if (control !== undefined) await this.#connector.close(control);
    }
  }
}

async function typesOf(control: Client, tables: readonly CatalogTable[]): Promise<Map<number, TypeRow>> {
  const types = new Map<number, TypeRow>();
  await readTypes(
    control,
    tables.flatMap((table) => table.columns.map((column) => column.type)),
    types,
  );
  return types;
}
