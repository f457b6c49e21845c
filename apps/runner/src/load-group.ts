import { runPipeline, type Destination } from '@etl/core';
import type { CommandContext } from './command-context.ts';
import { exitCodeOfReport } from './exit-code.ts';
import { followRun } from './follow-run.ts';
import type { GroupTargetOfRun } from './group-target.ts';
import { refuseForSlices, type LogRequest, type LogRequestOptions } from './log-request.ts';
import { lockWaitMs } from './lock-wait.ts';
import { withSource } from './platform.ts';
import { redactedDestination } from './redacted-destination.ts';
import { withRepairCommand } from './repair-command.ts';
import { requireStreams } from './required-streams.ts';
import { alertOfReport } from './run-alerts.ts';
import { askedStreams, refuseForLog, type RunRequest, type RunRequestOptions } from './run-request.ts';
import { refuseSharedTables } from './shared-tables.ts';
import { createReporter, type ReporterChoice } from './reporters/create-reporter.ts';
import { tallyJson } from './reporters/json-reporter.ts';
import type { RunHeading } from './reporters/reporter.ts';
import { RunTally } from './reporters/run-tally.ts';
import { appendStepSummary } from './reporters/step-summary.ts';

/** What was asked of a run, as typed and understood. */
export interface LoadAsked extends ReporterChoice {
  readonly platformName: string;
  readonly options: RunRequestOptions & LogRequestOptions;
  readonly request: RunRequest;
  readonly log: LogRequest;
}

/** Loads what is due of a group, and tells of it. Returns the exit code. */
export async function loadGroup(
  context: CommandContext,
  target: GroupTargetOfRun,
  destination: Destination,
  { platformName, options, request, log, ...choice }: LoadAsked,
): Promise<number> {
  const { env, terminal, redactor, signal, logger, describeFailure } = context;
  const around = { env, redactor, terminal };
  const { pipeline, dataset, subject, destination: resolved, group } = target;
  const heading: RunHeading = {
    subject,
    pipeline,
    target: `${resolved.label} (${dataset})`,
    destination: resolved.name,
    asked: request.asked,
  };
  let tally = new RunTally();
  describeFailure(() => tallyJson(tally, { pipeline, destination: group.target.destination }));
  const reporter = createReporter(terminal, heading, choice);
  try {
    const waitMs = waitWithin(request.deadlineMs, env);
    await refuseSharedTables(target, destination, env, { signal, logger, waitMs });
    return await withSource(
      group,
      async (source) => {
        refuseForLog(platformName, source, options);
        refuseForSlices(platformName, source, options);
        reporter.started();
        if (options.stream !== undefined) await requireStreams(source, options.stream, { signal, logger });
        const common = {
          ...request.options,
          streams: askedStreams(request, group),
          name: pipeline,
          source,
          destination: redactedDestination(destination, redactor),
          lockWaitMs: waitMs,
          logger,
        };
        const report = log.isFollowed
          ? await followRun(context, {
              ...common,
              flush: log.flush,
              subject,
              reporter,
              onEvent: (event) => tally.apply(event),
              onRound: async (round) => {
                tally = new RunTally();
                if (signal.aborted) return;
                await alertOfReport({ subject, pipeline }, round, exitCodeOfReport(round), { destination, around });
              },
            })
          : await runPipeline({
              ...common,
              maxRows: log.maxRows,
              signal,
              onEvent: (event) => {
                tally.apply(event);
                reporter.event(event);
              },
            });
        const exitCode = exitCodeOfReport(report);
        reporter.ended(report, exitCode);
        appendStepSummary(heading, report, around);
        await alertOfReport({ subject, pipeline }, report, exitCode, { destination, around });
        return exitCode;
      },
      log.settings,
    );
  } catch (error) {
    throw withRepairCommand(error, subject);
  } finally {
    reporter.close();
  }
}

const USUAL_WAIT_MS = 75_000;

/** A run that may take a minute must not wait longer than that for another one. */
function waitWithin(deadlineMs: number | undefined, env: NodeJS.ProcessEnv): number | undefined {
  const configured = lockWaitMs(env);
  return deadlineMs === undefined ? configured : Math.min(deadlineMs, configured ?? USUAL_WAIT_MS);
}
