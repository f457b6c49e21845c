import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command, CommandContext } from '../command-context.ts';
import { openTarget, type TargetOptions } from '../group-target.ts';
import { logRequest, type LogRequest, type LogRequestOptions } from '../log-request.ts';
import { pipelineName } from '../pipeline-name.ts';
import { loadPlatform } from '../registry.ts';
import { runRequest, type RunRequest, type RunRequestOptions } from '../run-request.ts';
import { warnOfUnknownVariables } from '../unknown-variables.ts';
import { requireAlertUrls } from '../usable-alert-urls.ts';

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
    try {
      return await load(context, { platformName, groupName, options, request, log });
    } catch (error) {
      const { alertOfError } = await import('../run-alerts.ts');
      const told = context.signal.aborted ? context.signal.reason : error;
      await alertOfError(about, told, { env, redactor, terminal });
      throw error;
    }
  };
}

/** Nothing is sent during an import: the event loop first gets the turns that a request needs to be on its way. */
async function letSend(): Promise<void> {
  await turn();
  // So long the client looks whether its sockets are still alive.
  await wait(1);
  for (let left = SENDING_TURNS; left > 0; left -= 1) await turn();
}

const SENDING_TURNS = 4;

interface LoadRequest {
  readonly platformName: string;
  readonly groupName: string | undefined;
  readonly options: RunOptions;
  readonly request: RunRequest;
  readonly log: LogRequest;
}

async function load(context: CommandContext, asked: LoadRequest): Promise<number> {
  const { env, signal, logger } = context;
  const { platformName, groupName, options } = asked;
  describeNothingLoaded(context, {
    pipeline: groupName === undefined ? undefined : pipelineName(platformName, groupName, env),
  });
  const target = await openTarget(platformName, groupName, context, {
    ...options,
    onNamed: (names) => describeNothingLoaded(context, names),
  });
  return withDestination(target.destination, target.dataset, env, async (destination) => {
    // What loads is imported while the destination answers.
    if (destination.connect !== undefined) {
      destination.connect({ signal, logger });
      await letSend();
    }
    const { loadGroup } = await import('../load-group.ts');
    return loadGroup(context, target, destination, {
      ...asked,
      isJson: options.json ?? false,
      isVerbose: options.verbose ?? false,
    });
  });
}

function describeNothingLoaded(
  { describeFailure }: CommandContext,
  names: { readonly pipeline?: string | undefined; readonly destination?: string | undefined },
): void {
  describeFailure(async () => {
    const { tallyJson } = await import('../reporters/json-reporter.ts');
    const { RunTally } = await import('../reporters/run-tally.ts');
    return tallyJson(new RunTally(), names);
  });
}
