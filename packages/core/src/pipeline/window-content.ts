import { DecimalSum } from '../decimal-text.ts';
import { EtlError } from '../etl-error.ts';
import type { Row } from '../row.ts';
import type { SliceContent } from '../slice-gate.ts';
import type { StreamSpec } from '../stream-spec.ts';
import type { DueSlice } from './due-slices.ts';
import type { SliceWindow } from './slice-window.ts';

/** Counts what is read of a window: its rows in all and per slice, and the sums that are asked for. */
export class WindowContent {
  readonly #stream: StreamSpec;
  readonly #window: SliceWindow;
  readonly #rowsByDay = new Map<string, number>();
  readonly #sums = new Map<string, DecimalSum>();
  readonly #summed: readonly string[];
  #rows = 0;

  constructor(stream: StreamSpec, window: SliceWindow, summed: readonly string[] = []) {
    this.#stream = stream;
    this.#window = window;
    this.#summed = summed;
  }

  add(rows: readonly Row[]): void {
    this.#rows += rows.length;
    const day = this.#stream.scope?.day;
    if (this.#window.members.length > 1 && day !== undefined) {
      for (const row of rows) {
        const value = String(row[day]).slice(0, 10);
        this.#rowsByDay.set(value, (this.#rowsByDay.get(value) ?? 0) + 1);
      }
    }
    if (this.#summed.length > 0) for (const row of rows) this.#addSums(row);
  }

  #addSums(row: Row): void {
    for (const column of this.#summed) {
      const text = decimalText(row[column]);
      if (text === undefined) continue;
      const sum = this.#sums.get(column) ?? new DecimalSum();
      this.#sums.set(column, sum);
      sum.add(text);
    }
  }

  get whole(): SliceContent {
    const sums = this.#summed.map((name) => [name, this.#sums.get(name)?.text ?? '0'] as const);
    return { rows: this.#rows, sums: Object.fromEntries(sums) };
  }

  /**
   * Rows of one slice of the window.
   *
   * @throws `SLICE_ROW_OUTSIDE_SCOPE` (data) when the window brought rows of other days.
   */
  rowsOf({ slice }: DueSlice): number {
    if (this.#window.members.length === 1) return this.#rows;
    this.#requireDays();
    const { start = '', end = '' } = slice.scope?.days ?? {};
    return [...this.#rowsByDay].reduce((sum, [day, rows]) => (day >= start && day < end ? sum + rows : sum), 0);
  }

  #requireDays(): void {
    const { start = '', end = '' } = this.#window.slice.scope?.days ?? {};
    const outside = [...this.#rowsByDay].filter(([day]) => day < start || day >= end);
    if (outside.length === 0) return;
    const rows = outside.reduce((sum, [, count]) => sum + count, 0);
    throw new EtlError({
      code: 'SLICE_ROW_OUTSIDE_SCOPE',
      kind: 'data',
      message: `${rows} rows of ${this.#stream.name} lie outside the days ${start} … ${end} that were asked for.`,
      hint: 'They may belong to another time zone: mend the stream that reads them.',
      context: { stream: this.#stream.name, rows },
    });
  }
}

function decimalText(value: unknown): string | undefined {
  if (typeof value === 'bigint') return String(value);
  if (typeof value === 'number') return Number.isFinite(value) ? plain(value) : undefined;
  return typeof value === 'string' && /^-?\d+(?:\.\d*)?$/.test(value) ? value : undefined;
}

function plain(value: number): string {
  const text = String(value);
  return text.includes('e') ? value.toFixed(20).replace(/\.?0+$/, '') : text;
}
