import { expect, it } from 'vitest';
import { httpFixture } from './clickhouse-fixture.ts';
import { buryHolders, contents, EXPECTED, HISTORY, leftovers, runToEnd } from './history.ts';

const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);
const every = process.env['ETL_CRASH_ALL'] === undefined ? 9 : 1;

/** Stops a run at a statement, lets another one take over and finish, then wakes the first. */
async function stopAndWake(at: number): Promise<'slept' | 'finished'> {
  let count = -Infinity;
  let wake = (): void => undefined;
  let slept = (): void => undefined;
  const asleep = new Promise<void>((resolve) => (slept = resolve));
  const woken = new Promise<undefined>((resolve) => (wake = () => resolve(undefined)));
  // However long it slept, the sleeper has time left to wait for the pipeline.
  const fixture = await httpFixture({ lockWaitMs: 600_000 }, () => {
    count += 1;
    if (count !== at) return undefined;
    slept();
    return woken;
  });
  try {
    await runToEnd(fixture.destination, 1);
    const sleeper = fixture.create();
    await sleeper.check();
    count = 0;
    const sleeping = runToEnd(sleeper, 2).then(
      () => 'finished' as const,
      (error: { code?: string }) => error.code ?? 'unknown',
    );
    const first = await Promise.race([asleep.then(() => 'slept' as const), sleeping.then(() => 'finished' as const)]);
    count = -Infinity;
    await buryHolders(fixture);
    await runToEnd(fixture.create(), HISTORY.length);
    expect(await contents(fixture)).toEqual(EXPECTED);
    wake();
    const end = await sleeping;
    expect(['finished', 'PIPELINE_TAKEN_OVER']).toContain(end);
    expect(await contents(fixture)).toEqual(EXPECTED);
    await runToEnd(fixture.create());
    expect(await contents(fixture)).toEqual(EXPECTED);
    expect(await leftovers(fixture)).toEqual([]);
    return first;
  } finally {
    wake();
    await fixture[Symbol.asyncDispose]();
  }
}

it(
  'a run that is woken after it was taken over does no harm, wherever it was stopped',
  { timeout: 900_000 },
  async () => {
    for (let at = 1 + (every === 1 ? 0 : seed % every); ; at += every) {
      const outcome = await stopAndWake(at).catch((error: unknown) => {
        throw new Error(`stopped at statement ${at}`, { cause: error });
      });
      if (outcome === 'finished') return;
    }
  },
);
