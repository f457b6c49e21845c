import type { PipelineReport } from '@etl/core';
import { problemJson, problemOf } from '../problem.ts';
import type { Terminal } from '../terminal.ts';
import type { Reporter, RunHeading } from './reporter.ts';

/** One JSON document on stdout when the run has ended. */
export function jsonReporter(terminal: Terminal, heading: RunHeading): Reporter {
  return {
    started() {},
    event() {},
    ended(report, exitCode) {
      terminal.json(reportJson(report, heading, exitCode));
    },
    close() {},
  };
}

/** The report as programs get it: plain data, errors without stacks. */
export function reportJson(
  report: PipelineReport,
  { destination }: RunHeading,
  exitCode: number,
): Record<string, unknown> {
  return {
    pipeline: report.pipeline,
    destination,
    status: report.status,
    exitCode,
    rows: report.rows,
    durationMs: Math.round(report.durationMs),
    streams: report.streams,
    failures: report.failures.map(({ stream, slice, error }) => ({
      stream,
      ...(slice === undefined ? {} : { slice }),
      ...problemJson(problemOf(error)),
    })),
    loads: report.loads,
    rolledForward: report.rolledForward,
    schemaChanges: report.schemaChanges,
  };
}
