import { byteAt, TAB } from './byte.ts';
import { grown, KeyIndex } from './key-index.ts';
import { TextBuffer } from './text-buffer.ts';

const FIRST_LINES = 512;
const IS_DEAD = 1;
const IS_DELETED = 2;

/**
 * The lines of a page, in one piece of memory, each with a key. Versions increase with the log, so what an earlier
 * change of the same key wrote could never be seen: where it is known, it is left out.
 */
export class PendingLines {
  /** Where a line is written, its key fields first; then it is taken by {@link add} or {@link addNew}. */
  readonly text = new TextBuffer();
  readonly #keys = new KeyIndex(this.text);
  #count = 0;
  #deadCount = 0;
  /** Where each line begins; each ends where the next begins. */
  #starts = new Int32Array(FIRST_LINES);
  #flags = new Int32Array(FIRST_LINES);
  /** Where the key of each line ends that is not in the index. */
  #keyEnds = new Int32Array(FIRST_LINES);
  /** Lines that are in the index. Behind them all are of new rows. */
  #indexed = 0;

  /** Lines that count. */
  get size(): number {
    return this.#count - this.#deadCount;
  }

  /** The line that counts for the key whose fields lie behind the last line up to the end; -1 for none. */
  find(): number {
    this.#indexNew();
    return this.#keys.find(this.#end(), this.text.length);
  }

  /** Forgets what was written behind the last line. */
  forget(): void {
    this.text.length = this.#end();
  }

  /**
   * Adds what was written behind the last line as a line. The one of the same key counts no more: its
   * number is returned, or -1.
   */
  add(keyEnd: number, isDeleted: boolean): number {
    this.#indexNew();
    const line = this.#push();
    this.#indexed = this.#count;
    this.#flags[line] = isDeleted ? IS_DELETED : 0;
    return this.#index(line, keyEnd);
  }

  /**
   * The same for a row that was added. While a page has nothing else, no key is looked for: PostgreSQL adds no row
   * whose key there is, and where a table was emptied unseen between two of them, the version decides.
   */
  addNew(keyEnd: number): number {
    if (this.#indexed > 0) return this.add(keyEnd, false);
    const line = this.#push();
    this.#flags[line] = 0;
    this.#keyEnds[line] = keyEnd;
    return -1;
  }

  /** Makes a line of what was written behind the last one. */
  #push(): number {
    const line = this.#count;
    if (line + 1 >= this.#starts.length) {
      this.#starts = grown(this.#starts, line + 1);
      this.#flags = grown(this.#flags, line + 1);
      this.#keyEnds = grown(this.#keyEnds, line + 1);
    }
    this.#starts[line + 1] = this.text.length;
    this.#count += 1;
    return line;
  }

  #indexNew(): void {
    for (; this.#indexed < this.#count; this.#indexed += 1)
      this.#index(this.#indexed, this.#keyEnds[this.#indexed] as number);
  }

  #index(line: number, keyEnd: number): number {
    const before = this.#keys.put(line, this.#starts[line] as number, keyEnd);
    if (before !== -1) this.#kill(before);
    return before;
  }

  /** The number of the line that was added last. */
  get last(): number {
    return this.#count - 1;
  }

  isDeleted(line: number): boolean {
    return ((this.#flags[line] as number) & IS_DELETED) !== 0;
  }

  /** Writes a field of an earlier line again. */
  copyField(line: number, field: number): void {
    const { bytes } = this.text;
    let start = this.#starts[line] as number;
    for (let count = 0; count < field; start += 1) if (byteAt(bytes, start) === TAB) count += 1;
    let end = start;
    while (byteAt(bytes, end) !== TAB) end += 1;
    this.text.write(this.text.memory, start, end);
  }

  /** Takes a line out and returns its text without the newline. */
  remove(line: number): string {
    this.#kill(line);
    return this.text.bytes.toString('utf8', this.#starts[line], (this.#starts[line + 1] as number) - 1);
  }

  /** The lines that count, in one piece; nothing may be added until {@link clear}. */
  lines(): Buffer {
    return this.#deadCount === 0 ? this.text.bytes.subarray(0, this.#end()) : this.#compacted();
  }

  clear(): void {
    this.#keys.clear();
    this.#indexed = 0;
    this.text.clear();
    this.#count = 0;
    this.#deadCount = 0;
  }

  #end(): number {
    return this.#count === 0 ? 0 : (this.#starts[this.#count] as number);
  }

  #kill(line: number): void {
    if (this.#flags[line] === IS_DEAD) return;
    this.#flags[line] = IS_DEAD;
    this.#deadCount += 1;
  }

  #compacted(): Buffer {
    const { bytes } = this.text;
    let length = 0;
    for (let line = 0; line < this.#count;) {
      if (this.#flags[line] === IS_DEAD) {
        line += 1;
        continue;
      }
      const start = this.#starts[line] as number;
      while (line < this.#count && this.#flags[line] !== IS_DEAD) line += 1;
      const end = this.#starts[line] as number;
      bytes.copyWithin(length, start, end);
      length += end - start;
    }
    return bytes.subarray(0, length);
  }
}

/** Memory for lines that is used again from page to page and from table to table, so that it is one page's. */
export class LinePool {
  #spare: PendingLines | undefined;

  take(): PendingLines {
    const lines = this.#spare ?? new PendingLines();
    this.#spare = undefined;
    return lines;
  }

  /** Takes lines back, empty. */
  give(lines: PendingLines): void {
    lines.clear();
    this.#spare = lines;
  }
}
