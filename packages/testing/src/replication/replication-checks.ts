import { messageChecks } from './message-checks.ts';
import { positionChecks } from './position-checks.ts';
import { readerChecks } from './reader-checks.ts';
import type { ReplicationCheck } from './replication-check.ts';
import { tableChecks } from './table-checks.ts';

/** The promises of a source that is a log, each by itself: for `describeReplicationSource`, and for programs. */
export const replicationChecks: readonly ReplicationCheck[] = [
  ...messageChecks,
  ...tableChecks,
  ...positionChecks,
  ...readerChecks,
];
