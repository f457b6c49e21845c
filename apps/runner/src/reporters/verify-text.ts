import type { RowDifference, StreamComparison, VerifyReport } from '@etl/core';
import { documentationOf } from '../problem.ts';
import { count, duration, number } from '../quantity.ts';
import type { Terminal } from '../terminal.ts';

const NAME_WIDTH = 32;
const COUNT_WIDTH = 13;

/** One line a table, and under it what differs. */
export function comparisonLines(terminal: Terminal, comparison: StreamComparison): readonly string[] {
  const { stream, sourceRows, destinationRows, isEqual, columns, differences, moreDifferences, isIncomplete } =
    comparison;
  const mark = isEqual ? terminal.style('green', '✓') : terminal.style('red', '✗');
  const counts = `${number(sourceRows).padStart(COUNT_WIDTH)} ${sourceRows === destinationRows ? '=' : '≠'} ${number(destinationRows).padStart(COUNT_WIDTH)}`;
  const head = `${mark} ${stream.padEnd(NAME_WIDTH)} ${counts}   ${duration(comparison.durationMs)}`;
  if (isEqual) return [head];
  return [
    head,
    ...(columns.length === 0 ? [] : [`    columns that differ: ${columns.join(', ')}`]),
    ...differences.map((difference) => `    ${differenceText(difference)}`),
    ...(moreDifferences === 0 ? [] : [`    and ${count(moreDifferences, 'more row')}`]),
    ...(isIncomplete ? ['    other parts of the table differ as well and were not looked at row by row'] : []),
  ];
}

function differenceText({ kind, key, columns }: RowDifference): string {
  const where = Object.entries(key)
    .map(([name, value]) => `${name}=${value}`)
    .join(', ');
  const what = { missing: 'missing at the destination', surplus: 'not at the source', changed: columns.join(', ') };
  return `${where}: ${what[kind]}`;
}

/** The end: whether it is all equal, what could not be compared, where and in what time. */
export function verifySummary(terminal: Terminal, subject: string, report: VerifyReport): readonly string[] {
  const { streams, failures, run, position, durationMs } = report;
  const different = streams.filter(({ isEqual }) => !isEqual);
  const rows = streams.reduce((sum, { sourceRows }) => sum + sourceRows, 0);
  const verdict =
    different.length > 0
      ? terminal.style('red', `${different.length} of ${count(streams.length, 'table')} differ`)
      : terminal.style(report.isEqual ? 'green' : 'yellow', `${count(streams.length, 'table')} equal`);
  return [
    ...failures.flatMap(({ stream, error }) => [
      `${terminal.style('yellow', '!')} ${stream} was not compared: ${error.message}`,
      ...(error.hint === undefined ? [] : [`  ${error.hint}`]),
      terminal.style('dim', `  ${error.code} · ${documentationOf(error.code)}`),
    ]),
    [
      terminal.style('bold', subject),
      verdict,
      ...(failures.length === 0 ? [] : [`${count(failures.length, 'table')} not compared`]),
      count(rows, 'row'),
      `at ${position}`,
      `${duration(durationMs)} (${duration(run.durationMs)} of it loading ${count(run.rows, 'row')})`,
    ].join('   '),
    ...(different.length === 0
      ? []
      : [`  To copy a table anew: etl run ${subject} --full-refresh --stream ${different[0]?.stream ?? ''}`]),
  ];
}
