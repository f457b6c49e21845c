import type { Row, SourceMessage } from '@etl/core';
import { NEWLINE, TAB } from './byte.ts';
import { ByteMemory } from './byte-memory.ts';
import { copyValues } from './copy-text.ts';
import { fieldEnd } from './field-end.ts';
import { valueFailure, type StreamColumn, type TableStream } from './table-stream.ts';
import { TextBuffer } from './text-buffer.ts';
import { isNullField, TextField } from './text-field.ts';

/** Rows of a copy that are handed on together. */
export interface CopiedPage {
  readonly rowCount: number;
  /** Text and bytes in it are valid until the next page is asked for. */
  readonly message: SourceMessage;
}

/** Collects the rows of a copy. */
export interface PageWriter {
  /** The format of COPY that it reads. */
  readonly format: 'text' | 'binary';
  /** What the fields of a row have to be. */
  readonly columns: readonly StreamColumn[];
  readonly rowCount: number;
  readonly byteCount: number;
  /** Adds what a message of the copy has from `start` to `end`: a line, its newline included, or a row. @throws a `data` error that names the column. */
  add(bytes: Buffer, start: number, end: number): void;
  /** The page so far, the last of its range or not; the next row begins another. */
  take(isRangeEnd: boolean): CopiedPage;
}

/** Pages of rows, all of one version. */
export class RowPage implements PageWriter {
  readonly format = 'text';
  readonly #stream: TableStream;
  readonly #version: bigint;
  #rows: Row[] = [];
  byteCount = 0;

  constructor(stream: TableStream, version: bigint) {
    this.#stream = stream;
    this.#version = version;
  }

  get columns(): readonly StreamColumn[] {
    return this.#stream.columns;
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.byteCount += end - start;
    const { columns, versionKey } = this.#stream;
    const values = copyValues(bytes.toString('utf8', start, end - 1));
    const row: Record<string, unknown> = {};
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index] as StreamColumn;
      const value = values[index] ?? null;
      try {
        row[column.name] = value === null ? null : column.parse(value);
      } catch (error) {
        throw valueFailure(this.#stream, column, error);
      }
    }
    row[versionKey] = this.#version;
    this.#rows.push(row);
  }

  take(): CopiedPage {
    const rows = this.#rows;
    this.#rows = [];
    this.byteCount = 0;
    return { rowCount: rows.length, message: { type: 'records', stream: this.#stream.name, rows } };
  }
}

/**
 * Pages of text: the lines of the copy as they came, but for the values that have another form elsewhere. Columns
 * that have to be looked at stand first in a line, so that the rest of it is only copied.
 */
export class TextPage implements PageWriter {
  readonly format = 'text';
  readonly #stream: TableStream;
  readonly #version: bigint;
  /** See `TextBatch.lane`: each range is one. */
  #lane: number;
  readonly #laneStep: number;
  readonly columns: readonly StreamColumn[];
  readonly #names: readonly string[];
  readonly #fields: readonly TextField[];
  /** How many fields, the first ones, may not be NULL. */
  readonly #keyCount: number;
  /** How many fields have to be looked at, these included. */
  readonly #checkedCount: number;
  readonly #text = new TextBuffer();
  /** Where the lines lie that come. */
  #from = ByteMemory.empty;
  #isPlain = true;
  rowCount = 0;

  /** @param session The number of the session among `sessions` that copy side by side. */
  constructor(stream: TableStream, version: bigint, session: number, sessions: number) {
    this.#stream = stream;
    this.#version = version;
    this.#lane = session;
    this.#laneStep = sessions;
    const rank = (column: StreamColumn): number =>
      stream.spec.primaryKey.includes(column.name) ? 0 : new TextField(column).isChecked ? 1 : 2;
    this.columns = stream.columns.toSorted((one, other) => rank(one) - rank(other));
    this.#keyCount = this.columns.filter((column) => rank(column) === 0).length;
    this.#checkedCount = this.columns.filter((column) => rank(column) < 2).length;
    this.#names = this.columns.map(({ name }) => name);
    this.#fields = this.columns.map((column) => new TextField(column));
  }

  get byteCount(): number {
    return this.#text.length;
  }

  add(bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.#from.bytes) this.#from = new ByteMemory(bytes);
    if (this.#hasPlainFields(start)) this.#text.write(this.#from, start, end);
    else this.#rewrite(bytes, start);
    this.rowCount += 1;
  }

  take(isRangeEnd: boolean): CopiedPage {
    const { rowCount } = this;
    const batch = {
      columns: this.#names,
      bytes: this.#text.bytes.subarray(0, this.#text.length),
      rowCount,
      version: this.#version,
      isPlain: this.#isPlain,
      lane: this.#lane,
      isLaneEnd: isRangeEnd,
    };
    if (isRangeEnd) this.#lane += this.#laneStep;
    this.rowCount = 0;
    this.#isPlain = true;
    this.#from = ByteMemory.empty;
    this.#text.clear();
    return { rowCount, message: { type: 'text-records', stream: this.#stream.name, batch } };
  }

  #hasPlainFields(start: number): boolean {
    const from = this.#from;
    const { bytes } = from;
    let at = start;
    for (let index = 0; index < this.#checkedCount; index += 1) {
      const end = fieldEnd(from, at);
      if (isNullField(bytes, at, end)) {
        if (index < this.#keyCount) return false;
      } else if (!(this.#fields[index] as TextField).isPlain(bytes, at, end)) {
        return false;
      }
      at = end + 1;
    }
    return true;
  }

  #rewrite(bytes: Buffer, start: number): void {
    this.#isPlain = false;
    let from = start;
    for (const [index, field] of this.#fields.entries()) {
      const end = fieldEnd(this.#from, from);
      try {
        if (isNullField(bytes, from, end) || field.isPlain(bytes, from, end)) this.#text.write(this.#from, from, end);
        else field.writeCopied(bytes, from, end, this.#text);
      } catch (error) {
        throw valueFailure(this.#stream, this.columns[index] as StreamColumn, error);
      }
      this.#text.writeByte(index === this.#fields.length - 1 ? NEWLINE : TAB);
      from = end + 1;
    }
  }
}
