/** A load's public name: when it began, to the minute in UTC, and its number, which makes it unique. */
export function loadId(number: bigint, startedAt: Date): string {
  const digits = startedAt.toISOString().replaceAll(/[-:T]/g, '');
  return `${digits.slice(0, 8)}-${digits.slice(8, 12)}-${number}`;
}

/** SQL that gives back the number of the load that wrote a raw row. */
export const LOAD_NUMBER_OF_ROW = "toUInt64OrZero(splitByChar('-', _etl_load_id)[-1])";

/**
 * Version of a row that has none of its own: rows of later loads win, and within a load the later
 * row. 64 bits each, so an ordinal can never reach into the next load.
 */
export function rowVersion(number: bigint, ordinal: number): string {
  return String((number << 64n) | BigInt(ordinal));
}
