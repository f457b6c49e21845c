/**
 * Versions of one transaction's rows: epoch, LSN of the commit record, place in the transaction. The
 * LSN of a change alone is not unique, and a clock is not the same when a change is read again.
 */
export function versionBase(epoch: number, commitLsn: bigint): bigint {
  return (BigInt(epoch) << 112n) | (commitLsn << 48n);
}
