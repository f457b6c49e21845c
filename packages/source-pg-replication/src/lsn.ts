/** Reads the text form of an LSN (`16/B374D848`). An LSN is a byte position, used exactly as it is. */
export function parseLsn(text: string): bigint {
  const match = /^([0-9A-F]{1,8})\/([0-9A-F]{1,8})$/i.exec(text);
  if (match === null) throw new RangeError(`not an LSN: ${text}`);
  return (BigInt(`0x${match[1]}`) << 32n) | BigInt(`0x${match[2]}`);
}

/** The text form of an LSN, as PostgreSQL prints it. */
export function formatLsn(lsn: bigint): string {
  const high = (lsn >> 32n).toString(16).toUpperCase();
  const low = (lsn & 0xffff_ffffn).toString(16).toUpperCase();
  return `${high}/${low}`;
}

/** An LSN in two numbers of 32 bits, where a big integer each time would cost too much. */
export interface SplitLsn {
  readonly high: number;
  readonly low: number;
}

export function joinLsn({ high, low }: SplitLsn): bigint {
  return (BigInt(high) << 32n) | BigInt(low);
}
