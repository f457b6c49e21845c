import type { Row, StreamSpec } from '@etl/core';
import { invalidValue, type EncodedTable, type Field } from './encoded-table.ts';
import { LineEncoder, type LineLoad, type LineSource } from './line-encoder.ts';
import type { Reject } from './schema-contract.ts';
import { ValueError } from './value-error.ts';
import type { WireBuffer } from './wire-buffer.ts';

/** Turns the rows of a stream into lines of JSONCompactEachRow. */
export class RowEncoder {
  readonly #lines: LineEncoder;
  readonly #line: RowLine;

  constructor(stream: StreamSpec, load: LineLoad, table?: EncodedTable) {
    this.#lines = new LineEncoder(stream, load, table);
    this.#line = new RowLine(this.#lines.fields);
  }

  /** The columns of a line, quoted, in its order. */
  get columns(): readonly string[] {
    return this.#lines.columns;
  }

  /** Writes one line, or returns what the row is rejected for; see {@link LineEncoder.encode}. */
  encode(row: Row, ordinal: number, out: WireBuffer): Reject | undefined {
    const { deletedColumn } = this.#lines.stream;
    const isDeleted = deletedColumn !== undefined && row[deletedColumn] === true;
    this.#line.row = row;
    return this.#lines.encode(this.#line, { ordinal, version: this.#version(row, ordinal), isDeleted }, out);
  }

  #version(row: Row, ordinal: number): bigint | undefined {
    const { name, versionColumn } = this.#lines.stream;
    if (versionColumn === undefined) return undefined;
    const version = row[versionColumn];
    if (typeof version === 'bigint' && isVersion(version)) return version;
    throw invalidValue(name, versionColumn, ordinal, notAVersion());
  }
}

class RowLine implements LineSource {
  readonly #fields: readonly Field[];
  row: Row = {};

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
  }

  write(index: number, out: WireBuffer): void {
    const { source, encode } = this.#fields[index] as Field;
    encode(this.row[source], out);
  }

  isNull(field: Field): boolean {
    return this.row[field.source] === null || this.row[field.source] === undefined;
  }

  plain(): unknown {
    return this.row;
  }
}

export function isVersion(version: bigint): boolean {
  return version >= 0n && version < 1n << 128n;
}

export function notAVersion(): ValueError {
  return new ValueError('a version that is not a bigint below 2^128');
}
