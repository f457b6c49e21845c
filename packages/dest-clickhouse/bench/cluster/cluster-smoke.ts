import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import type { ClickHouseOptions } from '../../src/index.ts';
import { clickhouse, openClickHouse } from '../../src/index.ts';
import { resolveOptions } from '../../src/clickhouse-destination.ts';
import { pause } from '../../src/connection.ts';
import { claimLoadNumber } from '../../src/load-number.ts';
import { openConnection } from '../../src/open-connection.ts';
import { openDatabase } from '../../src/open-database.ts';
import { ChildProgram } from '../child-program.ts';
import { DAYS, rowsOf, writeRound } from './smoke-stream.ts';

export interface SmokeOptions {
  /** Addresses of the replicas, with user and password; one and the same twice for a load balancer. */
  readonly urls: readonly string[];
  readonly engine?: ClickHouseOptions['engine'];
  /** Numbers that are claimed at every address at once. */
  readonly claims: number;
  /** Loads of every account. */
  readonly rounds: number;
  /** Longest wait for a replica to show what another has loaded. */
  readonly settleMs: number;
  readonly onStep?: (step: string) => void;
}

export interface SmokeReport {
  readonly flavour: string;
  readonly replicas: number;
  readonly numbersClaimed: number;
  readonly loads: number;
  readonly killed: number;
  readonly rolledForward: number;
  /** What was not as it has to be; empty when all is well. */
  readonly wrong: readonly string[];
}

const DYING_LOAD = fileURLToPath(new URL('dying-load.ts', import.meta.url));

/**
 * Whether loads through different replicas exclude each other and add up. Works in a database of its
 * own, which it drops in the end.
 */
export async function clusterSmoke(options: SmokeOptions): Promise<SmokeReport> {
  const name = `etl_smoke_${randomBytes(4).toString('hex')}`;
  const at = (index: number): ClickHouseOptions => ({
    url: options.urls[index % options.urls.length] ?? '',
    database: name,
    dataset: 'smoke',
    ...(options.engine === undefined ? {} : { engine: options.engine }),
  });
  const step = options.onStep ?? (() => undefined);
  const wrong: string[] = [];
  const flavour = await create(at(0));
  try {
    step(`claiming ${options.claims} numbers at each of ${options.urls.length} addresses`);
    const claimed = (await Promise.all(options.urls.map((_, index) => claim(at(index), options.claims)))).flat();
    if (new Set(claimed).size !== claimed.length) wrong.push('a load number was claimed twice');

    const accounts = options.urls.map((_, index) => `account_${index}`);
    for (let round = 0; round < options.rounds; round += 1) {
      step(`round ${round}: every account through another replica, all at once`);
      await Promise.all(accounts.map((account, index) => loadOnce(at(index + round), account, round)));
      wrong.push(...(await differences(options, at, accounts, round)));
    }

    let rolledForward = 0;
    const deaths = [
      { before: '_etl_prepared_', isPrepared: false },
      { before: 'ATTACH PARTITION', isPrepared: true },
    ];
    for (const [index, { before, isPrepared }] of deaths.entries()) {
      step(`killing a load before ${before}, and completing it through another replica`);
      const [account = ''] = accounts;
      const round = options.rounds + index;
      await die(at(index), account, round, before);
      const completed = await reopen(at(index + 1), account);
      rolledForward += completed;
      if (completed !== (isPrepared ? 1 : 0))
        wrong.push(`${completed} loads were completed after a kill before ${before}`);
      const expected = isPrepared ? round : options.rounds - 1;
      wrong.push(...(await differences(options, at, [account], expected)));
    }
    return {
      flavour,
      replicas: options.urls.length,
      numbersClaimed: claimed.length,
      loads: accounts.length * options.rounds,
      killed: deaths.length,
      rolledForward,
      wrong,
    };
  } finally {
    step('cleaning up');
    await drop(at(0), flavour);
  }
}

async function create(options: ClickHouseOptions): Promise<string> {
  const resolved = resolveOptions(options);
  const connection = await openConnection(resolved);
  try {
    return (await openDatabase(connection, resolved, {})).flavour.name;
  } finally {
    await connection.close();
  }
}

async function drop(options: ClickHouseOptions, flavour: string): Promise<void> {
  const connection = await openConnection(resolveOptions(options));
  try {
    const cluster = flavour === 'replicated' ? " ON CLUSTER '{cluster}'" : '';
    await connection.command(`DROP DATABASE IF EXISTS ${options.database}${cluster} SYNC`);
  } finally {
    await connection.close();
  }
}

async function claim(options: ClickHouseOptions, count: number): Promise<readonly bigint[]> {
  const resolved = resolveOptions(options);
  const connection = await openConnection(resolved);
  try {
    const database = await openDatabase(connection, resolved, {});
    const numbers: bigint[] = [];
    while (numbers.length < count) numbers.push(await claimLoadNumber(database));
    return numbers;
  } finally {
    await connection.close();
  }
}

async function loadOnce(options: ClickHouseOptions, account: string, round: number): Promise<void> {
  const destination = clickhouse(options);
  try {
    const session = await destination.open(account);
    try {
      const load = await session.beginLoad();
      await writeRound(load, account, round);
      await load.commit([]);
    } finally {
      await session[Symbol.asyncDispose]();
    }
  } finally {
    await destination[Symbol.asyncDispose]();
  }
}

async function die(options: ClickHouseOptions, account: string, round: number, before: string): Promise<void> {
  const args = ['--options', JSON.stringify(options), '--account', account, '--round', String(round)];
  const child = new ChildProgram(DYING_LOAD, [...args, '--before', before], () => undefined);
  const { code, errors } = await child.ended;
  if (code !== null) throw new Error(`the load that was to be killed ended with ${code}: ${errors}`);
}

/** Opens a pipeline as its next run does; how many loads that completed. */
async function reopen(options: ClickHouseOptions, account: string): Promise<number> {
  const destination = clickhouse(options);
  try {
    const session = await destination.open(account);
    await session[Symbol.asyncDispose]();
    return session.rolledForward.length;
  } finally {
    await destination[Symbol.asyncDispose]();
  }
}

/** What the accounts' rows are not, on any replica, once it has had time to catch up. */
async function differences(
  options: SmokeOptions,
  at: (index: number) => ClickHouseOptions,
  accounts: readonly string[],
  round: number,
): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [index, url] of options.urls.entries()) {
    for (const account of accounts) {
      const expected = DAYS.flatMap((day) => rowsOf(account, day, round)).map(
        ({ day, ad, clicks }) => `${String(day)} ${String(ad)} ${String(clicks)}`,
      );
      const deadline = performance.now() + options.settleMs;
      for (;;) {
        const actual = await read(at(index), account);
        if (JSON.stringify(actual) === JSON.stringify(expected.toSorted())) break;
        if (performance.now() >= deadline) {
          wrong.push(
            `${new URL(url).host}: ${account} has ${actual.length} rows in round ${round}, not ${expected.length} as loaded`,
          );
          break;
        }
        await pause(200);
      }
    }
  }
  return wrong;
}

async function read(options: ClickHouseOptions, account: string): Promise<readonly string[]> {
  const reader = await openClickHouse(options);
  try {
    let text = '';
    const sql = `SELECT concat(toString(day), ' ', toString(ad), ' ', toString(clicks)) AS row FROM ${options.database}.smoke___spend WHERE account = '${account}' ORDER BY row`;
    for await (const chunk of reader.query(sql, { format: 'TSV' })) text += Buffer.from(chunk).toString('utf8');
    return text.split('\n').filter(Boolean).toSorted();
  } finally {
    await reader[Symbol.asyncDispose]();
  }
}
