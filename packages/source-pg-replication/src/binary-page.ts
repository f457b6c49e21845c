import { binaryField, MOST_ADDED, unheld, type BinaryField } from './binary-field.ts';
import { ByteMemory, WORD } from './byte-memory.ts';
import type { CopiedPage, PageWriter } from './copied-page.ts';
import { writeLength } from './length-prefix.ts';
import { MalformedMessage } from './malformed-message.ts';
import { TextBuffer } from './text-buffer.ts';
import { valueFailure, type StreamColumn, type TableStream } from './table-stream.ts';
import { ValueError } from './value-error.ts';

const NULL_LENGTH = -1;
/** In the place of a row: behind the last one. */
const TRAILER = -1;
/** What COPY begins with, read as a number of columns: more than a table can have. */
const SIGNATURE = 0x50_47;
const SIGNATURE_BYTES = 11;

/** How a column is written. */
interface BinaryColumn extends BinaryField {
  readonly isArray: boolean;
  /** Whether a mark stands in front that says whether it is NULL. An array has none: it is empty then. */
  readonly isMarked: boolean;
}

/** Pages of bytes: what COPY gives in its binary format, which is neither printed by the server nor parsed again. */
export class BinaryPage implements PageWriter {
  readonly format = 'binary';
  readonly #stream: TableStream;
  readonly #version: bigint;
  /** See `TextBatch.lane`: each range is one. */
  #lane: number;
  readonly #laneStep: number;
  readonly #names: readonly string[];
  readonly #columns: readonly BinaryColumn[];
  readonly #page = new TextBuffer();
  /** Where the rows lie that come. */
  #from = ByteMemory.empty;
  rowCount = 0;

  /** Whether rows of the table can be given so. */
  static takes({ columns }: TableStream): boolean {
    return columns.every((column) => binaryField(column) !== undefined);
  }

  /** @param session The number of the session among `sessions` that copy side by side. */
  constructor(stream: TableStream, version: bigint, session: number, sessions: number) {
    this.#stream = stream;
    this.#version = version;
    this.#lane = session;
    this.#laneStep = sessions;
    this.#names = stream.columns.map(({ name }) => name);
    this.#columns = stream.columns.map((column) => {
      const isArray = column.spec.type === 'array';
      const isMarked = !isArray && !stream.spec.primaryKey.includes(column.name);
      return { ...(binaryField(column) as BinaryField), isArray, isMarked };
    });
  }

  get columns(): readonly StreamColumn[] {
    return this.#stream.columns;
  }

  get byteCount(): number {
    return this.#page.length;
  }

  add(bytes: Buffer, start: number, end: number): void {
    if (bytes !== this.#from.bytes) this.#from = new ByteMemory(bytes);
    const { view } = this.#from;
    let at = start;
    if (view.getInt16(at) === SIGNATURE) {
      at += SIGNATURE_BYTES + 4;
      at += 4 + view.getInt32(at);
      if (at === end) return;
    }
    const count = view.getInt16(at);
    if (count === TRAILER) return;
    if (count !== this.#columns.length)
      throw new MalformedMessage(`a row of ${count} columns instead of ${this.#columns.length}`);
    const room = end - at + count * MOST_ADDED + WORD;
    this.#page.reserve(room);
    this.#page.length = this.#writeRow(at + 2, room);
    this.rowCount += 1;
  }

  take(isRangeEnd: boolean): CopiedPage {
    const { rowCount } = this;
    const batch = {
      columns: this.#names,
      bytes: this.#page.bytes.subarray(0, this.#page.length),
      rowCount,
      version: this.#version,
      lane: this.#lane,
      isLaneEnd: isRangeEnd,
    };
    if (isRangeEnd) this.#lane += this.#laneStep;
    this.rowCount = 0;
    this.#from = ByteMemory.empty;
    this.#page.clear();
    return { rowCount, message: { type: 'binary-records', stream: this.#stream.name, batch } };
  }

  /** Writes the row, for which there is `room`, and returns the place behind it. */
  #writeRow(start: number, room: number): number {
    const from = this.#from;
    const columns = this.#columns;
    let to = this.#page.memory;
    let at = start;
    let next = this.#page.length;
    for (let index = 0; index < columns.length; index += 1) {
      const column = columns[index] as BinaryColumn;
      const length = from.view.getInt32(at);
      at += 4;
      if (column.isMarked) {
        to.bytes[next] = length === NULL_LENGTH ? 1 : 0;
        next += 1;
      }
      if (length === NULL_LENGTH) {
        if (column.isArray) next = writeLength(0, to, next);
        else if (!column.isMarked) throw valueFailure(this.#stream, this.#columnAt(index), nullInKey());
        continue;
      }
      const end = at + length;
      if (column.extraRoom !== undefined) to = this.#reserve(next, room + column.extraRoom(from, at, end));
      const written = this.#writeValue(index, at, end, to, next);
      if (written !== -1) next = written;
      else to.bytes[next - 1] = 1;
      at = end;
    }
    return next;
  }

  #reserve(next: number, room: number): ByteMemory {
    this.#page.length = next;
    this.#page.reserve(room);
    return this.#page.memory;
  }

  /** Returns the place behind the value; -1 where it becomes NULL. @throws a `data` error that names the column. */
  #writeValue(index: number, start: number, end: number, to: ByteMemory, at: number): number {
    try {
      const written = (this.#columns[index] as BinaryColumn).write(this.#from, start, end, to, at);
      if (written !== -1) return written;
      const { parse, spec } = this.#columnAt(index);
      parse(unheld(spec));
      return -1;
    } catch (error) {
      throw valueFailure(this.#stream, this.#columnAt(index), error);
    }
  }

  #columnAt(index: number): StreamColumn {
    return this.#stream.columns[index] as StreamColumn;
  }
}

/** A column that is NOT NULL may have NULLs from before it was, as long as its constraint is not validated. */
function nullInKey(): ValueError {
  return new ValueError({
    code: 'PG_VALUE_UNSUPPORTED',
    message: 'a NULL, and is of its key',
    hint: 'Give every row a value, or identify the rows by other columns.',
    isReplaceable: false,
    condition: (value) => `${value} IS NULL`,
  });
}
