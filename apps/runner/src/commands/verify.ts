import { verifyPipeline, type ComparableSource, type Source, type VerifyReport } from '@etl/core';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command } from '../command-context.ts';
import { commonExitCode, EXIT_OK, exitCodeOfKind } from '../exit-code.ts';
import { openTarget } from '../group-target.ts';
import { lockWaitMs } from '../lock-wait.ts';
import { withSource } from '../platform.ts';
import { problemJson, problemOf } from '../problem.ts';
import { redactedDestination } from '../redacted-destination.ts';
import { comparisonLines, verifySummary } from '../reporters/verify-text.ts';
import { requireStreams } from '../required-streams.ts';
import { withRepairCommand } from '../repair-command.ts';
import { UsageError } from '../usage-error.ts';

export interface VerifyCommandOptions {
  readonly table?: readonly string[];
  readonly embedded?: boolean;
  readonly limit?: string;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** `etl verify`: loads up to one position of the source and compares both sides there, row by row where they differ. */
export function verifyGroup(
  platformName: string,
  groupName: string | undefined,
  options: VerifyCommandOptions,
): Command {
  return async (context) => {
    const { env, terminal, redactor, signal, logger } = context;
    const maxDifferences = options.limit === undefined ? undefined : wholeLimit(options.limit);
    const target = await openTarget(platformName, groupName, context, options);
    const { pipeline, dataset, subject, destination: resolved, group } = target;
    const report = await withSource(group, async (source) => {
      const comparable = requireComparable(platformName, source);
      if (options.table !== undefined) await requireStreams(source, options.table, { signal, logger });
      terminal.say(`${subject} → ${resolved.label} (${dataset}): loading up to one position, then comparing there`);
      return withDestination(resolved, dataset, env, (destination) =>
        verifyPipeline({
          name: pipeline,
          source: comparable,
          destination: redactedDestination(destination, redactor),
          streams: options.table,
          maxDifferences,
          lockWaitMs: lockWaitMs(env),
          signal,
          logger,
          onCompared: (comparison) => {
            if (options.json !== true) for (const line of comparisonLines(terminal, comparison)) terminal.result(line);
          },
        }),
      );
    }).catch((error: unknown) => {
      throw withRepairCommand(error, subject);
    });
    const exitCode = exitCodeOf(report);
    if (options.json === true) terminal.json(reportJson(report, exitCode));
    for (const line of verifySummary(terminal, subject, report)) terminal.say(line);
    return exitCode;
  };
}

/** 65 when anything differs; when nothing does but something could not be compared, what kept it from being so. */
function exitCodeOf({ isEqual, streams, failures }: VerifyReport): number {
  if (isEqual) return EXIT_OK;
  if (streams.some((stream) => !stream.isEqual)) return exitCodeOfKind('data');
  return commonExitCode(failures.map(({ error }) => exitCodeOfKind(error.kind)));
}

function reportJson(report: VerifyReport, exitCode: number): Record<string, unknown> {
  const { pipeline, isEqual, position, streams, failures, run, durationMs } = report;
  return {
    pipeline,
    status: isEqual ? 'equal' : 'different',
    exitCode,
    position,
    streams: streams.map((stream) => ({ ...stream, durationMs: Math.round(stream.durationMs) })),
    failures: failures.map(({ stream, error }) => ({ stream, ...problemJson(problemOf(error)) })),
    rowsLoaded: run.rows,
    durationMs: Math.round(durationMs),
  };
}

function requireComparable(platform: string, source: Source): ComparableSource {
  if ('openContent' in source) return source as ComparableSource;
  throw new UsageError({
    code: 'VERIFY_UNFIT',
    message: `${platform} cannot be compared with its destination: the platform has no content that stays the same while one looks.`,
    hint: 'What a run loads of it is checked slice by slice; etl status names what is not good.',
  });
}

function wholeLimit(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new UsageError({
    code: 'LIMIT_INVALID',
    message: '--limit is not a whole number.',
    hint: 'It says how many differing rows of a table are named at most.',
  });
}
