import { expect, it } from 'vitest';
import { httpFixture } from './clickhouse-fixture.ts';

it('a run that is stopped while it takes its pipeline leaves no lock behind, wherever that is', async () => {
  let count = 0;
  let at = 0;
  let stop = new AbortController();
  await using fixture = await httpFixture({}, () => {
    count += 1;
    if (count === at) stop.abort(new Error('stopped'));
    return undefined;
  });
  const locks = (): Promise<readonly unknown[]> =>
    fixture.query(
      `SELECT name FROM system.tables WHERE database = '${fixture.options.database}' AND startsWith(name, '_etl_lock_')`,
    );
  const destination = fixture.create();
  const first = await destination.open('p');
  await first[Symbol.asyncDispose]();
  for (let statement = 1; ; statement += 1) {
    stop = new AbortController();
    [count, at] = [0, statement];
    const outcome = await destination.open('p', { signal: stop.signal }).then(
      (session) => session,
      (error: unknown) => String(error),
    );
    const isOver = count < statement;
    at = 0;
    if (typeof outcome !== 'string') await outcome[Symbol.asyncDispose]();
    expect(await locks(), `stopped at statement ${statement}`).toEqual([]);
    if (isOver) break;
  }
  expect(count).toBeGreaterThan(10);
});
