import { EtlError } from '@etl/core';
import { formatLsn } from './lsn.ts';

export function slotMissing(name: string): EtlError {
  return new EtlError({
    code: 'PG_SLOT_MISSING',
    kind: 'state',
    message: `The replication slot ${name} no longer exists, so changes since the last run may be gone.`,
    hint: 'Run again with --full-refresh of all streams to copy the tables anew.',
  });
}

export function slotLost(name: string, why: string): EtlError {
  return new EtlError({
    code: 'PG_SLOT_LOST',
    kind: 'state',
    message: `The replication slot ${name} is unusable: ${why}.`,
    hint: 'Run again with --full-refresh of all streams, which makes a new slot; raise max_slot_wal_keep_size.',
  });
}

export function slotInUse(name: string, pid: number | null): EtlError {
  const holder = pid === null ? 'another process' : `the process ${pid} of the server`;
  return new EtlError({
    code: 'PG_SLOT_IN_USE',
    kind: 'transient',
    message: `The replication slot ${name} is in use by ${holder}.`,
    hint: 'Wait until the other run has ended; pg_stat_activity says who it is.',
    ...(pid === null ? {} : { context: { pid } }),
  });
}

export function slotAhead(name: string, confirmed: bigint, position: bigint): EtlError {
  return new EtlError({
    code: 'PG_SLOT_AHEAD',
    kind: 'state',
    message: `The replication slot ${name} is at ${formatLsn(confirmed)}, ahead of the stored position ${formatLsn(position)}: changes between them are gone.`,
    hint: 'Run again with --full-refresh of all streams to copy the tables anew, and let nobody else read the slot.',
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
