import type { Row, Slice, StreamSpec } from '@etl/core';
import { randomNumbers } from '../kill/world.ts';

const text = { type: 'string', nullable: false } as const;
const integer = { type: 'int64', nullable: false } as const;
const parts = {
  name: 'parts',
  type: 'nested',
  nullable: false,
  fields: [
    { name: 'kind', ...text },
    { name: 'value', ...integer },
  ],
} as const;

/**
 * A report by account and day, whose slices span several days and at times two months; an entity
 * list with deletions; a small list that is replaced as a whole. `part_count` says how many children
 * a row must have.
 */
export const STREAMS = {
  report: {
    name: 'report',
    columns: [
      { name: 'account', ...text },
      { name: 'day', type: 'date', nullable: false },
      { name: 'ad', ...integer },
      { name: 'amount', ...integer },
      { name: 'part_count', ...integer },
      parts,
    ],
    primaryKey: ['account', 'day', 'ad'],
    writeDisposition: 'replace',
    scope: { keys: ['account'], day: 'day' },
  },
  entity: {
    name: 'entity',
    columns: [
      { name: 'ad', ...integer },
      { name: 'amount', ...integer },
    ],
    primaryKey: ['ad'],
    writeDisposition: 'merge',
    deletedColumn: '_deleted',
  },
  catalog: {
    name: 'catalog',
    columns: [{ name: 'ad', ...integer }, { name: 'amount', ...integer }, { name: 'part_count', ...integer }, parts],
    primaryKey: ['ad'],
    writeDisposition: 'replace',
  },
} as const satisfies Record<string, StreamSpec>;

export type StreamName = keyof typeof STREAMS;

/** What one load brings. */
export interface HistoryLoad {
  readonly slice: Slice;
  readonly report: readonly Row[];
  readonly entity: readonly Row[];
  /** Absent when the list is not loaded. */
  readonly catalog: readonly Row[] | undefined;
}

const FIRST_DAY = Date.parse('2026-10-26');
const DAYS = 12;

function day(offset: number): string {
  return new Date(FIRST_DAY + offset * 86_400_000).toISOString().slice(0, 10);
}

/** Load number `position`, the same in every process. The first ones fill every scope. */
export function loadOf(seed: number, position: number): HistoryLoad {
  const random = randomNumbers(seed * 104_729 + position);
  const below = (limit: number): number => Math.floor(random() * limit);
  const subset = (count: number): number[] =>
    Array.from({ length: count }, (_, index) => index + 1).filter(() => random() < 0.5);
  const withParts = (row: Row): Row => {
    const list = Array.from({ length: below(4) }, (_, index) => ({ kind: `kind ${index}`, value: below(1000) }));
    return { ...row, amount: below(100_000), part_count: list.length, parts: list };
  };
  const isFirst = position <= 3;
  const account = `account ${isFirst ? position : 1 + below(3)}`;
  const first = isFirst ? 0 : below(DAYS - 3);
  const days = isFirst ? DAYS : 1 + below(4);
  const slice: Slice = {
    key: `${account}/${day(first)}`,
    scope: { equals: { account }, days: { start: day(first), end: day(first + days) } },
  };
  const offsets = Array.from({ length: days }, (_, index) => first + index);
  return {
    slice,
    report: offsets.flatMap((offset) => subset(60).map((ad) => withParts({ account, day: day(offset), ad }))),
    entity: subset(300).map((ad) => ({ ad, amount: below(100_000), _deleted: random() < 0.25 })),
    catalog: position === 1 || random() < 0.4 ? subset(80).map((ad) => withParts({ ad })) : undefined,
  };
}

/** What the polls of one table must show after each load, by position; index 0 is the empty table. */
export type Signatures = Readonly<Record<StreamName, readonly string[]>>;

export function signaturesOf(seed: number, loads: number): Signatures {
  const tables = { report: new Map<string, Row>(), entity: new Map<string, Row>(), catalog: new Map<string, Row>() };
  const signatures: Record<StreamName, string[]> = { report: [], entity: [], catalog: [] };
  const note = (): void => {
    for (const name of Object.keys(tables) as StreamName[])
      signatures[name].push(signature([...tables[name].values()]));
  };
  note();
  for (let position = 1; position <= loads; position += 1) {
    const load = loadOf(seed, position);
    const { account } = load.slice.scope?.equals ?? {};
    const { start, end } = load.slice.scope?.days ?? { start: '', end: '' };
    for (const [key, row] of tables.report) {
      const at = String(row['day']);
      if (row['account'] === account && at >= start && at < end) tables.report.delete(key);
    }
    for (const row of load.report) tables.report.set(JSON.stringify([row['account'], row['day'], row['ad']]), row);
    for (const row of load.entity) {
      if (row['_deleted'] === true) tables.entity.delete(String(row['ad']));
      else tables.entity.set(String(row['ad']), row);
    }
    if (load.catalog !== undefined) tables.catalog = new Map(load.catalog.map((row) => [String(row['ad']), row]));
    note();
  }
  return signatures;
}

/** Rows, distinct keys, two sums; the number of children and the sum of their values. */
function signature(rows: readonly Row[]): string {
  let amount = 0;
  let weighted = 0;
  let children = 0;
  let values = 0;
  for (const row of rows) {
    amount += Number(row['amount']);
    weighted += Number(row['amount']) * Number(row['ad']);
    for (const part of (row['parts'] ?? []) as readonly { readonly value: number }[]) {
      children += 1;
      values += part.value;
    }
  }
  return [rows.length, rows.length, amount, weighted, children, values].join(' ');
}

const table = (name: StreamName): string => `travel.shop___${name}`;
const totals = (key: string): string => `count(), uniqExact(${key}), sum(amount), sum(amount * ad)`;

/**
 * What the reader asks again and again; each gives one text that must equal a signature of
 * {@link Signatures}. Where parents and children are read by one statement, the engine is told to
 * dawdle for so many milliseconds between the two reads, so that a load comes in between when it can.
 */
export function pollsOf(dawdleMs: number) {
  return {
    report: `SELECT ${totals('(account, day, ad)')}, sum(part_count) FROM ${table('report')} FORMAT TSV`,
    report__parts: `SELECT count(), sum(value) FROM ${table('report')}__parts FORMAT TSV`,
    'report with its parts': parentAndChildren('report', '(account, day, ad)', dawdleMs),
    entity: `SELECT ${totals('ad')}, 0, 0 FROM ${table('entity')} FORMAT TSV`,
    catalog: `SELECT ${totals('ad')}, sum(part_count) FROM ${table('catalog')} FORMAT TSV`,
    'catalog with its parts': parentAndChildren('catalog', 'ad', dawdleMs),
  };
}

export type PollName = keyof ReturnType<typeof pollsOf>;

// Every parent must have the children that it says it has.
function parentAndChildren(name: StreamName, key: string, dawdleMs: number): string {
  const children = `SELECT _etl_parent_id, count() AS found, sum(value) AS value FROM ${table(name)}__parts GROUP BY _etl_parent_id`;
  return (
    `SELECT ${totals(key)}, sum(found), sum(value), countIf(found != part_count) FROM ${table(name)} AS parent ` +
    `FULL JOIN (${children}) AS child ON parent._etl_id = child._etl_parent_id ` +
    `SETTINGS merge_tree_storage_snapshot_sleep_ms = ${dawdleMs} FORMAT TSV`
  );
}

/** Whether the answer of a poll is the table's state after a load. */
export function isState(name: PollName, answer: string, expected: string): boolean {
  const seen = answer.trim().replaceAll('\t', ' ');
  switch (name) {
    case 'report__parts':
      return expected.split(' ').slice(4).join(' ') === seen;
    case 'report':
    case 'catalog':
      return expected.split(' ').slice(0, 5).join(' ') === seen;
    case 'entity':
      return expected === seen;
    case 'report with its parts':
    case 'catalog with its parts':
      return `${expected} 0` === seen;
  }
}
