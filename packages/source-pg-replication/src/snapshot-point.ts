import type { Connector } from './connector.ts';
import { identifier } from './identifier.ts';
import { parseLsn } from './lsn.ts';
import { pgError, sqlState } from './pg-error.ts';
import { slotsExhausted } from './slot-error.ts';

/** A point in the log together with a snapshot of the database exactly there. */
export interface SnapshotPoint {
  readonly lsn: bigint;
  /** For SET TRANSACTION SNAPSHOT, as long as the point is open. */
  readonly snapshot: string;
  close(): Promise<void>;
}

/** Creates a slot whose first change is the first one that its snapshot does not hold. */
export async function createSnapshotPoint(
  connector: Connector,
  slot: {
    readonly name: string;
    readonly isTemporary: boolean;
    /** Whether standbys keep a copy of it, from 17 on. */
    readonly isFailover?: boolean;
  },
): Promise<SnapshotPoint> {
  const form = slot.isFailover === true ? "(SNAPSHOT 'export', FAILOVER)" : 'EXPORT_SNAPSHOT';
  const client = await connector.connectReplication();
  try {
    const { rows } = await client.query<Record<string, string>>(
      `CREATE_REPLICATION_SLOT ${identifier(slot.name)}${slot.isTemporary ? ' TEMPORARY' : ''} LOGICAL pgoutput ${form}`,
    );
    return {
      lsn: parseLsn(rows[0]?.['consistent_point'] ?? ''),
      snapshot: rows[0]?.['snapshot_name'] ?? '',
      // A temporary slot ends with its session, and so does the snapshot.
      close: async () => connector.close(client),
    };
  } catch (error) {
    connector.destroy(client);
    if (sqlState(error) === '53400') throw slotsExhausted(error);
    throw pgError(error, `creating the replication slot ${slot.name}`);
  }
}
