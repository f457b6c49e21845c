import { setTimeout as delay } from 'node:timers/promises';
import { EtlError, type Logger, type RowLookup } from '@etl/core';
import type { Client } from 'pg';
import type { ServerFacts } from './catalog.ts';
import type { CheckpointDraft } from './checkpoint-draft.ts';
import type { Connector } from './connector.ts';
import type { ResolvedOptions } from './options.ts';
import type { SlotPosition } from './position.ts';
import type { ReplacedValues } from './replaced-values.ts';
import { slotInUse } from './slot-error.ts';
import type { TableStream } from './table-stream.ts';
import type { TypeRow } from './value-type.ts';

/** A table whose changes are read. */
export interface LiveTable {
  stream: TableStream;
  /** Changes committed before it are in the snapshot already. */
  readonly fromLsn: bigint;
}

/** What the parts of one reading share. */
export interface ReadSession {
  readonly options: ResolvedOptions;
  readonly connector: Connector;
  /** An ordinary session, open as long as the reading. */
  readonly control: Client;
  readonly facts: ServerFacts;
  readonly logger: Logger;
  readonly lookup: RowLookup | undefined;
  /** Whether rows may be given as text. */
  readonly acceptsText: boolean;
  /** Whether rows of a copy may be given as bytes. */
  readonly acceptsBinary: boolean;
  /** Streams that are given as rows nevertheless, because others are made of them. */
  readonly asRows: ReadonlySet<string>;
  /** Types met so far. */
  readonly types: Map<number, TypeRow>;
  /** Absent where a value that no destination can hold is an error. */
  readonly replaced: ReplacedValues | undefined;
  readonly draft: CheckpointDraft;
  /** By relation oid. */
  readonly live: Map<number, LiveTable>;
  position: SlotPosition;
  /** The slot was missing, and this reading created it. */
  isSlotNew: boolean;
}

/** @throws `PG_WAL_LEVEL` (config) unless the server writes what logical replication needs. */
export function requireLogicalWal(facts: ServerFacts): void {
  if (facts.walLevel === 'logical') return;
  throw new EtlError({
    code: 'PG_WAL_LEVEL',
    kind: 'config',
    message: `The server has wal_level ${facts.walLevel}, which logical replication cannot read.`,
    hint: `Run ALTER SYSTEM SET wal_level = 'logical' and restart the server (on Amazon RDS: set rds.logical_replication to 1).`,
  });
}

/** @throws `PG_VERSION_UNSUPPORTED` (config). */
export function requireVersion(facts: ServerFacts): void {
  if (facts.version >= 140_000) return;
  throw new EtlError({
    code: 'PG_VERSION_UNSUPPORTED',
    kind: 'config',
    message: `The server is PostgreSQL ${Math.floor(facts.version / 10_000)}; 14 is the oldest that is supported.`,
    hint: 'Upgrade the server.',
  });
}

/**
 * Holds off other runs on the same slot, also while the slot itself is not being read. Waits a
 * little for a session that may be dying.
 *
 * @throws `PG_SLOT_IN_USE` (transient), naming the process that holds it.
 */
export async function lockSlot(
  client: Client,
  slot: string,
  options: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const key = `hashtextextended('etl replication slot ' || '${slot}', 0)`;
  const deadline = Date.now() + options.waitMs;
  for (;;) {
    const { rows } = await client.query<{ held: string }>(`SELECT pg_try_advisory_lock(${key}) AS held`);
    if (rows[0]?.held === 't') return;
    if (Date.now() >= deadline) break;
    await delay(100, undefined, { signal: options.signal });
  }
  const holders = await client.query<{ pid: string }>(
    `SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND classid::int8 = (${key} >> 32) & 4294967295 AND objid::int8 = ${key} & 4294967295`,
  );
  throw slotInUse(slot, holders.rows[0] === undefined ? null : Number(holders.rows[0].pid));
}

/** A name for a slot that ends with its session. */
export function temporarySlot(slot: string): string {
  return `${slot.slice(0, 40)}_tmp_${Math.random().toString(36).slice(2, 10)}`;
}
