import { EtlError, type Row, type SchemaContractMode, type StreamSpec } from '@etl/core';
import { isBinary } from './column-type.ts';
import { COMMA, OPENING_BRACKET, QUOTE } from './ascii.ts';
import { emptyLiteral, encoderFor, nestedEncoder, type Encode } from './encode-value.ts';
import { identifier } from './identifier.ts';
import { RowIds } from './row-ids.ts';
import { nestedColumns } from './nested-columns.ts';
import { contractOf, rejectOf, type Discard, type Reject } from './schema-contract.ts';
import { columnNames, hasRowId } from './table-plan.ts';
import { ValueError } from './value-error.ts';
import type { WireBuffer } from './wire-buffer.ts';

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

/** A value that does not fit. */
interface Failure {
  readonly index: number;
  readonly field: Field;
  readonly error: ValueError;
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
  readonly #ids: RowIds;
  readonly #hasRowId: boolean;
  readonly #live: string;
  readonly #deleted: string;

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
    this.#ids = new RowIds(load.number);
    this.#hasRowId = hasRowId(stream);
    this.#live = `",0,"${load.loadId}"`;
    this.#deleted = `",1,"${load.loadId}"`;
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
   * Writes one line, its newline included, or returns what the schema contract rejects the row for.
   * `ordinal` counts the stream's rows in this load. Whatever goes wrong, no part of a line is left.
   *
   * @throws `ROW_VALUE_INVALID` (data) when a value would not arrive exactly.
   */
  encode(row: Row, ordinal: number, out: WireBuffer): Reject | undefined {
    const start = out.length;
    try {
      const reject = this.#write(row, ordinal, out);
      if (reject !== undefined) out.length = start;
      return reject;
    } catch (error) {
      out.length = start;
      throw error;
    }
  }

  #write(row: Row, ordinal: number, out: WireBuffer): Reject | undefined {
    const { deletedColumn } = this.#stream;
    const isDeleted = deletedColumn !== undefined && row[deletedColumn] === true;
    if (!isDeleted && this.#unwanted.length > 0) {
      const unwanted = this.#unwanted.find(({ source }) => row[source] !== null && row[source] !== undefined);
      if (unwanted !== undefined)
        return rejectOf(`a value in column ${unwanted.source}, which the table does not have`, row);
    }
    out.writeByte(OPENING_BRACKET);
    // A value that fails is dealt with here and the next field goes on, outside the loop over values.
    for (let next = 0; next < this.#fields.length;) {
      const failure = isDeleted ? this.#writeKey(row, out) : this.#writeValues(row, next, out);
      if (failure === undefined) break;
      const { field, error } = failure;
      if (this.#onInvalid === 'discard-row') return rejectOf(`${error.message} in column ${field.source}`, row);
      if (this.#onInvalid !== 'discard-value' || field.isRequired) throw this.#invalid(field.source, ordinal, error);
      out.writeAscii(field.empty);
      out.writeByte(COMMA);
      next = failure.index + 1;
    }
    out.writeByte(QUOTE);
    out.writeAscii(this.#version(row, ordinal));
    out.writeAscii(isDeleted ? this.#deleted : this.#live);
    if (this.#hasRowId) out.writeAscii(`,"${this.#ids.version(ordinal)}"`);
    out.writeAscii(']\n');
    return undefined;
  }

  /** The values from field `first` on, a comma behind each; stops in front of the first that does not fit. */
  #writeValues(row: Row, first: number, out: WireBuffer): Failure | undefined {
    const fields = this.#fields;
    let index = first;
    let start = out.length;
    try {
      for (; index < fields.length; index += 1) {
        const { source, encode } = fields[index] as Field;
        start = out.length;
        encode(row[source], out);
        out.writeByte(COMMA);
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      out.length = start;
      return { index, field: fields[index] as Field, error };
    }
  }

  #writeKey(row: Row, out: WireBuffer): Failure | undefined {
    for (const [index, field] of this.#fields.entries()) {
      try {
        if (field.isKey) field.encode(row[field.source], out);
        else out.writeAscii(field.empty);
        out.writeByte(COMMA);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        return { index, field, error };
      }
    }
    return undefined;
  }

  #version(row: Row, ordinal: number): string {
    const { versionColumn } = this.#stream;
    if (versionColumn === undefined) return this.#ids.version(ordinal);
    const version = row[versionColumn];
    if (typeof version === 'bigint' && version >= 0n && version < 2n ** 128n) return this.#ids.text(version);
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
