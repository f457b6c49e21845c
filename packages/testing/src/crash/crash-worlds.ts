import type { CrashWorld } from './crash-world.ts';
import { LogWorld } from './log-world.ts';
import { ReportWorld } from './report-world.ts';

export type CrashKind = 'reports' | 'log';

/** The kinds of source there are: slices with a cursor stream next to them, and a log. */
export const CRASH_WORLDS: Readonly<Record<CrashKind, () => CrashWorld>> = {
  reports: () => new ReportWorld(),
  log: () => new LogWorld(),
};
