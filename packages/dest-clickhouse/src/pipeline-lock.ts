import {
  EtlError,
  silentLogger,
  type OperationOptions,
  type PipelineHolder,
  type PipelineUnlock,
  type UnlockOptions,
} from '@etl/core';
import { NOT_PERMITTED, serverCode, UNKNOWN_TABLE } from './clickhouse-error.ts';
import { pause } from './connection.ts';
import type { Database, TableInfo } from './database.ts';
import { literal, pipelineToken } from './identifier.ts';
import { claimLoadNumber } from './load-number.ts';
import type { ResolvedOptions } from './options.ts';
import { isCertainlyDead, thisProcess, type ProcessIdentity } from './process-identity.ts';

const LOCK = '_etl_lock_';

/**
 * Holds a pipeline for this process. The lock is an empty table whose name ends in a number that no
 * other lock ever had, and whose comment says who holds it and, by its age, that the holder lives.
 *
 * Mutual exclusion is "create, then look": whoever sees another live lock after creating its own
 * steps back. A holder that was taken over learns it from its missing table; what keeps it from
 * doing harm until then is the manifest of its load, see `Load`.
 */
export class PipelineLock implements AsyncDisposable {
  readonly #database: Database;
  readonly #name: string;
  readonly #lost = new AbortController();
  readonly #options: ResolvedOptions;
  #timer: NodeJS.Timeout | undefined;
  #lastBeat = performance.now();

  private constructor(database: Database, name: string, options: ResolvedOptions) {
    this.#database = database;
    this.#name = name;
    this.#options = options;
  }

  static async acquire(
    database: Database,
    pipeline: string,
    options: ResolvedOptions,
    operation: OperationOptions & { readonly waitMs?: number | undefined },
    { pollMs = 400, holds = 'holds the pipeline' }: { readonly pollMs?: number; readonly holds?: string } = {},
  ): Promise<PipelineLock> {
    const prefix = `${LOCK}${pipelineToken(pipeline)}_`;
    const deadline = performance.now() + (operation.waitMs ?? options.lockWaitMs);
    const logger = operation.logger ?? silentLogger;
    for (;;) {
      let holder = liveHolder(await database.tables([prefix], operation), '', database, options);
      if (holder === undefined) {
        const name = prefix + (await claimLoadNumber(database, operation));
        try {
          await database.command(
            `CREATE TABLE IF NOT EXISTS ${database.table(name)} (number UInt64) ENGINE = Null COMMENT ${literal(identityText())}`,
            operation,
          );
          const locks = await database.tables([prefix], operation);
          holder = liveHolder(locks, name, database, options);
          if (holder === undefined && locks.some((lock) => lock.name === name)) {
            for (const dead of locks) if (dead.name !== name) await database.drop(dead.name, operation);
            const lock = new PipelineLock(database, name, options);
            lock.#startHeartbeat();
            return lock;
          }
        } catch (error) {
          // An abort, above all: nobody would hold it, and as long as this process lives it would count as held.
          await database.drop(name).catch(() => undefined);
          throw error;
        }
        await database.drop(name, operation);
      }
      if (performance.now() >= deadline) throw heldError(pipeline, holder);
      logger.info({ pipeline, holder: holder?.host }, `waiting for the run that ${holds}`);
      await pause(pollMs / 2 + Math.random() * pollMs, operation.signal);
    }
  }

  /** Aborts when another run has taken the pipeline over. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** @throws `PIPELINE_TAKEN_OVER` when the lock is gone. */
  async verify(operation?: OperationOptions): Promise<void> {
    if ((await this.#database.find(this.#name, operation)) !== undefined) return;
    this.lose();
    throw takenOver();
  }

  // An embedded database admits one process at a time: whoever else held a lock in it is dead.
  #startHeartbeat(): void {
    if (this.#database.connection.isEmbedded) return;
    this.#timer = setInterval(() => void this.#beat(), this.#options.heartbeatMs);
    this.#timer.unref();
  }

  async #beat(): Promise<void> {
    try {
      await this.#database.commandAside(
        `ALTER TABLE ${this.#database.table(this.#name)} MODIFY COMMENT ${literal(identityText())}`,
        { signal: AbortSignal.timeout(this.#options.staleAfterMs / 2) },
      );
      this.#lastBeat = performance.now();
    } catch (error) {
      // Without the right to say that it lives the run would be taken over in the middle of its work.
      if (serverCode(error) === NOT_PERMITTED) return this.lose(error);
      const silence = performance.now() - this.#lastBeat;
      if (serverCode(error) === UNKNOWN_TABLE || silence > this.#options.staleAfterMs) this.lose();
    }
  }

  /** Ends everything that relies on the lock: somebody has seen that it is no longer ours. */
  lose(reason: unknown = takenOver()): void {
    clearInterval(this.#timer);
    if (!this.#lost.signal.aborted) this.#lost.abort(reason);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#timer);
    await this.#database.drop(this.#name);
  }
}

/** Who holds a pipeline now; `undefined` when nobody does, or only the dead. */
export async function holderOf(
  database: Database,
  pipeline: string,
  options: ResolvedOptions,
  operation: OperationOptions,
): Promise<PipelineHolder | undefined> {
  for (const lock of await database.tables([`${LOCK}${pipelineToken(pipeline)}_`], operation)) {
    const identity = liveIdentity(lock, database, options);
    if (identity === undefined) continue;
    return holderIn(lock, identity, database);
  }
  return undefined;
}

function holderIn(lock: TableInfo, { host, pid, since }: ProcessIdentity, database: Database): PipelineHolder {
  return { host, pid, since, ...(database.connection.isEmbedded ? {} : { silentMs: lock.age_seconds * 1000 }) };
}

/** Drops the locks of the dead and, with `force`, of all: who lives learns it at its next commit. */
export async function freePipeline(
  database: Database,
  pipeline: string,
  options: ResolvedOptions,
  operation: UnlockOptions,
): Promise<PipelineUnlock> {
  const freed: PipelineHolder[] = [];
  const held: PipelineHolder[] = [];
  for (const lock of await database.tables([`${LOCK}${pipelineToken(pipeline)}_`], operation)) {
    const isAlive = liveIdentity(lock, database, options) !== undefined;
    const holder = holderIn(lock, JSON.parse(lock.comment) as ProcessIdentity, database);
    if (isAlive && operation.force !== true) {
      held.push(holder);
      continue;
    }
    await database.drop(lock.name, operation);
    freed.push(holder);
  }
  return { freed, held };
}

function identityText(): string {
  return JSON.stringify({ ...thisProcess, beat: new Date().toISOString() });
}

function liveHolder(
  locks: readonly TableInfo[],
  own: string,
  database: Database,
  options: ResolvedOptions,
): ProcessIdentity | undefined {
  return locks
    .filter(({ name }) => name !== own)
    .map((lock) => liveIdentity(lock, database, options))
    .find((identity) => identity !== undefined);
}

/** Who holds a lock; `undefined` when its holder is dead. */
function liveIdentity(lock: TableInfo, database: Database, options: ResolvedOptions): ProcessIdentity | undefined {
  const identity = JSON.parse(lock.comment) as ProcessIdentity;
  const { isEmbedded } = database.connection;
  if (isEmbedded) return identity.instance === thisProcess.instance ? identity : undefined;
  if (isCertainlyDead(identity)) return undefined;
  return lock.age_seconds * 1000 <= options.staleAfterMs ? identity : undefined;
}

/** Drops the locks that dead runs left on the definitions of tables. */
export async function sweepDeadLocks(
  database: Database,
  options: ResolvedOptions,
  operation: OperationOptions,
): Promise<void> {
  for (const lock of await database.tables([`${LOCK}definition_of_`], operation)) {
    if (liveIdentity(lock, database, options) === undefined) await database.drop(lock.name, operation);
  }
}

function heldError(pipeline: string, holder: ProcessIdentity | undefined): EtlError {
  const who = holder === undefined ? 'another run' : `process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  return new EtlError({
    code: 'PIPELINE_HELD',
    kind: 'transient',
    message: `The pipeline ${pipeline} is being run by ${who}.`,
    hint: 'Wait for that run to end; if its machine is gone, it counts as dead after a minute of silence.',
  });
}

export function takenOver(): EtlError {
  return new EtlError({
    code: 'PIPELINE_TAKEN_OVER',
    kind: 'transient',
    message: 'Another run took this pipeline over, because this one had been silent for too long.',
    hint: 'Nothing is lost: the other run goes on from the last commit.',
  });
}

export function isHeld(error: unknown): boolean {
  return EtlError.isInstance(error) && error.code === 'PIPELINE_HELD';
}

export function isTakenOver(error: unknown): boolean {
  return EtlError.isInstance(error) && error.code === 'PIPELINE_TAKEN_OVER';
}
