import { EtlError, type SchemaContract, type StreamSpec } from '@etl/core';

/** What happens to the values of a column that the contract keeps out of the table. */
export type Discard = 'discard-row' | 'discard-value';

/** The stream's schema contract, everything open that it does not close. */
export function contractOf(stream: StreamSpec): SchemaContract {
  return { tables: 'evolve', columns: 'evolve', dataType: 'evolve', ...stream.schemaContract };
}

/** The contract forbids what the source brings. */
export function frozen(stream: string, what: string): EtlError {
  return frozenBecause(stream, `the source brings ${what}`);
}

/** The contract forbids that a column goes. */
export function frozenWithout(stream: string, column: string): EtlError {
  return frozenBecause(stream, `the source no longer brings the column ${column}`);
}

function frozenBecause(stream: string, what: string): EtlError {
  return new EtlError({
    code: 'SCHEMA_FROZEN',
    kind: 'schema',
    message: `The schema contract of ${stream} is frozen, but ${what}.`,
    hint: 'Review the change; then open the contract for one run, or leave the column out at the source.',
    context: { stream },
  });
}

/** Most rejected rows of one stream that a load keeps; beyond it they are only counted. */
export const MAX_REJECTS = 1000;

const MAX_ROW_LENGTH = 16_384;

/** A row that the contract kept out, for `_etl_rejects`. */
export interface Reject {
  /** Which column and why; never the value. */
  readonly reason: string;
  /** The row as JSON: big integers as text, bytes as base64; of a very long row its beginning. */
  readonly row: string;
}

export function rejectOf(reason: string, row: unknown): Reject {
  const text = JSON.stringify(row, (_, value: unknown) => jsonValue(value));
  return { reason, row: text.length <= MAX_ROW_LENGTH ? text : text.slice(0, MAX_ROW_LENGTH).toWellFormed() };
}

function jsonValue(value: unknown): unknown {
  if (typeof value === 'bigint') return String(value);
  return value instanceof Uint8Array ? Buffer.from(value).toString('base64') : value;
}
