import type { Row, Slice, StreamSpec } from '@etl/core';

const key = { type: 'string', nullable: false } as const;
const value = { type: 'int64', nullable: true } as const;
const tags = { type: 'array', nullable: false, items: { type: 'string', nullable: true } } as const;

/** One stream of every kind: scoped with vanishing rows, keyed, versioned with truncations, appended, replaced. */
export const STREAMS = {
  report: {
    name: 'report',
    columns: [
      { name: 'account', ...key },
      { name: 'day', type: 'date', nullable: false },
      { name: 'ad', ...key },
      { name: 'spend', ...value },
      { name: 'tags', ...tags },
    ],
    primaryKey: ['account', 'day', 'ad'],
    writeDisposition: 'replace',
    scope: { keys: ['account'], day: 'day' },
  },
  entity: {
    name: 'entity',
    columns: [
      { name: 'id', ...key },
      { name: 'amount', ...value },
    ],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  },
  change: {
    name: 'change',
    columns: [
      { name: 'id', ...key },
      { name: 'amount', ...value },
    ],
    primaryKey: ['id'],
    writeDisposition: 'merge',
    versionColumn: '_version',
    deletedColumn: '_deleted',
  },
  event: {
    name: 'event',
    columns: [
      { name: 'id', ...key },
      { name: 'amount', ...value },
    ],
    primaryKey: [],
    writeDisposition: 'append',
  },
  catalog: {
    name: 'catalog',
    columns: [
      { name: 'id', ...key },
      { name: 'amount', ...value },
    ],
    primaryKey: ['id'],
    writeDisposition: 'replace',
  },
} as const satisfies Record<string, StreamSpec>;

export type StreamName = keyof typeof STREAMS;

/** What one load brings. */
export interface Step {
  readonly slice: Slice;
  readonly report: readonly Row[];
  readonly entity: readonly Row[];
  readonly truncates: boolean;
  readonly change: readonly Row[];
  readonly event: readonly Row[];
  /** Absent when the list is not loaded in this step. */
  readonly catalog: readonly Row[] | undefined;
}

/** A seeded stream of numbers in [0, 1). */
export function randomNumbers(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d_2b_79_f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** Step number `position`, the same in every process. */
export function stepOf(seed: number, position: number): Step {
  const random = randomNumbers(seed * 7919 + position);
  const below = (limit: number): number => Math.floor(random() * limit);
  const account = `account ${below(3)}`;
  const day = `2026-11-${String(1 + below(5)).padStart(2, '0')}`;
  const next = new Date(Date.parse(day) + 86_400_000).toISOString().slice(0, 10);
  const subset = (count: number): string[] =>
    Array.from({ length: count }, (_, index) => `row ${index}`).filter(() => random() < 0.5);
  const amounts = (ids: readonly string[]): Row[] => ids.map((id) => ({ id, amount: below(1000) }));
  return {
    slice: { key: `${account}/${day}`, scope: { equals: { account }, days: { start: day, end: next } } },
    report: subset(400).map((ad) => ({ account, day, ad, spend: below(1000), tags: [ad, null, account] })),
    entity: amounts(subset(100)),
    truncates: random() < 0.15,
    change: amounts(subset(50)).map((row, ordinal) => ({
      ...row,
      _version: (BigInt(position) << 48n) + BigInt(ordinal),
      _deleted: random() < 0.3,
    })),
    event: amounts(subset(6)),
    catalog: random() < 0.5 ? amounts(subset(30)) : undefined,
  };
}

/** What the tables hold after the first `position` steps, as sorted lines. */
export function worldAt(seed: number, position: number): Record<StreamName, string[]> {
  const report = new Map<string, string>();
  const entity = new Map<string, string>();
  const change = new Map<string, string>();
  const event: string[] = [];
  let catalog: string[] = [];
  for (let number = 1; number <= position; number += 1) {
    const step = stepOf(seed, number);
    const scope = `${step.slice.key}/`;
    for (const name of report.keys()) if (name.startsWith(scope)) report.delete(name);
    for (const row of step.report) report.set(`${scope}${String(row['ad'])}`, lineOf('report', row));
    for (const row of step.entity) entity.set(String(row['id']), lineOf('entity', row));
    if (step.truncates) change.clear();
    for (const row of step.change) {
      if (row['_deleted'] === true) change.delete(String(row['id']));
      else change.set(String(row['id']), lineOf('change', row));
    }
    event.push(...step.event.map((row) => lineOf('event', row)));
    if (step.catalog !== undefined) catalog = step.catalog.map((row) => lineOf('catalog', row));
  }
  return {
    report: [...report.values()].sort(),
    entity: [...entity.values()].sort(),
    change: [...change.values()].sort(),
    event: event.sort(),
    catalog: catalog.sort(),
  };
}

/** One row as text, from a source row or from a row that was read back. */
export function lineOf(stream: StreamName, row: Row): string {
  return JSON.stringify(
    STREAMS[stream].columns.map(({ name }) => (typeof row[name] === 'number' ? String(row[name]) : row[name])),
  );
}
