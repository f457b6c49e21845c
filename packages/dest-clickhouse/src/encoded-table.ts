import { EtlError, type StreamSpec, type ValueSpec } from '@etl/core';
import { isBinary } from './column-type.ts';
import { emptyLiteral, encoderFor, nestedEncoder, type Encode } from './encode-value.ts';
import { nestedColumns } from './nested-columns.ts';
import type { Discard } from './schema-contract.ts';
import { columnNames } from './table-plan.ts';
import type { ValueError } from './value-error.ts';

/** A column of a line. */
export interface Field {
  readonly source: string;
  /** What its values are; of a nested column, those of one field over all objects. */
  readonly spec: ValueSpec;
  /** Column that the value is inserted into. */
  readonly target: string;
  readonly encode: Encode;
  /** What stands there in a row that only says that its key is gone. */
  readonly empty: string;
  readonly isKey: boolean;
  /** Whether there is no NULL, and no empty array, that could stand for a value that does not fit. */
  readonly isRequired: boolean;
  /** Column as the stream declares it. */
  readonly declared: string;
}

/** How the table differs from what the stream declares. */
export interface EncodedTable {
  /** Declared column to the column that takes its values, where they differ. */
  readonly targets: ReadonlyMap<string, string>;
  /** Column that the source no longer has to the column that takes its NULLs. */
  readonly absent: ReadonlyMap<string, string>;
  /** Declared columns that the schema contract keeps out of the table. */
  readonly discarded: ReadonlyMap<string, Discard>;
}

/** A table that is as its stream declares it. */
export const OPEN: EncodedTable = { targets: new Map(), absent: new Map(), discarded: new Map() };

/** The columns of a line, those that the contract keeps out included. */
export function fieldsOf(stream: StreamSpec, targets: ReadonlyMap<string, string>): readonly Field[] {
  const names = columnNames(stream);
  const inputs = base64Inputs(stream, targets);
  const key = new Set([...stream.primaryKey, ...(stream.scope?.keys ?? []), stream.scope?.day]);
  return stream.columns.flatMap((column): readonly Field[] => {
    const name = names.get(column.name) ?? column.name;
    if (column.type === 'nested') {
      return nestedColumns(stream, column, name).map(({ name: declared, field }) => ({
        source: column.name,
        spec: column,
        target: targets.get(declared) ?? declared,
        encode: nestedEncoder(field),
        empty: '[]',
        isKey: false,
        // The fields of an object are aligned: one of them cannot be left out alone.
        isRequired: true,
        declared,
      }));
    }
    const isKey = key.has(column.name);
    const spec = isKey ? { ...column, nullable: false } : column;
    const stored = targets.get(name) ?? name;
    const target = inputs.get(stored) ?? stored;
    const isRequired = isKey || !(spec.nullable || spec.type === 'array');
    const field = { source: column.name, spec, target, encode: encoderFor(spec), empty: emptyLiteral(spec) };
    return [{ ...field, isKey, isRequired, declared: name }];
  });
}

/** Stored column to the column that takes its base64, for columns of bytes. */
export function base64Inputs(stream: StreamSpec, targets: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const names = columnNames(stream);
  return new Map(
    stream.columns.filter(isBinary).map((column) => {
      const declared = names.get(column.name) ?? column.name;
      const name = targets.get(declared) ?? declared;
      return [name, `_etl_base64_${name}`];
    }),
  );
}

/** The error of a value that would not arrive exactly. */
export function invalidValue(stream: string, column: string, ordinal: number, error: ValueError): EtlError {
  return new EtlError({
    code: 'ROW_VALUE_INVALID',
    kind: 'data',
    message: `Row ${ordinal + 1} of ${stream} has ${error.message} in column ${column}.`,
    hint: 'Nothing of this load was published; mend the value at the source or declare the column with another type.',
    context: { stream, column, row: ordinal + 1 },
    cause: error,
  });
}
