import { setTimeout as delay } from 'node:timers/promises';
import { EtlError } from '@etl/core';
import type { Connector } from './connector.ts';
import { ReplicationStream } from './replication-stream.ts';

/** Confirms exactly `lsn` at a slot that nobody reads at the moment. */
export async function confirmSlot(
  connector: Connector,
  options: {
    readonly slot: string;
    readonly publication: string;
    readonly lsn: bigint;
    readonly serverVersion: number;
    readonly waitMs: number;
  },
): Promise<void> {
  const deadline = Date.now() + options.waitMs;
  for (;;) {
    try {
      const stream = await ReplicationStream.open(connector, {
        slot: options.slot,
        publication: options.publication,
        from: options.lsn,
        confirmed: options.lsn,
        serverVersion: options.serverVersion,
        statusIntervalMs: 10_000,
        silenceTimeoutMs: 60_000,
        asksForKeepalives: false,
      });
      stream.confirm(options.lsn);
      await stream.stop();
      return;
    } catch (error) {
      if (!isInUse(error) || Date.now() >= deadline) throw error;
      await delay(100);
    }
  }
}

function isInUse(error: unknown): boolean {
  return EtlError.isInstance(error) && error.code === 'PG_SLOT_IN_USE';
}
