import { runPipeline } from '@etl/core';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command } from '../command-context.ts';
import { resolveDestination } from '../destinations.ts';
import { exitCodeOfReport } from '../exit-code.ts';
import { openGroup } from '../groups.ts';
import { pipelineName } from '../pipeline-name.ts';
import { withSource } from '../platform.ts';
import { loadPlatform } from '../registry.ts';
import { requireStreams } from '../required-streams.ts';
import { createReporter } from '../reporters/create-reporter.ts';
import { tallyJson } from '../reporters/json-reporter.ts';
import type { RunHeading } from '../reporters/reporter.ts';
import { RunTally } from '../reporters/run-tally.ts';
import { appendStepSummary } from '../reporters/step-summary.ts';

export interface RunOptions {
  readonly stream?: readonly string[];
  readonly fullRefresh?: boolean;
  readonly embedded?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** `etl run`: one group of one platform into its destination. */
export function runGroup(platformName: string, groupName: string | undefined, options: RunOptions): Command {
  return async ({ env, terminal, redactor, signal, logger, describeFailure }) => {
    const platform = await loadPlatform(platformName);
    const tally = new RunTally();
    const named = { pipeline: groupName === undefined ? undefined : pipelineName(platformName, groupName, env) };
    describeFailure(() => tallyJson(tally, named));
    const group = await openGroup(platform, groupName, env);
    for (const secret of group.secrets) redactor.add(secret);
    const { dataset, destination: destinationName } = group.target;
    const pipeline = pipelineName(platformName, group.name, env);
    describeFailure(() => tallyJson(tally, { pipeline, destination: destinationName }));
    const resolved = resolveDestination(destinationName, {
      env,
      redactor,
      embedded: options.embedded,
    });
    const heading: RunHeading = {
      subject: `${platformName} ${group.name}`,
      pipeline,
      target: `${resolved.label} (${dataset})`,
      destination: resolved.name,
    };
    const reporter = createReporter(terminal, heading, {
      isJson: options.json ?? false,
      isVerbose: options.verbose ?? false,
    });
    reporter.started();
    try {
      const report = await withSource(group, async (source) => {
        if (options.stream !== undefined) await requireStreams(source, options.stream, { signal, logger });
        return withDestination(resolved, dataset, env, (destination) =>
          runPipeline({
            name: pipeline,
            source,
            destination,
            streams: options.stream,
            fullRefresh: options.fullRefresh,
            signal,
            logger,
            onEvent: (event) => {
              tally.apply(event);
              reporter.event(event);
            },
          }),
        );
      });
      const exitCode = exitCodeOfReport(report);
      reporter.ended(report, exitCode);
      appendStepSummary(env, redactor, heading, report);
      return exitCode;
    } finally {
      reporter.close();
    }
  };
}
