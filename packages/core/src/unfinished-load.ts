import { EtlError } from './etl-error.ts';

const CODE = 'LOAD_UNFINISHED';

/**
 * What a commit rejects with when the load counts, or may count, although it is not completed: the
 * next opening of the pipeline completes it. Until then nothing that is in it may be read again. Its
 * kind is that of the cause.
 */
export function unfinishedLoad(loadId: string, cause: unknown): EtlError {
  const { code, kind, message, hint, retryAfterMs } = EtlError.from(cause);
  return new EtlError({
    code: CODE,
    kind,
    message: `The load ${loadId} was committed but not completed (${code}): ${message}`,
    hint: `${hint === undefined ? '' : `${hint} `}Nothing is lost: the next run completes it before it reads anything.`,
    retryAfterMs,
    context: { load_id: loadId },
    cause,
  });
}

export function isUnfinishedLoad(error: unknown): boolean {
  return EtlError.isInstance(error) && error.code === CODE;
}
