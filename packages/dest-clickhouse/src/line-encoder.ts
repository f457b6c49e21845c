import type { SchemaContractMode, StreamSpec } from '@etl/core';
import { COMMA, OPENING_BRACKET, QUOTE } from './ascii.ts';
import { fieldsOf, invalidValue, OPEN, type EncodedTable, type Field } from './encoded-table.ts';
import { identifier } from './identifier.ts';
import { RowIds } from './row-ids.ts';
import { contractOf, rejectOf, type Reject } from './schema-contract.ts';
import { hasRowId } from './table-plan.ts';
import { ValueError } from './value-error.ts';
import type { WireBuffer } from './wire-buffer.ts';

/** Load that lines belong to. */
export interface LineLoad {
  readonly number: bigint;
  readonly loadId: string;
}

/** One row, in whatever form it came. */
export interface LineSource {
  /**
   * Writes the value of the field at `index` of the encoder's fields.
   *
   * @throws {@link ValueError} when it does not fit; a part of it may be written then.
   */
  write(index: number, out: WireBuffer): void;
  isNull(field: Field): boolean;
  /** Writes the digits of its version, where {@link LineFacts.version} says that it has them. */
  writeVersion?(out: WireBuffer): void;
  /** The row for `_etl_rejects`. */
  plain(): unknown;
}

/** What a row says besides its columns. */
export interface LineFacts {
  /** Counts the stream's rows in this load. */
  readonly ordinal: number;
  /** A number; or the source has its digits. Absent where the stream has no versions of its own. */
  readonly version: bigint | 'in-source' | undefined;
  readonly isDeleted: boolean;
}

/** A value that does not fit. */
interface Failure {
  readonly index: number;
  readonly error: ValueError;
}

/** Writes lines of JSONCompactEachRow, and keeps the schema contract about what does not fit. */
export class LineEncoder {
  readonly stream: StreamSpec;
  readonly fields: readonly Field[];
  /** Columns outside the table: a row that has a value there is rejected. */
  readonly #unwanted: readonly Field[];
  readonly #onInvalid: SchemaContractMode;
  readonly #ids: RowIds;
  readonly #hasRowId: boolean;
  /** Columns that are NULL in every line. */
  readonly #absent: readonly string[];
  readonly #live: string;
  readonly #deleted: string;

  constructor(stream: StreamSpec, load: LineLoad, table: EncodedTable = OPEN) {
    this.stream = stream;
    this.#onInvalid = contractOf(stream).dataType;
    const fields = fieldsOf(stream, table.targets);
    this.fields = fields.filter(({ declared }) => !table.discarded.has(declared));
    this.#unwanted = fields.filter(({ declared }) => table.discarded.get(declared) === 'discard-row');
    this.#ids = new RowIds(load.number);
    this.#hasRowId = hasRowId(stream);
    this.#absent = [...table.absent.values()];
    const rest = `"${load.loadId}"${',null'.repeat(this.#absent.length)}`;
    this.#live = `",0,${rest}`;
    this.#deleted = `",1,${rest}`;
  }

  /** The columns of a line, quoted, in its order. */
  get columns(): readonly string[] {
    return [
      ...this.fields.map(({ target }) => identifier(target)),
      '_etl_version',
      '_etl_deleted',
      '_etl_load_id',
      ...this.#absent.map(identifier),
      ...(this.#hasRowId ? ['_etl_row_id'] : []),
    ];
  }

  /**
   * Writes one line, its newline included, or returns what the schema contract rejects the row for.
   * Whatever goes wrong, no part of a line is left.
   *
   * @throws `ROW_VALUE_INVALID` (data) when a value would not arrive exactly.
   */
  encode(source: LineSource, facts: LineFacts, out: WireBuffer): Reject | undefined {
    const start = out.length;
    try {
      const reject = this.#write(source, facts, out);
      if (reject !== undefined) out.length = start;
      return reject;
    } catch (error) {
      out.length = start;
      throw error;
    }
  }

  #write(source: LineSource, { ordinal, version, isDeleted }: LineFacts, out: WireBuffer): Reject | undefined {
    if (!isDeleted && this.#unwanted.length > 0) {
      const unwanted = this.#unwanted.find((field) => !source.isNull(field));
      if (unwanted !== undefined)
        return rejectOf(`a value in column ${unwanted.source}, which the table does not have`, source.plain());
    }
    out.writeByte(OPENING_BRACKET);
    // A value that fails is dealt with out here: the loop over values stays as short as it can be.
    for (let next = 0; next < this.fields.length;) {
      const failure = isDeleted ? this.#writeKey(source, out) : this.#writeValues(source, next, out);
      if (failure === undefined) break;
      const { index, error } = failure;
      const field = this.fields[index] as Field;
      if (this.#onInvalid === 'discard-row')
        return rejectOf(`${error.message} in column ${field.source}`, source.plain());
      if (this.#onInvalid !== 'discard-value' || field.isRequired)
        throw invalidValue(this.stream.name, field.source, ordinal, error);
      out.writeAscii(field.empty);
      out.writeByte(COMMA);
      next = index + 1;
    }
    out.writeByte(QUOTE);
    if (version === 'in-source') source.writeVersion?.(out);
    else out.writeShort(version === undefined ? this.#ids.version(ordinal) : this.#ids.text(version));
    out.writeShort(isDeleted ? this.#deleted : this.#live);
    if (this.#hasRowId) out.writeAscii(`,"${this.#ids.version(ordinal)}"`);
    out.writeShort(']\n');
    return undefined;
  }

  /** The values from field `first` on, a comma behind each; stops in front of the first that does not fit. */
  #writeValues(source: LineSource, first: number, out: WireBuffer): Failure | undefined {
    const count = this.fields.length;
    let index = first;
    let start = out.length;
    try {
      for (; index < count; index += 1) {
        start = out.length;
        source.write(index, out);
        out.writeByte(COMMA);
      }
      return undefined;
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      out.length = start;
      return { index, error };
    }
  }

  #writeKey(source: LineSource, out: WireBuffer): Failure | undefined {
    for (const [index, field] of this.fields.entries()) {
      try {
        if (field.isKey) source.write(index, out);
        else out.writeAscii(field.empty);
        out.writeByte(COMMA);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        return { index, error };
      }
    }
    return undefined;
  }
}
