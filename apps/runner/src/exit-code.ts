import type { ErrorKind, PipelineReport } from '@etl/core';

export const EXIT_OK = 0;
export const EXIT_PARTIAL = 1;
export const EXIT_USAGE = 2;

/** The numbers of sysexits, so that a cron wrapper can tell "try later" (75) from "fix me" (77, 78). */
const EXIT_CODES: Readonly<Record<ErrorKind, number>> = {
  config: 78,
  auth: 77,
  permission: 77,
  'rate-limit': 75,
  transient: 75,
  data: 65,
  schema: 65,
  state: 70,
  internal: 70,
};

export function exitCodeOfKind(kind: ErrorKind): number {
  return EXIT_CODES[kind];
}

/**
 * Of a run that came to an end: some failed is 1; all failed in one way is that way's code; nothing
 * failed but the deadline left something is 75, try later.
 */
export function exitCodeOfReport(report: PipelineReport): number {
  if (report.status === 'ok') return EXIT_OK;
  if (report.failures.length === 0) return exitCodeOfKind('transient');
  const codes = report.failures.map(({ error }) => exitCodeOfKind(error.kind));
  return report.status === 'failed' ? commonExitCode(codes) : EXIT_PARTIAL;
}

/** The one code that all failures share, otherwise 1. */
export function commonExitCode(codes: readonly number[]): number {
  const distinct = new Set(codes);
  const [first] = distinct;
  return distinct.size === 1 && first !== undefined ? first : EXIT_PARTIAL;
}

const SIGNAL_EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

export type StopSignal = keyof typeof SIGNAL_EXIT_CODES;

export const STOP_SIGNALS = Object.keys(SIGNAL_EXIT_CODES) as readonly StopSignal[];

export function exitCodeOfSignal(signal: StopSignal): number {
  return SIGNAL_EXIT_CODES[signal];
}
