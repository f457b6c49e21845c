/** Milliseconds between the Unix epoch and PostgreSQL's, 2000-01-01. */
const EPOCH_OFFSET_MS = 946_684_800_000;

export const XLOG_DATA = 0x77;
export const KEEPALIVE = 0x6b;
/** Bytes before the payload of an XLogData frame: tag, start, end, clock. */
export const XLOG_DATA_HEADER_BYTES = 25;

/** A standby status update in which everything up to `lsn`, exactly, is written, flushed and applied. */
export function standbyStatus(lsn: bigint, options: { readonly asksForReply?: boolean } = {}): Buffer {
  const message = Buffer.alloc(39);
  message.write('d', 0, 'latin1');
  message.writeInt32BE(38, 1);
  message.write('r', 5, 'latin1');
  message.writeBigUInt64BE(lsn, 6);
  message.writeBigUInt64BE(lsn, 14);
  message.writeBigUInt64BE(lsn, 22);
  message.writeBigInt64BE(BigInt(Date.now() - EPOCH_OFFSET_MS) * 1000n, 30);
  message.writeUInt8(options.asksForReply === true ? 1 : 0, 38);
  return message;
}

export const COPY_DONE = Buffer.from([0x63, 0, 0, 0, 4]);
