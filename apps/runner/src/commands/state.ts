import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import type { Destination, JsonValue, StateEntry } from '@etl/core';
import { z } from 'zod';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command, CommandContext } from '../command-context.ts';
import { confirm } from '../confirm.ts';
import { EXIT_OK } from '../exit-code.ts';
import { openTarget, type GroupTargetOfRun } from '../group-target.ts';
import { lockWaitMs } from '../lock-wait.ts';
import { count } from '../quantity.ts';
import { UsageError } from '../usage-error.ts';

export interface StateOptions {
  readonly stream?: string;
  readonly embedded?: boolean;
}

export interface StateChangeOptions extends StateOptions {
  readonly yes?: boolean;
}

export interface StateSetOptions extends StateChangeOptions {
  readonly partition?: string;
  readonly value?: string;
  readonly file?: string;
}

const entriesSchema = z.array(z.strictObject({ stream: z.string(), partition: z.string(), value: z.json() }));

/** `etl state show`: the positions of a pipeline, as JSON on stdout. */
export function showState(platform: string, group: string | undefined, options: StateOptions): Command {
  return async (context) => {
    const target = await openTarget(platform, group, context, options);
    const entries = await entriesOf(target, options.stream, context);
    if (entries.length === 0) context.terminal.say(`${target.pipeline} has no positions${ofStream(options.stream)}.`);
    context.terminal.json(entries);
    return EXIT_OK;
  };
}

/** `etl state reset`: forgets positions, so that the next run begins without them. */
export function resetState(platform: string, group: string | undefined, options: StateChangeOptions): Command {
  return async (context) => {
    const target = await openTarget(platform, group, context, options);
    const entries = await entriesOf(target, options.stream, context);
    if (entries.length === 0) {
      context.terminal.say(`${target.pipeline} has no positions${ofStream(options.stream)}; nothing was changed.`);
      return EXIT_OK;
    }
    await confirm(`Forget ${count(entries.length, 'position')} of ${target.pipeline}?`, options.yes ?? false, context);
    const forgotten = entries.map((entry) => ({ ...entry, value: null }));
    await write(target, forgotten, context);
    return EXIT_OK;
  };
}

/** `etl state set`: puts positions back, one by option or those of a file that `show` has written. */
export function setState(platform: string, group: string | undefined, options: StateSetOptions): Command {
  return async (context) => {
    const entries = await wantedEntries(options);
    const target = await openTarget(platform, group, context, options);
    await confirm(`Set ${count(entries.length, 'position')} of ${target.pipeline}?`, options.yes ?? false, context);
    await write(target, entries, context);
    return EXIT_OK;
  };
}

async function entriesOf(
  { destination, dataset, pipeline }: GroupTargetOfRun,
  stream: string | undefined,
  { env, signal, logger }: CommandContext,
): Promise<readonly StateEntry[]> {
  if ('path' in destination.address && !existsSync(destination.address.path)) return [];
  const entries = await withDestination(destination, dataset, env, async (opened: Destination) => {
    const view = await opened.inspect({ signal, logger, waitMs: lockWaitMs(env) });
    return view.readState(pipeline);
  });
  return entries.filter((entry) => stream === undefined || entry.stream === stream);
}

/** Says what it has changed, from what it found once it held the pipeline. */
async function write(
  { destination, dataset, pipeline }: GroupTargetOfRun,
  entries: readonly StateEntry[],
  { env, signal, logger, terminal }: CommandContext,
): Promise<void> {
  await withDestination(destination, dataset, env, async (opened: Destination) => {
    const session = await opened.open(pipeline, { signal, logger, waitMs: lockWaitMs(env) });
    try {
      const before = await session.readState();
      await session.writeState(entries);
      for (const entry of entries) {
        const known = before.find(({ stream, partition }) => stream === entry.stream && partition === entry.partition);
        terminal.say(`${placeText(entry)}: ${valueText(known?.value)} → ${valueText(entry.value)}`);
      }
    } finally {
      await session[Symbol.asyncDispose]();
    }
  });
}

function placeText({ stream, partition }: StateEntry): string {
  return [stream === '' ? 'the whole source' : stream, ...(partition === '' ? [] : [partition])].join(' ');
}

function valueText(value: JsonValue | undefined): string {
  return value === undefined || value === null ? 'none' : JSON.stringify(value);
}

function ofStream(stream: string | undefined): string {
  return stream === undefined ? '' : ` of ${stream}`;
}

async function wantedEntries({ stream, partition, value, file }: StateSetOptions): Promise<readonly StateEntry[]> {
  if ((value === undefined) === (file === undefined)) {
    throw invalid('Give either --value, or --file with what etl state show has written.');
  }
  if (value !== undefined) {
    return [{ stream: stream ?? '', partition: partition ?? '', value: parsed(value, '--value') as JsonValue }];
  }
  const text = await readFile(file ?? '', 'utf8').catch(() => {
    throw invalid('The file of --file cannot be read.');
  });
  const result = entriesSchema.safeParse(parsed(text, '--file'));
  if (!result.success) throw invalid('--file does not hold a list of { stream, partition, value }.');
  const entries = result.data.filter((entry) => stream === undefined || entry.stream === stream);
  if (entries.length === 0) throw invalid('--file holds no position that is asked for.');
  return entries;
}

function parsed(text: string, option: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw invalid(`${option} does not hold JSON.`);
  }
}

function invalid(message: string): UsageError {
  return new UsageError({
    code: 'STATE_INVALID',
    message,
    hint: 'etl state show <platform> <group> shows how positions look.',
  });
}
