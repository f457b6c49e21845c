import type { LedgerEntry, LoadSummary, Row, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { buryHolders, leftovers } from './history.ts';

const report: StreamSpec = {
  name: 'report',
  columns: [
    { name: 'account_id', type: 'string', nullable: false },
    { name: 'day', type: 'date', nullable: false },
    { name: 'ad', type: 'string', nullable: false },
    { name: 'spend', type: 'decimal', precision: 18, scale: 6, nullable: true },
    { name: 'note', type: 'string', nullable: true },
  ],
  primaryKey: ['account_id', 'day', 'ad'],
  writeDisposition: 'replace',
  scope: { keys: ['account_id'], day: 'day' },
};
const DAYS = ['2026-11-01', '2026-11-02', '2026-11-03'] as const;
const after = (day: string): string => `2026-11-0${Number(day.slice(-1)) + 1}`;

function rowsOf(day: string, changes: Partial<Row> = {}): readonly Row[] {
  return ['a', 'b', 'c'].map((ad, index) => ({
    account_id: '1',
    day,
    ad,
    spend: index === 2 ? null : `${index}.5`,
    note: null,
    ...(index === 0 ? changes : {}),
  }));
}

/** Loads days as one window, the way the engine does: rows mixed, each day with what the ledger knows of it. */
async function load(
  { destination }: Pick<ClickHouseFixture, 'destination'>,
  days: Readonly<Record<string, readonly Row[]>>,
  { stream = report, isAnew = false }: { readonly stream?: StreamSpec; readonly isAnew?: boolean } = {},
): Promise<LoadSummary> {
  await using session = await destination.open('p');
  const ledger = new Map((await session.readLedger(stream.name)).map((entry) => [entry.slice, entry]));
  await using open = await session.beginLoad();
  await open.prepare(stream);
  await open.write(stream.name, Object.values(days).flat().toReversed());
  for (const [day, rows] of Object.entries(days)) {
    const now = new Date().toISOString();
    const known = { stream: stream.name, slice: day, status: 'good', attempts: 1 } as const;
    const entry: LedgerEntry = { ...known, rows: rows.length, readAt: now, loadedAt: now };
    const scope = { equals: { account_id: '1' }, days: { start: day, end: after(day) } };
    await open.publish(stream.name, { key: day, scope }, entry, isAnew ? undefined : ledger.get(day));
  }
  return await open.commit([]);
}

const all = (): Record<string, readonly Row[]> => Object.fromEntries(DAYS.map((day) => [day, rowsOf(day)]));

async function rawRows(fixture: ClickHouseFixture): Promise<number> {
  const [row] = await fixture.query<{ rows: string }>(
    `SELECT toString(count()) AS rows FROM ${fixture.options.database}._raw_shop___report_g0`,
  );
  return Number(row?.rows);
}

async function sortedRows(fixture: ClickHouseFixture): Promise<readonly string[]> {
  return (await fixture.readRows('report')).map((row) => JSON.stringify(row)).toSorted();
}

/** For each day, how many loads its rows in the raw table came from. */
async function loadsOf(fixture: ClickHouseFixture): Promise<readonly number[]> {
  const rows = await fixture.query<{ loads: string }>(
    `SELECT toString(uniqExact(_etl_load_id)) AS loads FROM ${fixture.options.database}._raw_shop___report_g0 GROUP BY day ORDER BY day`,
  );
  return rows.map(({ loads }) => Number(loads));
}

it('writes nothing when the slices are as they were, and the ledger says that they were read', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, all());
  const before = await rawRows(fixture);
  const view = await fixture.destination.inspect();
  const first = await view.readLedger('p');
  expect(new Set(first.map(({ fingerprint }) => fingerprint)).size).toBe(3);
  expect(first[0]?.fingerprint).toMatch(/^3-[0-9a-f]{1,32}$/);

  const summary = await load(fixture, all());
  expect(summary).toMatchObject({ unchanged: { report: [...DAYS] }, rowsWritten: {} });
  expect(await rawRows(fixture)).toBe(before);
  const second = await view.readLedger('p');
  expect(second.map(({ fingerprint }) => fingerprint)).toEqual(first.map(({ fingerprint }) => fingerprint));
  expect((second[0]?.readAt ?? '') > (first[0]?.readAt ?? '')).toBe(true);
});

it.each([
  ['a value', { spend: '9.5' }],
  ['a value that becomes NULL', { spend: null }],
  ['NULL that becomes empty', { note: '' }],
])('writes the one day of a window in which %s changed, and leaves the others as they are', async (_, changes) => {
  await using fixture = await embeddedFixture();
  await load(fixture, all());
  const before = await rawRows(fixture);
  const days = { ...all(), '2026-11-02': rowsOf('2026-11-02', changes) };
  const summary = await load(fixture, days);
  expect(summary.unchanged).toEqual({ report: ['2026-11-01', '2026-11-03'] });
  expect(summary.restated).toEqual([{ stream: 'report', slice: '2026-11-02', rows: 1 }]);
  expect(summary.rowsWritten).toEqual({ report: 3 });
  expect(await rawRows(fixture)).toBe(before + 3);
  expect(await loadsOf(fixture)).toEqual([1, 2, 1]);
  const rows = await fixture.readRows('report');
  expect(rows).toHaveLength(9);
  const [name = ''] = Object.keys(changes);
  const changed = rows.find((row) => row['day'] === '2026-11-02' && row['ad'] === 'a');
  expect(changed?.[name]).toEqual(Object.values(changes)[0] === '9.5' ? expect.anything() : Object.values(changes)[0]);
  expect(await load(fixture, days)).toMatchObject({ unchanged: { report: [...DAYS] } });
  expect(await leftovers(fixture)).toEqual([]);
});

it('renews the entries of all days of a window, whichever of them it wrote', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, all());
  const view = await fixture.destination.inspect();
  const first = await view.readLedger('p');
  await load(fixture, { ...all(), '2026-11-02': rowsOf('2026-11-02', { spend: '9.5' }) });
  const second = await view.readLedger('p');
  expect(second.map(({ readAt }, day) => readAt > (first[day]?.readAt ?? ''))).toEqual([true, true, true]);
  expect(second.map(({ fingerprint }, day) => fingerprint === first[day]?.fingerprint)).toEqual([true, false, true]);
});

it('counts the rows of a day that came, went or changed, and none of a day that is new', async () => {
  await using fixture = await embeddedFixture();
  const [one, two, three] = DAYS;
  expect((await load(fixture, { [one]: rowsOf(one), [two]: rowsOf(two) })).restated).toBeUndefined();
  const summary = await load(fixture, {
    [one]: [
      ...rowsOf(one, { spend: '7' }).slice(0, 2),
      { account_id: '1', day: one, ad: 'new', spend: '1', note: null },
    ],
    [two]: [],
    [three]: rowsOf(three),
  });
  expect(summary.restated).toEqual([
    { stream: 'report', slice: one, rows: 3 },
    { stream: 'report', slice: two, rows: 3 },
  ]);
  expect(summary.unchanged).toBeUndefined();
  expect((await load(fixture, { [two]: [] })).unchanged).toEqual({ report: [two] });
  expect((await load(fixture, { [two]: rowsOf(two) })).restated).toEqual([{ stream: 'report', slice: two, rows: 3 }]);
});

it('writes a day that became empty next to days that are as they were', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, all());
  const summary = await load(fixture, { ...all(), '2026-11-02': [] });
  expect(summary).toMatchObject({ rowsWritten: { report: 3 }, unchanged: { report: ['2026-11-01', '2026-11-03'] } });
  const rows = await fixture.readRows('report');
  expect(rows.map((row) => row['day'])).not.toContain('2026-11-02');
  expect(rows).toHaveLength(6);
});

it('sees a row that vanished, one that came, and a day without rows that stays so', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, { ...all(), '2026-11-03': [] });
  expect(await load(fixture, { ...all(), '2026-11-03': [] })).toMatchObject({
    unchanged: { report: expect.anything() },
  });
  const fewer = { ...all(), '2026-11-01': rowsOf('2026-11-01').slice(1), '2026-11-03': [] };
  expect((await load(fixture, fewer)).unchanged).toEqual({ report: ['2026-11-02', '2026-11-03'] });
  expect(await fixture.readRows('report')).toHaveLength(5);
  expect((await load(fixture, all())).unchanged).toEqual({ report: ['2026-11-02'] });
  expect(await fixture.readRows('report')).toHaveLength(9);
});

it('believes the table, not the ledger: what somebody took away or changed there comes back', async () => {
  await using fixture = await embeddedFixture();
  const raw = `${fixture.options.database}._raw_shop___report_g0`;
  await load(fixture, all());
  await fixture.query(`ALTER TABLE ${raw} DROP PARTITION 202611`);
  expect((await load(fixture, all())).unchanged).toBeUndefined();
  expect(await fixture.readRows('report')).toHaveLength(9);
  await fixture.query(
    `INSERT INTO ${raw} SELECT * REPLACE (toDecimal128(77, 6) AS spend, _etl_version + 1 AS _etl_version) FROM ${raw} WHERE ad = 'a'`,
  );
  expect((await load(fixture, all())).unchanged).toBeUndefined();
  const rows = await fixture.readRows('report');
  expect(rows.filter((row) => Number(row['spend']) === 77)).toHaveLength(0);
});

it('writes everything when everything is to be written anew', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, all());
  expect((await load(fixture, all(), { isAnew: true })).rowsWritten).toEqual({ report: 9 });
});

it('writes once more when the stream has gained a column or lost one', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture, all());
  const wider = {
    ...report,
    columns: [...report.columns, { name: 'clicks', type: 'int64', nullable: true } as const],
  };
  expect((await load(fixture, all(), { stream: wider })).unchanged).toBeUndefined();
  expect(await load(fixture, all(), { stream: wider })).toMatchObject({ unchanged: { report: expect.anything() } });
  // The column that the source has no more must become NULL, and nobody looks whether it is.
  const narrower = { ...report, columns: report.columns.slice(0, -1) };
  const without = Object.fromEntries(DAYS.map((day) => [day, rowsOf(day).map(({ note: _, ...row }) => row)]));
  expect((await load(fixture, without, { stream: narrower })).unchanged).toBeUndefined();
});

it('always writes parents whose objects have a table of their own', async () => {
  await using fixture = await embeddedFixture();
  const nested = {
    ...report,
    columns: [
      ...report.columns,
      {
        name: 'actions',
        type: 'nested',
        nullable: false,
        storage: 'table',
        fields: [{ name: 'value', type: 'int64', nullable: true }],
      },
    ],
  } satisfies StreamSpec;
  const days = (value: number) =>
    Object.fromEntries(DAYS.map((day) => [day, rowsOf(day).map((row) => ({ ...row, actions: [{ value }] }))]));
  await load(fixture, days(1), { stream: nested });
  expect((await load(fixture, days(1), { stream: nested })).unchanged).toBeUndefined();
  await load(fixture, days(2), { stream: nested });
  const children = await fixture.query(
    `SELECT toString(sum(value)) AS sum, toString(count()) AS rows FROM ${fixture.options.database}.shop___report__actions`,
  );
  expect(children).toEqual([{ sum: '18', rows: '9' }]);
});

it('takes columns with the names of its own expressions for columns', async () => {
  await using fixture = await embeddedFixture();
  const stream: StreamSpec = {
    ...report,
    columns: [
      ...report.columns,
      { name: 'rows', type: 'int64', nullable: true },
      { name: 'hash', type: 'string', nullable: true },
      { name: 'place', type: 'string', nullable: true },
    ],
  };
  const days = (hash: string): Record<string, readonly Row[]> => ({
    '2026-11-01': rowsOf('2026-11-01').map((row) => ({ ...row, rows: 4n, hash, place: 'feed' })),
  });
  await load(fixture, days('f00d'), { stream });
  expect(await load(fixture, days('f00d'), { stream })).toMatchObject({ unchanged: { report: expect.anything() } });
  expect((await load(fixture, days('cafe'), { stream })).unchanged).toBeUndefined();
  expect(new Set((await fixture.readRows('report')).map(({ hash }) => hash))).toEqual(new Set(['cafe']));
});

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 100_000);
const isSwept = process.env['ETL_CRASH_ALL'] !== undefined;

it.each([
  ['nothing', all()],
  ['one day of a window', { ...all(), '2026-11-02': rowsOf('2026-11-02', { spend: '9.5' }).slice(0, 2) }],
])(
  `leaves the table right wherever a run dies that finds %s changed (seed ${seed})`,
  { timeout: 900_000 },
  async (_, days) => {
    let statements = Infinity;
    for (let at = 1; at <= statements; at += isSwept ? 1 : 20 + (seed % 7)) {
      for (const fault of ['refuse', 'lose-answer'] as const) {
        let count = -Infinity;
        await using fixture = await httpFixture({}, () => {
          count += 1;
          if (count < at) return undefined;
          return count === at ? fault : 'refuse';
        });
        await load(fixture, days);
        const truth = await sortedRows(fixture);
        await load(fixture, all(), { isAnew: true });
        const dying = fixture.create();
        await dying.check();
        count = 0;
        const outcome = await load({ destination: dying }, days).catch(() => undefined);
        if (outcome !== undefined) statements = at;
        count = -Infinity;
        await buryHolders(fixture);
        const last = await load({ destination: fixture.create() }, days);
        const place = `statement ${at}, ${fault}, seed ${seed}`;
        const unchanged = last.unchanged?.['report'] ?? [];
        expect(unchanged, place).toEqual(expect.arrayContaining(['2026-11-01', '2026-11-03']));
        expect(await sortedRows(fixture), place).toEqual(truth);
        expect(await leftovers(fixture), place).toEqual([]);
      }
    }
    expect(statements).toBeGreaterThan(10);
  },
);
