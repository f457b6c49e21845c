import type { SourceHealth, SourceWarning } from '@etl/core';
import type { Client } from 'pg';
import { literal } from './identifier.ts';
import { parseLsn } from './lsn.ts';
import type { ResolvedOptions } from './options.ts';
import { bytesText, durationText } from './quantity-text.ts';

/** What a slot costs its server, and what threatens it. Numbers that a server is too old to say are null. */
export interface SlotHealth {
  readonly name: string;
  readonly isActive: boolean;
  /** Log that the slot keeps on the server's disk, from the oldest record that it needs. */
  readonly retainedBytes: number | null;
  /** Log between what is confirmed and the end. */
  readonly lagBytes: number | null;
  /** `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus: string | null;
  /** How much may still be written before the slot can be lost; null when nothing limits it. */
  readonly safeWalBytes: number | null;
  /** `max_slot_wal_keep_size`; null when it is not limited. */
  readonly maxKeptBytes: number | null;
  /** Since PostgreSQL 17. */
  readonly invalidationReason: string | null;
  /** Milliseconds for which nobody has read it; since PostgreSQL 17. */
  readonly idleMs: number | null;
  /** `idle_replication_slot_timeout`; since PostgreSQL 18, null when it is off. */
  readonly idleTimeoutMs: number | null;
  /** Copied to standbys, since PostgreSQL 17. */
  readonly isFailover: boolean | null;
}

/** Answers for every version: of what a server does not have there is nothing. */
export async function readSlotHealth(control: Client, name: string): Promise<SlotHealth | undefined> {
  const { rows } = await control.query<{ value: string }>(
    `SELECT json_build_object('slot', to_jsonb(s),
       'now', CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END,
       'idleMs', extract(epoch FROM clock_timestamp() - (to_jsonb(s) ->> 'inactive_since')::timestamptz) * 1000,
       'settings', (SELECT json_object_agg(g.name, g.setting) FROM pg_settings g
         WHERE g.name IN ('max_slot_wal_keep_size', 'idle_replication_slot_timeout')))::text AS value
     FROM pg_replication_slots s WHERE s.slot_name = ${literal(name)}`,
  );
  const [row] = rows;
  if (row === undefined) return undefined;
  const { slot, now, idleMs, settings } = JSON.parse(row.value) as Answer;
  const end = parseLsn(now);
  const behind = (lsn: string | null): number | null =>
    lsn === null ? null : Math.max(0, Number(end - parseLsn(lsn)));
  const keptMegabytes = Number(settings['max_slot_wal_keep_size'] ?? -1);
  const idleSeconds = Number(settings['idle_replication_slot_timeout'] ?? 0);
  return {
    name,
    isActive: slot.active,
    retainedBytes: behind(slot.restart_lsn),
    lagBytes: behind(slot.confirmed_flush_lsn),
    walStatus: slot.wal_status,
    safeWalBytes: slot.safe_wal_size,
    maxKeptBytes: keptMegabytes < 0 ? null : keptMegabytes * 1024 * 1024,
    invalidationReason: slot.invalidation_reason ?? null,
    idleMs: slot.active ? 0 : idleMs,
    idleTimeoutMs: idleSeconds <= 0 ? null : idleSeconds * 1000,
    isFailover: slot.failover ?? null,
  };
}

interface Answer {
  readonly slot: {
    readonly active: boolean;
    readonly restart_lsn: string | null;
    readonly confirmed_flush_lsn: string | null;
    readonly wal_status: string | null;
    readonly safe_wal_size: number | null;
    readonly invalidation_reason?: string | null;
    readonly failover?: boolean;
  };
  readonly now: string;
  readonly idleMs: number | null;
  readonly settings: Readonly<Record<string, string>>;
}

/** Parts of a limit from which on people are told. */
const WARNING_PART = 0.5;
const CRITICAL_PART = 0.8;
/** Where nothing limits a slot, people are told of this much. */
const UNLIMITED_WARNING_BYTES = 5 * 1024 ** 3;

type Limits = Pick<ResolvedOptions, 'slot' | 'maxSlotLagBytes'>;

/** What of a slot people have to know, worst first. */
export function slotWarnings(health: SlotHealth, { slot, maxSlotLagBytes }: Limits): readonly SourceWarning[] {
  const warnings: SourceWarning[] = [];
  const add = (code: string, severity: SourceWarning['severity'], message: string, hint: string): void => {
    warnings.push({ code, severity, message, hint });
  };
  if (health.walStatus === 'lost') {
    const why = health.invalidationReason === null ? '' : ` (${health.invalidationReason})`;
    add(
      'PG_SLOT_LOST',
      'critical',
      `The server has invalidated the slot ${slot}${why}.`,
      'Copy the tables anew with --full-refresh.',
    );
  } else if (health.walStatus === 'unreserved') {
    add(
      'PG_SLOT_UNRESERVED',
      'critical',
      `The slot ${slot} keeps more log than max_slot_wal_keep_size allows, and is lost at the next checkpoint of the server.`,
      'Run now, and raise max_slot_wal_keep_size.',
    );
  }
  const kept = health.retainedBytes ?? 0;
  for (const [limit, name] of [
    [health.maxKeptBytes, 'max_slot_wal_keep_size'],
    [maxSlotLagBytes ?? null, 'max_slot_lag'],
  ] as const) {
    if (limit === null || kept < limit * WARNING_PART) continue;
    add(
      'PG_SLOT_LAG',
      kept >= limit * CRITICAL_PART ? 'critical' : 'warning',
      `The slot ${slot} keeps ${bytesText(kept)} of the server's log, ${percent(kept, limit)} of ${name} (${bytesText(limit)}).`,
      name === 'max_slot_lag'
        ? 'Run more often, or raise the limit.'
        : 'Run more often, or raise max_slot_wal_keep_size.',
    );
  }
  if (health.maxKeptBytes === null && maxSlotLagBytes === undefined && kept >= UNLIMITED_WARNING_BYTES) {
    add(
      'PG_SLOT_LAG',
      'warning',
      `The slot ${slot} keeps ${bytesText(kept)} of the server's log, and nothing limits it.`,
      'Run more often; set max_slot_wal_keep_size at the server, or max_slot_lag in the group.',
    );
  }
  const { idleMs, idleTimeoutMs } = health;
  if (
    idleMs !== null &&
    idleTimeoutMs !== null &&
    health.walStatus !== 'lost' &&
    idleMs >= idleTimeoutMs * WARNING_PART
  ) {
    add(
      'PG_SLOT_IDLE',
      idleMs >= idleTimeoutMs * CRITICAL_PART ? 'critical' : 'warning',
      `Nobody has read the slot ${slot} for ${durationText(idleMs)}; after ${durationText(idleTimeoutMs)} (idle_replication_slot_timeout) the server invalidates it.`,
      'Run more often, or raise idle_replication_slot_timeout.',
    );
  }
  return warnings.toSorted((one, other) => Number(other.severity === 'critical') - Number(one.severity === 'critical'));
}

/** The same for programs and in a few words. */
export function healthOf(health: SlotHealth | undefined, limits: Limits): SourceHealth {
  if (health === undefined) return { status: 'ok', summary: 'no slot', figures: { slot: null }, warnings: [] };
  const warnings = slotWarnings(health, limits);
  const isCritical = warnings.some(({ severity }) => severity === 'critical');
  const limit = Math.min(health.maxKeptBytes ?? Infinity, limits.maxSlotLagBytes ?? Infinity);
  const share = Number.isFinite(limit) ? `, slot ${percent(health.retainedBytes ?? 0, limit)} of its limit` : '';
  const lag = health.walStatus === 'lost' ? 'slot lost' : `lag ${bytesText(health.lagBytes ?? 0)}${share}`;
  const { name, ...rest } = health;
  return {
    status: isCritical ? 'critical' : warnings.length > 0 ? 'warning' : 'ok',
    summary: lag,
    figures: { slot: name, ...rest, maxSlotLagBytes: limits.maxSlotLagBytes ?? null },
    warnings,
  };
}

function percent(part: number, whole: number): string {
  return `${whole === 0 ? 100 : Math.round((100 * part) / whole)} %`;
}
