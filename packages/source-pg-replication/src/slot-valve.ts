import { EtlError, type Logger } from '@etl/core';
import type { Client } from 'pg';
import type { ResolvedOptions } from './options.ts';
import { bytesText } from './quantity-text.ts';
import { lockSlot } from './read-session.ts';
import { slotInUse } from './slot-error.ts';
import { readSlotHealth, slotWarnings, type SlotHealth } from './slot-health.ts';
import { awaitFreeSlot, dropSlot } from './slot.ts';

/**
 * Looks after a slot before anything is read, and also when the destination is down: warns of what
 * threatens it, and sees to it that it does not fill the disk of its server.
 *
 * @throws `PG_SLOT_OVER_LIMIT` (state) when it keeps more than `maxSlotLagBytes`, unless it may be dropped.
 */
export async function guardSlot(
  control: Client,
  options: ResolvedOptions,
  logger: Logger | undefined,
): Promise<SlotHealth | undefined> {
  const health = await readSlotHealth(control, options.slot);
  if (health === undefined) return undefined;
  for (const { severity, message, hint } of slotWarnings(health, options)) {
    logger?.warn({ severity, hint, reason: message }, 'replication slot');
  }
  const { maxSlotLagBytes, dropSlotOverLimit, slot } = options;
  const kept = health.retainedBytes ?? 0;
  if (maxSlotLagBytes === undefined || kept <= maxSlotLagBytes || health.walStatus === 'lost') return health;
  if (!dropSlotOverLimit) throw overLimit(slot, kept, maxSlotLagBytes);
  const patience = { waitMs: options.slotWaitMs };
  await lockSlot(control, slot, patience);
  const now = await awaitFreeSlot(control, slot, patience);
  if (now?.activePid != null) throw slotInUse(slot, now.activePid);
  if (now !== undefined) await dropSlot(control, slot);
  logger?.warn(
    { reason: `it kept ${bytesText(kept)}, more than max_slot_lag (${bytesText(maxSlotLagBytes)})` },
    `replication slot ${slot} dropped, all tables are copied anew`,
  );
  return undefined;
}

function overLimit(slot: string, kept: number, limit: number): EtlError {
  return new EtlError({
    code: 'PG_SLOT_OVER_LIMIT',
    kind: 'state',
    message: `The replication slot ${slot} keeps ${bytesText(kept)} of the server's log, more than max_slot_lag (${bytesText(limit)}) allows.`,
    hint: 'To catch up, run once with a higher limit (--max-slot-lag). To free the disk now, run with --drop-slot-over-limit: it drops the slot and copies all tables anew.',
    context: { slot, retainedBytes: kept, maxSlotLagBytes: limit },
  });
}
