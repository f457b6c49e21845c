import type { ColumnSpec, Row, Slice, StreamSpec } from '@etl/core';

/**
 * One report in the two shapes that are compared: 60 columns with the children as an array in the
 * row, and the same columns in a root table with a child table. Every value is a function of the row's
 * number, once in SQL for the tables as they stand and once here for what is loaded.
 */
export const DAYS = 120;
export const CHILDREN = 4;
const FIRST_DAY = '2026-01-01';

const TEXTS = names('text', 18);
const OPTIONAL_TEXTS = names('optional', 8);
const INTEGERS = names('count', 12);
const DECIMALS = names('money', 17);

function names(prefix: string, count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `${prefix}_${index}`);
}

const decimal = { type: 'decimal', precision: 18, scale: 6, nullable: false } as const;
const text = { type: 'string', nullable: false } as const;
const integer = { type: 'int64', nullable: false } as const;

export const CHILD_FIELDS = [
  { name: 'kind', ...text },
  { name: 'value', ...decimal },
  { name: 'batch', ...integer },
] as const satisfies readonly ColumnSpec[];

export const ROOT_COLUMNS: readonly ColumnSpec[] = [
  { name: 'account', ...text },
  { name: 'day', type: 'date', nullable: false },
  { name: 'ad', ...integer },
  { name: 'batch', ...integer },
  ...TEXTS.map((name) => ({ name, ...text })),
  ...OPTIONAL_TEXTS.map((name) => ({ ...text, name, nullable: true })),
  ...INTEGERS.map((name) => ({ name, ...integer })),
  ...DECIMALS.map((name) => ({ name, ...decimal })),
];

export const REPORT: StreamSpec = {
  name: 'report',
  columns: [...ROOT_COLUMNS, { name: 'actions', type: 'nested', nullable: false, fields: CHILD_FIELDS }],
  primaryKey: ['account', 'day', 'ad'],
  writeDisposition: 'replace',
  scope: { keys: ['account'], day: 'day' },
};

/** The last days of the account, all of which are loaded anew. */
export function sliceOf(days: number): Slice {
  return {
    key: `last ${days} days`,
    scope: { equals: { account: 'account' }, days: { start: dayOf(DAYS - days), end: dayOf(DAYS) } },
  };
}

export function dayOf(offset: number): string {
  return new Date(Date.parse(FIRST_DAY) + offset * 86_400_000).toISOString().slice(0, 10);
}

/** Rows `from` up to `to` of a table of `rows` rows, as a source gives them; every 25th has vanished. */
export function* loadedRows(from: number, to: number, rows: number, batch: number): Iterable<Row> {
  for (let ad = from; ad < to; ad += 1) {
    if (ad % 25 === 0) continue;
    const row: Record<string, unknown> = {
      account: 'account',
      day: dayOf(Math.floor((ad * DAYS) / rows)),
      ad,
      batch,
    };
    TEXTS.forEach((name, index) => (row[name] = `${name} ${(ad * (index + 1)) % 10_000}`));
    OPTIONAL_TEXTS.forEach((name, index) => (row[name] = (ad + index) % 3 === 0 ? `value ${ad % 100}` : null));
    INTEGERS.forEach((name, index) => (row[name] = (ad * (index + 7)) % 1_000_000));
    DECIMALS.forEach((name, index) => (row[name] = `${(ad * (index + 3)) % 100_000}.25`));
    row['actions'] = Array.from({ length: CHILDREN }, (_, index) => ({
      kind: `kind ${index}`,
      value: `${(ad * (index + 1)) % 1000}.5`,
      batch,
    }));
    yield row;
  }
}

/** The same values in SQL, over `number`; column name to expression, the children left out. */
export function rootExpressions(rows: number): ReadonlyMap<string, string> {
  return new Map([
    ['account', `'account'`],
    ['day', `toDate32('${FIRST_DAY}') + intDiv(number * ${DAYS}, ${rows})`],
    ['ad', 'toInt64(number)'],
    ['batch', 'toInt64(0)'],
    ...TEXTS.map((name, index) => [name, `concat('${name} ', toString((number * ${index + 1}) % 10000))`] as const),
    ...OPTIONAL_TEXTS.map(
      (name, index) =>
        [name, `if((number + ${index}) % 3 = 0, concat('value ', toString(number % 100)), NULL)`] as const,
    ),
    ...INTEGERS.map((name, index) => [name, `toInt64((number * ${index + 7}) % 1000000)`] as const),
    ...DECIMALS.map(
      (name, index) => [name, `toDecimal64((number * ${index + 3}) % 100000, 6) + toDecimal64('0.25', 6)`] as const,
    ),
  ]);
}

/** Fields of the child `item` (0, 1, …) of the row `number`. */
export function childExpressions(item: string): ReadonlyMap<string, string> {
  return new Map([
    ['kind', `concat('kind ', toString(${item}))`],
    ['value', `toDecimal64((number * (${item} + 1)) % 1000, 6) + toDecimal64('0.5', 6)`],
    ['batch', 'toInt64(0)'],
  ]);
}
