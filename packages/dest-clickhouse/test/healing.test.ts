import {
  addDays,
  dailySlices,
  defineSource,
  defineStream,
  runPipeline,
  type PipelineOptions,
  type PipelineReport,
  type Source,
} from '@etl/core';
import { expect, it } from 'vitest';
import { z } from 'zod';
import { embeddedFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

const ACCOUNTS = ['1', '2'];
const LOOKBACK_DAYS = 2;
const FIRST_DAY = '2026-11-10';

/** A platform that restates the last days of every account; what it says now is the only truth. */
class Platform {
  readonly #clicks = new Map<string, readonly number[]>();
  /** Account and days of every request since they were looked at last. */
  calls: string[] = [];

  restate(account: string, day: string, clicks: readonly number[]): void {
    this.#clicks.set(`${account} ${day}`, clicks);
  }

  source(): Source {
    const report = defineStream({
      name: 'report',
      schema: z.object({ account_id: z.string(), day: z.iso.date(), ad_id: z.string(), clicks: z.int() }),
      primaryKey: ['account_id', 'day', 'ad_id'],
      writeDisposition: 'replace',
      scope: { keys: ['account_id'], day: 'day' },
      windowDays: 4,
      slices: ({ now = new Date() }) =>
        ACCOUNTS.flatMap((id) =>
          dailySlices({
            account: { column: 'account_id', id },
            timeZone: 'America/New_York',
            now,
            historyDays: 6,
            lookbackDays: LOOKBACK_DAYS,
          }),
        ),
      read: (slice) => this.#read(slice.scope),
    });
    return defineSource({ name: 'test', streams: { report }, check: async () => undefined });
  }

  async *#read(
    scope: { equals: Readonly<Record<string, unknown>>; days?: { start: string; end: string } } | undefined,
  ) {
    const account = String(scope?.equals['account_id']);
    const { start = '', end = '' } = scope?.days ?? {};
    this.calls.push(`${account} ${start}…${addDays(end, -1)}`);
    for (let day = start; day < end; day = addDays(day, 1)) {
      const clicks = this.#clicks.get(`${account} ${day}`) ?? [1];
      yield { rows: clicks.map((count, ad) => ({ account_id: account, day, ad_id: `ad ${ad}`, clicks: count })) };
    }
  }
}

function numbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state % below;
  };
}

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 100_000);

it(
  `heals a harmed ledger, missed days and doubled runs to the tables of an untouched history (seed ${seed})`,
  {
    timeout: 300_000,
  },
  async () => {
    const random = numbers(seed);
    await using untouched = await embeddedFixture();
    await using harmed = await embeddedFixture({ lockWaitMs: 120_000 });
    const platform = new Platform();
    const source = platform.source();
    const run = (fixture: ClickHouseFixture, day: string, options: Partial<PipelineOptions> = {}) =>
      runPipeline({
        name: 'p',
        source,
        destination: fixture.destination,
        now: () => new Date(`${day}T17:00:00Z`),
        ...options,
      });
    const isGood = ({ status }: PipelineReport): boolean => status === 'ok';

    for (let index = 0; index < 7; index += 1) {
      const day = addDays(FIRST_DAY, index);
      for (const account of ACCOUNTS) {
        for (let ago = 1; ago <= LOOKBACK_DAYS + 1; ago += 1) {
          const clicks = Array.from({ length: random(4) }, () => random(100));
          platform.restate(account, addDays(day, -ago), clicks);
        }
      }
      expect(isGood(await run(untouched, day, { acceptShrink: true }))).toBe(true);
      // For three days no cron comes by.
      if (index >= 2 && index < 5) continue;
      await forget(harmed, () => random(3) === 0);
      const copies = index === 1 ? 2 : 1;
      const reports = await Promise.all(Array.from({ length: copies }, () => run(harmed, day, { acceptShrink: true })));
      expect(reports.every(isGood)).toBe(true);
    }

    const rows = (fixture: ClickHouseFixture) =>
      fixture.query(
        `SELECT account_id, toString(day) AS day, ad_id, toString(clicks) AS clicks FROM ${fixture.options.database}.shop___report ORDER BY ALL`,
      );
    const truth = await rows(untouched);
    expect(truth.length).toBeGreaterThan(0);
    expect(await rows(harmed)).toEqual(truth);

    // Of what is settled nothing is asked for again; of what is not, all is as it was and nothing is written.
    platform.calls = [];
    const last = addDays(FIRST_DAY, 6);
    const again = await run(harmed, last);
    const unsettled = `${addDays(last, -LOOKBACK_DAYS)}…${addDays(last, -1)}`;
    expect(platform.calls.toSorted()).toEqual(ACCOUNTS.map((account) => `${account} ${unsettled}`));
    const slices = ACCOUNTS.length * LOOKBACK_DAYS;
    expect(again.streams).toMatchObject([{ slicesPublished: slices, slicesUnchanged: slices, rows: 0 }]);
  },
);

/** Loses entries of the ledger, as a restored backup or a hand in the table would. */
async function forget(fixture: ClickHouseFixture, isLost: () => boolean): Promise<void> {
  const { database } = fixture.options;
  const query = <TRow>(sql: string) => fixture.query<TRow>(sql);
  const table = `${database}._etl_slices`;
  const [known] = await query(`SELECT 1 FROM system.tables WHERE database = '${database}' AND name = '_etl_slices'`);
  if (known === undefined) return;
  const slices = await query<{ slice: string }>(`SELECT DISTINCT slice FROM ${table} ORDER BY slice`);
  const lost = slices.map(({ slice }) => slice).filter(isLost);
  if (lost.length === 0) return;
  const kept = `${database}.kept`;
  await query(`CREATE TABLE ${kept} AS ${table}`);
  await query(`INSERT INTO ${kept} SELECT * FROM ${table} WHERE slice NOT IN ('${lost.join("', '")}')`);
  await query(`TRUNCATE TABLE ${table}`);
  await query(`INSERT INTO ${table} SELECT * FROM ${kept}`);
  await query(`DROP TABLE ${kept} SYNC`);
}
