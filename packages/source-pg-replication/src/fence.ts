import { randomUUID } from 'node:crypto';
import type { Client } from 'pg';
import type { ServerFacts } from './catalog.ts';
import { parseLsn } from './lsn.ts';
import { pgError } from './pg-error.ts';
import type { ReplicationEvent } from './replication-stream.ts';

const FENCE_PREFIX = 'etl_fence';
/** A message that moves the log, and with it the slot, of a database in which nothing else happens. */
export const HEARTBEAT_PREFIX = 'etl_heartbeat';
const PAGE_BYTES = 8192n;
/** An insert position this near to the start of a page stands behind the page's header, where no record begins. */
const PAGE_HEADER_BYTES = 40n;

/** Where a reading ends: everything committed before it was taken is before it in the log. */
export type Fence =
  | { readonly type: 'message'; readonly id: string }
  | { readonly type: 'position'; readonly lsn: bigint };

/**
 * Takes a fence. On a primary it is a message of our own in the log, which is certain to be reached
 * even when nothing else is written; asynchronous commits before it are before it in the log too.
 */
export async function takeFence(control: Client, facts: ServerFacts): Promise<Fence> {
  try {
    if (facts.isStandby) return await positionFence(control, 'pg_last_wal_replay_lsn()');
    const id = randomUUID();
    // Without `flush` the message waits for the next flush of the log, which the walwriter does soon.
    const flush = facts.version >= 170_000 ? ', true' : '';
    await control.query(`SELECT pg_logical_emit_message(false, '${FENCE_PREFIX}', '${id}'${flush})`);
    return { type: 'message', id };
  } catch (error) {
    throw pgError(error, 'marking the end of the reading in the log');
  }
}

/** Writes a heartbeat; nothing on a standby, which cannot write. */
export async function sendHeartbeat(control: Client, facts: ServerFacts): Promise<void> {
  if (facts.isStandby) return;
  try {
    await control.query(`SELECT pg_logical_emit_message(false, '${HEARTBEAT_PREFIX}', '')`);
  } catch (error) {
    throw pgError(error, 'writing a heartbeat into the log');
  }
}

async function positionFence(control: Client, position: string): Promise<Fence> {
  const { rows } = await control.query<{ lsn: string }>(`SELECT ${position} AS lsn`);
  const lsn = parseLsn(rows[0]?.lsn ?? '0/0');
  const inPage = lsn % PAGE_BYTES;
  return { type: 'position', lsn: inPage <= PAGE_HEADER_BYTES ? lsn - inPage : lsn };
}

/** The position reached when `event`, which lies outside a transaction, is at or behind the fence. */
export function reachedFence(fence: Fence, event: ReplicationEvent): bigint | undefined {
  if (fence.type === 'message') {
    const isOurs =
      event.type === 'message' && !event.isTransactional && event.prefix === FENCE_PREFIX && event.content === fence.id;
    return isOurs ? event.lsn : undefined;
  }
  if (event.type === 'keepalive') return event.walEnd >= fence.lsn ? event.walEnd : undefined;
  if (event.type === 'commit') return event.endLsn >= fence.lsn ? event.endLsn : undefined;
  return undefined;
}
