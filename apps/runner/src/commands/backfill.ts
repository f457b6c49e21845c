import type { Command } from '../command-context.ts';
import { UsageError } from '../usage-error.ts';
import { runGroup, type RunOptions } from './run.ts';

/** `etl backfill`: a run that must say which days. */
export function backfillGroup(platformName: string, groupName: string | undefined, options: RunOptions): Command {
  return async (context) => {
    if (options.from === undefined && options.to === undefined && options.days === undefined) {
      throw new UsageError({
        code: 'DAYS_MISSING',
        message: 'Which days?',
        hint: 'Give --from 2026-11-01 --to 2026-11-08, both days included, or --days 30.',
      });
    }
    return runGroup(platformName, groupName, options)(context);
  };
}
