import { EtlError, type Row, type SchemaContractMode, type StreamSpec } from '@etl/core';
import { isBinary } from './column-type.ts';
import { emptyLiteral, encoderFor, nestedEncoder, ValueError, type Encode } from './encode-value.ts';
import { identifier } from './identifier.ts';
import { rowVersion } from './load-id.ts';
import { nestedColumns } from './nested-columns.ts';
import { contractOf, rejectOf, type Discard, type Reject } from './schema-contract.ts';
import { columnNames, hasRowId } from './table-plan.ts';

interface Field {
  readonly source: string;
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
  /** Declared columns that the schema contract keeps out of the table. */
  readonly discarded: ReadonlyMap<string, Discard>;
}

const OPEN: EncodedTable = { targets: new Map(), discarded: new Map() };

/** Turns the rows of a stream into lines of JSONCompactEachRow. */
export class RowEncoder {
  readonly #stream: StreamSpec;
  readonly #fields: readonly Field[];
  /** Columns outside the table: a row that has a value there is rejected. */
  readonly #unwanted: readonly Field[];
  readonly #onInvalid: SchemaContractMode;
  readonly #number: bigint;
  readonly #loadId: string;

  constructor(
    stream: StreamSpec,
    load: { readonly number: bigint; readonly loadId: string },
    table: EncodedTable = OPEN,
  ) {
    this.#stream = stream;
    this.#onInvalid = contractOf(stream).dataType;
    const fields = fieldsOf(stream, table.targets);
    this.#fields = fields.filter(({ declared }) => !table.discarded.has(declared));
    this.#unwanted = fields.filter(({ declared }) => table.discarded.get(declared) === 'discard-row');
    this.#number = load.number;
    this.#loadId = load.loadId;
  }

  /** The columns of a line, quoted, in its order. */
  get columns(): readonly string[] {
    return [
      ...this.#fields.map(({ target }) => identifier(target)),
      '_etl_version',
      '_etl_deleted',
      '_etl_load_id',
      ...(hasRowId(this.#stream) ? ['_etl_row_id'] : []),
    ];
  }

  /**
   * One line, its newline included, or what the schema contract rejects the row for. `ordinal` counts
   * the stream's rows in this load.
   *
   * @throws `ROW_VALUE_INVALID` (data) when a value would not arrive exactly.
   */
  encode(row: Row, ordinal: number): string | Reject {
    const { deletedColumn } = this.#stream;
    const isDeleted = deletedColumn !== undefined && row[deletedColumn] === true;
    const parts: string[] = [];
    if (!isDeleted) {
      const unwanted = this.#unwanted.find(({ source }) => row[source] !== null && row[source] !== undefined);
      if (unwanted !== undefined)
        return rejectOf(`a value in column ${unwanted.source}, which the table does not have`, row);
    }
    for (const field of this.#fields) {
      try {
        parts.push(isDeleted && !field.isKey ? field.empty : field.encode(row[field.source]));
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        if (this.#onInvalid === 'discard-row') return rejectOf(`${error.message} in column ${field.source}`, row);
        if (this.#onInvalid !== 'discard-value' || field.isRequired) throw this.#invalid(field.source, ordinal, error);
        parts.push(field.empty);
      }
    }
    const rowId = rowVersion(this.#number, ordinal);
    parts.push(`"${this.#version(row, ordinal) ?? rowId}"`, isDeleted ? '1' : '0', `"${this.#loadId}"`);
    if (hasRowId(this.#stream)) parts.push(`"${rowId}"`);
    return `[${parts.join(',')}]\n`;
  }

  #version(row: Row, ordinal: number): bigint | undefined {
    const { versionColumn } = this.#stream;
    if (versionColumn === undefined) return undefined;
    const version = row[versionColumn];
    if (typeof version === 'bigint' && version >= 0n && version < 2n ** 128n) return version;
    throw this.#invalid(versionColumn, ordinal, new ValueError('a version that is not a bigint below 2^128'));
  }

  #invalid(column: string, ordinal: number, error: ValueError): EtlError {
    return new EtlError({
      code: 'ROW_VALUE_INVALID',
      kind: 'data',
      message: `Row ${ordinal + 1} of ${this.#stream.name} has ${error.message} in column ${column}.`,
      hint: 'Nothing of this load was published; mend the value at the source or declare the column with another type.',
      context: { stream: this.#stream.name, column, row: ordinal + 1 },
      cause: error,
    });
  }
}

function fieldsOf(stream: StreamSpec, targets: ReadonlyMap<string, string>): readonly Field[] {
  const names = columnNames(stream);
  const inputs = binaryInputs(stream, targets);
  const key = new Set([...stream.primaryKey, ...(stream.scope?.keys ?? []), stream.scope?.day]);
  return stream.columns.flatMap((column): readonly Field[] => {
    const name = names.get(column.name) ?? column.name;
    if (column.type === 'nested') {
      return nestedColumns(stream, column, name).map(({ name: declared, field }) => ({
        source: column.name,
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
    const field = { source: column.name, target, encode: encoderFor(spec), empty: emptyLiteral(spec) };
    return [{ ...field, isKey, isRequired, declared: name }];
  });
}

/** Stored column to the column that takes its base64, for columns of bytes. */
export function binaryInputs(stream: StreamSpec, targets: ReadonlyMap<string, string>): ReadonlyMap<string, string> {
  const names = columnNames(stream);
  return new Map(
    stream.columns.filter(isBinary).map((column) => {
      const declared = names.get(column.name) ?? column.name;
      const name = targets.get(declared) ?? declared;
      return [name, `_etl_base64_${name}`];
    }),
  );
}
