import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { openClickHouse, type ClickHouseReader } from '@etl/dest-clickhouse';
import { startSandbox, type ExportDataset, type Sandbox } from '@etl/sandbox';
import { startEtl } from '../test/etl-process.ts';
import type { Random } from './random.ts';

export interface EsimKillOptions {
  /** How many times a run is killed, once or twice in a row, before one is left alone. */
  readonly trials: number;
  readonly random: Random;
  /** An empty directory. */
  readonly directory: string;
  readonly say?: (line: string) => void;
}

export interface EsimKillResult {
  readonly kills: number;
  /** Runs that had ended before the kill came. */
  readonly late: number;
  /** What was wrong after a run that came after a kill; empty when all is well. */
  readonly problems: readonly string[];
}

const DATASETS: readonly ExportDataset[] = ['users', 'user_merges', 'sessions', 'orders', 'order_line_items'];
const DATABASE = 'esim_db';
// Before this the process has not even looked at its arguments.
const START_MS = 150;
const FIRST_SPAN_MS = 1500;

/**
 * `kill -9` at random moments of `etl run esim e1`, each followed by a run that is left alone; then
 * every table must equal the world, and no mutation may ever have been made.
 */
export async function runEsimKillTrials(options: EsimKillOptions): Promise<EsimKillResult> {
  const { random, directory, say = () => undefined } = options;
  const sandbox = await startSandbox({ seed: `kill ${random.below(1_000_000)}`, platforms: ['esim'] });
  try {
    const { baseUrl, apiKey } = sandbox.esim;
    const group = {
      base_url: baseUrl,
      api_key: apiKey,
      hash_key: randomBytes(16).toString('base64url'),
      datasets: { users: { hash: ['email'], drop: ['first_name', 'ip_address'] } },
    };
    const dataDirectory = join(directory, 'data');
    const where = {
      cwd: directory,
      env: { ETL_GROUPS_ESIM: JSON.stringify({ e1: group }), ETL_DATA_DIR: dataDirectory },
    };
    const problems: string[] = [];
    let kills = 0;
    let late = 0;
    // The first kills fall into the first copy of everything; what they find says how long later ones have.
    let spanMs = FIRST_SPAN_MS;
    for (let trial = 0; trial < options.trials && problems.length === 0; trial += 1) {
      change(sandbox, trial);
      for (let left = 1 + random.below(2); left > 0; left -= 1) {
        const afterMs = START_MS + random.below(Math.ceil(spanMs));
        const { child, outcome } = startEtl(['run', 'esim', 'e1'], where);
        await Promise.race([delay(afterMs), outcome]);
        child.kill('SIGKILL');
        const isLate = (await outcome).signal !== 'SIGKILL';
        kills += 1;
        if (isLate) late += 1;
        say(`trial ${trial}: kill after ${afterMs} ms${isLate ? ' came too late' : ''}`);
      }
      const startedAt = performance.now();
      sandbox.control.clearRequests();
      const { exitCode, stderr } = await startEtl(['run', 'esim', 'e1'], where).outcome;
      spanMs = Math.max(100, performance.now() - startedAt - START_MS);
      if (exitCode === 0) problems.push(...(await findProblems(sandbox, join(dataDirectory, 'clickhouse'))));
      else problems.push(`exit ${exitCode}\n${stderr}`);
      say(`trial ${trial}: ${problems[0] ?? `equal, ${sandbox.control.requests().length} API calls`}`);
    }
    return { kills, late, problems };
  } finally {
    await sandbox[Symbol.asyncDispose]();
  }
}

/** Hours pass, many orders change at one moment, and now and then there is a new column. */
function change({ control }: Sandbox, trial: number): void {
  if (trial === 0) return;
  control.changeExport({ kind: 'touch', dataset: 'orders', count: 15 + trial });
  if (trial % 3 === 0)
    control.changeExport({ kind: 'add-column', dataset: 'orders', name: `extra_${trial}`, values: [trial, 0.5] });
  control.advance({ hours: 1 + (trial % 4) });
}

async function findProblems(sandbox: Sandbox, path: string): Promise<string[]> {
  const reader = await openClickHouse({ path, database: DATABASE });
  try {
    const problems: string[] = [];
    for (const dataset of DATASETS) {
      const hidden = dataset === 'users' ? ['email', 'first_name', 'ip_address'] : [];
      const world = sandbox.esim.rows(dataset);
      const columns = Object.keys(world[0] ?? {}).filter((name) => !hidden.includes(name));
      const texts = columns.map((name) => `toString(\`${name}\`)`).join(', ');
      const loaded = await readLines(reader, `SELECT ${texts} FROM ${DATABASE}.esim___${dataset}`);
      const expected = world.map((row) => JSON.stringify(columns.map((name) => textOf(row[name]))));
      if (JSON.stringify(loaded.toSorted()) === JSON.stringify(expected.toSorted())) continue;
      problems.push(`${dataset}: ${loaded.length} rows where the world has ${expected.length}, or other content`);
    }
    const [mutations = ''] = await readLines(reader, 'SELECT toString(count()) FROM system.mutations');
    if (mutations !== '["0"]') problems.push(`${mutations} mutations`);
    return problems;
  } finally {
    await reader[Symbol.asyncDispose]();
  }
}

function textOf(value: unknown): string | null {
  if (value === null || value === undefined) return null;
  const text = typeof value === 'string' ? value : typeof value === 'bigint' ? String(value) : JSON.stringify(value);
  return text.replace(/^(\d{4}-\d\d-\d\d)T(.*)\+00:00$/, '$1 $2');
}

async function readLines(reader: ClickHouseReader, query: string): Promise<readonly string[]> {
  let text = '';
  for await (const chunk of reader.query(query, { format: 'JSONCompactEachRow' }))
    text += Buffer.from(chunk).toString('utf8');
  return text
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.stringify(JSON.parse(line)));
}
