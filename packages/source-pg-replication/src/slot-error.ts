import { EtlError } from '@etl/core';
import { formatLsn } from './lsn.ts';

/** What repairs a position that cannot be gone on from. The command line puts its own command in its place. */
export const FULL_REFRESH = 'run again with --full-refresh of all streams, which copies every table.';
const REPAIR = { repair: 'full-refresh' };

export const SLOT_AHEAD = 'PG_SLOT_AHEAD';

export function slotMissing(name: string): EtlError {
  return new EtlError({
    code: 'PG_SLOT_MISSING',
    kind: 'state',
    message: `The replication slot ${name} no longer exists, so changes since the last run may be gone.`,
    hint: `It is gone for good: ${FULL_REFRESH}`,
    context: REPAIR,
  });
}

/** A slot stands there, but the destination knows of no position and of no slot that was made for it. */
export function stateMissing(name: string, confirmed: bigint | null): EtlError {
  return new EtlError({
    code: 'PG_STATE_MISSING',
    kind: 'state',
    message: `The replication slot ${name} exists${confirmed === null ? '' : ` (confirmed up to ${formatLsn(confirmed)})`}, but this destination holds no position of it: it is read into another destination, or the position was lost.`,
    hint: `If the position is in another destination, run with that one, or give this group a slot of its own. If the position was lost, or the slot was made by hand: ${FULL_REFRESH}`,
    context: REPAIR,
  });
}

export function slotLost(name: string, why: string): EtlError {
  return new EtlError({
    code: 'PG_SLOT_LOST',
    kind: 'state',
    message: `The replication slot ${name} is unusable: ${why}.`,
    hint: `A new slot is needed: ${FULL_REFRESH} Raise max_slot_wal_keep_size, or the limit that is named.`,
    context: REPAIR,
  });
}

export function slotInUse(name: string, pid: number | null): EtlError {
  const holder = pid === null ? 'another process' : `the process ${pid} of the server`;
  return new EtlError({
    code: 'PG_SLOT_IN_USE',
    kind: 'transient',
    message: `The replication slot ${name} is in use by ${holder}.`,
    hint: 'Wait until the other run has ended; pg_stat_activity says who it is. Nothing is taken from it.',
    ...(pid === null ? {} : { context: { pid } }),
  });
}

export function slotAhead(name: string, confirmed: bigint, position: bigint): EtlError {
  return new EtlError({
    code: SLOT_AHEAD,
    kind: 'state',
    message: `The replication slot ${name} is at ${formatLsn(confirmed)}, ahead of the stored position ${formatLsn(position)}: changes between them are gone.`,
    hint: `Let nobody else read the slot, and ${FULL_REFRESH}`,
    context: REPAIR,
  });
}

export function slotsExhausted(cause?: unknown): EtlError {
  return new EtlError({
    code: 'PG_SLOTS_EXHAUSTED',
    kind: 'config',
    message: 'The server has no free replication slot.',
    hint: 'Drop slots that nobody reads, or raise max_replication_slots.',
    ...(cause === undefined ? {} : { cause }),
  });
}
