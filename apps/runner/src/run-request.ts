import type { PipelineOptions, Source } from '@etl/core';
import { accountDelayMs } from './account-delay.ts';
import { askedDays, lastDaysOption, type AskedDays, type DayOptions } from './asked-days.ts';
import { durationMs } from './duration-text.ts';
import type { PlatformGroup } from './platform.ts';
import { UsageError } from './usage-error.ts';

/** What may be asked of a run besides what is due, as it is typed. */
export interface RunRequestOptions extends DayOptions {
  readonly stream?: readonly string[];
  readonly fullRefresh?: boolean;
  readonly onlyMissing?: boolean;
  readonly acceptShrink?: boolean;
  readonly deadline?: string;
  readonly concurrency?: string;
}

/** The same, understood. */
export interface RunRequest {
  readonly options: Pick<
    PipelineOptions,
    'streams' | 'fullRefresh' | 'days' | 'onlyMissing' | 'acceptShrink' | 'deadline' | 'concurrency' | 'accountDelayMs'
  >;
  /** Milliseconds from the start of the command. */
  readonly deadlineMs: number | undefined;
  readonly backfill: AskedDays | undefined;
  /** For people: what was understood. */
  readonly asked: readonly string[];
}

/** @throws usage errors that name the option or the variable. */
export function runRequest(
  platform: string,
  options: RunRequestOptions,
  { env, now }: { readonly env: NodeJS.ProcessEnv; readonly now: Date },
): RunRequest {
  const backfill = askedDays(platform, options, { env, now });
  if (options.onlyMissing === true && backfill === undefined) {
    throw new UsageError({
      code: 'DAYS_MISSING',
      message: '--only-missing says what of a backfill to read, but no days are asked for.',
      hint: 'Give --from and --to, or --backfill-days.',
    });
  }
  const typed = options.from ?? options.to ?? options.backfillDays;
  if (options.fullRefresh === true && typed !== undefined) {
    throw new UsageError({
      code: 'OPTIONS_CONTRADICT',
      message: '--full-refresh reads everything anew, and days were asked for, which would be only some of it.',
      hint: 'To read days anew, ask for them without --full-refresh; to read everything, without days.',
    });
  }
  if (options.onlyMissing === true && options.fullRefresh === true) {
    throw new UsageError({
      code: 'OPTIONS_CONTRADICT',
      message: '--full-refresh reads what is there already anew, and --only-missing leaves it alone.',
      hint: 'Give one of the two.',
    });
  }
  const deadlineMs = options.deadline === undefined ? undefined : durationMs(options.deadline, '--deadline');
  const concurrency = options.concurrency === undefined ? undefined : wholeConcurrency(options.concurrency);
  return {
    options: {
      streams: options.stream,
      fullRefresh: options.fullRefresh,
      days: backfill?.days,
      onlyMissing: options.onlyMissing,
      acceptShrink: options.acceptShrink,
      deadline: deadlineMs === undefined ? undefined : new Date(now.getTime() + deadlineMs),
      concurrency,
      accountDelayMs: accountDelayMs(platform, env),
    },
    deadlineMs,
    backfill,
    asked: askedLines(backfill, options),
  };
}

function askedLines(backfill: AskedDays | undefined, options: RunRequestOptions): readonly string[] {
  if (backfill === undefined) return [];
  const { text, askedBy, overruled } = backfill;
  const missing = options.onlyMissing === true ? ', only what is missing' : '';
  return [
    `backfill ${text}${missing}, asked for by ${askedBy}`,
    ...(overruled === undefined ? [] : [`${overruled} is set too and does not count: ${askedBy} wins`]),
  ];
}

/** The streams to read: those that were named, else those that a backfill of the platform is about, else all. */
export function askedStreams(
  { options, backfill }: RunRequest,
  { backfillStreams }: Pick<PlatformGroup, 'backfillStreams'>,
): readonly string[] | undefined {
  return options.streams ?? (backfill === undefined ? undefined : backfillStreams);
}

/** @throws `OPTION_UNFIT` when an option speaks of slices or days, and the source has none. */
export function refuseForLog(platform: string, source: Source, options: RunRequestOptions): void {
  const isLog = source.plan === undefined;
  const last = lastDaysOption(options);
  const unfit: (readonly [string, unknown])[] = [];
  if (isLog || source.hasDays === false)
    unfit.push(
      ['--from', options.from],
      ['--to', options.to],
      [last?.name ?? '--backfill-days', last?.value],
      ['--only-missing', options.onlyMissing],
    );
  if (isLog) unfit.push(['--accept-shrink', options.acceptShrink], ['--concurrency', options.concurrency]);
  const given = unfit.flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (given.length === 0) return;
  const why = isLog
    ? 'it is a log, which is read from its position on and has no days'
    : 'its streams are read from their positions on and have no days';
  throw new UsageError({
    code: 'OPTION_UNFIT',
    message: `${given.join(', ')} cannot be asked of ${platform}: ${why}.`,
    hint: 'To read tables anew, give --full-refresh, with --stream for some of them.',
  });
}

function wholeConcurrency(text: string): number {
  if (/^[1-9]\d?$/.test(text)) return Number(text);
  throw new UsageError({
    code: 'CONCURRENCY_INVALID',
    message: '--concurrency is not a whole number from 1 to 99.',
    hint: 'It says how many reads may go on at the same time; of one account there is never more than one.',
  });
}
