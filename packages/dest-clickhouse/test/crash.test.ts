import type { ChdbFault } from '@etl/testing';
import { expect, it } from 'vitest';
import { httpFixture } from './clickhouse-fixture.ts';
import { buryHolders, contents, EXPECTED, HISTORY, leftovers, runToEnd } from './history.ts';

/** Every statement of a run when `ETL_CRASH_ALL` is set, otherwise as many as fit into a test run. */
const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);
const samples = process.env['ETL_CRASH_ALL'] === undefined ? 10 : Number.POSITIVE_INFINITY;

/** Runs until the process "dies" at a statement: that one gets the fault, later ones are refused. */
async function crash(at: number, fault: ChdbFault): Promise<'died' | 'finished'> {
  let count = -Infinity;
  const fixture = await httpFixture({}, () => {
    count += 1;
    if (count < at) return undefined;
    return count === at ? fault : 'refuse';
  });
  try {
    await runToEnd(fixture.destination, 1);
    const dying = fixture.create();
    await dying.check();
    count = 0;
    const outcome = await runToEnd(dying).then(
      () => 'finished' as const,
      () => 'died' as const,
    );
    count = -Infinity;
    await buryHolders(fixture);
    await runToEnd(fixture.create());
    expect(await contents(fixture)).toEqual(EXPECTED);
    expect(await leftovers(fixture)).toEqual([]);
    return outcome;
  } finally {
    await fixture[Symbol.asyncDispose]();
  }
}

it(`ends with the same tables wherever a run dies (seed ${seed})`, { timeout: 900_000 }, async () => {
  const statements = await countStatements();
  const chosen = sample(statements, samples);
  for (const at of chosen) {
    for (const fault of ['refuse', 'lose-answer'] as const) {
      await expect(crash(at, fault), `statement ${at} of ${statements}, ${fault}, seed ${seed}`).resolves.toBeTruthy();
    }
  }
});

async function countStatements(): Promise<number> {
  const fixture = await httpFixture();
  try {
    await runToEnd(fixture.destination, 1);
    const before = fixture.queries.length;
    await runToEnd(fixture.create(), HISTORY.length);
    return fixture.queries.length - before;
  } finally {
    await fixture[Symbol.asyncDispose]();
  }
}

/** A seeded choice of `count` of the numbers below `below`. */
function sample(below: number, count: number): readonly number[] {
  const all = Array.from({ length: below }, (_, index) => index + 1);
  let state = seed;
  const chosen: number[] = [];
  while (chosen.length < count && all.length > 0) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    chosen.push(...all.splice(state % all.length, 1));
  }
  return chosen;
}
