import {
  addDays,
  countByReason,
  type DestinationPlan,
  type DueSlice,
  type EtlError,
  type PipelinePlan,
  type StreamDue,
} from '@etl/core';
import { documentationOf, problemJson, problemOf } from '../problem.ts';
import { count, number } from '../quantity.ts';
import type { Terminal } from '../terminal.ts';
import { quotasOf, quotaText } from './calls-text.ts';
import { clockTime } from './clock-time.ts';
import { schemaChangeText } from './run-summary.ts';

interface PlanHeading {
  readonly subject: string;
  readonly target: string;
  readonly asked: readonly string[];
}

interface PlanContent {
  readonly plan: PipelinePlan;
  readonly tables: DestinationPlan;
  /** With the statements that would define the tables. */
  readonly isVerbose: boolean;
}

/** What a run would do, for people. */
export function planLines(
  terminal: Pick<Terminal, 'style'>,
  { subject, target, asked }: PlanHeading,
  { plan, tables, isVerbose }: PlanContent,
): readonly string[] {
  const read = plan.streams?.map(({ stream }) => stream.name) ?? plan.log?.streams.map(({ stream }) => stream) ?? [];
  const names = Math.max(6, ...read.map((name) => name.length));
  const changes = tables.streams.flatMap(({ changes: found }) =>
    found.map((change) => `  ${schemaChangeText(change)}`),
  );
  const conflicts = tables.streams.flatMap(({ table, conflict }) =>
    conflict === undefined ? [] : problemLines(terminal, table, conflict),
  );
  const statements = [...tables.statements, ...tables.streams.flatMap((stream) => stream.statements)];
  const reads = (plan.streams ?? []).reduce((sum, { windows }) => sum + windows, 0);
  return [
    `${subject} → ${target}   nothing is read or written`,
    ...asked.map((line) => `  ${line}`),
    ...(plan.streams === undefined
      ? logLines(terminal, plan, names)
      : plan.streams.flatMap((stream) => streamLines(terminal, stream, names))),
    ...changes,
    ...conflicts,
    ...(isVerbose ? statements.map((statement) => `  ${statement};`) : []),
    ...(plan.streams === undefined ? [] : [`  in all ${count(reads, 'read')}`]),
    ...quotaLines(plan),
    statements.length === 0
      ? '  tables: nothing to define'
      : `  tables: ${count(statements.length, 'statement')} to define them${isVerbose ? '' : ' (--verbose shows them)'}`,
  ];
}

function logLines(terminal: Pick<Terminal, 'style'>, { log }: PipelinePlan, width: number): readonly string[] {
  const rest = '  a log: it is read to its end; how much that is, is known when it is read';
  if (log === undefined) return [rest];
  const { streams, health } = log;
  return [
    ...streams.map(({ stream, begins, reason, estimatedRows }) => {
      const name = `  ${stream.padEnd(width)}`;
      if (begins === 'changes') return `${name}   what has changed`;
      const rows = estimatedRows === undefined ? '' : `, about ${count(estimatedRows, 'row')}`;
      return `${name}   copied first${rows}${reason === undefined ? '' : ` (${reason})`}`;
    }),
    rest,
    ...(health === undefined ? [] : [`  ${health.summary}`]),
    ...(health?.warnings ?? []).flatMap(({ code, message, hint }) => [
      `${terminal.style('yellow', '!')} ${message}`,
      `  ${hint}`,
      terminal.style('dim', `  ${code} · ${documentationOf(code)}`),
    ]),
  ];
}

/** `quota last seen 97 % used (9913) until 06:12, 41 % used (4471)`. */
function quotaLines({ calls = [] }: PipelinePlan): readonly string[] {
  const quotas = quotasOf(calls, ({ lastQuotaUsed }) => lastQuotaUsed);
  if (quotas.length === 0) return [];
  const texts = quotas.map((quota) => {
    const isUsed = quota.freeAt !== undefined && Date.parse(quota.freeAt) > Date.now();
    return `${quotaText(quota)}${isUsed ? ` until ${clockTime(new Date(quota.freeAt ?? ''), new Date())}` : ''}`;
  });
  return [`  quota last seen ${texts.join(', ')}`];
}

/** The same for programs. */
export function planJson(plan: PipelinePlan, tables: DestinationPlan): Record<string, unknown> {
  return {
    pipeline: plan.pipeline,
    calls: plan.calls ?? [],
    ...(plan.log === undefined ? {} : { log: plan.log }),
    streams: plan.streams?.map(({ stream, expected, due, windows, problem }) => ({
      stream: stream.name,
      expected,
      reads: windows,
      due: countByReason(due),
      lanes: lanesOf(due).map(([lane, members]) => ({ lane, due: countByReason(members) })),
      slices: due.map(({ slice, reason }) => ({ slice: slice.key, reason })),
      ...(problem === undefined ? {} : { problem: problemJson(problemOf(problem)) }),
    })),
    tables: tables.streams.map(({ conflict, ...table }) => ({
      ...table,
      ...(conflict === undefined ? {} : { conflict: problemJson(problemOf(conflict)) }),
    })),
    statements: tables.statements,
  };
}

function streamLines(terminal: Pick<Terminal, 'style'>, planned: StreamDue, width: number): readonly string[] {
  const { stream, expected, due, windows, problem } = planned;
  const name = `  ${stream.name.padEnd(width)}`;
  if (problem !== undefined) return problemLines(terminal, stream.name, problem);
  if (due.length === 0) return [`${name}   nothing due of ${count(expected, 'slice')}`];
  const lanes = lanesOf(due);
  const [only] = lanes;
  if (lanes.length === 1 && only !== undefined) {
    return [`${name}   ${only[0] === '' ? '' : `${only[0]}   `}${dueText(only[1])}   ${count(windows, 'read')}`];
  }
  const head = `${name}   ${count(lanes.length, 'lane')}`;
  const texts = lanes.map(([, members]) => dueText(members));
  // A list of every account is the same line over and over.
  if (new Set(texts).size === 1) return [`${head}, each ${texts[0]}   ${count(windows, 'read')}`];
  return [
    `${head}, ${count(due.length, 'slice')} due   ${count(windows, 'read')}`,
    ...lanes.map(([lane, members]) => `  ${' '.repeat(width)}     ${lane || 'without a lane'}   ${dueText(members)}`),
  ];
}

function lanesOf(due: readonly DueSlice[]): readonly (readonly [string, readonly DueSlice[]])[] {
  const lanes = new Map<string, DueSlice[]>();
  for (const member of due) {
    const lane = member.slice.lane ?? '';
    lanes.set(lane, [...(lanes.get(lane) ?? []), member]);
  }
  return [...lanes];
}

/** `11 due: 7 unsettled, 1 new, 3 gap (2026-10-02 … 2026-10-04)`. */
function dueText(due: readonly DueSlice[]): string {
  const reasons = Object.entries(countByReason(due)).map(([reason, slices]) => {
    const days = daysText(due.filter((member) => member.reason === reason));
    return `${number(slices)} ${reason}${days === '' ? '' : ` (${days})`}`;
  });
  return `${number(due.length)} due: ${reasons.join(', ')}`;
}

function daysText(due: readonly DueSlice[]): string {
  const ranges = due.flatMap(({ slice }) => slice.scope?.days ?? []);
  const start = ranges.map((range) => range.start).toSorted()[0];
  const end = ranges
    .map((range) => range.end)
    .toSorted()
    .at(-1);
  if (start === undefined || end === undefined) return '';
  const last = addDays(end, -1);
  return start === last ? start : `${start} … ${last}`;
}

function problemLines(terminal: Pick<Terminal, 'style'>, what: string, error: EtlError): readonly string[] {
  return [
    `${terminal.style('red', '✗')} ${what}: ${error.message}`,
    ...(error.hint === undefined ? [] : [`  ${error.hint}`]),
    terminal.style('dim', `  ${error.code} · ${documentationOf(error.code)}`),
  ];
}
