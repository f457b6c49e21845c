import type { Row, SourceMessage } from '@etl/core';
import { byteAt, NEWLINE, TAB } from './byte.ts';
import { copyValues } from './copy-text.ts';
import { valueFailure, type StreamColumn, type TableStream } from './table-stream.ts';
import { TextBuffer } from './text-buffer.ts';
import { TextField } from './text-field.ts';

/** Rows of a copy that are handed on together. */
export interface CopiedPage {
  readonly rowCount: number;
  /** Text in it is valid until the next page is asked for. */
  readonly message: SourceMessage;
}

/** Collects the lines of a copy. */
export interface PageWriter {
  readonly rowCount: number;
  readonly byteCount: number;
  /** Adds the line from `start` to `end`, its newline included. @throws a `data` error that names the column. */
  add(bytes: Buffer, start: number, end: number): void;
  /** The page so far; the next line begins another. */
  take(): CopiedPage;
}

/** Pages of rows, all of one version. */
export class RowPage implements PageWriter {
  readonly #stream: TableStream;
  readonly #version: bigint;
  #rows: Row[] = [];
  byteCount = 0;

  constructor(stream: TableStream, version: bigint) {
    this.#stream = stream;
    this.#version = version;
  }

  get rowCount(): number {
    return this.#rows.length;
  }

  add(bytes: Buffer, start: number, end: number): void {
    this.byteCount += end - start;
    const { columns, versionKey, name } = this.#stream;
    const values = copyValues(bytes.toString('utf8', start, end - 1));
    const row: Record<string, unknown> = {};
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index] as StreamColumn;
      const value = values[index] ?? null;
      try {
        row[column.name] = value === null ? null : column.parse(value);
      } catch (error) {
        throw valueFailure(name, column.name, error);
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

/** Pages of text: the lines of the copy as they came, but for the values that have another form elsewhere. */
export class TextPage implements PageWriter {
  readonly #stream: TableStream;
  readonly #version: bigint;
  readonly #names: readonly string[];
  readonly #fields: readonly TextField[];
  /** How many fields of a line have to be looked at. */
  readonly #checkedCount: number;
  readonly #text = new TextBuffer();
  rowCount = 0;

  constructor(stream: TableStream, version: bigint) {
    this.#stream = stream;
    this.#version = version;
    this.#names = stream.columns.map(({ name }) => name);
    this.#fields = stream.columns.map((column) => new TextField(column));
    this.#checkedCount = this.#fields.findLastIndex(({ isChecked }) => isChecked) + 1;
  }

  get byteCount(): number {
    return this.#text.length;
  }

  add(bytes: Buffer, start: number, end: number): void {
    if (this.#isPlain(bytes, start)) this.#text.write(bytes, start, end);
    else this.#rewrite(bytes, start);
    this.rowCount += 1;
  }

  take(): CopiedPage {
    const { rowCount } = this;
    const bytes = this.#text.bytes.subarray(0, this.#text.length);
    this.rowCount = 0;
    this.#text.clear();
    const batch = { columns: this.#names, bytes, rowCount, version: this.#version };
    return { rowCount, message: { type: 'text-records', stream: this.#stream.name, batch } };
  }

  #isPlain(bytes: Buffer, start: number): boolean {
    const count = this.#checkedCount;
    let from = start;
    for (let index = 0; index < count; index += 1) {
      const end = fieldEnd(bytes, from);
      const field = this.#fields[index] as TextField;
      if (field.isChecked && !field.isPlainCopy(bytes, from, end)) return false;
      from = end + 1;
    }
    return true;
  }

  #rewrite(bytes: Buffer, start: number): void {
    let from = start;
    for (const [index, field] of this.#fields.entries()) {
      const end = fieldEnd(bytes, from);
      try {
        if (field.isPlainCopy(bytes, from, end)) this.#text.write(bytes, from, end);
        else field.writeCopied(bytes, from, end, this.#text);
      } catch (error) {
        throw valueFailure(this.#stream.name, this.#names[index] ?? '', error);
      }
      this.#text.writeByte(index === this.#fields.length - 1 ? NEWLINE : TAB);
      from = end + 1;
    }
  }
}

/** Where the field that begins at `from` ends: at a tab or a newline. */
function fieldEnd(bytes: Buffer, from: number): number {
  let at = from;
  for (let byte = byteAt(bytes, at); byte !== TAB && byte !== NEWLINE; byte = byteAt(bytes, at)) at += 1;
  return at;
}
