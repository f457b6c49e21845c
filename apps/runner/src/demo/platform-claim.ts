import type { SourceColumn } from './canonical-value.ts';
import { contentOfTexts, type TableContent } from './content-checksum.ts';

/** What a platform says that a table has to hold. */
export interface PlatformClaim {
  /** Name of the table in ClickHouse. */
  readonly table: string;
  /** What is compared, with the types of PostgreSQL that stand for how a value is written. */
  readonly columns: readonly SourceColumn[];
  /** Rows as of now, their values in the order of the columns. */
  rows(): Iterable<readonly (string | null)[]>;
}

/** The content of rows in the canonical form that both engines use, see `canonical-value.ts`. */
export function claimedContent(
  columns: readonly SourceColumn[],
  rows: Iterable<readonly (string | null)[]>,
): TableContent {
  function* texts(): Generator<string> {
    for (const row of rows) {
      yield columns.map(({ type }, index) => measured(canonical(type, row[index] ?? null))).join('');
    }
  }
  return contentOfTexts(texts());
}

function measured(text: string | null): string {
  return text === null ? 'n' : `${Buffer.byteLength(text)}:${text}`;
}

function canonical(type: string, text: string | null): string | null {
  if (text === null) return null;
  if (type === 'numeric') return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
  if (type === 'timestamptz') return microseconds(text);
  return text;
}

/** `2026-11-28T10:00:00.123456+00:00` since 1970. */
function microseconds(text: string): string {
  const [, fraction = ''] = /\.(\d+)/.exec(text) ?? [];
  const seconds = BigInt(Math.floor(Date.parse(text.replace(/\.\d+/, '')) / 1000));
  return String(seconds * 1_000_000n + BigInt(fraction.padEnd(6, '0').slice(0, 6)));
}
