import { number } from '../quantity.ts';
import type { Comparison } from './compare-tables.ts';

/** One line per stream: rows and checksum on both sides, and the seconds it took. */
export function comparisonTable(
  comparisons: readonly Comparison[],
  secondsOf: (table: string) => number,
): readonly string[] {
  const lines = comparisons.map(({ table, source, clickHouse, isEqual }) => [
    table,
    number(source.rows),
    source.rows === clickHouse.rows ? '=' : '≠',
    number(clickHouse.rows),
    shortChecksum(source.checksum),
    source.checksum === clickHouse.checksum ? '=' : '≠',
    shortChecksum(clickHouse.checksum),
    secondsText(secondsOf(table)),
    isEqual ? '✓' : '✗ differs',
  ]);
  const head = ['', 'source', '', 'ClickHouse', 'checksum', '', 'checksum', 'seconds', ''];
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

/** A table of a nested list is read with its parent and has no time of its own. */
function secondsText(seconds: number): string {
  return seconds === 0 ? '' : seconds.toFixed(1);
}
