// Nine groups of five accounts, thirty days, under the budgets of the sandbox: time (of the sandbox, nothing is
// waited for) and calls of this package against two ways of doing it one report a day.
//   node packages/source-facebook/bench/pacing.ts [--groups 9] [--accounts 5] [--days 30]
import process from 'node:process';
import { parseArgs } from 'node:util';
import { runPipeline } from '@etl/core';
import { startSandbox, type Sandbox } from '@etl/sandbox';
import { memoryDestination } from '@etl/testing';
import { facebook } from '../src/index.ts';

const { values } = parseArgs({
  options: {
    groups: { type: 'string', default: '9' },
    accounts: { type: 'string', default: '5' },
    days: { type: 'string', default: '30' },
  },
});
const [GROUPS, ACCOUNTS, DAYS] = [Number(values.groups), Number(values.accounts), Number(values.days)];
const FIELDS = 'account_id,ad_id,impressions,clicks,spend,reach,actions,action_values';
const ZONES = ['America/Los_Angeles', 'Europe/London', 'Asia/Dubai', 'Asia/Tokyo', 'Pacific/Auckland'];
/** Of an account in five minutes; a call for a report is three. Between the tiers: 60 in development, 9000 later. */
const POINTS = 300;

interface Outcome {
  readonly seconds: number;
  readonly calls: number;
  /** Answers that refuse because of a quota. */
  readonly throttled: number;
  /** Days of accounts that were read. */
  readonly loaded: number;
}

function start(): Promise<Sandbox> {
  return startSandbox({
    seed: 'pacing',
    platforms: ['facebook'],
    accounts: Array.from({ length: GROUPS * ACCOUNTS }, (_, index) => ({
      currency: 'USD',
      timeZone: ZONES[index % ZONES.length] ?? 'UTC',
    })),
    facebook: { budgets: { accountPointsPer5Minutes: POINTS }, reports: { hasQuirks: false } },
  });
}

function measured(
  sandbox: Sandbox,
  startedAt: number,
  loaded: number,
  calls: { count: number; throttled: number },
): Outcome {
  const seconds = (Date.parse(sandbox.control.now()) - startedAt) / 1000;
  return { seconds, calls: calls.count, throttled: calls.throttled, loaded };
}

/** Calls as the platform counts them: each part of a batch is one. */
function callsOf(sandbox: Sandbox, calls: { count: number; throttled: number }): void {
  const log = sandbox.control.requests().filter(({ parameters }) => parameters['batch'] === undefined);
  calls.count += log.length;
  calls.throttled += log.filter(({ status = 200 }) => status >= 400).length;
  sandbox.control.clearRequests();
}

async function ours(): Promise<Outcome> {
  await using sandbox = await start();
  const { control, world } = sandbox;
  const startedAt = Date.parse(control.now());
  const calls = { count: 0, throttled: 0 };
  let loaded = 0;
  // Several accounts wait at the same time, and each lets the time pass that it waits: no less than it would be.
  const clock = {
    now: () => Date.parse(control.now()),
    after(delayMs: number, callback: () => void) {
      if (delayMs > 120_000) return () => undefined;
      const timer = setImmediate(() => {
        control.advance({ seconds: delayMs / 1000 });
        callback();
      });
      return () => clearImmediate(timer);
    },
  };
  for (let group = 0; group < GROUPS; group += 1) {
    const accountIds = world.accounts.slice(group * ACCOUNTS, (group + 1) * ACCOUNTS).map(({ id }) => id);
    const token = sandbox.facebook.issueToken({ name: `group ${group}` });
    const source = facebook({
      token,
      accountIds,
      baseUrl: sandbox.facebook.baseUrl,
      clock,
      insights: { historyDays: DAYS - 1 },
    });
    const report = await runPipeline({
      name: `facebook_${group}`,
      source,
      destination: memoryDestination(),
      streams: ['insights'],
      now: () => new Date(control.now()),
    });
    loaded += report.streams.reduce((sum, stream) => sum + stream.slicesPublished, 0);
    if (report.failures.length > 0) process.stdout.write(`${report.failures[0]?.error.message}\n`);
    callsOf(sandbox, calls);
  }
  return measured(sandbox, startedAt, loaded, calls);
}

/** One report a day, one after the other, waited for in steps of ten seconds that double. */
async function daily({
  accountDelaySeconds,
  isPatient,
}: {
  accountDelaySeconds: number;
  isPatient: boolean;
}): Promise<Outcome> {
  await using sandbox = await start();
  const { control, world, facebook: platform } = sandbox;
  const startedAt = Date.parse(control.now());
  const calls = { count: 0, throttled: 0 };
  let loaded = 0;
  const ask = async (
    path: string,
    method = 'GET',
    parameters: Record<string, string> = {},
  ): Promise<Record<string, unknown>> => {
    const query = new URLSearchParams({ ...parameters, access_token: platform.token });
    const response = await fetch(`${platform.baseUrl}/v25.0/${path}?${query.toString()}`, { method });
    return (await response.json()) as Record<string, unknown>;
  };
  for (const { id } of world.accounts) {
    const today = Date.parse(world.today(id));
    for (let day = DAYS - 1; day >= 0; day -= 1) {
      const since = new Date(today - day * 86_400_000).toISOString().slice(0, 10);
      const submitted = await ask(`act_${id}/insights`, 'POST', {
        level: 'ad',
        time_increment: '1',
        fields: FIELDS,
        time_range: JSON.stringify({ since, until: since }),
      });
      const run = submitted['report_run_id'] as string | undefined;
      // Blocked: its account has lost this day, and whatever follows while it is.
      if (run === undefined) continue;
      let isDone = false;
      for (let waitSeconds = 10; !isDone && waitSeconds < 600; waitSeconds *= 2) {
        const polled = await ask(run, 'GET', { fields: 'async_status' });
        if (polled['error'] !== undefined) break;
        isDone = polled['async_status'] === 'Job Completed';
        if (!isDone && isPatient) control.advance({ seconds: waitSeconds });
      }
      if (isDone && (await ask(`${run}/insights`, 'GET', { limit: '500' }))['data'] !== undefined) loaded += 1;
    }
    control.advance({ seconds: accountDelaySeconds });
    callsOf(sandbox, calls);
  }
  return measured(sandbox, startedAt, loaded, calls);
}

const rows: readonly (readonly [string, Outcome])[] = [
  ['ours', await ours()],
  ['one report a day, 600 s between accounts', await daily({ accountDelaySeconds: 600, isPatient: true })],
  ['one report a day, no delays', await daily({ accountDelaySeconds: 0, isPatient: false })],
];
const own = rows[0]?.[1].seconds ?? 0;
process.stdout.write(
  `${GROUPS} groups × ${ACCOUNTS} accounts × ${DAYS} days, ${POINTS} points an account in five minutes\n`,
);
for (const [name, { seconds, calls, throttled, loaded }] of rows) {
  const ratio = seconds === 0 ? 'blocked' : `${(seconds / own).toFixed(1)} ×`;
  const days = `${loaded} of ${GROUPS * ACCOUNTS * DAYS} days`;
  process.stdout.write(
    `${name.padEnd(42)} ${String(Math.round(seconds)).padStart(7)} s  ${ratio.padStart(7)}  ${String(calls).padStart(6)} calls  ${String(throttled).padStart(4)} throttled  ${days}\n`,
  );
}
