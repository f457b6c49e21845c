import { EtlError, type SourceMessage } from '@etl/core';
import { describeTables, readTypes } from './catalog.ts';
import { BASE_ROW_MISSING } from './base-rows.ts';
import { ChangedTable } from './changed-table.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import { LinePool } from './pending-lines.ts';
import type { PgoutputBegin, PgoutputChange, PgoutputMessage } from './pgoutput.ts';
import { forgottenEntry, slotEntry, tableEntry, tablePosition } from './position.ts';
import type { ReadSession } from './read-session.ts';
import type { ReadingEnd, Verdict } from './reading-end.ts';
import type { ReplicationStream } from './replication-stream.ts';
import { RowVersion } from './row-version.ts';
import type { TableToCopy } from './snapshot-phase.ts';
import { findDrift } from './table-drift.ts';
import { tableStream } from './table-stream.ts';

type Messages = AsyncGenerator<SourceMessage, void, undefined>;
type Relation = Extract<PgoutputMessage, { type: 'relation' }>;

/** Reads the changes of the live tables up to the end of a reading. */
export class ChangePhase {
  readonly #session: ReadSession;
  readonly #stream: ReplicationStream;
  readonly #end: ReadingEnd;
  readonly #tables = new Map<number, ChangedTable>();
  readonly #withImages: readonly ChangedTable[];
  readonly #resync: TableToCopy[] = [];
  /** End of the last whole transaction. */
  #position: bigint;
  /** Of the transaction, while it may be in copies. */
  #commitLsn = 0n;
  /** Where the last copy begins. */
  readonly #lastCopyLsn: bigint;
  /** Transactions come in the order of their commits: behind one that is in no copy all are. */
  #isBehindCopies = false;
  readonly #version = new RowVersion();
  #inTransaction = false;
  /** Changes since the last flush; of several of one row only the last is held. */
  #pendingRows = 0;
  #pendingBytes = 0;
  #sinceCheckpoint = 0;
  #bytesSinceCheckpoint = 0;

  constructor(session: ReadSession, stream: ReplicationStream, end: ReadingEnd) {
    this.#session = session;
    this.#stream = stream;
    this.#end = end;
    this.#position = parseLsn(session.position.lsn);
    this.#lastCopyLsn = [...session.live.values()].reduce((last, { fromLsn }) => (fromLsn > last ? fromLsn : last), 0n);
    const pool = session.acceptsText ? new LinePool() : undefined;
    for (const [oid, live] of session.live)
      this.#tables.set(oid, new ChangedTable(live, session.asRows.has(live.stream.name) ? undefined : pool));
    this.#withImages = [...this.#tables.values()].filter((table) => table.remembersTransaction);
  }

  /** Tables whose rows cannot be kept right by their changes. */
  get resync(): readonly TableToCopy[] {
    return this.#resync;
  }

  /** Reads to the end; the last message is the checkpoint there. */
  async *read(): Messages {
    for (const { stream } of this.#tables.values()) {
      yield { type: 'progress', stream: stream.name, phase: 'changes', rows: 0 };
    }
    for (;;) {
      const event = this.#stream.take();
      if (event === undefined) {
        await this.#end.wait(this.#stream, this.#inTransaction);
        const verdict = this.#inTransaction ? 'go-on' : this.#end.atRest({ mustEnd: this.#resync.length > 0 });
        if (verdict === 'go-on') continue;
        yield* this.#checkpoint(verdict);
        if (verdict === 'end') return;
        // Whoever waits for the end of a reading that must stop here is told that there would be more.
        yield* this.#tell();
        continue;
      }
      const exact = event.type === 'begin' ? this.#end.exactBefore(event) : undefined;
      if (exact !== undefined) {
        this.#position = exact;
        yield* this.#checkpoint('end');
        return;
      }
      switch (event.type) {
        case 'begin':
          this.#begin(event);
          continue;
        case 'insert':
        case 'update':
        case 'delete': {
          const failed = this.#change(event);
          if (failed !== undefined) yield failed;
          // Within a transaction rows are handed on, but no load can end.
          if (this.#isFull()) yield* this.#flush();
          continue;
        }
        case 'truncate':
          yield* this.#truncate(event.relations);
          continue;
        case 'relation':
          yield* this.#describe(event);
          continue;
        case 'origin':
        case 'type':
          continue;
        case 'keepalive':
        case 'message':
          break;
        case 'commit':
          this.#inTransaction = false;
          this.#position = event.endLsn;
          break;
      }
      if (this.#inTransaction) continue;
      const { verdict, position } = this.#end.atEvent(event);
      if (position !== undefined && position > this.#position) this.#position = position;
      const due =
        event.type === 'commit' && verdict === 'go-on'
          ? this.#end.atCommit(this.#sinceCheckpoint, this.#bytesSinceCheckpoint)
          : verdict;
      if (due === 'go-on') continue;
      yield* this.#checkpoint(due);
      if (due === 'end') return;
    }
  }

  *#tell(): Generator<SourceMessage, void, undefined> {
    for (const { stream, isStopped, rowCount } of this.#tables.values()) {
      if (!isStopped) yield { type: 'progress', stream: stream.name, phase: 'changes', rows: rowCount };
    }
  }

  #begin(begin: PgoutputBegin): void {
    this.#inTransaction = true;
    if (!this.#isBehindCopies) {
      this.#commitLsn = begin.commitLsn;
      this.#isBehindCopies = this.#commitLsn >= this.#lastCopyLsn;
    }
    this.#version.begin(this.#session.position.epoch, begin);
    for (const table of this.#withImages) table.beginTransaction();
  }

  #change(event: PgoutputChange): SourceMessage | undefined {
    this.#version.next();
    const table = this.#liveNow(event.relation);
    if (table === undefined) return undefined;
    this.#pendingRows += 1;
    this.#sinceCheckpoint += 1;
    this.#pendingBytes += this.#stream.lastBytes;
    this.#bytesSinceCheckpoint += this.#stream.lastBytes;
    try {
      table.apply(event, this.#version);
      return undefined;
    } catch (error) {
      this.#stop(table);
      return { type: 'stream-failed', stream: table.stream.name, error: EtlError.from(error) };
    }
  }

  async *#truncate(relations: readonly number[]): Messages {
    this.#version.next();
    for (const relation of relations) {
      const table = this.#liveNow(relation);
      if (table === undefined) continue;
      table.truncate();
      this.#session.logger.info({ stream: table.stream.name }, 'truncated at the source');
      yield* table.announce();
      yield { type: 'truncate', stream: table.stream.name };
    }
  }

  /** The table, unless its changes are of no interest: unknown, stopped, or in its snapshot already. */
  #liveNow(relation: number): ChangedTable | undefined {
    const table = this.#tables.get(relation);
    return table === undefined || table.isStopped || this.#isInCopy(table) ? undefined : table;
  }

  #isInCopy({ live }: ChangedTable): boolean {
    return !this.#isBehindCopies && this.#commitLsn < live.fromLsn;
  }

  async *#describe(relation: Relation): Messages {
    const table = this.#tables.get(relation.oid);
    if (table === undefined || table.isStopped) return;
    const { control, types, facts, options } = this.#session;
    await readTypes(
      control,
      relation.columns.map((column) => column.typeOid),
      types,
    );
    if (table.describe(relation.columns, types) || this.#isInCopy(table)) return;
    // Either an older form of the table, or one that is newer than what was read at the start.
    const [now] = await describeTables(control, [relation.oid], {
      version: facts.version,
      publication: options.publication,
    });
    if (now === undefined) return;
    await readTypes(
      control,
      now.columns.map((column) => column.type),
      types,
    );
    const { live } = table;
    const drift = await findDrift(control, tablePosition(live.stream.table, live.fromLsn), now, types);
    if (drift.type === 'resync') {
      this.#copyAnew(table, drift.reason);
      return;
    }
    if (drift.type === 'evolved') {
      yield* this.#flush();
      if (table.isStopped) return;
      table.evolve(tableStream(now, types, this.#session.replaced));
      this.#session.draft.set(tableEntry(table.stream.name, tablePosition(now, live.fromLsn)));
      yield* table.announce();
      table.describe(relation.columns, types);
    }
    if (table.hasConflict(relation.columns)) this.#copyAnew(table, 'a column changed its type');
  }

  #copyAnew(table: ChangedTable, reason: string): void {
    const { name, table: source } = table.stream;
    this.#session.logger.warn({ stream: name, reason }, 'the table is copied anew');
    this.#stop(table);
    this.#resync.push({ oid: source.oid, stream: name });
  }

  // Acknowledged without them, the last checkpoint then says that no table was stored.
  #repeatPositions(): void {
    for (const { stream, fromLsn } of this.#session.live.values()) {
      this.#session.draft.set(tableEntry(stream.name, tablePosition(stream.table, fromLsn)));
    }
  }

  // The position moves on without the table's changes, so the next run must not go on from them.
  #stop(table: ChangedTable): void {
    table.stop();
    this.#session.live.delete(table.stream.table.oid);
    this.#session.draft.set(forgottenEntry(table.stream.name));
  }

  #isFull(): boolean {
    const { pageRows, pageBytes } = this.#session.options;
    return this.#pendingRows >= pageRows || this.#pendingBytes >= pageBytes;
  }

  async *#flush(): Messages {
    for (const table of this.#tables.values()) {
      if (!table.isPending) continue;
      try {
        yield* table.flush(this.#session.lookup);
        yield* this.#session.replaced?.messages(table.stream.name) ?? [];
        yield { type: 'progress', stream: table.stream.name, phase: 'changes', rows: table.rowCount };
      } catch (error) {
        if (!EtlError.isInstance(error) || error.code !== BASE_ROW_MISSING) throw error;
        this.#copyAnew(table, 'the destination lacks a row that was updated at the source');
      }
    }
    this.#pendingRows = 0;
    this.#pendingBytes = 0;
  }

  async *#checkpoint(verdict: Verdict): Messages {
    yield* this.#flush();
    if (verdict === 'end' && this.#session.isSlotNew) this.#repeatPositions();
    this.#sinceCheckpoint = 0;
    this.#bytesSinceCheckpoint = 0;
    this.#end.checkpointMade();
    const session = this.#session;
    session.position = { ...session.position, lsn: formatLsn(this.#position) };
    session.draft.set(slotEntry(session.position));
    yield { type: 'checkpoint', checkpoint: session.draft.take() };
  }
}
