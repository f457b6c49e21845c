import type { FollowOptions, Source } from '@etl/core';
import type { SourceSettings } from './platform.ts';
import { durationMs } from './duration-text.ts';
import { sizeBytes } from './size-text.ts';
import { UsageError } from './usage-error.ts';

/** What may be asked of a run that reads a log, as it is typed. */
export interface LogRequestOptions {
  readonly follow?: boolean;
  readonly maxRows?: string;
  readonly flushRows?: string;
  readonly flushBytes?: string;
  readonly flushAge?: string;
  readonly maxSlotLag?: string;
  readonly dropSlotOverLimit?: boolean;
}

/** The same, understood. */
export interface LogRequest {
  readonly isFollowed: boolean;
  readonly maxRows: number | undefined;
  readonly flush: NonNullable<FollowOptions['flush']>;
  readonly settings: SourceSettings;
}

/** @throws usage errors that name the option. */
export function logRequest(options: LogRequestOptions & { readonly deadline?: string }): LogRequest {
  const { follow = false, maxRows, flushRows, flushBytes, flushAge, maxSlotLag, dropSlotOverLimit } = options;
  const unfit = follow
    ? given({ '--max-rows': maxRows, '--deadline': options.deadline })
    : given({ '--flush-rows': flushRows, '--flush-bytes': flushBytes, '--flush-age': flushAge });
  if (unfit.length > 0) {
    throw new UsageError({
      code: 'OPTION_UNFIT',
      message: `${unfit.join(', ')} ${follow ? 'cannot be given with --follow: it ends when it is stopped.' : 'says when a log that is followed is loaded: give --follow too.'}`,
      hint: follow
        ? 'Stop it with SIGTERM, or leave --follow out.'
        : 'Without --follow a run reads to the end and loads in batches of its own.',
    });
  }
  return {
    isFollowed: follow,
    maxRows: maxRows === undefined ? undefined : whole(maxRows, '--max-rows'),
    flush: {
      ...(flushRows === undefined ? {} : { flushRows: whole(flushRows, '--flush-rows') }),
      ...(flushBytes === undefined ? {} : { flushBytes: size(flushBytes, '--flush-bytes') }),
      ...(flushAge === undefined ? {} : { flushAgeMs: durationMs(flushAge, '--flush-age') }),
    },
    settings: {
      ...(maxSlotLag === undefined ? {} : { maxSlotLagBytes: size(maxSlotLag, '--max-slot-lag') }),
      ...(dropSlotOverLimit === undefined ? {} : { dropSlotOverLimit }),
    },
  };
}

/** @throws `OPTION_UNFIT` when an option speaks of a log and the source has slices. */
export function refuseForSlices(platform: string, source: Source, options: LogRequestOptions): void {
  if (source.plan === undefined) return;
  const asked = given({
    '--follow': options.follow,
    '--max-rows': options.maxRows,
    '--max-slot-lag': options.maxSlotLag,
    '--drop-slot-over-limit': options.dropSlotOverLimit,
  });
  if (asked.length === 0) return;
  throw new UsageError({
    code: 'OPTION_UNFIT',
    message: `${asked.join(', ')} cannot be asked of ${platform}: only a log, such as pg, has an end to follow and a slot.`,
    hint: 'Leave it out; --deadline limits every run.',
  });
}

function given(options: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) => (value === undefined ? [] : [name]));
}

function whole(text: string, option: string): number {
  const plain = text.replaceAll('_', '');
  if (/^[1-9]\d{0,11}$/.test(plain)) return Number(plain);
  throw new UsageError({
    code: 'NUMBER_INVALID',
    message: `${option} is not a whole number of rows.`,
    hint: 'Write it like 100000.',
  });
}

function size(text: string, option: string): number {
  const bytes = sizeBytes(text);
  if (bytes !== undefined) return bytes;
  throw new UsageError({
    code: 'SIZE_INVALID',
    message: `${option} is not a size.`,
    hint: 'Write it like 512MB or 8GB.',
  });
}
