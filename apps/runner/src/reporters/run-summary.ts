import type { PipelineReport, SchemaChange } from '@etl/core';
import { documentationOf } from '../problem.ts';
import { count, duration, number } from '../quantity.ts';
import type { Terminal } from '../terminal.ts';
import { callsText } from './calls-text.ts';
import { failureGroups, whereText } from './failure-groups.ts';
import { clockTime } from './clock-time.ts';
import type { RunHeading } from './reporter.ts';

/** The end of a run: what came, what is missing, what next. The last line says whether it worked. */
export function runSummary(terminal: Terminal, { subject }: RunHeading, report: PipelineReport): readonly string[] {
  return [
    ...tellableChanges(report.schemaChanges, new Set()).map((change) => `  ${schemaChangeText(change)}`),
    ...streamLines(terminal, report),
    ...rejectionLines(terminal, report),
    ...callLines(report),
    ...failureLines(terminal, report),
    ...healthLines(terminal, report),
    ...verdict(terminal, subject, report),
  ];
}

/**
 * Changes without the columns of a table that is new itself, to which a source that learns its columns
 * while it reads adds them one by one. `created` keeps the new tables from one call to the next.
 */
export function tellableChanges(changes: readonly SchemaChange[], created: Set<string>): readonly SchemaChange[] {
  return changes.filter(({ type, table }) => {
    if (type === 'table-created') created.add(table);
    return type !== 'column-added' || !created.has(table);
  });
}

export function schemaChangeText(change: SchemaChange): string {
  switch (change.type) {
    case 'table-created':
      return `new table ${change.table}`;
    case 'column-added':
      return `new column ${change.table}.${change.column} ${change.dataType}`;
    case 'drift-found':
      // Of what nobody declares, that it was found is all there is to say.
      if (change.declared === 'none') return `! ${change.table}: ${change.property}: ${change.actual}`;
      return `! ${change.table} has another ${change.property} than declared: ${change.actual || 'none'} instead of ${change.declared || 'none'}`;
  }
}

function streamLines(terminal: Terminal, report: PipelineReport): string[] {
  const failed = new Set(report.failures.map(({ stream }) => stream));
  const loaded = new Set(report.loads.flatMap(({ rowsWritten }) => Object.keys(rowsWritten)));
  // What was read and found as it was is no news of a log, but whoever asked for days looks for them.
  const good = report.streams.filter(
    ({ stream, slicesUnchanged }) => !failed.has(stream) && (loaded.has(stream) || slicesUnchanged > 0),
  );
  const names = Math.max(0, ...good.map(({ stream }) => stream.length));
  const counts = Math.max(0, ...good.map(({ rows }) => number(rows).length));
  return good.map(({ stream, rows, slicesUnchanged }) => {
    const unchanged = loaded.has(stream) ? '' : `, ${count(slicesUnchanged, 'slice')} unchanged`;
    const what = `${number(rows).padStart(counts)} ${rows === 1 ? 'row' : 'rows'}${unchanged}`;
    return `${terminal.style('green', '✓')} ${stream.padEnd(names)}   ${what}`;
  });
}

/** Rows that a schema contract keeps out are wanted that way, but never in silence. */
function rejectionLines(terminal: Terminal, report: PipelineReport): string[] {
  const rejected = new Map<string, number>();
  for (const { rowsRejected = {} } of report.loads) {
    for (const [stream, rows] of Object.entries(rowsRejected)) rejected.set(stream, (rejected.get(stream) ?? 0) + rows);
  }
  return [...rejected].map(
    ([stream, rows]) =>
      `${terminal.style('yellow', '!')} ${stream}: ${count(rows, 'row')} kept out by its schema contract`,
  );
}

function callLines({ calls }: PipelineReport): string[] {
  const text = callsText(calls);
  return text === undefined ? [] : [`  ${text}`];
}

/** Only what somebody has to act on: that all is well with the source is in the JSON. */
function healthLines(terminal: Terminal, { sourceHealth }: PipelineReport): string[] {
  return (sourceHealth?.warnings ?? []).flatMap(({ code, severity, message, hint }) => [
    `${terminal.style(severity === 'critical' ? 'red' : 'yellow', '!')} ${message}`,
    `  ${hint}`,
    terminal.style('dim', `  ${code} · ${documentationOf(code)}`),
  ]);
}

/** Slices that fail alike are said once. */
function failureLines(terminal: Terminal, report: PipelineReport): string[] {
  return failureGroups(report.failures).flatMap((group) => [
    `${terminal.style('red', '✗')} ${whereText(group)}: ${group.error.message}`,
    ...(group.error.hint === undefined ? [] : [`  ${group.error.hint}`]),
    terminal.style('dim', `  ${group.error.code} · ${documentationOf(group.error.code)}`),
  ]);
}

function verdict(terminal: Terminal, subject: string, report: PipelineReport): readonly string[] {
  const style = { ok: 'green', partial: 'yellow', failed: 'red' } as const;
  const parts = [
    terminal.style('bold', subject),
    terminal.style(style[report.status], report.status),
    ...scopeText(report),
    ...unchangedText(report),
    ...restatedText(report),
    isUnchanged(report) ? '0 rows, nothing changed' : count(report.rows, 'row'),
    duration(report.durationMs),
    ...loadText(report),
  ];
  const line = parts.join('   ');
  return [
    line,
    ...(report.failures.length === 0
      ? []
      : [`  What failed stays as it was before, and stays due: ${whatNext(report)}`]),
    ...(report.isUnfinished ? [`  ${unfinishedText(report)}`] : []),
  ];
}

/** Nobody has to mend what only needs time. */
function whatNext({ failures }: PipelineReport): string {
  const waits = failures.map(({ error }) => (error.isRetryable ? error.retryAfterMs : undefined));
  const longest = waits.every((wait) => wait !== undefined) ? Math.max(...waits) : undefined;
  if (longest === undefined) return 'run the same command again once it is fixed.';
  const now = new Date();
  const from = clockTime(new Date(now.getTime() + longest), now);
  return `run the same command after ${from}, or leave it to the next schedule.`;
}

function unchangedText({ streams }: PipelineReport): string[] {
  const published = streams.reduce((sum, { slicesPublished }) => sum + slicesPublished, 0);
  const unchanged = streams.reduce((sum, { slicesUnchanged }) => sum + slicesUnchanged, 0);
  return unchanged === 0 ? [] : [`${number(unchanged)} of ${count(published, 'slice')} unchanged`];
}

function restatedText({ streams }: PipelineReport): string[] {
  const slices = streams.reduce((sum, { slicesRestated = 0 }) => sum + slicesRestated, 0);
  const rows = streams.reduce((sum, { rowsRestated = 0 }) => sum + rowsRestated, 0);
  if (slices === 0) return [];
  return [
    rows === 0 ? `${count(slices, 'slice')} restated` : `${count(rows, 'row')} restated in ${count(slices, 'slice')}`,
  ];
}

function unfinishedText({ streams }: PipelineReport): string {
  const left = streams.reduce((sum, { slicesLeft }) => sum + slicesLeft, 0);
  const what = left === 0 ? 'before everything was read' : `with ${count(left, 'slice')} unread, which stay due`;
  return `The deadline came ${what}: run the same command again, and it goes on from there.`;
}

/** A load of no rows may still have emptied a table; one that names no stream has only moved a position. */
function isUnchanged({ status, loads, schemaChanges, rolledForward }: PipelineReport): boolean {
  const isTouched = loads.some(({ rowsWritten }) => Object.keys(rowsWritten).length > 0);
  return status === 'ok' && !isTouched && schemaChanges.length === 0 && rolledForward.length === 0;
}

function scopeText(report: PipelineReport): string[] {
  const due = report.streams.reduce((sum, { slicesDue }) => sum + slicesDue, 0);
  const good = report.streams.reduce((sum, { slicesPublished }) => sum + slicesPublished, 0);
  if (good < due) return [`${number(good)} of ${count(due, 'slice')}`];
  const all = report.streams.length;
  const failed = new Set(report.failures.map(({ stream }) => stream)).size;
  if (failed > 0) return [`${all - Math.min(all, failed)} of ${count(all, 'stream')}`];
  return all === 0 ? [] : [count(all, 'stream')];
}

function loadText(report: PipelineReport): string[] {
  const rolled = report.rolledForward.length;
  const [last] = report.loads.slice(-1);
  return [
    ...(rolled === 0 ? [] : [`${count(rolled, 'load')} of an earlier run completed`]),
    ...(last === undefined
      ? []
      : [report.loads.length === 1 ? `load ${last.loadId}` : `${report.loads.length} loads, last ${last.loadId}`]),
  ];
}
