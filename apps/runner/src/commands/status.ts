import { existsSync } from 'node:fs';
import type { Destination } from '@etl/core';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command, CommandContext } from '../command-context.ts';
import { demoDestination, resolveDestination, type ResolvedDestination } from '../destinations.ts';
import { EXIT_OK } from '../exit-code.ts';
import { openTarget } from '../group-target.ts';
import { lockWaitMs } from '../lock-wait.ts';
import { pipelineStatus, type PipelineStatus } from '../pipeline-status.ts';
import { statusLines } from '../reporters/status-text.ts';
import { sourceStatuses } from '../source-status.ts';

export interface StatusOptions {
  readonly destination?: string;
  readonly embedded?: boolean;
  readonly json?: boolean;
}

/** `etl status`: how one pipeline stands, or all of a destination. Takes no pipeline and changes nothing. */
export function showStatus(
  platformName: string | undefined,
  groupName: string | undefined,
  options: StatusOptions,
): Command {
  return async (context) => {
    const { terminal } = context;
    const { place, pipeline } = await whatToShow(platformName, groupName, context, options);
    const statuses = await withSources(await statusesAt(place, pipeline, context), context);
    if (options.json === true) terminal.json({ destination: place.name, pipelines: statuses });
    else if (statuses.length === 0) terminal.say(`Nothing was ever loaded into ${place.label}.`);
    else for (const line of statusLines(statuses, new Date())) terminal.result(line);
    return EXIT_OK;
  };
}

async function whatToShow(
  platformName: string | undefined,
  groupName: string | undefined,
  context: CommandContext,
  options: StatusOptions,
): Promise<{ readonly place: ResolvedDestination; readonly pipeline?: string }> {
  if (platformName !== undefined) {
    const { destination, pipeline } = await openTarget(platformName, groupName, context, options);
    return { place: destination, pipeline };
  }
  const { env, redactor } = context;
  const name = options.destination ?? 'clickhouse';
  if (name === 'demo') return { place: demoDestination(env) };
  return { place: resolveDestination(name, { env, redactor, embedded: options.embedded, others: ['demo'] }) };
}

async function withSources(
  statuses: readonly PipelineStatus[],
  context: CommandContext,
): Promise<readonly PipelineStatus[]> {
  const names = statuses.map(({ pipeline }) => pipeline);
  const sources = await sourceStatuses(names, context);
  return statuses.map((status) => {
    const source = sources.get(status.pipeline);
    return source === undefined ? status : { ...status, source };
  });
}

async function statusesAt(
  place: ResolvedDestination,
  pipeline: string | undefined,
  { env, signal, logger }: CommandContext,
): Promise<readonly PipelineStatus[]> {
  // Looking at an embedded database that is not there would make it.
  if ('path' in place.address && !existsSync(place.address.path)) return [];
  return withDestination(place, undefined, env, async (destination: Destination) => {
    const view = await destination.inspect({ signal, logger, waitMs: lockWaitMs(env) });
    const known = await view.pipelines();
    const names = pipeline === undefined ? known : known.filter((name) => name === pipeline);
    const statuses: PipelineStatus[] = [];
    for (const name of names) statuses.push(await pipelineStatus(view, name));
    return statuses;
  });
}
