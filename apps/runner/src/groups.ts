import { EtlError } from '@etl/core/errors';
import { readFile } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { z } from 'zod';
import { didYouMean } from './did-you-mean.ts';
import { groupsVariable } from './groups-variable.ts';
import { pipelineSuffix } from './pipeline-name.ts';
import type { Platform, PlatformGroup } from './platform.ts';
import { repeatedName } from './repeated-name.ts';
import { UsageError } from './usage-error.ts';

/** The groups of one platform as configured, not yet validated. */
export interface ConfiguredGroups {
  /** Where they stand, to tell people: a variable or a file. */
  readonly origin: string;
  readonly groups: ReadonlyMap<string, unknown>;
}

/** The configured groups, or `undefined` when the platform has no configuration at all. */
export async function readGroups(platform: string, env: NodeJS.ProcessEnv): Promise<ConfiguredGroups | undefined> {
  const variable = groupsVariable(platform);
  const text = env[variable]?.trim();
  if (text !== undefined && text !== '') return parseGroups(fromBase64(text), variable);
  const file = groupsFile(platform, env);
  try {
    return parseGroups(await readFile(file, 'utf8'), shownPath(file));
  } catch (error) {
    if (isMissingFile(error)) return undefined;
    throw error;
  }
}

/**
 * One group, validated. `groupName` is what was typed, if anything was.
 *
 * @throws `config` errors that name what exists, and never a value.
 */
export async function openGroup(
  platform: Platform,
  groupName: string | undefined,
  env: NodeJS.ProcessEnv,
): Promise<PlatformGroup> {
  const configured = await readGroups(platform.name, env);
  if (configured === undefined) throw noGroups(platform.name, env);
  if (configured.groups.size === 0) throw emptyGroups(platform.name, configured);
  if (groupName === undefined) throw noGroupName(platform.name, configured);
  if (!configured.groups.has(groupName)) throw unknownGroup(platform.name, groupName, configured);
  return validGroup(platform, groupName, configured, env);
}

/** Reads one configured group by its platform's schema. @throws `GROUP_INVALID`, naming group and fields. */
function validGroup(
  platform: Platform,
  groupName: string,
  { groups, origin }: ConfiguredGroups,
  env: NodeJS.ProcessEnv,
): PlatformGroup {
  const result = platform.groupSchema.safeParse(groups.get(groupName));
  if (result.success) {
    refuseSharedAccounts(platform, groupName, result.data, { groups, origin });
    return platform.open(groupName, result.data, pipelineSuffix(env), env);
  }
  throw new EtlError({
    code: 'GROUP_INVALID',
    kind: 'config',
    message: `Group ${groupName} in ${origin} is not usable: ${result.error.issues.map(issueText).join('; ')}.`,
    hint: `Compare it with secrets/${platform.name}.example.json.`,
    context: { platform: platform.name, group: groupName },
  });
}

/**
 * Two groups that load the same account would take its rows from each other.
 *
 * @throws `ACCOUNT_IN_TWO_GROUPS` (config), naming the account and both groups.
 */
function refuseSharedAccounts(
  platform: Platform,
  groupName: string,
  group: unknown,
  { groups, origin }: Pick<ConfiguredGroups, 'groups' | 'origin'>,
): void {
  const own = new Set(platform.accountsOf?.(group));
  for (const [otherName, other] of groups) {
    const parsed = otherName === groupName ? undefined : platform.groupSchema.safeParse(other);
    const shared = parsed?.success === true ? platform.accountsOf?.(parsed.data).find((id) => own.has(id)) : undefined;
    if (shared === undefined) continue;
    throw new EtlError({
      code: 'ACCOUNT_IN_TWO_GROUPS',
      kind: 'config',
      message: `Account ${shared} is in the groups ${groupName} and ${otherName} of ${origin}.`,
      hint: 'Leave it in one of them: two would take its rows from each other.',
      context: { platform: platform.name, group: groupName },
    });
  }
}

/** Nothing is configured of the platform, or of any of several: says where it was looked for. */
export function noGroups(platforms: string | readonly string[], env: NodeJS.ProcessEnv): EtlError {
  const [first = '', ...others] = [platforms].flat();
  if (others.length === 0)
    return new EtlError({
      code: 'GROUPS_MISSING',
      kind: 'config',
      message: `No groups are configured for ${first}: ${groupsVariable(first)} is not set and ${shownPath(groupsFile(first, env))} does not exist.`,
      hint: `Copy secrets/${first}.example.json there and fill it in, or put the same JSON into ${groupsVariable(first)}.`,
      context: { platform: first },
    });
  return new EtlError({
    code: 'GROUPS_MISSING',
    kind: 'config',
    message: `No groups are configured: neither ${shownPath(groupsFile('<platform>', env))} nor ${groupsVariable('<platform>')} holds one of ${[first, ...others].join(', ')}.`,
    hint: 'Copy secrets/<platform>.example.json there, without example in its name, and fill it in.',
  });
}

function emptyGroups(platform: string, { origin }: ConfiguredGroups): EtlError {
  return new EtlError({
    code: 'GROUPS_MISSING',
    kind: 'config',
    message: `No groups are configured for ${platform}: ${origin} holds none.`,
    hint: `Add one, as in secrets/${platform}.example.json.`,
    context: { platform },
  });
}

function noGroupName(platform: string, { groups, origin }: ConfiguredGroups): UsageError {
  return new UsageError({
    code: 'GROUP_NAME_MISSING',
    message: `Which group of ${platform}?`,
    hint: `The groups in ${origin} are: ${[...groups.keys()].join(', ')}.`,
  });
}

function unknownGroup(platform: string, groupName: string, configured: ConfiguredGroups): EtlError {
  const names = [...configured.groups.keys()];
  const close = didYouMean(groupName, names);
  return new EtlError({
    code: 'GROUP_UNKNOWN',
    kind: 'config',
    message: `${platform} has no group ${groupName}${close === undefined ? '.' : `; did you mean ${close}?`}`,
    hint: `The groups in ${configured.origin} are: ${names.join(', ')}.`,
    context: { platform, group: groupName },
  });
}

/** JSON starts with a brace, which base64 never does. */
function fromBase64(text: string): string {
  return text.startsWith('{') ? text : Buffer.from(text, 'base64').toString('utf8');
}

function parseGroups(text: string, origin: string): ConfiguredGroups {
  const value = parseJson(text, origin);
  const repeated = repeatedName(text);
  if (repeated !== undefined) throw malformed(origin, `${shownName(repeated)} stands twice in one object`);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw malformed(origin, 'it is not an object of groups');
  }
  return { origin, groups: new Map(Object.entries(value)) };
}

function parseJson(text: string, origin: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ''));
  } catch (error) {
    // The parser's own message quotes the text around the mistake, and with it secrets.
    const place = /line \d+ column \d+/.exec(error instanceof Error ? error.message : '')?.[0];
    throw malformed(origin, `it is not JSON${place === undefined ? '' : ` (${place})`}`);
  }
}

function malformed(origin: string, problem: string): EtlError {
  return new EtlError({
    code: 'GROUPS_MALFORMED',
    kind: 'config',
    message: `${origin} cannot be read: ${problem}.`,
    hint: 'It must hold one JSON object, group name to group: { "shop": { … } }; a variable may hold it in base64.',
  });
}

function issueText(issue: z.core.$ZodIssue): string {
  const field = issue.path.map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    return `${issue.keys.map(shownName).join(', ')}: unknown field`;
  }
  const missing = issue.code === 'invalid_type' && issue.message.endsWith('received undefined');
  const text = missing ? 'missing' : issue.message.replace(/^Invalid input: /, '');
  return field === '' ? text : `${field}: ${text}`;
}

/** Somebody may have put a value where a name belongs. */
function shownName(name: string): string {
  return /^[a-z_][a-z0-9_]{0,39}$/i.test(name) ? name : '(not a name)';
}

function groupsFile(platform: string, env: NodeJS.ProcessEnv): string {
  const configured = env['ETL_SECRETS_DIR'];
  const directory = configured === undefined || configured === '' ? 'secrets' : configured;
  return join(resolve(directory), `${platform}.json`);
}

function shownPath(path: string): string {
  const shown = relative(process.cwd(), path);
  return shown.startsWith('..') ? path : shown;
}

function isMissingFile(error: unknown): boolean {
  return error instanceof Error && 'code' in error && ['ENOENT', 'ENOTDIR'].includes(String(error.code));
}
