import { compareDecimals, sumDecimals } from './decimal-text.ts';
import { EtlError } from './etl-error.ts';
import type { LedgerEntry } from './destination.ts';

/** What a platform itself says of a slice, in a total or a header that is not a row. */
export interface SliceExpectation {
  readonly rows?: number;
  /** Sums by column, as decimal text. */
  readonly sums?: Readonly<Record<string, string>>;
}

/**
 * What a slice must satisfy before its rows take the place of its earlier version. A slice that
 * fails keeps its old rows and stays due. That a key is unique and covers the grain, that required
 * columns have values and that rows lie within their slice is always checked.
 */
export interface SliceGate {
  /**
   * Fewest rows of a slice.
   *
   * @default 0
   */
  readonly minRows?: number;
  /**
   * Largest share of the slice's earlier rows that may be missing now, from 0 to 1. It applies from
   * 10 rows on, of one slice or of all that are read together: a report that suddenly is nearly empty is
   * more often an outage than the truth.
   *
   * @default 0.9
   */
  readonly maxShrink?: number;
  /**
   * Columns whose sums are compared with what the platform says. A stream that names some has to
   * give the platform's sums of all of them with every slice, see `RecordBatch.expected`.
   */
  readonly reconcile?: readonly string[];
  /**
   * By how much a sum may differ from what the platform says, by column, as decimal text.
   *
   * @default 0
   */
  readonly tolerance?: Readonly<Record<string, string>>;
}

/** What was read of a slice, as far as gates look at it. */
export interface SliceContent {
  readonly rows: number;
  /** Sums of the columns in `SliceGate.reconcile`, as decimal text. */
  readonly sums: Readonly<Record<string, string>>;
}

const MAX_SHRINK = 0.9;
const SHRINK_FROM_ROWS = 10;
const ACCEPT = 'If that is the truth, run once with --accept-shrink.';

/** What several parts of a slice say together. A part that does not speak of something leaves it open. */
export function addExpectations(one: SliceExpectation | undefined, other: SliceExpectation): SliceExpectation {
  if (one === undefined) return other;
  const columns = new Set([...Object.keys(one.sums ?? {}), ...Object.keys(other.sums ?? {})]);
  const sums = Object.fromEntries(
    [...columns].map((column) => [column, sumDecimals([one.sums?.[column] ?? '0', other.sums?.[column] ?? '0'])]),
  );
  const rows = one.rows === undefined && other.rows === undefined ? {} : { rows: (one.rows ?? 0) + (other.rows ?? 0) };
  return { ...rows, ...(columns.size === 0 ? {} : { sums }) };
}

/**
 * Compares what was read with what the platform says it holds.
 *
 * @throws `SLICE_ROWS_MISSING`, `SLICE_SUM_DIFFERS` (data) with both numbers, `SLICE_TOTAL_MISSING`
 * (data).
 */
export function reconcile(
  name: string,
  content: SliceContent,
  expected: SliceExpectation | undefined,
  gate: SliceGate = {},
): void {
  if (expected?.rows !== undefined && expected.rows !== content.rows) {
    throw refused('SLICE_ROWS_MISSING', `${name} has ${content.rows} rows where the platform says ${expected.rows}.`);
  }
  for (const column of gate.reconcile ?? []) {
    const platform = expected?.sums?.[column];
    if (platform === undefined)
      throw refused('SLICE_TOTAL_MISSING', `The platform gave no total of ${column} for ${name}.`);
    const ours = content.sums[column] ?? '0';
    const difference = sumDecimals([ours, negated(platform)]);
    const tolerance = gate.tolerance?.[column] ?? '0';
    if (compareDecimals(difference.replace(/^-/, ''), tolerance) <= 0) continue;
    throw refused(
      'SLICE_SUM_DIFFERS',
      `The ${column} of ${name} adds up to ${ours} where the platform says ${platform}.`,
    );
  }
}

/**
 * Compares a slice with what it has to be and with what it was.
 *
 * @throws `SLICE_ROWS_MISSING`, `SLICE_SHRANK` (data) with both numbers.
 */
export function requirePlausible(
  name: string,
  rows: number,
  previous: LedgerEntry | undefined,
  gate: SliceGate = {},
): void {
  if (rows < (gate.minRows ?? 0)) {
    throw refused('SLICE_ROWS_MISSING', `${name} has ${rows} rows where at least ${gate.minRows} are expected.`);
  }
  const before = previous?.loadedAt === undefined ? 0 : previous.rows;
  if (!isShrunk(rows, before, gate)) return;
  throw refused('SLICE_SHRANK', `${name} has ${rows} rows where it had ${before}.`, ACCEPT);
}

/**
 * Compares the slices of a window that had too few rows to be looked at one by one with what they were, all
 * together: days of a few rows each that are suddenly empty are as much of an outage as one day of many.
 *
 * @throws `WINDOW_SHRANK` (data) with both numbers.
 */
export function requirePlausibleTogether(
  name: string,
  slices: readonly { readonly rows: number; readonly previous?: LedgerEntry }[],
  gate: SliceGate = {},
): void {
  let [rows, before] = [0, 0];
  for (const { rows: now, previous } of slices) {
    if (previous?.loadedAt === undefined || previous.rows >= SHRINK_FROM_ROWS) continue;
    rows += now;
    before += previous.rows;
  }
  if (!isShrunk(rows, before, gate)) return;
  throw refused(
    'WINDOW_SHRANK',
    `Small slices of ${name} have ${rows} rows together where they had ${before}.`,
    ACCEPT,
  );
}

/** Whether reading its slices one by one would only let through what was refused of all together. */
export function isOfWholeWindow(error: EtlError): boolean {
  return error.code === 'WINDOW_SHRANK';
}

function isShrunk(rows: number, before: number, { maxShrink = MAX_SHRINK }: SliceGate): boolean {
  return before >= SHRINK_FROM_ROWS && rows < before * (1 - maxShrink);
}

function refused(code: string, message: string, hint?: string): EtlError {
  return new EtlError({
    code,
    kind: 'data',
    message,
    hint: hint ?? 'The rows that were there are kept and the slice stays due; look whether the platform had an outage.',
  });
}

function negated(text: string): string {
  return text.startsWith('-') ? text.slice(1) : `-${text}`;
}
