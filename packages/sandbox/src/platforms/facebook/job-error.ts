import type { ReportRun } from './report-runs.ts';

/** What a failed report says of itself. */
export interface JobError {
  readonly error_code: number;
  readonly error_subcode: number;
  readonly error_message: string;
  readonly error_user_title: string;
  readonly error_user_msg: string;
}

export function jobErrorOf({ fault }: ReportRun): JobError {
  const { code = -2, subcode = 2_490_547 } = fault?.kind === 'job-failed' ? fault : {};
  return {
    error_code: code,
    error_subcode: subcode,
    error_message: 'The report could not be generated.',
    error_user_title: 'Report Failed',
    error_user_msg: 'Generating the report failed. Try again later.',
  };
}
