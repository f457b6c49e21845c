import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runPipeline, type PipelineReport } from '@etl/core';
import { openClickHouse } from '@etl/dest-clickhouse';
import { withDestination } from '../clickhouse-destination.ts';
import type { Sandbox } from '@etl/sandbox';
import type { Command, CommandContext } from '../command-context.ts';
import { compareClaims, compareTables, type Comparison } from '../demo/compare-tables.ts';
import { comparisonTable } from '../demo/comparison-table.ts';
import { holdDemo } from '../demo/demo-lock.ts';
import { LoadProgress } from '../demo/load-progress.ts';
import { esimDemo, facebookDemo, startPlatforms, type DemoPlatform } from '../demo/platform-sandbox.ts';
import { runSteps, startShopDatabase, type ShopDatabase } from '../demo/shop-database.ts';
import { SHOP_CHANGES } from '../demo/shop-changes.ts';
import { SHOP_ROWS } from '../demo/shop-rows.ts';
import { SHOP_SCHEMA } from '../demo/shop-schema.ts';
import { Steps } from '../demo/steps.ts';
import { StreamSeconds } from '../demo/stream-seconds.ts';
import { dataDirectory, demoDestination, type ResolvedDestination } from '../destinations.ts';
import { EXIT_OK, exitCodeOfKind, exitCodeOfReport } from '../exit-code.ts';
import { pipelineName } from '../pipeline-name.ts';
import { withSource } from '../platform.ts';
import { count, duration, number } from '../quantity.ts';
import { loadPlatform } from '../registry.ts';
import { runSummary } from '../reporters/run-summary.ts';

const GROUP = 'shop';
/** All accounts at once: they mostly wait for their reports. */
const CONCURRENCY = 8;

/**
 * `etl demo`: a real PostgreSQL, and Facebook and eSIM from the sandbox, into a real ClickHouse; changed in
 * between, compared at the end.
 */
export function runDemo(): Command {
  return async (context) => {
    const startedAt = performance.now();
    const destination = demoDestination(context.env);
    const steps = new Steps(context.terminal, context.signal);
    const lock = holdDemo(join(dataDirectory(context.env), 'demo.lock'));
    let shop: ShopDatabase | undefined;
    let sandbox: Sandbox | undefined;
    try {
      if ('path' in destination.address) await rm(destination.address.path, { recursive: true, force: true });
      context.terminal.say(
        `A travel shop in PostgreSQL 18, its ads on Facebook, its eSIM sales → ClickHouse: ${destination.label}\n`,
      );
      shop = await steps.step('start PostgreSQL 18', () => startShopDatabase(context.signal));
      context.redactor.add(shop.password);
      sandbox = await startPlatforms();
      return await loadAndCompare(context, steps, { shop, sandbox, destination, startedAt });
    } finally {
      await sandbox?.[Symbol.asyncDispose]();
      await shop?.close();
      lock.release();
    }
  };
}

interface Scene {
  readonly shop: ShopDatabase;
  readonly sandbox: Sandbox;
  readonly destination: ResolvedDestination;
  readonly startedAt: number;
}

async function loadAndCompare(context: CommandContext, steps: Steps, scene: Scene): Promise<number> {
  const { terminal } = context;
  const { shop, sandbox, destination, startedAt } = scene;
  await steps.step('make a travel shop', async (say) => {
    await shop.client.query(SHOP_SCHEMA);
    await runSteps(shop, SHOP_ROWS, say);
    say(await shopSize(shop));
  });
  const seconds = new StreamSeconds();
  const snapshot = await steps.step('replicate it into ClickHouse', (say) =>
    replicate(context, shop, destination, seconds, say),
  );
  if (snapshot.status !== 'ok') return failed(context, snapshot);
  await steps.step('change the shop', async (say) => {
    await runSteps(shop, SHOP_CHANGES, say);
    say(`${SHOP_CHANGES.length} kinds of change`);
  });
  const changes = await steps.step('replicate the changes', (say) =>
    replicate(context, shop, destination, seconds, say),
  );
  if (changes.status !== 'ok') return failed(context, changes);
  const platforms = [await facebookDemo(sandbox), await esimDemo(sandbox)];
  for (const demo of platforms) for (const secret of demo.group.secrets) context.redactor.add(secret);
  for (const title of ['load', 'a day later,'] as const) {
    const reports = await steps.together(
      platforms.map((demo) =>
        steps.step(`${title} ${demo.platform} ${demo.group.name}`, (say) =>
          loadPlatformGroup(context, demo, { destination, sandbox, seconds, say }),
        ),
      ),
    );
    const bad = reports.find(({ status }) => status !== 'ok');
    if (bad !== undefined) return failed(context, bad);
    // Conversions come late, orders change, ads begin and end.
    if (title === 'load') sandbox.control.advance({ days: 1 });
  }
  const comparisons = await steps.step('compare every row of both sides', (say) =>
    compare(context, scene, platforms, say),
  );
  terminal.say();
  for (const line of comparisonTable(comparisons, (table) => seconds.of(table))) terminal.result(line);
  return conclude(context, comparisons, { snapshot, changes, startedAt });
}

/** `etl run` of one platform of the sandbox, whose time is the run's. */
async function loadPlatformGroup(
  { env, signal, logger }: CommandContext,
  { platform, group, size }: DemoPlatform,
  {
    destination,
    sandbox,
    seconds,
    say,
  }: Pick<Scene, 'destination' | 'sandbox'> & {
    readonly seconds: StreamSeconds;
    readonly say: (detail: string) => void;
  },
): Promise<PipelineReport> {
  const { dataset } = group.target;
  const progress = new LoadProgress();
  const ofStream = seconds.prefixed(dataset);
  const report = await withSource(group, (source) =>
    withDestination(destination, dataset, env, (target) =>
      runPipeline({
        name: pipelineName(platform, group.name, {}),
        source,
        destination: target,
        now: () => new Date(sandbox.control.now()),
        concurrency: CONCURRENCY,
        signal,
        logger,
        onEvent(event) {
          ofStream(event);
          progress.apply(event);
          say(progress.text);
        },
      }),
    ),
  );
  say(`${count(report.rows, 'row')} · ${count(report.streams.length, 'stream')} · ${size}`);
  return report;
}

async function replicate(
  { env, signal, logger }: CommandContext,
  shop: ShopDatabase,
  destination: ResolvedDestination,
  seconds: StreamSeconds,
  say: (detail: string) => void,
): Promise<PipelineReport> {
  const platform = await loadPlatform('pg');
  const group = platform.open(GROUP, {
    connection_string: shop.connectionString,
    schemas: ['public', 'loyalty'],
  });
  let rows = 0;
  const ofStream = seconds.prefixed(GROUP);
  const report = await withSource(group, (source) =>
    withDestination(destination, group.target.dataset, env, (target) =>
      runPipeline({
        name: pipelineName('pg', GROUP, {}),
        source,
        destination: target,
        signal,
        logger,
        onEvent(event) {
          ofStream(event);
          if (event.type !== 'batch-written') return;
          rows += event.rows;
          say(`${count(rows, 'row')} · ${event.stream}`);
        },
      }),
    ),
  );
  say(`${count(report.rows, 'row')} · ${count(report.streams.length, 'stream')}`);
  return report;
}

async function compare(
  { signal }: CommandContext,
  { shop, destination: { address } }: Scene,
  platforms: readonly DemoPlatform[],
  say: (detail: string) => void,
): Promise<readonly Comparison[]> {
  const reader = await openClickHouse(address, { signal });
  const { database } = address;
  try {
    const tables = await compareTables(shop.client, reader, {
      database,
      dataset: GROUP,
      exceptSchemas: ['world'],
      signal,
      onTable: say,
    });
    const claims = platforms.flatMap((demo) => demo.claims);
    const others = await compareClaims(claims, reader, { database, signal, onTable: say });
    say(count(tables.length + others.length, 'table'));
    return [...tables, ...others];
  } finally {
    await reader[Symbol.asyncDispose]();
  }
}

function failed({ terminal }: CommandContext, report: PipelineReport): number {
  const heading = { subject: 'demo', pipeline: report.pipeline, destination: 'demo', target: '' };
  for (const line of runSummary(terminal, heading, report)) terminal.say(line);
  return exitCodeOfReport(report);
}

function conclude(
  { terminal }: CommandContext,
  comparisons: readonly Comparison[],
  run: { readonly snapshot: PipelineReport; readonly changes: PipelineReport; readonly startedAt: number },
): number {
  const different = comparisons.filter(({ isEqual }) => !isEqual);
  const rows = comparisons.reduce((sum, { source }) => sum + source.rows, 0);
  const times = `snapshot ${duration(run.snapshot.durationMs)} · changes ${duration(run.changes.durationMs)} · in all ${duration(performance.now() - run.startedAt)}`;
  if (different.length > 0 || comparisons.length === 0) {
    terminal.result(
      `\n${number(different.length)} of ${count(comparisons.length, 'table')} differ: ${different.map(({ table }) => table).join(', ')} · ${times}`,
    );
    return exitCodeOfKind('internal');
  }
  terminal.result(`\n${count(comparisons.length, 'table')} equal · ${count(rows, 'row')} · ${times}\n`);
  for (const line of nextCommands()) terminal.result(line);
  return EXIT_OK;
}

function nextCommands(): readonly string[] {
  const sql = 'npm run --silent etl -- sql --destination demo';
  return [
    `Look around:   ${sql} "SELECT status, count(), sum(total) FROM travel.shop___orders GROUP BY status"`,
    `               ${sql} "SELECT date_start, account_currency, sum(spend), sum(actions_omni_purchase) FROM travel.fb___insights GROUP BY 1, 2 ORDER BY 1 DESC LIMIT 8"`,
    `               ${sql} "SHOW TABLES FROM travel"`,
    'Next:          docs/getting-started.md: your own PostgreSQL and ClickHouse',
  ];
}

async function shopSize({ client }: ShopDatabase): Promise<string> {
  await client.query('ANALYZE');
  const { rows } = await client.query<{ tables: string; rows: string }>(
    `SELECT count(*) AS tables, sum(reltuples)::bigint AS rows FROM pg_class
     WHERE relkind = 'r' AND relnamespace IN ('public'::regnamespace, 'loyalty'::regnamespace)`,
  );
  const [size] = rows;
  return `${count(Number(size?.tables ?? 0), 'table')}, ${count(Number(size?.rows ?? 0), 'row')}`;
}
