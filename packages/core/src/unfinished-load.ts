import { EtlError } from './etl-error.ts';

const CODE = 'LOAD_UNFINISHED';

/**
 * What a commit rejects with when the load counts, or may count, although it is not completed: the
 * next opening of the pipeline completes it. Until then nothing that is in it may be read again.
 */
export function unfinishedLoad(loadId: string, cause: unknown): EtlError {
  const { code, message } = EtlError.from(cause);
  return new EtlError({
    code: CODE,
    kind: 'transient',
    message: `The load ${loadId} was committed but not completed (${code}): ${message}`,
    hint: 'Nothing is lost: the next run completes it before it reads anything.',
    context: { load_id: loadId },
    cause,
  });
}

export function isUnfinishedLoad(error: unknown): boolean {
  return EtlError.isInstance(error) && error.code === CODE;
}
