import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';

interface Step {
  uses?: string;
  run?: string;
  with?: Record<string, unknown>;
}

interface Job {
  'timeout-minutes'?: number;
  permissions?: Record<string, string>;
  steps?: Step[];
}

interface Workflow {
  permissions?: Record<string, string>;
  jobs: Record<string, Job>;
}

const PINNED = /^[\w./-]+@[0-9a-f]{40}$/;
const PINNED_LINE = /uses: \S+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;
// An expression is put into a shell script before the shell reads it; what outsiders write must not get there.
const FOREIGN_EXPRESSION = /\$\{\{[^}]*github\.(?:event|head_ref)/;

export function workflowProblems(text: string): string[] {
  const workflow = parse(text, { strict: true }) as Workflow;
  const problems: string[] = [];
  if (Object.keys(workflow.permissions ?? { any: '' }).length > 0) problems.push('gives permissions to all jobs');
  for (const line of text.split('\n')) {
    if (line.includes('uses:') && !PINNED_LINE.test(line)) problems.push(`does not say the version of ${line.trim()}`);
  }
  for (const [name, job] of Object.entries(workflow.jobs)) {
    problems.push(...jobProblems(job).map((problem) => `job ${name} ${problem}`));
  }
  return problems;
}

function jobProblems(job: Job): string[] {
  const problems: string[] = [];
  if (job['timeout-minutes'] === undefined) problems.push('has no time limit');
  if (job.permissions === undefined) problems.push('does not say its permissions');
  for (const step of job.steps ?? []) {
    if (step.uses !== undefined && !PINNED.test(step.uses)) problems.push(`does not pin ${step.uses} by its commit`);
    if (step.uses?.startsWith('actions/checkout@') && step.with?.['persist-credentials'] !== false) {
      problems.push('leaves its token in the checkout');
    }
    if (FOREIGN_EXPRESSION.test(step.run ?? '')) problems.push('puts what outsiders write into a shell script');
  }
  return problems;
}

export async function checkWorkflows(): Promise<string[]> {
  const folder = path.join('.github', 'workflows');
  return readdirSync(folder).flatMap((name) =>
    workflowProblems(readFileSync(path.join(folder, name), 'utf8')).map((problem) => `${name}: ${problem}`),
  );
}
