import { EtlError, silentLogger, type SourceMessage, type SourceReadRequest } from '@etl/core';
import type { Client } from 'pg';
import { readServerFacts, type TableName } from './catalog.ts';
import { ChangePhase } from './change-phase.ts';
import { CheckpointDraft } from './checkpoint-draft.ts';
import type { Connector } from './connector.ts';
import { ensureFailover, requireFailoverSlots } from './failover-slot.ts';
import { sendHeartbeat, takeFence } from './fence.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import type { ResolvedOptions } from './options.ts';
import { pgError } from './pg-error.ts';
import { nextEpoch, slotEntry } from './position.ts';
import {
  haveTablesChanged,
  planTables,
  preparePublication,
  requireDistinctNames,
  type TableChoice,
} from './read-plan.ts';
import { lockSlot, requireLogicalWal, requireVersion, type ReadSession } from './read-session.ts';
import { ReadingEnd } from './reading-end.ts';
import { ReplacedValues } from './replaced-values.ts';
import { ReplicationStream } from './replication-stream.ts';
import { awaitFreeSlot, dropSlot, type SlotFacts } from './slot.ts';
import { rememberSlot } from './slot-memory.ts';
import { copyTables, unblocked, type TableToCopy } from './snapshot-phase.ts';
import { createSnapshotPoint, type SnapshotPoint } from './snapshot-point.ts';
import { canBeginAnew, storedStart, type SourceServer, type Start } from './stored-start.ts';
import { readSystemFirst } from './timeline.ts';
import { dropUnusedSlot } from './unused-slot.ts';
import { warmUp } from './warm-up.ts';

type Messages = AsyncGenerator<SourceMessage, void, undefined>;

export interface ReplicationReadOptions {
  readonly options: ResolvedOptions;
  readonly connector: Connector;
  readonly request: SourceReadRequest;
  /** Told of the open stream, so that acknowledgements reach the slot at once; `undefined` when it ends. */
  readonly onStream: (stream: ReplicationStream | undefined) => void;
  /** Told when the slot was missing and is created, before anything is read. */
  readonly onSlotCreated: () => void;
}

/**
 * One reading: checks slot and position, copies tables that have no usable position, reads changes
 * to a fence, and copies tables that their changes could not keep right.
 */
export async function* readReplication(read: ReplicationReadOptions): Messages {
  const { connector, request } = read;
  const { signal } = request;
  signal?.throwIfAborted();
  const abort = (): void => connector.destroyAll();
  signal?.addEventListener('abort', abort, { once: true });
  let control: Client | undefined;
  let isSlotNew = false;
  let isCovered = false;
  const onSlotCreated = (): void => {
    isSlotNew = true;
    read.onSlotCreated();
  };
  try {
    connector.expectReplication();
    control = await connector.connect();
    for await (const message of readWith({ ...read, onSlotCreated }, control)) {
      isCovered ||= message.type === 'checkpoint';
      yield message;
      // What the server has sent already would otherwise be read to its end.
      signal?.throwIfAborted();
    }
    // An abort at its very end is one nevertheless: the reader has stopped listening.
    signal?.throwIfAborted();
  } catch (error) {
    signal?.throwIfAborted();
    throw EtlError.isInstance(error) ? error : pgError(error, 'reading from the source');
  } finally {
    signal?.removeEventListener('abort', abort);
    read.onStream(undefined);
    await connector.closeSpare();
    if (control !== undefined) await connector.close(control);
    // Before the first checkpoint nothing can be stored that needs the slot, and it would hold the log back.
    if (isSlotNew && !isCovered) await dropUnusedSlot(connector, read.options.slot, request.logger);
  }
}

async function* readWith(read: ReplicationReadOptions, control: Client): Messages {
  const { options, connector, request } = read;
  const facts = await readServerFacts(control);
  requireVersion(facts);
  requireLogicalWal(facts);
  if (options.failover) requireFailoverSlots(facts);
  const patience = { waitMs: options.slotWaitMs, signal: request.signal };
  await lockSlot(control, options.slot, patience);
  const system = await readSystemFirst(connector, facts);
  const { slot, stored, epoch, isAnew } = await findStart(
    read,
    control,
    await awaitFreeSlot(control, options.slot, patience),
    { system, database: facts.database },
  );
  const remembered = stored === undefined ? rememberSlot(request, options.slot, system.identifier) : Promise.resolve();
  remembered.catch(() => undefined);
  let choice: TableChoice<TableName>;
  try {
    // Tables are copied, at once: what that takes is made ready while the destination notes the slot.
    if (slot === undefined) connector.expect(async (client) => warmUp(client, facts));
    if (slot !== undefined && options.failover) await ensureFailover(connector, control, options.slot);
    choice = await preparePublication(control, options, facts);
    if (slot === undefined) await warmUp(control, facts);
  } finally {
    await remembered;
  }
  requireDistinctNames(choice.tables);

  const session: ReadSession = {
    options,
    connector,
    control,
    facts,
    logger: request.logger ?? silentLogger,
    lookup: request.lookup,
    acceptsText: request.acceptsText === true,
    acceptsBinary: request.acceptsBinary === true,
    asRows: new Set(options.derived.map(({ from }) => from)),
    types: new Map(),
    replaced: options.outOfRange === 'null' ? new ReplacedValues(request.logger ?? silentLogger) : undefined,
    draft: new CheckpointDraft(),
    live: new Map(),
    position: {
      format: 1,
      system_identifier: system.identifier,
      timeline: system.timeline,
      epoch,
      slot: options.slot,
      publication: options.publication,
      lsn: stored?.lsn ?? formatLsn(slot?.confirmedLsn ?? 0n),
    },
    isSlotNew: slot === undefined,
  };
  let confirmed = slot?.confirmedLsn ?? 0n;
  let point: SnapshotPoint | undefined;
  const toCopy: TableToCopy[] = [];
  try {
    if (slot === undefined) {
      // After the publication: the slot must never see a time without it.
      const made = { name: options.slot, isTemporary: false, isFailover: options.failover };
      point = await unblocked(session, createSnapshotPoint(connector, made));
      read.onSlotCreated();
      confirmed = point.lsn;
      session.position = { ...session.position, lsn: formatLsn(point.lsn) };
      session.logger.info({ slot: options.slot, lsn: session.position.lsn }, 'replication slot created');
    }
    if (stored === undefined || stored.slot !== options.slot || stored.publication !== options.publication) {
      session.draft.set(slotEntry(session.position));
    }
    yield* planTables(session, choice, isAnew ? { state: request.state, fullRefresh: true } : request, toCopy);
    yield* copyTables(session, toCopy, point);
  } finally {
    await point?.close();
    await connector.closeExpected();
  }
  yield* readChanges(read, session, confirmed, choice);
}

/**
 * Slot and position to go on from. When all is to be copied anyway, those that cannot be gone on
 * from are left behind.
 */
async function findStart(
  { options, request }: ReplicationReadOptions,
  control: Client,
  slot: SlotFacts | undefined,
  server: SourceServer,
): Promise<Start & { /** Every table is copied, whatever its position says. */ readonly isAnew: boolean }> {
  try {
    return { ...(await storedStart(request, options.slot, slot, server)), isAnew: false };
  } catch (error) {
    if (!canBeginAnew(error, options, request)) throw error;
    request.logger?.warn({ reason: error.code }, 'stored position cannot be gone on from, all tables are copied');
    const isLost = slot?.walStatus === 'lost';
    if (isLost) await dropSlot(control, options.slot);
    const epoch = nextEpoch(request.state ?? []);
    return { slot: isLost ? undefined : slot, stored: undefined, epoch, isAnew: true };
  }
}

/**
 * Where changes begin to matter: before all snapshots none do. Until PostgreSQL 17 the server cannot even read a log
 * that is older than the publication, so a full refresh must not ask for it.
 */
function firstOfInterest({ position, live }: ReadSession): bigint {
  const stored = parseLsn(position.lsn);
  if (live.size === 0) return stored;
  let first: bigint | undefined;
  for (const { fromLsn } of live.values()) if (first === undefined || fromLsn < first) first = fromLsn;
  return first !== undefined && first > stored ? first : stored;
}

async function* readChanges(
  read: ReplicationReadOptions,
  session: ReadSession,
  confirmed: bigint,
  choice: TableChoice<TableName>,
): Messages {
  const { options, connector, facts, control } = session;
  const { follow, deadline, maxRows } = read.request;
  const exactLsn = options.untilLsn === undefined ? undefined : parseLsn(options.untilLsn);
  // Taken after the exact position was chosen, and so certain to lie behind it.
  const fence = follow === undefined ? await takeFence(control, facts) : undefined;
  const end = new ReadingEnd({
    ...options,
    pageRows: Math.min(options.pageRows, maxRows ?? options.pageRows),
    fence,
    exactLsn,
    follow,
    deadline,
    beat: async () => {
      await sendHeartbeat(control, facts);
      return haveTablesChanged(control, options, facts, choice);
    },
  });
  const stream = await ReplicationStream.open(connector, {
    slot: options.slot,
    publication: options.publication,
    from: firstOfInterest(session),
    confirmed,
    serverVersion: facts.version,
    statusIntervalMs: options.statusIntervalMs,
    silenceTimeoutMs: options.fenceTimeoutMs,
    asksForKeepalives: fence === undefined ? facts.isStandby : fence.type === 'position',
  });
  const phase = new ChangePhase(session, stream, end);
  let isRead = false;
  try {
    read.onStream(stream);
    yield* phase.read();
    isRead = true;
  } finally {
    read.onStream(undefined);
    if (isRead) await stream.stop();
    else stream.destroy();
  }
  // A log that is followed is begun anew for them; a position that had to be reached exactly stays reached.
  if (follow === undefined && exactLsn === undefined) yield* copyTables(session, phase.resync);
}
