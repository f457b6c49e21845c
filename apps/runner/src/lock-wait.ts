import { EtlError } from '@etl/core/errors';

/** How long to wait for another run, when the environment says so. */
export function lockWaitMs(env: NodeJS.ProcessEnv): number | undefined {
  const text = env['ETL_LOCK_WAIT_SECONDS'];
  if (text === undefined || text === '') return undefined;
  if (!/^\d{1,6}$/.test(text)) {
    throw new EtlError({
      code: 'ENVIRONMENT_INVALID',
      kind: 'config',
      message: 'ETL_LOCK_WAIT_SECONDS is not a whole number of seconds.',
      hint: 'Write it like 75.',
    });
  }
  return Number(text) * 1000;
}
