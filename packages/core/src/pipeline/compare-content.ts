import type { ContentBucket, ContentReader, ContentRow } from '../content.ts';
import type { StreamSpec } from '../stream-spec.ts';

/** How one stream stands on both sides. */
export interface StreamComparison {
  readonly stream: string;
  readonly sourceRows: number;
  readonly destinationRows: number;
  readonly isEqual: boolean;
  /** Columns of which the values, taken together, are not the same. Empty when equal, or when rows only lack. */
  readonly columns: readonly string[];
  /** Rows that differ, as far as they were looked at; empty when equal. */
  readonly differences: readonly RowDifference[];
  /** Differing rows that were found and are not among {@link differences}. */
  readonly moreDifferences: number;
  /** Whether parts of the table differ that were not looked at row by row. */
  readonly isIncomplete: boolean;
  readonly durationMs: number;
}

/** One row that is not the same on both sides. */
export interface RowDifference {
  /** Key columns with the texts of their values. */
  readonly key: Readonly<Record<string, string>>;
  /** `missing`: only the source has it. `surplus`: only the destination has it. */
  readonly kind: 'missing' | 'surplus' | 'changed';
  /** Of a changed row, the columns that differ. */
  readonly columns: readonly string[];
}

export interface CompareOptions {
  /** Most rows to name per stream. */
  readonly maxDifferences: number;
  readonly signal?: AbortSignal | undefined;
}

/** Rows in a bucket, about: that many are looked at one by one for each that differs. */
const BUCKET_ROWS = 256;
const MIN_BITS = 4;
const MAX_BITS = 16;
/** Most rows that are looked at one by one, whatever is wrong: both sides give them in one answer. */
const MAX_ROWS = 50_000;

/**
 * Compares one stream. Each side reads it once; only where buckets differ are their rows looked at, and only
 * then is every column summed up.
 */
export async function compareContent(
  source: ContentReader,
  destination: ContentReader,
  stream: StreamSpec,
  { maxDifferences, signal }: CompareOptions,
): Promise<StreamComparison> {
  const startedAt = performance.now();
  const estimate = Math.max(await source.estimateRows(stream), 1);
  const bits = Math.min(MAX_BITS, Math.max(MIN_BITS, Math.ceil(Math.log2(estimate / BUCKET_ROWS))));
  const [ours, theirs] = await Promise.all([source.readBuckets(stream, bits), destination.readBuckets(stream, bits)]);
  signal?.throwIfAborted();
  const counts = { stream: stream.name, sourceRows: rowsOf(ours), destinationRows: rowsOf(theirs) };
  const differing = differingBuckets(ours, theirs);
  const took = (): number => performance.now() - startedAt;
  if (differing.length === 0) {
    return {
      ...counts,
      isEqual: true,
      columns: [],
      differences: [],
      moreDifferences: 0,
      isIncomplete: false,
      durationMs: took(),
    };
  }
  const chosen = firstRows(differing, ours, theirs);
  const [there, here, ourSums, theirSums] = await Promise.all([
    source.readRows(stream, chosen, bits),
    destination.readRows(stream, chosen, bits),
    source.readColumns(stream),
    destination.readColumns(stream),
  ]);
  signal?.throwIfAborted();
  const found = rowDifferences(stream, there, here);
  const changed = new Set(found.flatMap(({ columns }) => columns));
  const names = stream.columns.map(({ name }) => name);
  const haveSameRows = counts.sourceRows === counts.destinationRows && found.every(({ kind }) => kind === 'changed');
  return {
    ...counts,
    isEqual: false,
    // Rows that are missing change the sum of every column, which then says nothing.
    columns: names.filter((name) => changed.has(name) || (haveSameRows && ourSums.get(name) !== theirSums.get(name))),
    differences: found.slice(0, maxDifferences),
    moreDifferences: Math.max(0, found.length - maxDifferences),
    isIncomplete: chosen.length < differing.length,
    durationMs: took(),
  };
}

function rowsOf(buckets: ReadonlyMap<number, ContentBucket>): number {
  let rows = 0;
  for (const bucket of buckets.values()) rows += bucket.rows;
  return rows;
}

function differingBuckets(
  ours: ReadonlyMap<number, ContentBucket>,
  theirs: ReadonlyMap<number, ContentBucket>,
): readonly number[] {
  const all = new Set([...ours.keys(), ...theirs.keys()]);
  return [...all]
    .filter((bucket) => {
      const [one, other] = [ours.get(bucket), theirs.get(bucket)];
      return one?.rows !== other?.rows || one?.digest !== other?.digest;
    })
    .toSorted((one, other) => one - other);
}

/** Buckets that hold {@link MAX_ROWS} together. One alone can hold more, in a table of thousands of millions of rows. */
function firstRows(
  differing: readonly number[],
  ours: ReadonlyMap<number, ContentBucket>,
  theirs: ReadonlyMap<number, ContentBucket>,
): readonly number[] {
  const chosen: number[] = [];
  let rows = 0;
  for (const bucket of differing) {
    const more = Math.max(ours.get(bucket)?.rows ?? 0, theirs.get(bucket)?.rows ?? 0);
    if (rows + more > MAX_ROWS) continue;
    rows += more;
    chosen.push(bucket);
  }
  return chosen;
}

function rowDifferences(
  stream: StreamSpec,
  there: readonly ContentRow[],
  here: readonly ContentRow[],
): readonly RowDifference[] {
  const left = new Map<string, ContentRow>();
  const surplus: RowDifference[] = [];
  const nameOf = ({ key }: ContentRow): string => JSON.stringify(key);
  for (const row of here) {
    // A key that the destination shows twice is one row too many.
    if (left.has(nameOf(row))) surplus.push(difference(stream, row, 'surplus'));
    left.set(nameOf(row), row);
  }
  const found: RowDifference[] = [];
  for (const row of there) {
    const other = left.get(nameOf(row));
    left.delete(nameOf(row));
    if (other === undefined) {
      found.push(difference(stream, row, 'missing'));
      continue;
    }
    const columns = stream.columns
      .map(({ name }) => name)
      .filter((_, index) => row.digests[index] !== other.digests[index]);
    if (columns.length > 0) found.push({ ...difference(stream, row, 'changed'), columns });
  }
  return [...found, ...surplus, ...[...left.values()].map((row) => difference(stream, row, 'surplus'))];
}

function difference({ primaryKey }: StreamSpec, { key }: ContentRow, kind: RowDifference['kind']): RowDifference {
  return { key: Object.fromEntries(primaryKey.map((name, index) => [name, key[index] ?? ''])), kind, columns: [] };
}
