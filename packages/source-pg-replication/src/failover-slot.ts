import { EtlError } from '@etl/core';
import type { Client } from 'pg';
import type { ServerFacts } from './catalog.ts';
import type { Connector } from './connector.ts';
import { identifier, literal } from './identifier.ts';
import { pgError } from './pg-error.ts';

/** @throws `PG_FAILOVER_UNSUPPORTED` (config) where the server cannot hand a slot on to its standbys. */
export function requireFailoverSlots({ version, isStandby }: ServerFacts): void {
  if (version >= 170_000 && !isStandby) return;
  throw new EtlError({
    code: 'PG_FAILOVER_UNSUPPORTED',
    kind: 'config',
    message: isStandby
      ? 'The server is a standby, and a slot on a standby cannot be handed on to others.'
      : `PostgreSQL ${Math.floor(version / 10_000)} does not hand slots on to its standbys; 17 and newer do.`,
    hint: 'Leave the option failover out, or read from a primary of version 17 or newer.',
  });
}

/** Lets standbys keep a copy of a slot that was made without. */
export async function ensureFailover(connector: Connector, control: Client, slot: string): Promise<void> {
  const { rows } = await control.query<{ failover: string }>(
    `SELECT failover FROM pg_replication_slots WHERE slot_name = ${literal(slot)}`,
  );
  if (rows[0]?.failover === 't') return;
  const client = await connector.connectReplication();
  try {
    await client.query(`ALTER_REPLICATION_SLOT ${identifier(slot)} (FAILOVER true)`);
  } catch (error) {
    throw pgError(error, `letting standbys keep a copy of the slot ${slot}`);
  } finally {
    await connector.close(client);
  }
}
