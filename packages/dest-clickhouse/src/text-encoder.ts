import { EtlError, type StreamSpec, type TextBatch } from '@etl/core';
import { BACKSLASH, byteAt, isDigit, LOWER_F, LOWER_T, NEWLINE, TAB, UPPER_N, ZERO } from './ascii.ts';
import type { Encode } from './encode-value.ts';
import { invalidValue, type EncodedTable, type Field } from './encoded-table.ts';
import { LineEncoder, type LineLoad, type LineSource } from './line-encoder.ts';
import { isVersion, notAVersion } from './row-encoder.ts';
import type { Reject } from './schema-contract.ts';
import { fieldText, textEncoderFor, type EncodeText } from './text-value.ts';
import { ValueError } from './value-error.ts';
import type { WireBuffer } from './wire-buffer.ts';

/**
 * Turns rows as text into lines of JSONCompactEachRow: the same lines as the rows themselves become.
 *
 * The text is not sent as it is. ClickHouse's own tab-separated format stores 2^63 as -2^63, the 30th
 * of February as the 2nd of March, an empty field and a NULL that may not be as 0, and cuts decimals
 * (26.7, 2026-11), so every byte has to be looked at; writing them meanwhile costs little more.
 */
export class TextEncoder {
  readonly #lines: LineEncoder;
  readonly #line: TextLine;
  readonly #versionIndex: number;
  readonly #deletedIndex: number;
  /** The last version of a whole batch that was found to be one. */
  #checked: bigint | undefined;

  /** @throws `TEXT_BATCH_INVALID` (data) when the columns are not those of the stream. */
  constructor(stream: StreamSpec, load: LineLoad, table: EncodedTable, columns: readonly string[]) {
    requireColumns(stream, columns);
    this.#lines = new LineEncoder(stream, load, table);
    this.#versionIndex = stream.versionColumn === undefined ? -1 : columns.indexOf(stream.versionColumn);
    this.#line = new TextLine(columns, this.#lines.fields, this.#versionIndex);
    this.#deletedIndex = stream.deletedColumn === undefined ? -1 : columns.indexOf(stream.deletedColumn);
  }

  /** The columns of a line, quoted, in its order. */
  get columns(): readonly string[] {
    return this.#lines.columns;
  }

  /** Points at the first line of a batch. */
  begin(batch: TextBatch): void {
    this.#line.begin(batch.bytes);
    if (batch.rowCount === 0 && batch.bytes.length > 0) throw wrongCount(this.#lines.stream.name, batch);
  }

  /**
   * Writes the next line of the batch, or returns what its row is rejected for; `false` behind the
   * last. `row` counts the rows of the batch before it.
   *
   * @throws `ROW_VALUE_INVALID`, `TEXT_BATCH_INVALID` (data).
   */
  encodeNext(batch: TextBatch, row: number, ordinal: number, out: WireBuffer): Reject | undefined | false {
    const line = this.#line;
    if (line.isAtEnd) {
      if (row !== batch.rowCount) throw wrongCount(this.#lines.stream.name, batch);
      return false;
    }
    if (!line.next()) throw this.#wrongFields(ordinal);
    const isDeleted = this.#deletedIndex !== -1 && this.#isDeleted(ordinal);
    return this.#lines.encode(line, { ordinal, version: this.#version(batch, ordinal), isDeleted }, out);
  }

  #version(batch: TextBatch, ordinal: number): bigint | 'in-source' | undefined {
    const { name, versionColumn } = this.#lines.stream;
    if (versionColumn === undefined) return undefined;
    if (this.#versionIndex !== -1) {
      if (this.#line.hasSafeVersion()) return 'in-source';
      const text = this.#line.ascii(this.#versionIndex);
      if (/^\d{1,39}$/.test(text) && isVersion(BigInt(text))) return BigInt(text);
    } else if (batch.version !== undefined && (batch.version === this.#checked || isVersion(batch.version))) {
      this.#checked = batch.version;
      return batch.version;
    }
    throw invalidValue(name, versionColumn, ordinal, notAVersion());
  }

  #isDeleted(ordinal: number): boolean {
    const letter = this.#line.letter(this.#deletedIndex);
    if (letter === LOWER_T || letter === LOWER_F) return letter === LOWER_T;
    const { name, deletedColumn = '' } = this.#lines.stream;
    throw invalidValue(name, deletedColumn, ordinal, new ValueError('text that is not a boolean'));
  }

  #wrongFields(ordinal: number): EtlError {
    const { name } = this.#lines.stream;
    return invalidBatch(name, `Row ${ordinal + 1} of ${name} is a line that does not have a field for each column.`, {
      row: ordinal + 1,
    });
  }
}

/** No more digits than these are a number below 2^128, whatever they are. */
const SAFE_DIGITS = 38;

/** How a column of the table is written. */
interface TextField {
  /** Its place in the text; -1 where it is not there. */
  readonly index: number;
  readonly encode: EncodeText;
  readonly encodeNull: Encode;
}

/** The fields of one line of text. */
class TextLine implements LineSource {
  readonly #columns: readonly string[];
  readonly #indexes: ReadonlyMap<string, number>;
  readonly #fields: readonly TextField[];
  readonly #versionIndex: number;
  /** Where each field begins; one behind the last newline at the end. */
  readonly #starts: Uint32Array;
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  constructor(columns: readonly string[], fields: readonly Field[], versionIndex: number) {
    this.#columns = columns;
    this.#versionIndex = versionIndex;
    this.#indexes = new Map(columns.map((name, index) => [name, index]));
    this.#starts = new Uint32Array(columns.length + 1);
    this.#fields = fields.map((field) => ({
      index: this.#indexes.get(field.source) ?? -1,
      encode: textEncoderFor(field.spec),
      encodeNull: field.encode,
    }));
  }

  begin(bytes: Uint8Array): void {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#at = 0;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  /** Finds the fields of the next line; whether there is one for each column. */
  next(): boolean {
    const bytes = this.#bytes;
    const starts = this.#starts;
    const count = this.#columns.length;
    let field = 0;
    starts[0] = this.#at;
    for (let at = this.#at; at < bytes.length; at += 1) {
      const byte = byteAt(bytes, at);
      if (byte > TAB + 1 || byte < TAB) continue;
      field += 1;
      if (field > count) return false;
      starts[field] = at + 1;
      if (byte !== NEWLINE) continue;
      this.#at = at + 1;
      return field === count;
    }
    return false;
  }

  write(at: number, out: WireBuffer): void {
    const { index, encode, encodeNull } = this.#fields[at] as TextField;
    if (index === -1 || this.#isNull(index)) encodeNull(null, out);
    else encode(this.#bytes, this.#start(index), this.#end(index), out);
  }

  isNull(field: Field): boolean {
    const index = this.#indexes.get(field.source);
    return index === undefined || this.#isNull(index);
  }

  plain(): unknown {
    return Object.fromEntries(
      this.#columns.map((name, index) => [name, this.#isNull(index) ? null : this.#text(index)]),
    );
  }

  /** Whether the version is digits that are their own number, and below 2^128 without a look at them. */
  hasSafeVersion(): boolean {
    const start = this.#start(this.#versionIndex);
    const end = this.#end(this.#versionIndex);
    if (end === start || end - start > SAFE_DIGITS || byteAt(this.#bytes, start) === ZERO) return false;
    for (let at = start; at < end; at += 1) if (!isDigit(byteAt(this.#bytes, at))) return false;
    return true;
  }

  writeVersion(out: WireBuffer): void {
    out.writeBytes(this.#bytes, this.#start(this.#versionIndex), this.#end(this.#versionIndex));
  }

  /** The bytes of a field as characters. */
  ascii(index: number): string {
    return this.#bytes.toString('latin1', this.#start(index), this.#end(index));
  }

  /** The only byte of a field; 0 when there is none, or more. */
  letter(index: number): number {
    const start = this.#start(index);
    return this.#end(index) - start === 1 ? byteAt(this.#bytes, start) : 0;
  }

  // The text may be just what is wrong with the row.
  #text(index: number): string {
    try {
      return fieldText(this.#bytes, this.#start(index), this.#end(index));
    } catch {
      return this.#bytes.toString('utf8', this.#start(index), this.#end(index));
    }
  }

  #isNull(index: number): boolean {
    const start = this.#start(index);
    return (
      this.#end(index) - start === 2 &&
      byteAt(this.#bytes, start) === BACKSLASH &&
      byteAt(this.#bytes, start + 1) === UPPER_N
    );
  }

  #start(index: number): number {
    return this.#starts[index] as number;
  }

  #end(index: number): number {
    return (this.#starts[index + 1] as number) - 1;
  }
}

function requireColumns(stream: StreamSpec, columns: readonly string[]): void {
  const known = new Set([...stream.columns.map(({ name }) => name), stream.versionColumn, stream.deletedColumn]);
  const seen = new Set<string>();
  for (const name of columns) {
    if (!known.has(name) || seen.has(name))
      throw invalidBatch(
        stream.name,
        `Text of ${stream.name} has a column ${name} that it should not have, or has twice.`,
      );
    seen.add(name);
  }
  if (stream.columns.some(({ type }) => type === 'nested')) throw noTextForNested(stream.name);
}

/** The lines of text are not as many as it says. */
export function wrongCount(stream: string, { rowCount }: TextBatch): EtlError {
  return invalidBatch(stream, `Text of ${stream} does not have the ${rowCount} lines that it should have.`);
}

/** Text cannot say what stands in nested columns. */
export function noTextForNested(stream: string): EtlError {
  return invalidBatch(stream, `Text of ${stream} was given, but the stream has nested columns, which have no text.`);
}

function invalidBatch(stream: string, message: string, context: Readonly<Record<string, number>> = {}): EtlError {
  return new EtlError({
    code: 'TEXT_BATCH_INVALID',
    kind: 'data',
    message,
    hint: 'Nothing of this load was published. The source gave text in another form than it promised: report it.',
    context: { stream, ...context },
  });
}
