import { setTimeout as delay } from 'node:timers/promises';
import { openClickHouse, type ClickHouseOptions, type ClickHouseReader } from '@etl/dest-clickhouse';
import type { Client } from 'pg';
import { compareTables } from '../src/demo/compare-tables.ts';
import { startEtl, type EtlOutcome } from '../test/etl-process.ts';
import type { Random } from './random.ts';

export interface KillTrialOptions {
  /** How many times a run is killed, once or twice in a row, before one is left alone. */
  readonly trials: number;
  readonly random: Random;
  /** Where the command runs and what it is configured with. */
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  readonly client: Client;
  readonly destination: ClickHouseOptions & { readonly database: string };
  readonly dataset: string;
  /** Schemas that the group does not replicate. */
  readonly exceptSchemas?: readonly string[];
  /** Changes the database, so that the next run has something to do. */
  readonly change: (client: Client, trial: number) => Promise<void>;
  readonly say?: (line: string) => void;
}

export interface KillTrialsResult {
  readonly trials: number;
  /** Runs that had ended before the kill came. */
  readonly late: number;
  /** What was wrong after a run that came after a kill; empty when all is well. */
  readonly problems: readonly string[];
}

// Before this the process has not even looked at its arguments.
const START_MS = 150;
const FIRST_SPAN_MS = 1500;

/**
 * `kill -9` at random moments of `etl run pg shop`, each followed by a run that is left alone; then
 * both sides must hold the same, no key twice, and no mutation may ever have been made.
 */
export async function runKillTrials(options: KillTrialOptions): Promise<KillTrialsResult> {
  const say = options.say ?? (() => undefined);
  const problems: string[] = [];
  let late = 0;
  // The first kills fall into the first copy of everything; what they find says how long later ones have.
  let spanMs = FIRST_SPAN_MS;
  for (let trial = 0; trial < options.trials; trial += 1) {
    if (trial > 0) await options.change(options.client, trial);
    for (let left = 1 + options.random.below(2); left > 0; left -= 1) {
      const afterMs = START_MS + options.random.below(Math.ceil(spanMs));
      const { signal } = await killedRun(options, afterMs);
      if (signal !== 'SIGKILL') late += 1;
      say(`trial ${trial}: kill after ${afterMs} ms${signal === 'SIGKILL' ? '' : ' came too late'}`);
    }
    const startedAt = performance.now();
    const outcome = await startEtl(['run', 'pg', 'shop'], options).outcome;
    spanMs = Math.max(100, performance.now() - startedAt - START_MS);
    if (outcome.exitCode !== 0) {
      problems.push(`trial ${trial}: exit ${outcome.exitCode}\n${outcome.stderr}`);
      break;
    }
    const found = await findProblems(options);
    problems.push(...found.map((problem) => `trial ${trial}: ${problem}`));
    say(`trial ${trial}: ${found.length === 0 ? 'equal' : found.join('; ')}`);
    if (found.length > 0) break;
  }
  return { trials: options.trials, late, problems };
}

async function killedRun(options: KillTrialOptions, afterMs: number): Promise<EtlOutcome> {
  const { child, outcome } = startEtl(['run', 'pg', 'shop'], options);
  await Promise.race([delay(afterMs), outcome]);
  child.kill('SIGKILL');
  return outcome;
}

async function findProblems(options: KillTrialOptions): Promise<string[]> {
  const { client, destination, dataset, exceptSchemas = [] } = options;
  const reader = await openClickHouse(destination);
  try {
    const comparisons = await compareTables(client, reader, { database: destination.database, dataset, exceptSchemas });
    const problems = comparisons
      .filter(({ isEqual }) => !isEqual)
      .map(
        ({ table, postgres, clickHouse }) =>
          `${table}: ${postgres.rows} rows ≠ ${clickHouse.rows} rows, or other content`,
      );
    for (const { stream, table } of comparisons) {
      const key = await primaryKey(client, stream);
      const doubled = await readValue(
        reader,
        `SELECT count() FROM (SELECT ${key} FROM \`${destination.database}\`.\`${table}\` GROUP BY ${key} HAVING count() > 1)`,
      );
      if (doubled !== '0') problems.push(`${table}: ${doubled} keys twice`);
    }
    const mutations = await readValue(reader, 'SELECT count() FROM system.mutations');
    if (mutations !== '0') problems.push(`${mutations} mutations`);
    return problems;
  } finally {
    await reader[Symbol.asyncDispose]();
  }
}

async function primaryKey(client: Client, stream: string): Promise<string> {
  const { rows } = await client.query<{ columns: string }>(
    `SELECT string_agg('\`' || a.attname || '\`', ', ' ORDER BY a.attnum) AS columns
     FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)
     WHERE i.indisprimary AND i.indrelid = $1::regclass`,
    [stream.replace('__', '.')],
  );
  return rows[0]?.columns ?? '';
}

async function readValue(reader: ClickHouseReader, query: string): Promise<string> {
  let text = '';
  for await (const chunk of reader.query(query, { format: 'TSV' })) text += Buffer.from(chunk).toString('utf8');
  return text.trim();
}
