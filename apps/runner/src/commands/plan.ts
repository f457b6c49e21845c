import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { planPipeline, type DestinationPlan, type EtlError, type PipelinePlan, type StreamSpec } from '@etl/core';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command, CommandContext } from '../command-context.ts';
import type { ResolvedDestination } from '../destinations.ts';
import { commonExitCode, exitCodeOfKind, EXIT_OK } from '../exit-code.ts';
import { openTarget, type TargetOptions } from '../group-target.ts';
import { lockWaitMs } from '../lock-wait.ts';
import { withSource } from '../platform.ts';
import { planJson, planLines } from '../reporters/plan-text.ts';
import { requireStreams } from '../required-streams.ts';
import { loadPlatform } from '../registry.ts';
import { refuseSharedTables } from '../shared-tables.ts';
import { warnOfUnknownVariables } from '../unknown-variables.ts';
import { askedStreams, refuseForLog, runRequest, type RunRequestOptions } from '../run-request.ts';

export interface PlanCommandOptions extends RunRequestOptions, TargetOptions {
  readonly json?: boolean;
  readonly verbose?: boolean;
}

/** `etl plan`, `etl run --dry-run`: what a run would read and define now; nothing is written. */
export function planGroup(platformName: string, groupName: string | undefined, options: PlanCommandOptions): Command {
  return async (context) => {
    const { env, terminal, signal, logger } = context;
    await loadPlatform(platformName);
    const request = runRequest(platformName, options, { env, now: new Date() });
    warnOfUnknownVariables(env, terminal);
    const target = await openTarget(platformName, groupName, context, options);
    const { pipeline, dataset, group } = target;
    const [plan, tables] = await withoutTrace(target.destination, (place) =>
      withDestination(place, dataset, env, async (destination): Promise<[PipelinePlan, DestinationPlan]> => {
        const waitMs = lockWaitMs(env);
        await refuseSharedTables({ ...target, destination: place }, destination, env, { signal, logger, waitMs });
        return withSource(group, async (source) => {
          refuseForLog(platformName, source, options);
          if (options.stream !== undefined) await requireStreams(source, options.stream, { signal, logger });
          const { days, onlyMissing, fullRefresh } = request.options;
          const streams = askedStreams(request, group);
          const work = await planPipeline({
            name: pipeline,
            source,
            destination,
            streams,
            days,
            onlyMissing,
            fullRefresh,
            lockWaitMs: waitMs,
            signal,
            logger,
          });
          const specs =
            work.streams?.map(({ stream }) => stream) ??
            asTheyBegin(await source.discover({ signal, logger }), work.log);
          const asked = specs.filter(({ name }) => streams?.includes(name) ?? true);
          const none: DestinationPlan = { statements: [], streams: [] };
          return [work, (await destination.plan?.(asked, { signal, logger })) ?? none];
        });
      }),
    );
    const heading = {
      subject: target.subject,
      target: `${target.destination.label} (${dataset})`,
      asked: request.asked,
    };
    const exitCode = exitCodeOf(plan, tables);
    if (options.json === true)
      terminal.json({ ...planJson(plan, tables), destination: target.destination.name, exitCode });
    else show(context, planLines(terminal, heading, { plan, tables, isVerbose: options.verbose ?? false }));
    return exitCode;
  };
}

/** A table that is copied is made anew, whatever its changes do to it later. */
function asTheyBegin(specs: readonly StreamSpec[], log: PipelinePlan['log']): readonly StreamSpec[] {
  const copied = new Set(log?.streams.filter(({ begins }) => begins === 'copy').map(({ stream }) => stream));
  return specs.map((spec) => (copied.has(spec.name) ? { ...spec, writeDisposition: 'replace' } : spec));
}

function show({ terminal }: CommandContext, lines: readonly string[]): void {
  for (const line of lines) terminal.result(line);
}

/** Looking at an embedded database that is not there would make it. */
async function withoutTrace<T>(
  destination: ResolvedDestination,
  work: (destination: ResolvedDestination) => Promise<T>,
): Promise<T> {
  const { address } = destination;
  if (!('path' in address) || existsSync(address.path)) return work(destination);
  const path = await mkdtemp(join(tmpdir(), 'etl-plan-'));
  try {
    return await work({ ...destination, address: { ...address, path } });
  } finally {
    await rm(path, { recursive: true, force: true });
  }
}

function exitCodeOf(plan: PipelinePlan, tables: DestinationPlan): number {
  const problems: readonly EtlError[] = [
    ...(plan.streams ?? []).flatMap(({ problem }) => problem ?? []),
    ...tables.streams.flatMap(({ conflict }) => conflict ?? []),
  ];
  return problems.length === 0 ? EXIT_OK : commonExitCode(problems.map(({ kind }) => exitCodeOfKind(kind)));
}
