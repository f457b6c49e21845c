import type { DestinationSession, StreamSpec } from '@etl/core';
import { textBatchOf } from '@etl/testing';
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

const STREAM: StreamSpec = {
  name: 'orders',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'version', type: 'uint64', nullable: false },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: 'version',
};

it.each(['rows', 'text'])('a load of %s that is stopped leaves no table behind, wherever that is', async (form) => {
  let count = 0;
  let at = 0;
  let stop = new AbortController();
  await using fixture = await httpFixture({}, () => {
    count += 1;
    if (count === at) stop.abort(new Error('stopped'));
    return undefined;
  });
  const left = (): Promise<readonly unknown[]> =>
    fixture.query(
      `SELECT name FROM system.tables WHERE database = '${fixture.options.database}' AND match(name, '^_etl_(staging|manifest)_')`,
    );
  const rows = [{ id: 1, version: 1n }];
  const load = async (session: DestinationSession): Promise<void> => {
    await using opened = await session.beginLoad({ signal: stop.signal });
    await opened.prepare(STREAM);
    if (form === 'text') await opened.writeText?.('orders', textBatchOf(STREAM, rows));
    else await opened.write('orders', rows);
    await opened.commit([]);
  };
  const destination = fixture.create();
  for (let statement = 1; ; statement += 1) {
    stop = new AbortController();
    await using session = await destination.open('p');
    [count, at] = [0, statement];
    const outcome = await load(session).then(
      () => 'committed',
      (error: unknown) => String(error),
    );
    const isOver = count < statement;
    at = 0;
    expect(await left(), `stopped at statement ${statement}: ${outcome}`).toEqual([]);
    if (isOver) break;
    // From the commit point on a load is completed, whoever stops it.
    expect(['Error: stopped', 'committed']).toContain(outcome);
  }
  expect(count).toBeGreaterThan(10);
});
