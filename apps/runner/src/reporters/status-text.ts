import type { LastProblem, PipelineStatus } from '../pipeline-status.ts';
import { duration, number } from '../quantity.ts';
import type { SourceStatus } from '../source-status.ts';
import { quotasOf, quotaText } from './calls-text.ts';

const HEAD = [
  'pipeline',
  'last good',
  'fresh to',
  'due',
  'gaps',
  'failed',
  'quota',
  'source',
  'last problem',
  'held by',
] as const;
const NUMBERS: ReadonlySet<number> = new Set([3, 4, 5]);
const PROBLEM_WIDTH = 60;

/** One line a pipeline, and below them what their sources warn of. */
export function statusLines(statuses: readonly PipelineStatus[], now: Date): readonly string[] {
  const rows = [[...HEAD], ...statuses.map((status) => cellsOf(status, now))];
  const warnings = statuses.flatMap(({ pipeline, source }) =>
    source === undefined || !('warnings' in source)
      ? []
      : source.warnings.map(({ message, hint }) => `! ${pipeline}: ${message} ${hint}`),
  );
  const widths = HEAD.map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  const lines = rows.map((row) =>
    row
      .map((cell, column) =>
        NUMBERS.has(column) ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('   ')
      .trimEnd(),
  );
  return [...lines, ...warnings];
}

function cellsOf(status: PipelineStatus, now: Date): string[] {
  const { pipeline, lastGood, freshTo, due, gaps, failed, lastProblem, holder, source, calls = [] } = status;
  const [fullest] = quotasOf(calls, ({ lastQuotaUsed }) => lastQuotaUsed);
  return [
    pipeline,
    lastGood === undefined ? 'never' : agoText(lastGood, now),
    freshTo === undefined ? '–' : freshTo.length === 10 ? freshTo : agoText(freshTo, now),
    number(due),
    number(gaps),
    number(failed),
    fullest === undefined ? '–' : quotaText(fullest),
    source === undefined ? '–' : sourceText(source),
    lastProblem === undefined ? '–' : problemText(lastProblem, now),
    holder === undefined ? '–' : `process ${holder.pid} on ${holder.host}, ${agoText(holder.since, now)}`,
  ];
}

function sourceText({ status, summary }: SourceStatus): string {
  return status === 'ok' || status === 'warning' ? summary : `${status}: ${summary}`;
}

function problemText({ code, message, at, more }: LastProblem, now: Date): string {
  const short = message.length > PROBLEM_WIDTH ? `${message.slice(0, PROBLEM_WIDTH - 1)}…` : message;
  return `${code}: ${short} (${agoText(at, now)}${more === 0 ? '' : `, and ${number(more)} more`})`;
}

const DAY_MS = 86_400_000;

/** `4 m 12 s ago`, and from a day on the date. */
export function agoText(instant: string, now: Date): string {
  const ms = now.getTime() - Date.parse(instant);
  if (ms >= DAY_MS) return `${instant.slice(0, 10)} ${instant.slice(11, 16)} UTC`;
  return `${duration(Math.max(0, Math.floor(ms / 1000) * 1000))} ago`;
}
