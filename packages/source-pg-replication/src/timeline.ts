import { EtlError } from '@etl/core';
import type { Client } from 'pg';
import type { ServerFacts } from './catalog.ts';
import type { Connector } from './connector.ts';
import { identifier } from './identifier.ts';
import { formatLsn, parseLsn } from './lsn.ts';
import { pgError } from './pg-error.ts';
import type { SlotPosition } from './position.ts';
import { FULL_REFRESH } from './slot-error.ts';

/** Which history of which cluster a server is writing. */
export interface SystemFacts {
  /** The same for a cluster and all its standbys, and for no other. */
  readonly identifier: string;
  /** Raised by every promotion and every recovery to a point in time. */
  readonly timeline: number;
  /** End of the log that is safe on disk; on a standby, of what it has replayed. */
  readonly endLsn: bigint;
  /** Earlier timelines, and where each was left. Empty on the first. */
  readonly forks: readonly { readonly timeline: number; readonly lsn: bigint }[];
}

export async function readSystem(connector: Connector, { user }: ServerFacts): Promise<SystemFacts> {
  const client = await connectReplication(connector, user);
  try {
    return await identifySystem(client);
  } finally {
    await connector.close(client);
  }
}

/** As {@link readSystem}; its session is left to who reads on, and closed by `connector.closeSpare()`. */
export async function readSystemFirst(connector: Connector, { user }: ServerFacts): Promise<SystemFacts> {
  const client = await connectReplication(connector, user);
  try {
    const system = await identifySystem(client);
    connector.leaveReplication(client);
    return system;
  } catch (error) {
    await connector.close(client);
    throw error;
  }
}

async function identifySystem(client: Client): Promise<SystemFacts> {
  try {
    const { rows } = await client.query<Record<string, string>>('IDENTIFY_SYSTEM');
    const timeline = Number(rows[0]?.['timeline'] ?? 1);
    return {
      identifier: rows[0]?.['systemid'] ?? '',
      timeline,
      endLsn: parseLsn(rows[0]?.['xlogpos'] ?? '0/0'),
      forks: timeline > 1 ? await readForks(client, timeline) : [],
    };
  } catch (error) {
    throw pgError(error, 'identifying the server');
  }
}

async function connectReplication(connector: Connector, user: string): Promise<Client> {
  try {
    return await connector.connectReplication();
  } catch (error) {
    if (!EtlError.isInstance(error) || error.code !== 'PG_PERMISSION_DENIED') throw error;
    throw new EtlError({
      code: error.code,
      kind: error.kind,
      message: error.message,
      hint: `Let a superuser run: ALTER ROLE ${identifier(user)} REPLICATION; (on Amazon RDS: GRANT rds_replication TO ${identifier(user)};)`,
      cause: error.cause,
    });
  }
}

/** Each line of a history file: a timeline, where it was left, and why. */
async function readForks(client: Client, timeline: number): Promise<SystemFacts['forks']> {
  const { rows } = await client.query<{ content: string }>(`TIMELINE_HISTORY ${timeline}`);
  return textOf(rows[0]?.content ?? '')
    .split('\n')
    .flatMap((line) => {
      const [, earlier, lsn] = /^\s*(\d+)\s+([0-9A-F]+\/[0-9A-F]+)/i.exec(line) ?? [];
      return earlier === undefined || lsn === undefined ? [] : [{ timeline: Number(earlier), lsn: parseLsn(lsn) }];
    });
}

/** The content is of type bytea, but until PostgreSQL 14 it comes as it is. */
function textOf(content: string): string {
  return content.startsWith('\\x') ? Buffer.from(content.slice(2), 'hex').toString('utf8') : content;
}

/**
 * Proves that the stored position lies in the history of the server.
 *
 * @throws `PG_SYSTEM_CHANGED`, `PG_TIMELINE_FORKED` and `PG_SERVER_BEHIND` (state).
 */
export function requireSameHistory(stored: SlotPosition, system: SystemFacts): void {
  if (stored.system_identifier !== system.identifier) {
    throw historyError(
      'PG_SYSTEM_CHANGED',
      'The stored position is that of another PostgreSQL cluster.',
      `Correct the connection string; if the database was moved, restored or upgraded: ${FULL_REFRESH}`,
    );
  }
  const position = parseLsn(stored.lsn);
  if (stored.timeline !== null && stored.timeline !== system.timeline) {
    const left = system.forks.find(({ timeline }) => timeline === stored.timeline);
    if (left === undefined || position > left.lsn) {
      const where = left === undefined ? '' : `, which this one left at ${formatLsn(left.lsn)}`;
      throw historyError(
        'PG_TIMELINE_FORKED',
        `The stored position ${stored.lsn} is on timeline ${stored.timeline} of another server${where}: this server is on timeline ${system.timeline} and never had what was loaded last.`,
        `Connect to the server that has the newest changes, or, if this one is right: ${FULL_REFRESH}`,
      );
    }
  }
  if (position > system.endLsn) {
    throw historyError(
      'PG_SERVER_BEHIND',
      `The stored position ${stored.lsn} lies behind the end of the server's log, ${formatLsn(system.endLsn)}: the server was set back, or is a standby that has not caught up.`,
      `Try again when a standby has caught up; if the server was restored from a backup: ${FULL_REFRESH}`,
    );
  }
}

function historyError(code: string, message: string, hint: string): EtlError {
  return new EtlError({ code, kind: 'state', message, hint, context: { repair: 'full-refresh' } });
}
