import type { Destination, PipelineReport, RunRecord } from '@etl/core';
import { sendAlert, type Alert, type AlertSurroundings } from './alert.ts';
import { isAlerting } from './alert-urls.ts';
import { EXIT_USAGE } from './exit-code.ts';
import { problemOf, type Problem } from './problem.ts';
import { count } from './quantity.ts';
import { failureGroups, whereText } from './reporters/failure-groups.ts';

/** Which run it is. */
export interface AlertSubject {
  readonly subject: string;
  readonly pipeline: string;
}

// Another run is doing the work, or a person has stopped this one.
const NO_ALARM = new Set(['PIPELINE_HELD', 'CLICKHOUSE_EMBEDDED_BUSY', 'INTERRUPTED', 'RUN_STOPPED']);
const SHOWN = 10;
const LOOKED_BACK = 10;

/** Tells the webhook of a run that came to its report: that something failed, or that all is good again. */
export async function alertOfReport(
  about: AlertSubject,
  report: PipelineReport,
  exitCode: number,
  { destination, around }: { readonly destination: Destination; readonly around: AlertSurroundings },
): Promise<void> {
  if (!isAlerting(around.env)) return;
  if (report.failures.length > 0) return sendAlert(failureAlert(about, report, exitCode), around);
  if (report.status !== 'ok') return;
  const before = await failureBefore(destination, about.pipeline);
  if (before !== undefined) await sendAlert(recoveryAlert(about, report, before), around);
}

/** Tells the webhook of a run that never came to its report. */
export async function alertOfError(about: AlertSubject, error: unknown, around: AlertSurroundings): Promise<void> {
  const problem = problemOf(error);
  if (problem.exitCode === EXIT_USAGE || NO_ALARM.has(problem.code)) return;
  await sendAlert(errorAlert(about, problem), around);
}

function failureAlert(about: AlertSubject, report: PipelineReport, exitCode: number): Alert {
  const groups = failureGroups(report.failures);
  const hidden = groups.length - SHOWN;
  return {
    ...about,
    status: report.status === 'failed' ? 'failed' : 'partial',
    exitCode,
    lines: [
      `${report.status} (exit ${exitCode}), ${count(report.rows, 'row')} loaded`,
      ...groups.slice(0, SHOWN).map((group) => `✗ ${whereText(group)}: ${group.error.message} (${group.error.code})`),
      ...(hidden > 0 ? [`… and ${count(hidden, 'more failure')}`] : []),
    ],
    failures: groups.map(({ streams, slices, error: { code, message } }) => ({
      stream: streams.join(', '),
      ...(slices.length === 0 ? {} : { slices: slices.length }),
      code,
      message,
    })),
  };
}

function errorAlert(about: AlertSubject, { code, message, hint, exitCode }: Problem): Alert {
  return {
    ...about,
    status: 'failed',
    exitCode,
    lines: [`failed (exit ${exitCode})`, `✗ ${message} (${code})`, ...(hint === undefined ? [] : [hint])],
    failures: [{ code, message }],
  };
}

function recoveryAlert(about: AlertSubject, report: PipelineReport, before: RunRecord): Alert {
  const codes = [...new Set(before.failures.map(({ code }) => code))].join(', ');
  return {
    ...about,
    status: 'recovered',
    exitCode: 0,
    lines: [`good again, ${count(report.rows, 'row')} loaded; it had failed at ${before.endedAt} (${codes})`],
    failures: [],
  };
}

/**
 * The run before this one, when it had failed and nothing of that is left; runs that somebody stopped say nothing.
 */
async function failureBefore(destination: Destination, pipeline: string): Promise<RunRecord | undefined> {
  try {
    const view = await destination.inspect();
    const [own, ...earlier] = await view.readRuns(pipeline, LOOKED_BACK);
    // A run of some streams does not end what others have.
    if (own === undefined || own.failures.length > 0) return undefined;
    const told = earlier.find((run) => !run.failures.some(({ code }) => NO_ALARM.has(code)));
    return told === undefined || told.failures.length === 0 ? undefined : told;
  } catch {
    // That a run is good does not depend on what is known of the one before.
    return undefined;
  }
}
