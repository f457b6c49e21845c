import type { Destination } from '@etl/core';
import type { ResolvedDestination } from './destinations.ts';
import { lockWaitMs } from './lock-wait.ts';

/** Makes the destination of one group, and closes it after the work with it. */
export async function withDestination<T>(
  { address }: ResolvedDestination,
  dataset: string | undefined,
  env: NodeJS.ProcessEnv,
  work: (destination: Destination) => Promise<T>,
): Promise<T> {
  const { clickhouse } = await import('@etl/dest-clickhouse');
  const waitMs = lockWaitMs(env);
  const destination = clickhouse({
    ...address,
    ...(dataset === undefined ? {} : { dataset }),
    ...(waitMs === undefined ? {} : { lockWaitMs: waitMs }),
  });
  try {
    return await work(destination);
  } finally {
    await destination[Symbol.asyncDispose]();
  }
}
