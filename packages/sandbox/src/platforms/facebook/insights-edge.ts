import { without } from '../../without.ts';
import { levelOf } from '../../world/world.ts';
import type { GraphCall } from './graph-call.ts';
import { invalidParameter, tooMuchData } from './graph-error.ts';
import type { GraphNode } from './graph-node.ts';
import { createReport, type Report, type ReportSubject } from './insight-report.ts';
import { parseInsightFields, parseInsightParameters, type InsightParameters } from './insight-parameters.ts';
import { pageOf } from './paging.ts';
import { damage, type GraphList } from './graph-page.ts';
import type { InsightRow } from './insight-row.ts';

/** `GET …/insights`: a report at once, or the rows of one that was submitted. */
export function readInsights(
  call: GraphCall,
  node: GraphNode,
  parameters: Readonly<Record<string, string>>,
  url: string,
): GraphList {
  if (node.type === 'AdReportRun') {
    const report = call.runs.read(node.run, call.now);
    const fields = parseInsightFields(parameters['fields']);
    const keep = fields === undefined ? undefined : new Set([...fields, 'date_start', 'date_stop']);
    return pageOfReport(call, report, parameters, url, keep);
  }
  const { report } = computeReport(call, node, parameters);
  if (report.dataPoints > call.limits.syncDataPoints) throw tooMuchData('timeout');
  return pageOfReport(call, report, parameters, url, undefined);
}

/** `POST …/insights`: gives a report to be computed in the background. */
export function submitReport(call: GraphCall, node: GraphNode): { report_run_id: string } {
  if (node.type === 'AdReportRun') throw invalidParameter('A report run has no reports of its own.');
  const { report, subject, asked } = computeReport(call, node, call.parameters);
  const parameters = without(call.parameters, 'access_token');
  const [since, until] = [asked.ranges[0]?.[0] ?? '', asked.ranges.at(-1)?.[1] ?? ''];
  const run = call.runs.submit(
    { accountId: subject.accountId, parameters, submittedAt: call.now, report, dates: [since, until] },
    call.fault,
  );
  return { report_run_id: run.id };
}

function computeReport(
  call: GraphCall,
  node: GraphNode,
  parameters: Readonly<Record<string, string>>,
): { report: Report; subject: ReportSubject; asked: InsightParameters } {
  if (!('account' in node) || node.type === 'AdReportRun' || node.type === 'AdCreative') {
    throw invalidParameter('There are no reports on this object.');
  }
  const subject: ReportSubject = {
    accountId: node.account.id,
    ...('object' in node ? { objectId: node.object.id } : {}),
  };
  const ownLevel = 'object' in node ? levelOf(node.object) : 'account';
  const asked = parseInsightParameters(parameters, ownLevel, call.world.today(node.account.id));
  const report = createReport(call.world, subject, asked, call.returnedWindows);
  if (report.dataPoints > call.limits.reportDataPoints) throw tooMuchData('data-points');
  return { report, subject, asked };
}

function pageOfReport(
  call: GraphCall,
  report: Report,
  parameters: Readonly<Record<string, string>>,
  url: string,
  keep: ReadonlySet<string> | undefined,
): GraphList {
  const numbered = report.rows.map((row, index) => ({ row, key: `r${String(index).padStart(7, '0')}` }));
  const page = pageOf(numbered, ({ key }) => key, {
    parameters,
    url,
    repeatsCursor: call.fault?.kind === 'repeated-cursor',
    isShort: call.fault?.kind === 'short-page',
  });
  const data = page.items.map(({ row }) => damage(keep === undefined ? row : only(row, keep), call.fault));
  call.dataPoints += page.items.length * Object.keys(report.rows[0] ?? {}).length;
  return {
    data,
    ...(page.paging === undefined ? {} : { paging: page.paging }),
    ...(report.summary === undefined ? {} : { summary: report.summary }),
  };
}

function only(row: InsightRow, keep: ReadonlySet<string>): InsightRow {
  return Object.fromEntries(Object.entries(row).filter(([name]) => keep.has(name)));
}
