import { isUtf8 } from 'node:buffer';
import type { StreamSpec, TextBatch } from '@etl/core';
import { BACKSLASH, byteAt, LOWER_T, NEWLINE, TAB, UPPER_N } from './ascii.ts';
import { fieldsOf, type EncodedTable } from './encoded-table.ts';
import { identifier } from './identifier.ts';
import type { PlainForm } from './plain-form.ts';
import { plainBoolean, plainField, plainVersion, type PlainField } from './plain-field.ts';
import { IS_DELETED_INPUT } from './staging-table.ts';
import { hasRowId } from './table-plan.ts';

interface PlainColumn {
  readonly target: string;
  readonly test: PlainField;
  readonly isNullable: boolean;
  /** Whether a row that only says that its key is gone has a value here. */
  readonly isKept: boolean;
}

/** Lines that lie side by side in a batch. */
export interface LineRun {
  readonly isPlain: boolean;
  readonly bytes: Buffer;
  readonly rowCount: number;
}

/**
 * Tells the lines of text that ClickHouse's own tab-separated format reads as exactly what they say from those
 * that have to be checked and rewritten value by value. Most lines are plain, and looking at a byte costs a
 * fraction of what writing it does.
 */
export class PlainText {
  readonly #columns: readonly PlainColumn[];
  /** Place of the mark that a row is gone; -1 where there is none. */
  readonly #deletedIndex: number;
  readonly form: PlainForm;

  /** Whether the source writes a version into every line. */
  readonly hasVersions: boolean;

  private constructor(columns: readonly PlainColumn[], deletedIndex: number) {
    this.#columns = columns;
    this.#deletedIndex = deletedIndex;
    this.hasVersions = columns.some(({ target }) => target === VERSION_COLUMN);
    this.form = { format: 'TabSeparated', columns: columns.map(({ target }) => identifier(target)) };
  }

  /** `undefined` where the text does not say all that a line must have, or a column has another form in ClickHouse. */
  static of(stream: StreamSpec, table: EncodedTable, columns: readonly string[]): PlainText | undefined {
    if (stream.versionColumn === undefined || hasRowId(stream)) return undefined;
    if (table.discarded.size > 0 || table.absent.size > 0) return undefined;
    const fields = new Map(fieldsOf(stream, table.targets).map((field) => [field.source, field]));
    if (new Set(columns).size !== columns.length) return undefined;
    if ([...fields.keys()].some((name) => !columns.includes(name))) return undefined;
    const plain: PlainColumn[] = [];
    for (const name of columns) {
      const column = systemColumn(stream, name) ?? plainColumn(fields.get(name));
      if (column === undefined) return undefined;
      plain.push(column);
    }
    return new PlainText(plain, stream.deletedColumn === undefined ? -1 : columns.indexOf(stream.deletedColumn));
  }

  /** Whether the source says that every line is plain. What it cannot know is looked at: that it is UTF-8. */
  isWholly({ isPlain = false, bytes }: TextBatch): boolean {
    return isPlain && bytes.at(-1) === NEWLINE && isUtf8(bytes);
  }

  /** The lines of a batch in order, as long runs of either kind. */
  *runs({ bytes: given }: TextBatch): Generator<LineRun, void, undefined> {
    const bytes = Buffer.from(given.buffer, given.byteOffset, given.length);
    // The tests look for the end of a line, and not for that of the batch.
    const isWhole = bytes.at(-1) === NEWLINE && isUtf8(bytes);
    let start = 0;
    let rowCount = 0;
    let isPlain = isWhole;
    for (let at = 0; at < bytes.length;) {
      const end = isWhole ? this.#plainEnd(bytes, at) : -1;
      if ((end !== -1) !== isPlain) {
        if (rowCount > 0) yield { isPlain, bytes: bytes.subarray(start, at), rowCount };
        start = at;
        rowCount = 0;
        isPlain = end !== -1;
      }
      at = end === -1 ? lineEnd(bytes, at) : end;
      rowCount += 1;
    }
    if (rowCount > 0) yield { isPlain, bytes: bytes.subarray(start), rowCount };
  }

  /** Where the line that begins at `start` ends, its newline included, if it is plain; else -1. */
  #plainEnd(bytes: Buffer, start: number): number {
    const columns = this.#columns;
    const last = columns.length - 1;
    let at = start;
    let values = 0;
    let isDeleted = false;
    for (let index = 0; index <= last; index += 1) {
      const column = columns[index] as PlainColumn;
      let end: number;
      if (byteAt(bytes, at) === BACKSLASH && byteAt(bytes, at + 1) === UPPER_N) {
        if (column.isKept) return -1;
        end = at + 2;
        // Where there is no NULL, it may only stand in a row that is gone.
        if (!column.isNullable) values |= MISSING;
      } else {
        end = column.test(bytes, at);
        if (end === -1) return -1;
        if (index === this.#deletedIndex) isDeleted = byteAt(bytes, at) === LOWER_T;
        else if (!column.isKept) values |= PRESENT;
      }
      if (byteAt(bytes, end) !== (index === last ? NEWLINE : TAB)) return -1;
      at = end + 1;
    }
    return isDeleted ? (values & PRESENT ? -1 : at) : values & MISSING ? -1 : at;
  }
}

const VERSION_COLUMN = '_etl_version';
const PRESENT = 1;
const MISSING = 2;

function systemColumn({ versionColumn, deletedColumn }: StreamSpec, name: string): PlainColumn | undefined {
  if (name === versionColumn) return { target: VERSION_COLUMN, test: plainVersion, isNullable: false, isKept: true };
  if (name === deletedColumn) return { target: IS_DELETED_INPUT, test: plainBoolean, isNullable: false, isKept: true };
  return undefined;
}

function plainColumn(field: ReturnType<typeof fieldsOf>[number] | undefined): PlainColumn | undefined {
  const test = field === undefined ? undefined : plainField(field.spec);
  if (field === undefined || test === undefined) return undefined;
  return { target: field.target, test, isNullable: field.spec.nullable, isKept: field.isKey };
}

function lineEnd(bytes: Buffer, start: number): number {
  const newline = bytes.indexOf(NEWLINE, start);
  return newline === -1 ? bytes.length : newline + 1;
}
