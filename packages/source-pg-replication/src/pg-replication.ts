import {
  EtlError,
  type Checkpoint,
  type ComparableSource,
  type OperationOptions,
  type Source,
  type SourceContent,
  type SourceHealth,
  type SourceMessage,
  type SourceReadRequest,
  type StreamOutlook,
  type StreamSpec,
} from '@etl/core';
import type { Client } from 'pg';
import { readServerFacts, type ServerFacts } from './catalog.ts';
import { concernsAll, findProblems, readableStreams, throwProblems } from './check-source.ts';
import { derivedSpec } from './derived-stream.ts';
import { deriveStreams, tableRequest } from './derive-streams.ts';
import { openPgContent } from './pg-content.ts';
import { confirmSlot } from './confirm-slot.ts';
import { Connector } from './connector.ts';
import { resolveOptions, type PgReplicationOptions, type ResolvedOptions } from './options.ts';
import { pgError } from './pg-error.ts';
import { checkpointLsn, hasTablePosition } from './position.ts';
import { tablesUnpublished } from './publication.ts';
import { previewTables, requireDistinctNames } from './read-plan.ts';
import { requireVersion } from './read-session.ts';
import { readReplication } from './replication-read.ts';
import type { ReplicationStream } from './replication-stream.ts';
import { SLOT_AHEAD } from './slot-error.ts';
import { readSlot } from './slot.ts';
import { healthOf, readSlotHealth, type SlotHealth } from './slot-health.ts';
import { guardSlot } from './slot-valve.ts';
import { canBeginAnew, storedStart } from './stored-start.ts';
import { tableOutlook } from './table-outlook.ts';
import { tablesNotFound } from './table-selection.ts';
import { readSystem } from './timeline.ts';
import { dropUnusedSlot } from './unused-slot.ts';

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
export function pgReplication(options: PgReplicationOptions): ComparableSource {
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

class PgReplication implements ComparableSource {
  readonly specificationVersion = 'v1';
  readonly name = 'pg';
  readonly #options: ResolvedOptions;
  readonly #connector: Connector;
  #stream: ReplicationStream | undefined;
  #serverVersion: number | undefined;
  #isReading = false;
  /** How the slot stood before this run. */
  #before: SlotHealth | undefined;
  /** The last reading created the slot, and no position of a table was acknowledged since. */
  #isSlotUnused = false;

  constructor(options: ResolvedOptions) {
    this.#options = options;
    this.#connector = new Connector(options);
  }

  async check(options: OperationOptions = {}): Promise<void> {
    await this.#withControl(options, async (control, facts) => {
      throwProblems(await findProblems(this.#connector, control, this.#options, facts));
    });
  }

  async prepare(options: OperationOptions = {}): Promise<void> {
    await this.#withControl(options, async (control) => {
      this.#before = await guardSlot(control, this.#options, options.logger);
    });
  }

  async health(options: OperationOptions = {}): Promise<SourceHealth> {
    return this.#withControl(options, async (control) => {
      const now = await readSlotHealth(control, this.#options.slot);
      // A run that has just read the slot asks how long nobody had.
      const idleMs = this.#before?.idleMs ?? now?.idleMs ?? null;
      return healthOf(now === undefined ? undefined : { ...now, idleMs }, this.#options);
    });
  }

  async openContent(options: OperationOptions = {}): Promise<SourceContent> {
    options.signal?.throwIfAborted();
    const until = (untilLsn: string): Source => new PgReplication({ ...this.#options, untilLsn });
    return openPgContent(this.#connector, this.#options, until, options);
  }

  async discover(options: OperationOptions = {}): Promise<readonly StreamSpec[]> {
    return this.#withControl(options, async (control, facts) => {
      const { tables, unpublished, missing } = await previewTables(control, this.#options, facts);
      requireDistinctNames(tables);
      const { streams, problems } = await readableStreams(control, tables, facts);
      const left = unpublished.map((table) =>
        tablesUnpublished(this.#options.publication, [table], { isNamed: false }),
      );
      const gone = missing.flatMap((table) =>
        table.streams.map((stream) => tablesNotFound([table], facts.database, [stream])),
      );
      for (const { context, message, hint } of [...problems, ...left, ...gone]) {
        options.logger?.warn({ stream: String(context['stream']), reason: message, hint }, 'cannot be read');
      }
      const { derived, derivedOnly } = this.#options;
      const shown = streams.map(({ spec }) => spec).filter(({ name }) => !derivedOnly.includes(name));
      return [...shown, ...derived.map(derivedSpec)];
    });
  }

  async outlook(request: SourceReadRequest = {}): Promise<readonly StreamOutlook[]> {
    return this.#withControl(request, async (control, facts) => {
      const { publication, derived } = this.#options;
      const problems = await findProblems(this.#connector, control, this.#options, facts);
      throwProblems(problems.filter(concernsAll));
      await this.#requireStart(request, control, facts);
      const { tables } = await previewTables(control, this.#options, facts);
      const { streams } = await readableStreams(control, tables, facts);
      const readable = streams.map(({ table }) => table);
      const published = { version: facts.version, publication };
      return tableOutlook(control, readable, published, tableRequest(request, derived));
    });
  }

  /** @throws as a reading would that cannot go on from where the last one ended, but for {@link SLOT_AHEAD}. */
  async #requireStart(request: SourceReadRequest, control: Client, facts: ServerFacts): Promise<void> {
    const { slot } = this.#options;
    const server = { system: await readSystem(this.#connector, facts), database: facts.database };
    try {
      await storedStart(request, slot, await readSlot(control, slot), server);
    } catch (error) {
      // The state was read before the slot: a run may have moved both between the two.
      const isAhead = EtlError.isInstance(error) && error.code === SLOT_AHEAD;
      if (!isAhead && !canBeginAnew(error, this.#options, request)) throw error;
    }
  }

  async *read(request: SourceReadRequest = {}): AsyncGenerator<SourceMessage, void, undefined> {
    this.#isSlotUnused = false;
    this.#isReading = true;
    try {
      yield* this.#read(request);
    } finally {
      this.#isReading = false;
    }
  }

  #read(request: SourceReadRequest): AsyncGenerator<SourceMessage, void, undefined> {
    const { derived, derivedOnly } = this.#options;
    if (derived.length === 0) return this.#readTables(request);
    const read = (inner: SourceReadRequest): AsyncGenerator<SourceMessage, void, undefined> => this.#readTables(inner);
    return deriveStreams({ derived, hidden: new Set(derivedOnly), request, read });
  }

  #readTables(request: SourceReadRequest): AsyncGenerator<SourceMessage, void, undefined> {
    return readReplication({
      options: this.#options,
      connector: this.#connector,
      request,
      onStream: (stream) => {
        this.#stream = stream;
      },
      onSlotCreated: () => {
        this.#isSlotUnused = true;
      },
    });
  }

  async acknowledge(checkpoint: Checkpoint, options: OperationOptions = {}): Promise<void> {
    const lsn = checkpointLsn(checkpoint.entries);
    if (hasTablePosition(checkpoint.entries)) this.#isSlotUnused = false;
    if (lsn === undefined) return;
    if (this.#stream !== undefined) {
      this.#stream.confirm(lsn);
      return;
    }
    if (this.#isSlotUnused && !this.#isReading) {
      // Every table failed: the next run makes the slot anew, and meanwhile nothing holds the log back.
      this.#isSlotUnused = false;
      await dropUnusedSlot(this.#connector, this.#options.slot, options.logger);
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
