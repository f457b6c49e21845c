import { appendFileSync } from 'node:fs';
import type { AccountReport, PipelineReport } from '@etl/core';
import type { AlertSurroundings } from '../alert.ts';
import { documentationOf } from '../problem.ts';
import { count, duration, number } from '../quantity.ts';
import { callsText } from './calls-text.ts';
import { failureGroups, whereText } from './failure-groups.ts';
import type { RunHeading } from './reporter.ts';

/**
 * Adds the run to the summary page of a GitHub Actions job, when there is one. A page that cannot be written is
 * said to be so and changes nothing: the rows are loaded, and whoever is to be told of failures still is.
 */
export function appendStepSummary(
  heading: RunHeading,
  report: PipelineReport,
  { env, redactor, terminal }: AlertSurroundings,
): void {
  const file = env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '') return;
  try {
    appendFileSync(file, redactor.redact(stepSummary(heading, report)));
  } catch (error) {
    const { code = 'unknown' } = error as NodeJS.ErrnoException;
    terminal.say(`${terminal.style('yellow', '!')} The summary page was not written (${code}).`);
  }
}

export function stepSummary({ subject, target, asked = [] }: RunHeading, report: PipelineReport): string {
  const failures = failureGroups(report.failures).map((group) => {
    const { code, message, hint = '' } = group.error;
    return `- **${whereText(group)}** stays due: ${inline(`${message} ${hint}`.trim())} [${code}](${documentationOf(code)})`;
  });
  const calls = callsText(report.calls);
  return [
    `### ${subject} → ${target}: ${report.status}`,
    '',
    [
      ...asked,
      `${count(report.rows, 'row')} in ${duration(report.durationMs)}`,
      ...(calls === undefined ? [] : [calls]),
    ]
      .map(inline)
      .join('<br>'),
    '',
    '| stream | due | good | of them unchanged | left | rows | restated | failures |',
    '| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: |',
    ...report.streams.map((stream) => streamRow(stream, report)),
    '',
    ...accountTable(report),
    ...(report.isUnfinished ? ['The deadline came before the end; what is left stays due.', ''] : []),
    ...failures,
    '',
  ].join('\n');
}

/** More rows than this nobody reads; the JSON report has them all. */
const MAX_ACCOUNT_ROWS = 200;

/** Where accounts are told apart: what each of them brought, and how it falls short of the whole truth. */
function accountTable({ accounts }: PipelineReport): readonly string[] {
  const known = accounts.filter(({ account, flags }) => account !== '' || flags.length > 0);
  if (known.length === 0) return [];
  const hidden = known.length - MAX_ACCOUNT_ROWS;
  return [
    '| stream | account | days | good | unchanged | failed | rows | restated | flags | time |',
    '| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- | ---: |',
    ...known.slice(0, MAX_ACCOUNT_ROWS).map((account) => `| ${accountCells(account).map(inline).join(' | ')} |`),
    ...(hidden > 0 ? ['', `… and ${count(hidden, 'more row')}`] : []),
    '',
  ];
}

function accountCells(report: AccountReport): readonly string[] {
  const { firstDay, lastDay } = report;
  const days = firstDay === undefined || lastDay === undefined ? '' : `${firstDay} … ${lastDay}`;
  return [
    report.stream,
    report.account,
    firstDay === lastDay ? (firstDay ?? '') : days,
    number(report.slicesPublished),
    number(report.slicesUnchanged),
    number(report.slicesFailed),
    number(report.rows),
    restatedText(report),
    report.flags.join(', '),
    duration(report.durationMs),
  ];
}

function streamRow(counts: PipelineReport['streams'][number], { failures, loads }: PipelineReport): string {
  const { stream, rows, slicesDue, slicesPublished, slicesUnchanged, slicesLeft } = counts;
  const failed = failures.filter((failure) => failure.stream === stream).length;
  const isSliced = slicesDue > 0;
  const isLoaded = loads.some(({ rowsWritten }) => stream in rowsWritten);
  const cells = [
    stream,
    isSliced ? number(slicesDue) : '',
    isSliced ? number(slicesPublished) : isLoaded ? 'yes' : '',
    isSliced ? number(slicesUnchanged) : '',
    isSliced ? number(slicesLeft) : '',
    number(rows),
    isSliced ? restatedText(counts) : '',
    failed === 0 ? '' : number(failed),
  ];
  return `| ${cells.map(inline).join(' | ')} |`;
}

/** Rows of earlier versions that are different now; how many slices where nobody counted the rows. */
function restatedText({
  slicesRestated = 0,
  rowsRestated = 0,
}: Pick<AccountReport, 'slicesRestated' | 'rowsRestated'>): string {
  return slicesRestated > 0 && rowsRestated === 0 ? count(slicesRestated, 'slice') : number(rowsRestated);
}

/** What came from outside must not end the cell or the line that it stands in. */
function inline(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s*\r?\n\s*/g, ' ');
}
