import { alertUrls } from './alert-urls.ts';
import { problemOf } from './problem.ts';
import type { Redactor } from './redactor.ts';
import type { Terminal } from './terminal.ts';

const TIMEOUT_MS = 5000;

/** What a webhook is told. */
export interface Alert {
  readonly subject: string;
  readonly pipeline: string;
  readonly status: 'failed' | 'partial' | 'recovered';
  readonly exitCode: number;
  /** What a person reads, the subject not included. */
  readonly lines: readonly string[];
  readonly failures: readonly AlertFailure[];
}

export interface AlertFailure {
  readonly stream?: string;
  readonly slices?: number;
  readonly code: string;
  readonly message: string;
}

export interface AlertSurroundings {
  readonly env: NodeJS.ProcessEnv;
  readonly redactor: Redactor;
  readonly terminal: Pick<Terminal, 'say' | 'style'>;
  readonly timeoutMs?: number;
}

/** Tells the webhook. One that fails is said to have failed, and changes nothing else. */
export async function sendAlert(alert: Alert, around: AlertSurroundings): Promise<void> {
  const { env, redactor, terminal } = around;
  const [url] = alertUrls(env);
  if (url === undefined) return;
  redactor.add(url);
  const isOwn = (env['ETL_ALERT_WEBHOOK_URL'] ?? '').trim() === url;
  try {
    const body = redactor.redactJson(isOwn ? detailed(alert, env) : { text: textOf(alert, env) });
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      // Whoever is told must be the one that was named.
      redirect: 'error',
      signal: AbortSignal.timeout(around.timeoutMs ?? TIMEOUT_MS),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`the webhook answered ${response.status}`);
  } catch (error) {
    terminal.say(`${terminal.style('yellow', '!')} The alert was not delivered: ${reasonOf(error)}.`);
  }
}

function detailed(alert: Alert, env: NodeJS.ProcessEnv): Record<string, unknown> {
  const { pipeline, status, exitCode, failures } = alert;
  const url = jobUrl(env);
  return {
    text: textOf(alert, env),
    pipeline,
    status,
    exitCode,
    failures,
    ...(url === undefined ? {} : { url }),
  };
}

function textOf({ subject, lines }: Alert, env: NodeJS.ProcessEnv): string {
  const url = jobUrl(env);
  const [first = '', ...more] = lines;
  return [`${subject}: ${first}`, ...more, ...(url === undefined ? [] : [url])].join('\n');
}

function jobUrl(env: NodeJS.ProcessEnv): string | undefined {
  const { GITHUB_SERVER_URL: server, GITHUB_REPOSITORY: repository, GITHUB_RUN_ID: run } = env;
  return server && repository && run ? `${server}/${repository}/actions/runs/${run}` : undefined;
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError') return 'the webhook did not answer in time';
  if (error instanceof TypeError) {
    const { cause } = error;
    return cause instanceof Error && 'code' in cause
      ? `the webhook cannot be reached (${String(cause.code)})`
      : 'its address is unusable or unreachable';
  }
  return problemOf(error).message;
}
