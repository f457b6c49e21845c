import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runPipeline, type PipelineReport } from '@etl/core';
import { openClickHouse } from '@etl/dest-clickhouse';
import { withDestination } from '../clickhouse-destination.ts';
import type { Command, CommandContext } from '../command-context.ts';
import { compareTables, type Comparison } from '../demo/compare-tables.ts';
import { comparisonTable } from '../demo/comparison-table.ts';
import { holdDemo } from '../demo/demo-lock.ts';
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

/** `etl demo`: a real PostgreSQL into a real ClickHouse, changed in between, compared at the end. */
export function runDemo(): Command {
  return async (context) => {
    const startedAt = performance.now();
    const destination = demoDestination(context.env);
    const steps = new Steps(context.terminal, context.signal);
    const lock = holdDemo(join(dataDirectory(context.env), 'demo.lock'));
    let shop: ShopDatabase | undefined;
    try {
      if ('path' in destination.address) await rm(destination.address.path, { recursive: true, force: true });
      context.terminal.say(`A travel shop in PostgreSQL 18 → ClickHouse: ${destination.label}\n`);
      shop = await steps.step('start PostgreSQL 18', () => startShopDatabase(context.signal));
      context.redactor.add(shop.password);
      return await replicateAndCompare(context, steps, shop, destination, startedAt);
    } finally {
      await shop?.close();
      lock.release();
    }
  };
}

async function replicateAndCompare(
  context: CommandContext,
  steps: Steps,
  shop: ShopDatabase,
  destination: ResolvedDestination,
  startedAt: number,
): Promise<number> {
  const { terminal } = context;
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
  const comparisons = await steps.step('compare every row of both sides', (say) =>
    compare(context, shop, destination, say),
  );
  terminal.say();
  for (const line of comparisonTable(comparisons, (stream) => seconds.of(stream))) terminal.result(line);
  return conclude(context, comparisons, { snapshot, changes, startedAt });
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
  seconds.begin();
  const report = await withSource(group, (source) =>
    withDestination(destination, group.target.dataset, env, (target) =>
      runPipeline({
        name: pipelineName('pg', GROUP, {}),
        source,
        destination: target,
        signal,
        logger,
        onEvent(event) {
          seconds.apply(event);
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
  shop: ShopDatabase,
  { address }: ResolvedDestination,
  say: (detail: string) => void,
): Promise<readonly Comparison[]> {
  const reader = await openClickHouse(address, { signal });
  try {
    const comparisons = await compareTables(shop.client, reader, {
      database: address.database,
      dataset: GROUP,
      exceptSchemas: ['world'],
      signal,
      onTable: say,
    });
    say(count(comparisons.length, 'stream'));
    return comparisons;
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
  const rows = comparisons.reduce((sum, { postgres }) => sum + postgres.rows, 0);
  const times = `snapshot ${duration(run.snapshot.durationMs)} · changes ${duration(run.changes.durationMs)} · in all ${duration(performance.now() - run.startedAt)}`;
  if (different.length > 0 || comparisons.length === 0) {
    terminal.result(
      `\n${number(different.length)} of ${count(comparisons.length, 'stream')} differ: ${different.map(({ table }) => table).join(', ')} · ${times}`,
    );
    return exitCodeOfKind('internal');
  }
  terminal.result(`\n${count(comparisons.length, 'stream')} equal · ${count(rows, 'row')} · ${times}\n`);
  for (const line of nextCommands()) terminal.result(line);
  return EXIT_OK;
}

function nextCommands(): readonly string[] {
  const sql = 'npm run --silent etl -- sql --destination demo';
  return [
    `Look around:   ${sql} "SELECT status, count(), sum(total) FROM travel.shop___orders GROUP BY status"`,
    `               ${sql} "SHOW TABLES FROM travel LIKE 'shop%'"`,
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
