import type { DestinationSession, StreamSpec } from '@etl/core';
import { textBatchOf } from '@etl/testing';
import { expect, it } from 'vitest';
import { httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';

/** A server that stops a run at one of the statements that it is sent. */
class StoppingServer implements AsyncDisposable {
  readonly fixture: ClickHouseFixture;
  readonly #statements: { count: number; last: number; stop: AbortController };

  private constructor(fixture: ClickHouseFixture, statements: { count: number; last: number; stop: AbortController }) {
    this.fixture = fixture;
    this.#statements = statements;
  }

  static async start(): Promise<StoppingServer> {
    const statements = { count: 0, last: 0, stop: new AbortController() };
    const fixture = await httpFixture({}, () => {
      statements.count += 1;
      if (statements.count === statements.last) statements.stop.abort(new Error('stopped'));
      return undefined;
    });
    return new StoppingServer(fixture, statements);
  }

  /** A signal that aborts at one of the statements from here on. */
  stopAt(statement: number): AbortSignal {
    const stop = new AbortController();
    Object.assign(this.#statements, { count: 0, last: statement, stop });
    return stop.signal;
  }

  /** How many statements there were; those that come now do not count. */
  counted(): number {
    this.#statements.last = 0;
    return this.#statements.count;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture[Symbol.asyncDispose]();
  }
}

it('a run that is stopped while it takes its pipeline leaves no lock behind, wherever that is', async () => {
  await using stopping = await StoppingServer.start();
  const { fixture } = stopping;
  const locks = (): Promise<readonly unknown[]> =>
    fixture.query(
      `SELECT name FROM system.tables WHERE database = '${fixture.options.database}' AND startsWith(name, '_etl_lock_')`,
    );
  const destination = fixture.create();
  const first = await destination.open('p');
  await first[Symbol.asyncDispose]();
  let isOver = false;
  for (let statement = 1; !isOver; statement += 1) {
    const outcome = await destination.open('p', { signal: stopping.stopAt(statement) }).then(
      (session) => session,
      (error: unknown) => String(error),
    );
    const count = stopping.counted();
    isOver = count < statement;
    if (typeof outcome !== 'string') await outcome[Symbol.asyncDispose]();
    expect(await locks(), `stopped at statement ${statement}`).toEqual([]);
    if (isOver) expect(count).toBeGreaterThan(10);
  }
});

const STREAM: StreamSpec = {
  name: 'orders',
  columns: [{ name: 'id', type: 'int64', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: 'version',
};

it.each(['rows', 'text'])('a load of %s that is stopped leaves no table behind, wherever that is', async (form) => {
  await using stopping = await StoppingServer.start();
  const { fixture } = stopping;
  const left = (): Promise<readonly unknown[]> =>
    fixture.query(
      `SELECT name FROM system.tables WHERE database = '${fixture.options.database}' AND match(name, '^_etl_(staging|manifest)_')`,
    );
  const rows = [{ id: 1, version: 1n }];
  const load = async (session: DestinationSession, signal: AbortSignal): Promise<void> => {
    await using opened = await session.beginLoad({ signal });
    await opened.prepare(STREAM);
    if (form === 'text') await opened.writeText?.('orders', textBatchOf(STREAM, rows));
    else await opened.write('orders', rows);
    await opened.commit([]);
  };
  const destination = fixture.create();
  let isOver = false;
  for (let statement = 1; !isOver; statement += 1) {
    await using session = await destination.open('p');
    const outcome = await load(session, stopping.stopAt(statement)).then(
      () => 'committed',
      (error: unknown) => String(error),
    );
    const count = stopping.counted();
    isOver = count < statement;
    expect(await left(), `stopped at statement ${statement}: ${outcome}`).toEqual([]);
    // From the commit point on a load is completed, whoever stops it.
    expect(['Error: stopped', 'committed']).toContain(outcome);
    if (isOver) expect(count).toBeGreaterThan(10);
  }
});
