import type { GraphObject } from './graph-client.ts';

/** Rows of one report, page by page. */
export type ReportPages = AsyncIterator<readonly GraphObject[]>;

export interface ReportJoin {
  /** Columns that identify a row: the whole key. */
  readonly key: readonly string[];
  /** Told that a row was not in all reports. */
  readonly onUnmatched: () => void;
}

interface Pending {
  readonly row: Record<string, unknown>;
  reports: number;
}

/**
 * Joins reports of the same rows with different fields on the whole key. They are read side by side, page by
 * page, and a row is handed on when the last of them had it, so what is kept is how far they are apart, not
 * how long they are. A row that not all have comes at the end, without what is missing: an ad may get its
 * first numbers between two reports.
 */
export async function* joinedReports(
  reports: readonly ReportPages[],
  { key, onUnmatched }: ReportJoin,
): AsyncGenerator<readonly GraphObject[], void, undefined> {
  const pending = new Map<string, Pending>();
  let open = reports;
  try {
    while (open.length > 0) {
      const going: ReportPages[] = [];
      for (const report of open) {
        const page = await report.next();
        if (page.done === true) continue;
        going.push(report);
        const whole = reports.length === 1 ? page.value : completed(page.value, reports.length, pending, key);
        if (whole.length > 0) yield whole;
      }
      open = going;
    }
  } finally {
    for (const report of open) await report.return?.();
  }
  if (pending.size === 0) return;
  onUnmatched();
  yield [...pending.values()].map(({ row }) => row);
}

/** The rows that have come in every report now. */
function completed(
  page: readonly GraphObject[],
  reports: number,
  pending: Map<string, Pending>,
  key: readonly string[],
): GraphObject[] {
  const whole: GraphObject[] = [];
  for (const row of page) {
    const id = JSON.stringify(key.map((name) => row[name] ?? null));
    const known = pending.get(id);
    if (known === undefined) {
      pending.set(id, { row: { ...row }, reports: 1 });
      continue;
    }
    Object.assign(known.row, row);
    known.reports += 1;
    if (known.reports < reports) continue;
    whole.push(known.row);
    pending.delete(id);
  }
  return whole;
}
