import { appendFileSync } from 'node:fs';
import type { PipelineReport } from '@etl/core';
import { documentationOf } from '../problem.ts';
import { count, duration, number } from '../quantity.ts';
import type { Redactor } from '../redactor.ts';
import type { RunHeading } from './reporter.ts';

/** Adds the run to the summary page of a GitHub Actions job, when there is one. */
export function appendStepSummary(
  env: NodeJS.ProcessEnv,
  redactor: Redactor,
  heading: RunHeading,
  report: PipelineReport,
): void {
  const file = env['GITHUB_STEP_SUMMARY'];
  if (file === undefined || file === '') return;
  appendFileSync(file, redactor.redact(stepSummary(heading, report)));
}

export function stepSummary({ subject, target }: RunHeading, report: PipelineReport): string {
  const failures = report.failures.map(
    ({ stream, slice, error }) =>
      `- **${stream}${slice === undefined ? '' : ` ${slice}`}** stays due: ${error.message} ${error.hint ?? ''} [${error.code}](${documentationOf(error.code)})`,
  );
  return [
    `### ${subject} → ${target}: ${report.status}`,
    '',
    `${count(report.rows, 'row')} in ${duration(report.durationMs)}`,
    '',
    '| stream | rows | slices published |',
    '| --- | ---: | ---: |',
    ...report.streams.map(
      ({ stream, rows, slicesPublished }) => `| ${stream} | ${number(rows)} | ${slicesPublished} |`,
    ),
    '',
    ...failures,
    '',
  ].join('\n');
}
