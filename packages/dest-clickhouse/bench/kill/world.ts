import type { Row, Slice, StreamSpec } from '@etl/core';

const key = { type: 'string', nullable: false } as const;
const value = { type: 'int64', nullable: true } as const;
const tags = { type: 'array', nullable: false, items: { type: 'string', nullable: true } } as const;
const objects = {
  type: 'nested',
  nullable: false,
  fields: [
    { name: 'kind', ...key },
    { name: 'count', ...value },
  ],
} as const;

/**
 * One stream of every kind: scoped with vanishing rows, keyed, versioned with truncations, appended,
 * replaced in whole with and without nested columns. Most have objects in their rows, one has them in
 * a table of their own.
 */
export const STREAMS = {
  report: {
    name: 'report',
    columns: [
      { name: 'account', ...key },
      { name: 'day', type: 'date', nullable: false },
      { name: 'ad', ...key },
      { name: 'spend', ...value },
      { name: 'tags', ...tags },
      { name: 'parts', ...objects },
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
      { name: 'lines', ...objects, storage: 'table' },
    ],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  },
  change: {
    name: 'change',
    columns: [
      { name: 'id', ...key },
      { name: 'amount', ...value },
      { name: 'notes', ...objects },
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
      { name: 'items', ...objects },
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
  album: {
    name: 'album',
    columns: [
      { name: 'id', ...key },
      { name: 'amount', ...value },
      { name: 'tracks', ...objects },
    ],
    primaryKey: ['id'],
    writeDisposition: 'replace',
  },
} as const satisfies Record<string, StreamSpec>;

export type StreamName = keyof typeof STREAMS;

/** What one load brings. */
export interface Step {
  readonly slice: Slice;
  /** A list that is replaced in whole is absent when the step does not load it. */
  readonly rows: Readonly<Partial<Record<StreamName, readonly Row[]>>>;
  readonly truncates: boolean;
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
  const list = (): Row[] =>
    Array.from({ length: below(4) }, (_, index) => ({ kind: `kind ${index}`, count: below(1000) }));
  const amounts = (count: number, nested?: string): Row[] =>
    subset(count).map((id) => ({ id, amount: below(1000), ...(nested === undefined ? {} : { [nested]: list() }) }));
  const report = subset(250).map((ad) => ({
    account,
    day,
    ad,
    spend: below(1000),
    tags: [ad, null, account],
    parts: list(),
  }));
  return {
    slice: { key: `${account}/${day}`, scope: { equals: { account }, days: { start: day, end: next } } },
    rows: {
      report,
      entity: amounts(60, 'lines'),
      change: amounts(50, 'notes').map((row, ordinal) => ({
        ...row,
        _version: (BigInt(position) << 48n) + BigInt(ordinal),
        _deleted: random() < 0.3,
      })),
      event: amounts(6, 'items'),
      ...(random() < 0.5 ? { catalog: amounts(30) } : {}),
      ...(random() < 0.5 ? { album: amounts(30, 'tracks') } : {}),
    },
    truncates: random() < 0.15,
  };
}

/** Every table that people read, and the column of its stream whose objects it shows. */
export const TABLES: readonly { readonly name: string; readonly stream: StreamName; readonly nested?: string }[] =
  Object.values(STREAMS).flatMap(({ name, columns }) => [
    { name, stream: name },
    ...columns
      .filter(({ type }) => type === 'nested')
      .map((column) => ({ name: `${name}__${column.name}`, stream: name, nested: column.name })),
  ]);

/** What the tables hold after the first `position` steps: table name to sorted lines. */
export function worldAt(seed: number, position: number): ReadonlyMap<string, readonly string[]> {
  const rows: Record<StreamName, Map<string, Row>> = {
    report: new Map(),
    entity: new Map(),
    change: new Map(),
    event: new Map(),
    catalog: new Map(),
    album: new Map(),
  };
  for (let number = 1; number <= position; number += 1) {
    const { slice, rows: loaded, truncates } = stepOf(seed, number);
    const scope = `${slice.key}/`;
    for (const name of rows.report.keys()) if (name.startsWith(scope)) rows.report.delete(name);
    for (const row of loaded.report ?? []) rows.report.set(`${scope}${String(row['ad'])}`, row);
    for (const row of loaded.entity ?? []) rows.entity.set(String(row['id']), row);
    if (truncates) rows.change.clear();
    for (const row of loaded.change ?? []) {
      if (row['_deleted'] === true) rows.change.delete(String(row['id']));
      else rows.change.set(String(row['id']), row);
    }
    for (const row of loaded.event ?? []) rows.event.set(String(rows.event.size), row);
    for (const name of ['catalog', 'album'] as const) {
      const list = loaded[name];
      if (list !== undefined) rows[name] = new Map(list.map((row) => [String(row['id']), row]));
    }
  }
  return new Map(
    TABLES.map(({ name, stream, nested }) => {
      const parents = [...rows[stream].values()];
      const lines = nested === undefined ? parents : parents.flatMap((row) => objectsOf(stream, row, nested));
      return [name, lines.map((row) => lineOf(stream, row, nested)).sort()];
    }),
  );
}

function objectsOf(stream: StreamName, row: Row, nested: string): readonly Row[] {
  const ids = Object.fromEntries(STREAMS[stream].primaryKey.map((name) => [name, row[name]]));
  return (row[nested] as readonly Row[]).map((item, index) => ({ ...ids, ...item, _etl_list_idx: index }));
}

/** One row as text, from a source row or from a row that was read back; of a nested column, one object. */
export function lineOf(stream: StreamName, row: Row, nested?: string): string {
  const { columns, primaryKey } = STREAMS[stream];
  const scalars = columns.filter(({ type }) => type !== 'nested').map(({ name }) => name);
  const fields = objects.fields.map(({ name }) => name);
  const names = nested === undefined ? scalars : [...primaryKey, ...fields, '_etl_list_idx'];
  return JSON.stringify(names.map((name) => (typeof row[name] === 'number' ? String(row[name]) : row[name])));
}
