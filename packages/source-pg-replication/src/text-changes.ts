import type { Row, RowLookup, SourceMessage } from '@etl/core';
import { completeRows, type IncompleteRow } from './base-rows.ts';
import { BACKSLASH, TAB, UPPER_N } from './byte.ts';
import { ByteMemory, WORD } from './byte-memory.ts';
import { copyValues } from './copy-text.ts';
import type { LinePool, PendingLines } from './pending-lines.ts';
import type { PgoutputChange } from './pgoutput.ts';
import { NULL_VALUE, UNCHANGED_VALUE, type RawTuple } from './raw-tuple.ts';
import type { RowVersion } from './row-version.ts';
import type { TableChanges } from './table-changes.ts';
import { valueFailure, type StreamColumn, type TableStream } from './table-stream.ts';
import { escapedLength, TextField, writeNull } from './text-field.ts';
import { valueOfText } from './text-value.ts';

/** What a line lacks: places of columns, and the row at the destination that has their values. */
interface Gap {
  readonly missing: readonly number[];
  readonly baseKey: Row;
}

/** What {@link TextField.writePlain} says of a value that is not handed on as it is. */
const REWRITTEN = -1;
/** Where a line ends; what follows is never part of it. */
const LIVE = new ByteMemory(Buffer.from('\tf\n'.padEnd(WORD * 2)));
const DELETED = new ByteMemory(Buffer.from('\tt\n'.padEnd(WORD * 2)));
const TAIL_BYTES = 3;

/**
 * Changes as text, written once from the bytes that came into the bytes that go out. Not for deferrable
 * keys, whose rows have to be compared with each other.
 */
export class TextChanges implements TableChanges {
  readonly #stream: TableStream;
  /** In the order of a line: those of the key come first. */
  readonly #columns: readonly StreamColumn[];
  readonly #fields: readonly TextField[];
  readonly #keyCount: number;
  readonly #pool: LinePool;
  /** Present while anything waits. */
  #lines: PendingLines | undefined;
  readonly #gaps = new Map<number, Gap>();
  /** See `TextBatch.isPlain`. */
  #isPlain = true;
  /** What stands between key and version of a deleted row. */
  readonly #emptyFields: ByteMemory;
  /** For each column the place of its value in what comes; -1 when it does not come. */
  #places: readonly number[] = [];

  constructor(stream: TableStream, pool: LinePool) {
    this.#stream = stream;
    const { primaryKey } = stream.spec;
    const key = primaryKey.flatMap((name) => stream.columnByName.get(name) ?? []);
    this.#columns = [...key, ...stream.columns.filter(({ name }) => !primaryKey.includes(name))];
    this.#keyCount = key.length;
    this.#fields = this.#columns.map((column) => new TextField(column));
    this.#pool = pool;
    this.#emptyFields = new ByteMemory(Buffer.from('\\N\t'.repeat(this.#columns.length - key.length)));
  }

  get size(): number {
    return this.#lines?.size ?? 0;
  }

  get #pending(): PendingLines {
    return (this.#lines ??= this.#pool.take());
  }

  setLayout(layout: readonly (StreamColumn | undefined)[]): void {
    this.#places = this.#columns.map((column) => layout.indexOf(column));
  }

  beginTransaction(): void {
    // Nothing is remembered of a transaction.
  }

  apply(change: PgoutputChange, version: RowVersion): void {
    const { row, old } = change;
    if (change.type === 'delete') return this.#bury(change.before, version);
    const isIncomplete = change.type === 'update' && this.#lacks(row);
    const base = isIncomplete && !change.oldIsWhole ? this.#find(old ?? row) : -1;
    this.#put(change, base, version);
    if (old !== undefined && this.#isMoved(old, row)) this.#bury(old, version);
  }

  clear(): void {
    this.#gaps.clear();
    this.#isPlain = true;
    if (this.#lines === undefined) return;
    this.#pool.give(this.#lines);
    this.#lines = undefined;
  }

  async *flush(lookup: RowLookup | undefined): AsyncGenerator<SourceMessage, void, undefined> {
    const stream = this.#stream.name;
    const incomplete = [...this.#gaps].map(([line, gap]) => this.#rowOf(line, gap));
    this.#gaps.clear();
    if (incomplete.length > 0) {
      if (lookup !== undefined) await completeRows(stream, incomplete, lookup);
      yield { type: 'records', stream, rows: incomplete.map(({ row }) => row) };
    }
    const rowCount = this.size;
    if (rowCount > 0) {
      const { versionKey, deletedKey } = this.#stream;
      const columns = [...this.#columns.map(({ name }) => name), versionKey, deletedKey];
      const batch = { columns, bytes: this.#pending.lines(), rowCount, isPlain: this.#isPlain };
      yield { type: 'text-records', stream, batch };
    }
    this.clear();
  }

  #put({ type, row, old, oldIsWhole }: PgoutputChange, base: number, version: RowVersion): void {
    const { text } = this.#pending;
    const fields = this.#fields;
    const places = this.#places;
    const keyCount = this.#keyCount;
    let keyEnd = 0;
    let missing: number[] | undefined;
    this.#reserve(row);
    const from = row.memory;
    let memory = text.memory;
    let to = memory.bytes;
    let at = text.length;
    for (let index = 0; index < fields.length; index += 1) {
      const place = places[index] as number;
      const start = place >= 0 && place < row.count ? (row.starts[place] as number) : NULL_VALUE;
      const end =
        start >= 0
          ? (fields[index] as TextField).writePlain(from, start, row.ends[place] as number, memory, at)
          : REWRITTEN;
      if (start === NULL_VALUE) {
        if (index < keyCount) this.#isPlain = false;
        to[at] = BACKSLASH;
        to[at + 1] = UPPER_N;
        at += 2;
      } else if (end === REWRITTEN) {
        text.length = at;
        const isInOld = start === UNCHANGED_VALUE && old !== undefined && (oldIsWhole || index < keyCount);
        if (start !== UNCHANGED_VALUE || isInOld) {
          this.#write(index, isInOld ? old : row);
        } else if (!this.#copyField(base, index)) {
          (missing ??= []).push(index);
          writeNull(text);
        }
        this.#reserve(row);
        memory = text.memory;
        to = memory.bytes;
        at = text.length;
      } else {
        at = end;
      }
      to[at] = TAB;
      at += 1;
      if (index === keyCount - 1) keyEnd = at;
    }
    text.length = at;
    const gap = missing === undefined ? undefined : { missing, baseKey: this.#baseKey(base, old ?? row) };
    this.#endLine(version, LIVE);
    const before = type === 'insert' ? this.#pending.addNew(keyEnd) : this.#pending.add(keyEnd, false);
    this.#forgetGap(before);
    if (gap !== undefined) this.#gaps.set(this.#pending.last, gap);
  }

  /** Adds the mark that nothing has the key any more. */
  #bury(old: RawTuple, version: RowVersion): void {
    const { text } = this.#pending;
    this.#writeKey(old);
    const keyEnd = text.length;
    text.write(this.#emptyFields, 0, this.#emptyFields.bytes.length);
    this.#endLine(version, DELETED);
    this.#forgetGap(this.#pending.add(keyEnd, true));
  }

  #endLine(version: RowVersion, tail: ByteMemory): void {
    const { text } = this.#pending;
    version.write(text);
    text.write(tail, 0, TAIL_BYTES);
  }

  /** A line that counts no more lacks nothing. */
  #forgetGap(line: number): void {
    if (line !== -1 && this.#gaps.size > 0) this.#gaps.delete(line);
  }

  #writeKey(tuple: RawTuple): void {
    const { text } = this.#pending;
    for (let index = 0; index < this.#keyCount; index += 1) {
      this.#write(index, tuple);
      text.writeByte(TAB);
    }
  }

  /** Writes one field, whatever it is. */
  #write(index: number, tuple: RawTuple): void {
    const { text } = this.#pending;
    const place = this.#places[index] as number;
    const start = place >= 0 && place < tuple.count ? (tuple.starts[place] as number) : NULL_VALUE;
    if (start < 0) {
      if (index < this.#keyCount) this.#isPlain = false;
      return writeNull(text);
    }
    const field = this.#fields[index] as TextField;
    const end = tuple.ends[place] as number;
    text.reserve(escapedLength(tuple.memory.bytes, start, end) + WORD);
    const next = field.writePlain(tuple.memory, start, end, text.memory, text.length);
    if (next !== REWRITTEN) {
      text.length = next;
      return;
    }
    this.#isPlain = false;
    try {
      field.writeParsed(tuple.memory.bytes.toString('utf8', start, end), text);
    } catch (error) {
      throw this.#failure(index, error);
    }
  }

  /** Makes room for all that a tuple's values can become, and what stands between them. */
  #reserve({ memory, start, end }: RawTuple): void {
    this.#pending.text.reserve(escapedLength(memory.bytes, start, end) + this.#columns.length * 3 + WORD);
  }

  #failure(index: number, error: unknown): unknown {
    return valueFailure(this.#stream, this.#columns[index] as StreamColumn, error);
  }

  /** The line that the key of a tuple has now. */
  #find(tuple: RawTuple): number {
    this.#writeKey(tuple);
    const line = this.#pending.find();
    this.#pending.forget();
    return line !== -1 && this.#pending.isDeleted(line) ? -1 : line;
  }

  #lacks(row: RawTuple): boolean {
    for (let index = 0; index < row.count; index += 1) if (row.starts[index] === UNCHANGED_VALUE) return true;
    return false;
  }

  /** Writes a field as a line of this page has it; false when that does not have it either. */
  #copyField(base: number, index: number): boolean {
    if (base === -1 || this.#gaps.get(base)?.missing.includes(index) === true) return false;
    this.#pending.copyField(base, index);
    return true;
  }

  #baseKey(base: number, tuple: RawTuple): Row {
    const known = this.#gaps.get(base)?.baseKey;
    if (known !== undefined) return known;
    const key: Record<string, unknown> = {};
    for (let index = 0; index < this.#keyCount; index += 1) {
      const column = this.#columns[index] as StreamColumn;
      key[column.name] = column.parse(tuple.text(this.#places[index] as number) ?? '');
    }
    return key;
  }

  #isMoved(old: RawTuple, row: RawTuple): boolean {
    for (let index = 0; index < this.#keyCount; index += 1) {
      const place = this.#places[index] as number;
      if (place < 0 || row.starts[place] === UNCHANGED_VALUE) continue;
      if (!old.isSame(place, row)) return true;
    }
    return false;
  }

  /** Takes a line that lacks something out, as a row. */
  #rowOf(line: number, { missing, baseKey }: Gap): IncompleteRow {
    const values = copyValues(this.#pending.remove(line));
    const row: Record<string, unknown> = {};
    this.#columns.forEach(({ name, spec }, index) => {
      if (!missing.includes(index)) row[name] = valueOfText(spec, values[index] ?? null);
    });
    row[this.#stream.versionKey] = BigInt(values[this.#columns.length] ?? '');
    return { row, missing: missing.map((index) => this.#columns[index]?.name ?? ''), baseKey };
  }
}
