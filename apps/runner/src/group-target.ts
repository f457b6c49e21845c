import type { CommandContext } from './command-context.ts';
import { resolveDestination, type DestinationChoice, type ResolvedDestination } from './destinations.ts';
import { openGroup } from './groups.ts';
import { pipelineName } from './pipeline-name.ts';
import type { Platform, PlatformGroup } from './platform.ts';
import { loadPlatform } from './registry.ts';
import { datasetOf } from './trial-run.ts';

/** A configured group with the pipeline and the place that its rows go to. */
export interface GroupTargetOfRun {
  /** `pg shop`. */
  readonly subject: string;
  readonly platform: Platform;
  readonly group: PlatformGroup;
  readonly pipeline: string;
  readonly dataset: string;
  readonly destination: ResolvedDestination;
}

export interface TargetOptions {
  readonly dataset?: string | undefined;
  readonly embedded?: boolean | undefined;
  /** Told the names as soon as they are known, before anything of the destination is looked at. */
  readonly onNamed?: (names: { readonly pipeline: string; readonly destination: string }) => void;
}

/** Reads the configuration of a group; from here on its secrets are never printed. */
export async function openTarget(
  platformName: string,
  groupName: string | undefined,
  { env, redactor }: Pick<CommandContext, 'env' | 'redactor'>,
  options: TargetOptions = {},
): Promise<GroupTargetOfRun> {
  const platform = await loadPlatform(platformName);
  const group = await openGroup(platform, groupName, env);
  for (const secret of group.secrets) redactor.add(secret);
  const pipeline = pipelineName(platformName, group.name, env);
  options.onNamed?.({ pipeline, destination: group.target.destination });
  return {
    subject: `${platformName} ${group.name}`,
    platform,
    group,
    pipeline,
    dataset: datasetOf(platformName, group.target.dataset, options.dataset, env),
    destination: destinationOf(group, { env, redactor, embedded: options.embedded }),
  };
}

/** Where the rows of a group go, reached as its platform has set it. */
export function destinationOf(
  { target, requestTimeoutMs }: PlatformGroup,
  choice: DestinationChoice,
): ResolvedDestination {
  const resolved = resolveDestination(target.destination, choice);
  return requestTimeoutMs === undefined
    ? resolved
    : { ...resolved, address: { ...resolved.address, requestTimeoutMs } };
}
