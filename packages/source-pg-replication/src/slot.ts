import { setTimeout as delay } from 'node:timers/promises';
import { EtlError } from '@etl/core';
import type { Client } from 'pg';
import { literal } from './identifier.ts';
import { parseLsn } from './lsn.ts';
import { slotInUse, slotLost, slotsExhausted } from './slot-error.ts';

/** A replication slot as the server describes it. */
export interface SlotFacts {
  readonly plugin: string;
  readonly database: string | null;
  readonly activePid: number | null;
  readonly confirmedLsn: bigint | null;
  /** `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus: string | null;
  /** Why the server has invalidated it; since PostgreSQL 17. */
  readonly invalidationReason: string | null;
}

export async function readSlot(client: Client, name: string): Promise<SlotFacts | undefined> {
  const { rows } = await client.query<Record<string, string | null>>(
    `SELECT plugin, database, active_pid, confirmed_flush_lsn, wal_status,
       to_jsonb(s) ->> 'invalidation_reason' AS invalidation_reason
     FROM pg_replication_slots s WHERE slot_name = ${literal(name)}`,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  return {
    plugin: row['plugin'] ?? '',
    database: row['database'] ?? null,
    activePid: row['active_pid'] == null ? null : Number(row['active_pid']),
    confirmedLsn: row['confirmed_flush_lsn'] == null ? null : parseLsn(row['confirmed_flush_lsn']),
    walStatus: row['wal_status'] ?? null,
    invalidationReason: row['invalidation_reason'] ?? null,
  };
}

export async function dropSlot(client: Client, name: string): Promise<void> {
  await client.query(`SELECT pg_drop_replication_slot(${literal(name)})`);
}

/** @throws `PG_SLOTS_EXHAUSTED` (config) when no slot can be created. */
export async function requireFreeSlot(client: Client): Promise<void> {
  const { rows } = await client.query<{ free: string }>(
    `SELECT current_setting('max_replication_slots')::int > (SELECT count(*) FROM pg_replication_slots) AS free`,
  );
  if (rows[0]?.free !== 't') throw slotsExhausted();
}

/**
 * Proves that a slot can be read by us, now.
 *
 * @throws `PG_SLOT_FOREIGN`, `PG_SLOT_LOST`, `PG_SLOT_IN_USE`.
 */
export function requireUsableSlot(name: string, slot: SlotFacts, database: string): void {
  if (slot.plugin !== 'pgoutput' || slot.database !== database) {
    throw new EtlError({
      code: 'PG_SLOT_FOREIGN',
      kind: 'config',
      message: `The replication slot ${name} is not a pgoutput slot of the database ${database}.`,
      hint: 'Choose another slot name.',
    });
  }
  if (slot.walStatus === 'lost') throw slotLost(name, lossOf(slot.invalidationReason));
  if (slot.activePid !== null) throw slotInUse(name, slot.activePid);
}

/** Reads the slot, and waits a little when a process that may be dying still holds it. */
export async function awaitFreeSlot(
  client: Client,
  name: string,
  options: { readonly waitMs: number; readonly signal?: AbortSignal | undefined },
): Promise<SlotFacts | undefined> {
  const deadline = Date.now() + options.waitMs;
  for (;;) {
    const slot = await readSlot(client, name);
    if (slot?.activePid == null || Date.now() >= deadline) return slot;
    await delay(100, undefined, { signal: options.signal });
  }
}

function lossOf(reason: string | null): string {
  switch (reason) {
    case 'idle_timeout':
      return 'nobody read it for longer than idle_replication_slot_timeout, and the server invalidated it';
    case 'wal_level_insufficient':
      return 'wal_level was not logical for a while, and the server invalidated it';
    case 'rows_removed':
      return 'rows that it needs were vacuumed away, and the server invalidated it';
    default:
      return 'the server removed the log that it needs (max_slot_wal_keep_size)';
  }
}
