import { EtlError, type Logger } from '@etl/core';
import type { Client } from 'pg';
import type { Connector } from './connector.ts';
import { lockSlot } from './read-session.ts';
import { awaitFreeSlot, dropSlot } from './slot.ts';

const PATIENCE = { waitMs: 2000 };

/**
 * Drops a slot that this process created and that no stored position needs. A slot that cannot be dropped, or
 * that somebody else reads by now, is left and named: what went wrong before matters more.
 */
export async function dropUnusedSlot(connector: Connector, slot: string, logger: Logger | undefined): Promise<void> {
  let client: Client | undefined;
  try {
    client = await connector.connect();
    await lockSlot(client, slot, PATIENCE);
    if ((await awaitFreeSlot(client, slot, PATIENCE)) === undefined) return;
    await dropSlot(client, slot);
    logger?.info({ slot }, 'replication slot dropped, since nothing was loaded through it');
  } catch (error) {
    const reason = EtlError.from(error).message;
    logger?.warn({ slot, reason }, `the new replication slot ${slot} is left behind and holds the log back`);
  } finally {
    if (client !== undefined) await connector.close(client);
  }
}
