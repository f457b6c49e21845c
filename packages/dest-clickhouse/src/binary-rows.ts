import type { BinaryBatch, Row, StreamSpec } from '@etl/core';
import { invalidBinary } from './binary-form.ts';
import { BinaryCursor, binaryValue } from './binary-value.ts';

/**
 * The rows of a batch as rows: for a table that is not as the stream declares it, where values are encoded one by one.
 *
 * @throws `BINARY_BATCH_INVALID` (data) when the bytes are not so many rows.
 */
export function rowsOfBinary(stream: StreamSpec, batch: BinaryBatch): readonly Row[] {
  const specs = new Map(stream.columns.map((column) => [column.name, column]));
  const fields = batch.columns.flatMap((name) => {
    const spec = specs.get(name);
    const read = spec === undefined ? undefined : binaryValue(spec);
    return spec === undefined || read === undefined
      ? []
      : [{ name, read, mayBeNull: spec.nullable && spec.type !== 'array' && !stream.primaryKey.includes(name) }];
  });
  const from = new BinaryCursor(batch.bytes);
  const rows: Row[] = [];
  try {
    while (!from.isAtEnd) {
      const row: Record<string, unknown> = {};
      for (const { name, read, mayBeNull } of fields) row[name] = mayBeNull && from.byte() === 1 ? null : read(from);
      if (stream.versionColumn !== undefined) row[stream.versionColumn] = batch.version;
      rows.push(row);
    }
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof TypeError)) throw error;
    throw invalidBinary(stream.name, 'cannot be read');
  }
  if (rows.length !== batch.rowCount)
    throw invalidBinary(stream.name, `are not the ${batch.rowCount} that they should be`);
  return rows;
}
