import type { PipelineEvent, PipelineFailure, PipelineReport } from '@etl/core';
import { problemJson, problemOf } from '../problem.ts';
import type { Terminal } from '../terminal.ts';
import type { Reporter, RunHeading } from './reporter.ts';
import type { RunTally } from './run-tally.ts';

/** One JSON document on stdout when the run has ended; what people read goes to stderr as ever. */
export class JsonReporter implements Reporter {
  readonly #terminal: Terminal;
  readonly #heading: RunHeading;
  readonly #forPeople: Reporter;

  constructor(terminal: Terminal, heading: RunHeading, forPeople: Reporter) {
    this.#terminal = terminal;
    this.#heading = heading;
    this.#forPeople = forPeople;
  }

  started(): void {
    this.#forPeople.started();
  }

  event(event: PipelineEvent): void {
    this.#forPeople.event(event);
  }

  ended(report: PipelineReport, exitCode: number): void {
    this.#forPeople.ended(report, exitCode);
    this.#terminal.json(reportJson(report, this.#heading, exitCode));
  }

  close(): void {
    this.#forPeople.close();
  }
}

/** The report as programs get it: plain data, errors without stacks. */
export function reportJson(
  report: PipelineReport,
  { destination }: Pick<RunHeading, 'destination'>,
  exitCode: number,
): Record<string, unknown> {
  return {
    pipeline: report.pipeline,
    destination,
    status: report.status,
    exitCode,
    isUnfinished: report.isUnfinished,
    rows: report.rows,
    durationMs: Math.round(report.durationMs),
    streams: report.streams,
    accounts: report.accounts,
    calls: report.calls,
    failures: report.failures.map(failureJson),
    loads: report.loads,
    rolledForward: report.rolledForward,
    schemaChanges: report.schemaChanges,
    ...(report.sourceHealth === undefined ? {} : { sourceHealth: report.sourceHealth }),
  };
}

/** The same of a run that never came to its report; the error that ended it stands beside it. */
export function tallyJson(
  { rows, failures, loads, rolledForward, schemaChanges }: RunTally,
  { pipeline, destination }: { readonly pipeline?: string | undefined; readonly destination?: string | undefined },
): Record<string, unknown> {
  return { pipeline, destination, rows, failures: failures.map(failureJson), loads, rolledForward, schemaChanges };
}

function failureJson({ stream, slice, error }: PipelineFailure): Record<string, string> {
  return { stream, ...(slice === undefined ? {} : { slice }), ...problemJson(problemOf(error)) };
}
