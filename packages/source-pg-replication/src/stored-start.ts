import { EtlError, type SourceReadRequest } from '@etl/core';
import { parseLsn } from './lsn.ts';
import type { ResolvedOptions } from './options.ts';
import { hasTablePosition, readSlotPosition, type SlotPosition } from './position.ts';
import { slotAhead, slotMissing } from './slot-error.ts';
import { requireKnownSlot } from './slot-memory.ts';
import { requireUsableSlot, type SlotFacts } from './slot.ts';
import { requireSameHistory, type SystemFacts } from './timeline.ts';

/** Where a reading begins. */
export interface Start {
  readonly slot: SlotFacts | undefined;
  /** Absent when all tables are read from the start. */
  readonly stored: SlotPosition | undefined;
  readonly epoch: number;
}

export interface SourceServer {
  readonly system: SystemFacts;
  readonly database: string;
}

/**
 * The slot and the position that the destination has of it.
 *
 * @throws `PG_SLOT_MISSING`, `PG_SLOT_LOST`, `PG_SLOT_AHEAD`, `PG_STATE_MISSING` and others (state) when changes may be
 * gone between the two.
 */
export async function storedStart(
  request: SourceReadRequest,
  name: string,
  slot: SlotFacts | undefined,
  server: SourceServer,
): Promise<Start> {
  const state = request.state ?? [];
  if (slot !== undefined) requireUsableSlot(name, slot, server.database);
  const stored = readSlotPosition(state);
  if (stored === undefined) {
    if (slot !== undefined) await requireKnownSlot(request, name, slot, server.system.identifier);
    return { slot, stored, epoch: 1 };
  }
  requireSameHistory(stored, server.system);
  if (slot === undefined) {
    if (!hasTablePosition(state)) return { slot, stored: undefined, epoch: stored.epoch };
    throw slotMissing(name);
  }
  const position = parseLsn(stored.lsn);
  if (slot.confirmedLsn !== null && slot.confirmedLsn > position) throw slotAhead(name, slot.confirmedLsn, position);
  return { slot, stored, epoch: stored.epoch };
}

/** Whether what cannot be gone on from is left behind, because all is to be copied anyway. */
export function canBeginAnew(
  error: unknown,
  { dropSlotOverLimit }: ResolvedOptions,
  { fullRefresh, streams }: SourceReadRequest,
): error is EtlError {
  if (!EtlError.isInstance(error) || error.kind !== 'state') return false;
  const isWhole = fullRefresh === true && streams === undefined;
  return isWhole || (dropSlotOverLimit && error.code === 'PG_SLOT_MISSING');
}
