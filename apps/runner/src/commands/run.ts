import { runPipeline } from '@etl/core';
import type { AlertSurroundings } from '../alert.ts';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command, CommandContext } from '../command-context.ts';
import { exitCodeOfReport } from '../exit-code.ts';
import { openTarget, type TargetOptions } from '../group-target.ts';
import { followRun } from '../follow-run.ts';
import { logRequest, refuseForSlices, type LogRequest, type LogRequestOptions } from '../log-request.ts';
import { lockWaitMs } from '../lock-wait.ts';
import { pipelineName } from '../pipeline-name.ts';
import { withSource } from '../platform.ts';
import { redactedDestination } from '../redacted-destination.ts';
import { loadPlatform } from '../registry.ts';
import { withRepairCommand } from '../repair-command.ts';
import { requireStreams } from '../required-streams.ts';
import { alertOfError, alertOfReport } from '../run-alerts.ts';
import { askedStreams, refuseForLog, runRequest, type RunRequest, type RunRequestOptions } from '../run-request.ts';
import { refuseSharedTables } from '../shared-tables.ts';
import { warnOfUnknownVariables } from '../unknown-variables.ts';
import { requireAlertUrls } from '../usable-alert-urls.ts';
import { createReporter } from '../reporters/create-reporter.ts';
import { tallyJson } from '../reporters/json-reporter.ts';
import type { RunHeading } from '../reporters/reporter.ts';
import { RunTally } from '../reporters/run-tally.ts';
import { appendStepSummary } from '../reporters/step-summary.ts';

export interface RunOptions extends RunRequestOptions, LogRequestOptions, TargetOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** `etl run`: one group of one platform into its destination. */
export function runGroup(platformName: string, groupName: string | undefined, options: RunOptions): Command {
  return async (context) => {
    const { env, redactor, terminal } = context;
    await loadPlatform(platformName);
    const request = runRequest(platformName, options, { env, now: new Date() });
    const log = logRequest(options);
    requireAlertUrls(env);
    warnOfUnknownVariables(env, terminal);
    const pipeline = groupName === undefined ? platformName : pipelineName(platformName, groupName, env);
    const about = { subject: groupName === undefined ? platformName : `${platformName} ${groupName}`, pipeline };
    const around: AlertSurroundings = { env, redactor, terminal };
    try {
      return await load(context, { platformName, groupName, options, request, log, around });
    } catch (error) {
      await alertOfError(about, context.signal.aborted ? context.signal.reason : error, around);
      throw error;
    }
  };
}

interface LoadRequest {
  readonly platformName: string;
  readonly groupName: string | undefined;
  readonly options: RunOptions;
  readonly request: RunRequest;
  readonly log: LogRequest;
  readonly around: AlertSurroundings;
}

async function load(context: CommandContext, asked: LoadRequest): Promise<number> {
  const { env, terminal, redactor, signal, logger, describeFailure } = context;
  const { platformName, groupName, options, request, log, around } = asked;
  let tally = new RunTally();
  const named = { pipeline: groupName === undefined ? undefined : pipelineName(platformName, groupName, env) };
  describeFailure(() => tallyJson(tally, named));
  const target = await openTarget(platformName, groupName, context, {
    ...options,
    onNamed: (names) => describeFailure(() => tallyJson(tally, names)),
  });
  const { pipeline, dataset, subject, destination: resolved, group } = target;
  const heading: RunHeading = {
    subject,
    pipeline,
    target: `${resolved.label} (${dataset})`,
    destination: resolved.name,
    asked: request.asked,
  };
  const reporter = createReporter(terminal, heading, {
    isJson: options.json ?? false,
    isVerbose: options.verbose ?? false,
  });
  try {
    return await withDestination(resolved, dataset, env, async (destination) => {
      const waitMs = waitWithin(request.deadlineMs, env);
      await refuseSharedTables(target, destination, env, { signal, logger, waitMs });
      return withSource(
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
    });
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
