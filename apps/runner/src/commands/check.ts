import { EtlError, type Destination, type OperationOptions, type Source, type StateEntry } from '@etl/core';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command, CommandContext } from '../command-context.ts';
import { commonExitCode, EXIT_OK, EXIT_PARTIAL } from '../exit-code.ts';
import { destinationOf } from '../group-target.ts';
import { noGroups, openGroup, readGroups } from '../groups.ts';
import { lockWaitMs } from '../lock-wait.ts';
import { pipelineName } from '../pipeline-name.ts';
import { withSource } from '../platform.ts';
import { problemJson, problemOf, type Problem } from '../problem.ts';
import { reportProblem } from '../problem-report.ts';
import { count } from '../quantity.ts';
import { loadPlatform, platformNames } from '../registry.ts';
import { datasetOf } from '../trial-run.ts';
import { warnOfUnknownVariables } from '../unknown-variables.ts';
import { requireAlertUrls } from '../usable-alert-urls.ts';

export interface CheckOptions {
  readonly embedded?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

interface CheckResult {
  readonly platform: string;
  readonly group: string;
  /** `configuration`, `source`, `destination` or, of a log that has been read before, `position`. */
  readonly part: string;
  readonly detail: string;
  readonly problems: readonly Problem[];
}

/** `etl check`: configuration, source and destination, and whether a log can be gone on from, of one group or of all. */
export function checkGroups(
  platformName: string | undefined,
  groupName: string | undefined,
  options: CheckOptions,
): Command {
  return async (context) => {
    requireAlertUrls(context.env);
    warnOfUnknownVariables(context.env, context.terminal);
    const groups = await groupsToCheck(platformName, groupName, context);
    const results: CheckResult[] = [];
    for (const { platform, group } of groups) {
      for await (const result of checkGroup(platform, group, context, options)) {
        results.push(result);
        if (options.json !== true) show(context, result, options);
      }
    }
    const exitCode = exitCodeOf(results);
    if (options.json === true) context.terminal.json({ exitCode, checks: results.map(resultJson) });
    else context.terminal.say(verdict(results));
    return exitCode;
  };
}

async function groupsToCheck(
  platformName: string | undefined,
  groupName: string | undefined,
  { env }: CommandContext,
): Promise<readonly { platform: string; group: string }[]> {
  const platforms = platformName === undefined ? platformNames() : [(await loadPlatform(platformName)).name];
  if (platformName !== undefined && groupName !== undefined) {
    return [{ platform: platformName, group: groupName }];
  }
  const groups = await Promise.all(
    platforms.map(async (platform) => {
      const configured = await readGroups(platform, env);
      return [...(configured?.groups.keys() ?? [])].map((group) => ({ platform, group }));
    }),
  );
  if (groups.flat().length === 0) throw noGroups(platforms, env);
  return groups.flat();
}

async function* checkGroup(
  platformName: string,
  groupName: string,
  { env, redactor, signal, logger }: CommandContext,
  options: CheckOptions,
): AsyncIterable<CheckResult> {
  const about = { platform: platformName, group: groupName };
  const attempt = async (
    part: string,
    detail: string | (() => string),
    work: () => Promise<readonly Problem[]>,
  ): Promise<CheckResult> => {
    const problems = await work().catch((error: unknown) => {
      signal.throwIfAborted();
      return [problemOf(error)];
    });
    return { ...about, part, detail: typeof detail === 'string' ? detail : detail(), problems };
  };
  const configured = await Promise.allSettled([
    loadPlatform(platformName).then((platform) => openGroup(platform, groupName, env)),
  ]).then(([outcome]) => outcome);
  if (configured.status === 'rejected') {
    yield { ...about, part: 'configuration', detail: '', problems: [problemOf(configured.reason)] };
    return;
  }
  const group = configured.value;
  for (const secret of group.secrets) redactor.add(secret);
  yield { ...about, part: 'configuration', detail: '', problems: [] };
  const source = await attempt('source', '', () =>
    withSource(group, (opened) => sourceProblems(opened, { signal, logger })),
  );
  yield source;
  // Which it is depends on the environment: whoever checks wants to see that it is the one that runs will have.
  let place: string = group.target.destination;
  const withOpened = async <T>(work: (destination: Destination) => Promise<T>): Promise<T> => {
    const resolved = destinationOf(group, { env, redactor, embedded: options.embedded });
    place = resolved.label;
    const dataset = datasetOf(platformName, group.target.dataset, undefined, env);
    return withDestination(resolved, dataset, env, work);
  };
  let state: readonly StateEntry[] = [];
  const destination = await attempt(
    'destination',
    () => place,
    () =>
      withOpened(async (opened) => {
        await opened.check({ signal, logger });
        const view = await opened.inspect({ signal, logger, waitMs: lockWaitMs(env) });
        state = await view.readState(pipelineName(platformName, groupName, env));
        return [];
      }),
  );
  yield destination;
  const isReadable = [source, destination].every(({ problems }) => problems.every(isPartial));
  if (!isReadable || state.length === 0) return;
  let isLog = false;
  const position = await attempt('position', '', () =>
    withSource(group, async (opened) => {
      isLog = opened.outlook !== undefined;
      await opened.outlook?.({ signal, logger, state });
      return [];
    }),
  );
  if (isLog) yield position;
}

function isPartial({ exitCode }: Problem): boolean {
  return exitCode === EXIT_PARTIAL;
}

/**
 * What is wrong with a source. A run loads the other streams where only some of them are not good; what is said of
 * those counts as partial here as well.
 */
async function sourceProblems(source: Source, options: OperationOptions): Promise<readonly Problem[]> {
  try {
    await source.check(options);
    return [];
  } catch (error) {
    options.signal?.throwIfAborted();
    const errors = singleErrors(error);
    const areOthersGood = errors.some(isOfStreams) && (await hasStreams(source, options));
    return errors.map((each) => ({
      ...problemOf(each),
      ...(areOthersGood && isOfStreams(each) ? { exitCode: EXIT_PARTIAL } : {}),
    }));
  }
}

function isOfStreams(error: unknown): boolean {
  return EtlError.isInstance(error) && ('stream' in error.context || 'streams' in error.context);
}

async function hasStreams(source: Source, { signal }: OperationOptions): Promise<boolean> {
  try {
    return (await source.discover({ signal })).length > 0;
  } catch {
    // What keeps the streams from being listed is among the problems already.
    signal?.throwIfAborted();
    return false;
  }
}

/** Several errors come as the cause of one. */
function singleErrors(error: unknown): readonly unknown[] {
  return EtlError.isInstance(error) && error.cause instanceof AggregateError ? error.cause.errors : [error];
}

/** What keeps a whole group from being loaded outweighs what only concerns some of its streams. */
function exitCodeOf(results: readonly CheckResult[]): number {
  const codes = results.flatMap(({ problems }) => problems.map(({ exitCode }) => exitCode));
  if (codes.length === 0) return EXIT_OK;
  const whole = codes.filter((code) => code !== EXIT_PARTIAL);
  return whole.length === 0 ? EXIT_PARTIAL : commonExitCode(whole);
}

function verdict(results: readonly CheckResult[]): string {
  const groups = new Set(results.map(nameOf));
  const failing = results.filter(({ problems }) => problems.length > 0);
  const names = new Set(failing.map(nameOf));
  if (names.size === 0) return `${count(groups.size, 'group')} ready`;
  const isInPart = failing.flatMap(({ problems }) => problems).every(isPartial);
  const what = isInPart ? 'ready only in part' : 'not ready';
  const rest = isInPart ? '; a run loads the streams that are not named' : '';
  return `${names.size} of ${count(groups.size, 'group')} ${what}: ${[...names].join(', ')}${rest}`;
}

function nameOf({ platform, group }: CheckResult): string {
  return `${platform} ${group}`;
}

function show({ terminal }: CommandContext, result: CheckResult, options: CheckOptions): void {
  const { part, detail, problems } = result;
  const subject = `${nameOf(result)} ${part}${detail === '' ? '' : ` ${detail}`}`;
  if (problems.length === 0) terminal.say(`${terminal.style('green', '✓')} ${subject}`);
  for (const problem of problems) reportProblem(terminal, problem, { subject, isVerbose: options.verbose ?? false });
}

function resultJson({ problems, ...result }: CheckResult): Record<string, unknown> {
  const ok = problems.length === 0;
  return { ...result, ok, ...(ok ? {} : { errors: problems.map(problemJson) }) };
}
