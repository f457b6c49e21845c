import { number } from '../quantity.ts';
import type { Comparison } from './compare-tables.ts';

/** One line per stream: rows and checksum on both sides, and the seconds it took. */
export function comparisonTable(
  comparisons: readonly Comparison[],
  secondsOf: (stream: string) => number,
): readonly string[] {
  const lines = comparisons.map(({ stream, table, postgres, clickHouse, isEqual }) => [
    table,
    number(postgres.rows),
    postgres.rows === clickHouse.rows ? '=' : '≠',
    number(clickHouse.rows),
    shortChecksum(postgres.checksum),
    postgres.checksum === clickHouse.checksum ? '=' : '≠',
    shortChecksum(clickHouse.checksum),
    secondsOf(stream).toFixed(1),
    isEqual ? '✓' : '✗ differs',
  ]);
  const head = ['', 'PostgreSQL', '', 'ClickHouse', 'checksum', '', 'checksum', 'seconds', ''];
  const all = [head, ...lines];
  const widths = head.map((_, column) => Math.max(...all.map((line) => (line[column] ?? '').length)));
  return all.map((line) =>
    line
      .map((cell, column) =>
        column === 0 || column === 8 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd(),
  );
}

/** Enough of it for the eye; all of it was compared. */
function shortChecksum(checksum: string): string {
  return checksum === '' ? 'no table' : `${checksum.slice(0, 4)} ${checksum.slice(-4)}`;
}
