import { EtlError } from '../etl-error.ts';

/** Why no further attempt was made. */
export type GaveUp = 'attempts' | 'deadline' | 'wait too long' | 'retry budget' | 'not retryable';

/** What a request throws in the end: its last failure, with those before as the cause. */
export function finalFailure(failures: readonly EtlError[], last: EtlError, gaveUp: GaveUp): EtlError {
  const { code, kind, message, hint, retryAfterMs } = last;
  const attempts = failures.length;
  const cause = attempts > 1 ? new AggregateError(failures, 'All attempts failed.') : last.cause;
  const context = { ...last.context, attempts, gaveUp };
  return new EtlError({ code, kind, message, hint, retryAfterMs, context, cause });
}
