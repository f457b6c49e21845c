import { hashText, Random } from '../../random.ts';
import { GraphError } from './graph-error.ts';
import type { FacebookFault } from './facebook-fault.ts';
import type { Report } from './insight-report.ts';

export const JOB_STATUSES = [
  'Job Not Started',
  'Job Started',
  'Job Running',
  'Job Completed',
  'Job Failed',
  'Job Skipped',
] as const;
export type JobStatus = (typeof JOB_STATUSES)[number];

export interface ReportRunOptions {
  /**
   * How many polls, or ten-second spans of the sandbox's time, a report takes.
   * @default 3
   */
  readonly steps?: number;
  /**
   * Whether some reports are odd in the known ways: running at 100 %, completed at 99 %, completed but not
   * yet readable. Which ones follows from the seed.
   * @default true
   */
  readonly hasQuirks?: boolean;
}

type JobFault = Extract<FacebookFault, { kind: `job-${string}` }>;

export interface ReportRun {
  readonly id: string;
  readonly accountId: string;
  readonly parameters: Readonly<Record<string, string>>;
  readonly submittedAt: number;
  /** Its rows, as of the moment it was submitted. */
  readonly report: Report;
  readonly dates: readonly [since: string, until: string];
  readonly steps: readonly JobStep[];
  readonly fault: JobFault | undefined;
  polls: number;
  unreadableReads: number;
}

export interface JobStep {
  readonly status: JobStatus;
  readonly percent: number;
}

const STEP_MS = 10_000;
const KEPT_DAYS_MS = 30 * 86_400_000;
const KEPT_RUNS = 1000;

/** Reports that were submitted: they move on with every poll, and with time. */
export class ReportRuns {
  readonly #seed: string;
  readonly #options: ReportRunOptions;
  readonly #runs = new Map<string, ReportRun>();
  #submitted = 0;

  constructor(seed: string, options: ReportRunOptions = {}) {
    this.#seed = seed;
    this.#options = options;
  }

  submit(
    run: Pick<ReportRun, 'accountId' | 'parameters' | 'submittedAt' | 'report' | 'dates'>,
    fault: FacebookFault | undefined,
  ): ReportRun {
    this.#submitted += 1;
    const number = this.#submitted;
    const random = new Random(`${this.#seed}|report|${number}`);
    const quirk = (this.#options.hasQuirks ?? true) ? random.integer(0, 5) : 0;
    const jobFault = isJobFault(fault) ? fault : undefined;
    const created: ReportRun = {
      ...run,
      id: `62${String(hashText(`${this.#seed}|report run`))
        .padStart(10, '0')
        .slice(0, 8)}${String(number).padStart(7, '0')}`,
      steps: stepsOf(this.#options.steps ?? 3, quirk, jobFault),
      fault: jobFault,
      polls: 0,
      unreadableReads: jobFault?.kind === 'job-unreadable' ? (jobFault.reads ?? 2) : quirk === 3 ? 1 : 0,
    };
    if (this.#runs.size >= KEPT_RUNS) this.#runs.delete(this.#runs.keys().next().value ?? '');
    this.#runs.set(created.id, created);
    return created;
  }

  find(id: string, now: number): ReportRun | undefined {
    const run = this.#runs.get(id);
    return run === undefined || now - run.submittedAt > KEPT_DAYS_MS ? undefined : run;
  }

  /** Where a report stands; asking moves it on. */
  poll(run: ReportRun, now: number): JobStep {
    const step = stepAt(run, now);
    run.polls += 1;
    return step;
  }

  /** @throws GraphError 2601/1815107 unless the report is completed and can be read */
  read(run: ReportRun, now: number): Report {
    if (stepAt(run, now).status !== 'Job Completed') throw unreadable();
    if (run.unreadableReads > 0) {
      run.unreadableReads -= 1;
      throw unreadable();
    }
    return run.report;
  }
}

function isJobFault(fault: FacebookFault | undefined): fault is JobFault {
  return fault?.kind.startsWith('job-') ?? false;
}

function stepAt(run: ReportRun, now: number): JobStep {
  const index = Math.max(run.polls, Math.floor((now - run.submittedAt) / STEP_MS));
  return run.steps[Math.min(index, run.steps.length - 1)] ?? { status: 'Job Completed', percent: 100 };
}

function stepsOf(count: number, quirk: number, fault: JobFault | undefined): JobStep[] {
  const steps: JobStep[] = [];
  for (let step = 0; step < count; step += 1) {
    const percent = Math.floor((step / count) * 100);
    const status = step === 0 ? 'Job Not Started' : step === 1 ? 'Job Started' : 'Job Running';
    steps.push({ status, percent: status === 'Job Running' ? percent : 0 });
  }
  switch (fault?.kind) {
    case 'job-failed':
      return [...steps, { status: 'Job Failed', percent: 0 }];
    case 'job-skipped':
      return [...steps, { status: 'Job Skipped', percent: 0 }];
    case 'job-stuck':
      return [...steps, { status: 'Job Running', percent: fault.percent ?? 57 }];
    default: {
      // Seen in the field: "Job Running" with 100 %, and "Job Completed" before the 100 % are there.
      if (quirk === 1) steps.push({ status: 'Job Running', percent: 100 });
      const early = fault?.kind === 'job-99' ? (fault.polls ?? 2) : quirk === 2 ? 1 : 0;
      for (let poll = 0; poll < early; poll += 1) steps.push({ status: 'Job Completed', percent: 99 });
      return [...steps, { status: 'Job Completed', percent: 100 }];
    }
  }
}

function unreadable(): GraphError {
  return new GraphError({
    code: 2601,
    subcode: 1815107,
    isTransient: true,
    message: 'Error accessing adreport job.',
    userTitle: 'Loading Async Ads Report Failed',
    userMessage:
      'Sorry, the report cannot be loaded successfully. Please check if your job status is completed instead of failed or running before fetching the data.',
  });
}
