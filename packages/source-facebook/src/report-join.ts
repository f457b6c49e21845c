import type { GraphObject } from './graph-client.ts';

/** Rows of one report, page by page. */
export type ReportPages = AsyncIterator<readonly GraphObject[]>;

/** Rows that came together. */
export interface JoinedRows {
  readonly rows: readonly GraphObject[];
  /** Positions of the reports that did not have them; none, usually. */
  readonly lacking: readonly number[];
}

interface Pending {
  readonly row: Record<string, unknown>;
  /** Those that had it. */
  readonly reports: Set<ReportPages>;
}

/**
 * Joins reports of the same rows with different fields on the whole key. They are read side by side, page by
 * page, and a row is handed on when the last of them had it, so what is kept is how far they are apart, not
 * how long they are. A key that comes twice in one report comes twice, for the gate to refuse. A row that not all
 * have comes at the end, without what is missing, and with which reports lack it: an ad may get its first numbers
 * between two reports, and what it has in the other one is unknown, not nothing.
 *
 * @param key columns that identify a row: the whole key
 */
export async function* joinedReports(
  reports: readonly ReportPages[],
  key: readonly string[],
): AsyncGenerator<JoinedRows, void, undefined> {
  const pending = new Map<string, Pending>();
  let open = reports;
  try {
    while (open.length > 0) {
      const going: ReportPages[] = [];
      for (const report of open) {
        const page = await report.next();
        if (page.done === true) continue;
        going.push(report);
        const whole =
          reports.length === 1 ? page.value : completed({ page: page.value, report, reports }, pending, key);
        if (whole.length > 0) yield { rows: whole, lacking: [] };
      }
      open = going;
    }
  } finally {
    for (const report of open) await report.return?.();
  }
  const unmatched = Map.groupBy(pending.values(), ({ reports: having }) =>
    reports.flatMap((report, index) => (having.has(report) ? [] : [index])).join(),
  );
  for (const [lacking, rows] of unmatched) {
    yield { rows: rows.map(({ row }) => row), lacking: lacking.split(',').map(Number) };
  }
}

interface ReportPage {
  readonly page: readonly GraphObject[];
  readonly report: ReportPages;
  readonly reports: readonly ReportPages[];
}

/** The rows that have come in every report now. */
function completed(
  { page, report, reports }: ReportPage,
  pending: Map<string, Pending>,
  key: readonly string[],
): GraphObject[] {
  const whole: GraphObject[] = [];
  for (const row of page) {
    const id = JSON.stringify(key.map((name) => row[name] ?? null));
    const known = pending.get(id);
    if (known === undefined) {
      pending.set(id, { row: { ...row }, reports: new Set([report]) });
      continue;
    }
    // Twice in one report: the key is narrower than the rows, and which is which nobody can tell.
    if (known.reports.has(report)) {
      whole.push({ ...row });
      continue;
    }
    Object.assign(known.row, row);
    known.reports.add(report);
    if (known.reports.size < reports.length) continue;
    whole.push(known.row);
    pending.delete(id);
  }
  return whole;
}
