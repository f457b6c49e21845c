import { withDestination } from '../clickhouse-destination.ts';
import type { Command, CommandContext } from '../command-context.ts';
import { resolveDestination } from '../destinations.ts';
import { commonExitCode, EXIT_OK } from '../exit-code.ts';
import { noGroups, openGroup, readGroups } from '../groups.ts';
import { withSource } from '../platform.ts';
import { problemJson, problemOf, type Problem } from '../problem.ts';
import { reportProblem } from '../problem-report.ts';
import { count } from '../quantity.ts';
import { loadPlatform, platformNames } from '../registry.ts';

export interface CheckOptions {
  readonly embedded?: boolean;
  readonly json?: boolean;
  readonly verbose?: boolean;
}

interface CheckResult {
  readonly platform: string;
  readonly group: string;
  /** `configuration`, `source` or `destination`. */
  readonly part: string;
  readonly detail: string;
  readonly problem?: Problem;
}

/** `etl check`: configuration, then source and destination, of one group or of all. */
export function checkGroups(
  platformName: string | undefined,
  groupName: string | undefined,
  options: CheckOptions,
): Command {
  return async (context) => {
    const groups = await groupsToCheck(platformName, groupName, context);
    const results: CheckResult[] = [];
    for (const { platform, group } of groups) {
      for await (const result of checkGroup(platform, group, context, options)) {
        results.push(result);
        if (options.json !== true) show(context, result, options);
      }
    }
    const problems = results.flatMap(({ problem }) => problem ?? []);
    const exitCode = problems.length === 0 ? EXIT_OK : commonExitCode(problems.map((problem) => problem.exitCode));
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
  if (groups.flat().length === 0) throw noGroups(platforms[0] ?? '', env);
  return groups.flat();
}

async function* checkGroup(
  platformName: string,
  groupName: string,
  { env, redactor, signal, logger }: CommandContext,
  options: CheckOptions,
): AsyncIterable<CheckResult> {
  const about = { platform: platformName, group: groupName };
  const attempt = async (part: string, detail: string, work: () => Promise<void>): Promise<CheckResult> => {
    try {
      await work();
      return { ...about, part, detail };
    } catch (error) {
      signal.throwIfAborted();
      return { ...about, part, detail, problem: problemOf(error) };
    }
  };
  const configured = await Promise.allSettled([
    loadPlatform(platformName).then((platform) => openGroup(platform, groupName, env)),
  ]).then(([outcome]) => outcome);
  if (configured.status === 'rejected') {
    yield { ...about, part: 'configuration', detail: '', problem: problemOf(configured.reason) };
    return;
  }
  const group = configured.value;
  for (const secret of group.secrets) redactor.add(secret);
  yield { ...about, part: 'configuration', detail: '' };
  yield await attempt('source', '', () => withSource(group, (source) => source.check({ signal, logger })));
  yield await attempt('destination', group.target.destination, async () => {
    const resolved = resolveDestination(group.target.destination, {
      env,
      redactor,
      embedded: options.embedded,
    });
    await withDestination(resolved, group.target.dataset, env, (destination) => destination.check({ signal, logger }));
  });
}

function verdict(results: readonly CheckResult[]): string {
  const groups = new Set(results.map(({ platform, group }) => `${platform} ${group}`));
  const failing = new Set(
    results.filter(({ problem }) => problem !== undefined).map(({ platform, group }) => `${platform} ${group}`),
  );
  if (failing.size === 0) return `${count(groups.size, 'group')} ready`;
  return `${failing.size} of ${count(groups.size, 'group')} not ready: ${[...failing].join(', ')}`;
}

function show({ terminal }: CommandContext, result: CheckResult, options: CheckOptions): void {
  const { platform, group, part, detail, problem } = result;
  const subject = `${platform} ${group} ${part}${detail === '' ? '' : ` ${detail}`}`;
  if (problem === undefined) terminal.say(`${terminal.style('green', '✓')} ${subject}`);
  else reportProblem(terminal, problem, { subject, isVerbose: options.verbose ?? false });
}

function resultJson({ problem, ...result }: CheckResult): Record<string, unknown> {
  return { ...result, ok: problem === undefined, ...(problem === undefined ? {} : { error: problemJson(problem) }) };
}
