import type { Destination, Row, StreamSpec } from '@etl/core';
import type { ChdbFault } from '@etl/testing';
import { describe, expect, it } from 'vitest';
import { openClickHouse } from '../src/index.ts';
import { embeddedFixture, httpFixture, type ClickHouseFixture } from './clickhouse-fixture.ts';
import { buryHolders, leftovers } from './history.ts';

function specOf(
  columns: Readonly<Record<string, 'int32' | 'int64' | 'string'>>,
  more: Partial<StreamSpec> = {},
): StreamSpec {
  return {
    name: 't',
    columns: Object.entries(columns).map(([name, type]) => ({ name, type, nullable: name !== 'id' })),
    primaryKey: ['id'],
    writeDisposition: 'merge',
    ...more,
  };
}

const PLAIN = specOf({ id: 'int64' });

interface LoadOptions {
  readonly pipeline?: string;
  readonly truncates?: boolean;
}

async function load(
  destination: Destination,
  spec: StreamSpec,
  rows: readonly Row[],
  options: LoadOptions = {},
): Promise<void> {
  await using session = await destination.open(options.pipeline ?? 'p');
  await using open = await session.beginLoad();
  await open.prepare(spec);
  if (options.truncates === true) await open.truncate('t');
  await open.write('t', rows);
  await open.commit([]);
}

async function opened(destination: Destination): Promise<void> {
  await using session = await destination.open('p');
  expect(session.pipeline).toBe('p');
}

function read(fixture: ClickHouseFixture): Promise<readonly Record<string, unknown>[]> {
  return fixture.query(
    `SELECT * EXCEPT (_etl_load_id) FROM ${fixture.options.database}.shop___t ORDER BY id SETTINGS output_format_json_quote_64bit_integers = 0`,
  );
}

/** Holds the first statement that matches, until it is let go. */
class Gate {
  readonly #pattern: RegExp;
  #isArmed = false;
  #arrive = (): void => undefined;
  #open = (): void => undefined;
  readonly arrived = new Promise<void>((resolve) => (this.#arrive = resolve));
  readonly #opened = new Promise<void>((resolve) => (this.#open = resolve));

  constructor(pattern: RegExp) {
    this.#pattern = pattern;
  }

  arm(): void {
    this.#isArmed = true;
  }

  open(): void {
    this.#open();
  }

  async pass(query: string): Promise<void> {
    if (!this.#isArmed || !this.#pattern.test(query)) return;
    this.#isArmed = false;
    this.#arrive();
    await this.#opened;
  }
}

/** How a promise ended: `ok`, or the code of its error. */
function outcome(work: Promise<unknown>): Promise<string> {
  return work.then(
    () => 'ok',
    (error: { readonly code?: string }) => error.code ?? 'unknown',
  );
}

describe('a reader of the embedded engine', () => {
  it.each([
    ['before its rows are attached', /ATTACH PARTITION/],
    ['before it is called published', /RENAME TABLE .*_etl_prepared_/],
    ['before it is cleaned up', /DROP TABLE .*_etl_published_/],
  ])('takes no committed load away from a run of the same process, %s', async (_, pattern) => {
    const gate = new Gate(pattern);
    await using engine = await embeddedFixture();
    await using fixture = await httpFixture({}, async (query) => {
      await gate.pass(query);
      return undefined;
    });
    await load(fixture.destination, PLAIN, [{ id: 1 }]);
    gate.arm();
    const live = outcome(load(fixture.destination, PLAIN, [{ id: 2 }]));
    await gate.arrived;
    const { database } = fixture.options;
    const reader = await openClickHouse({ path: engine.options.path ?? '', database });
    await reader[Symbol.asyncDispose]();
    gate.open();
    expect(await live).toBe('ok');
    expect(await read(fixture)).toEqual([{ id: 1 }, { id: 2 }]);
    expect(await leftovers(fixture)).toEqual([]);
  });

  it('completes the committed load of a run that died', async () => {
    const gate = new Gate(/ATTACH PARTITION/);
    let isDead = false;
    await using engine = await embeddedFixture();
    await using fixture = await httpFixture({}, async (query) => {
      await gate.pass(query);
      return isDead ? 'refuse' : undefined;
    });
    gate.arm();
    const dying = outcome(load(fixture.create(), PLAIN, [{ id: 1 }]));
    await gate.arrived;
    isDead = true;
    gate.open();
    expect(await dying).not.toBe('ok');
    isDead = false;
    await buryHolders(fixture);
    const { database } = fixture.options;
    const reader = await openClickHouse({ path: engine.options.path ?? '', database });
    await reader[Symbol.asyncDispose]();
    expect(await read(fixture)).toEqual([{ id: 1 }]);
    expect(await leftovers(fixture)).toEqual([]);
  });
});

describe('a load', () => {
  it('counts when its commit was carried out, although every answer was lost and the server went away', async () => {
    let refusals = 0;
    await using fixture = await httpFixture({}, (query): ChdbFault | undefined => {
      if (/^RENAME TABLE .*_etl_manifest_/.test(query)) {
        refusals = 4;
        return 'lose-answer';
      }
      refusals -= 1;
      return refusals >= 0 ? 'refuse' : undefined;
    });
    expect(await outcome(load(fixture.destination, PLAIN, [{ id: 1 }]))).not.toBe('ok');
    await buryHolders(fixture);
    await opened(fixture.create());
    expect(await read(fixture)).toEqual([{ id: 1 }]);
    expect(await leftovers(fixture)).toEqual([]);
  });

  it('is left alone by a run that wakes up in the middle of its own recovery', async () => {
    const sweep = new Gate(/^SELECT name, engine.*startsWith\(name, '_etl_staging_/s);
    const attach = new Gate(/ATTACH PARTITION ALL/);
    await using fixture = await httpFixture({}, async (query) => {
      await sweep.pass(query);
      await attach.pass(query);
      return undefined;
    });
    await load(fixture.destination, PLAIN, [{ id: 1 }]);
    sweep.arm();
    const sleeper = outcome(opened(fixture.create()));
    await sweep.arrived;
    await buryHolders(fixture);
    attach.arm();
    const live = outcome(load(fixture.create(), PLAIN, [{ id: 2 }]));
    await attach.arrived;
    sweep.open();
    await sleeper;
    attach.open();
    expect(await live).toBe('ok');
    expect(await read(fixture)).toEqual([{ id: 1 }, { id: 2 }]);
  });

  it('is not undone by an older replacement that wakes up, even one without rows', async () => {
    const create = new Gate(/^CREATE TABLE .*_raw_shop___t_g/);
    await using fixture = await httpFixture({}, async (query) => {
      await create.pass(query);
      return undefined;
    });
    await load(fixture.destination, PLAIN, [{ id: 1 }]);
    create.arm();
    const sleeper = outcome(load(fixture.create(), PLAIN, [], { truncates: true }));
    await create.arrived;
    await buryHolders(fixture);
    await load(fixture.create(), PLAIN, [{ id: 5 }], { truncates: true });
    create.open();
    expect(await sleeper).toBe('PIPELINE_TAKEN_OVER');
    expect(await read(fixture)).toEqual([{ id: 5 }]);
  });
});

describe('two pipelines in one table', () => {
  it('may add one column with two types at the same moment', async () => {
    const add = new Gate(/ADD COLUMN.*`y`/);
    await using fixture = await httpFixture({}, async (query) => {
      await add.pass(query);
      return undefined;
    });
    await load(fixture.destination, PLAIN, [{ id: 1 }], { pipeline: 'p0' });
    add.arm();
    const one = outcome(
      load(fixture.create(), specOf({ id: 'int64', y: 'int64' }), [{ id: 2, y: 2 }], { pipeline: 'p1' }),
    );
    await add.arrived;
    const two = outcome(
      load(fixture.create(), specOf({ id: 'int64', y: 'string' }), [{ id: 3, y: 'three' }], { pipeline: 'p2' }),
    );
    add.open();
    expect(await Promise.all([one, two])).toEqual(['ok', 'ok']);
    expect(await read(fixture)).toEqual([
      { id: 1, y: null },
      { id: 2, y: '2' },
      { id: 3, y: 'three' },
    ]);
  });

  it('may publish while the other adds a column', async () => {
    const attach = new Gate(/ATTACH PARTITION ALL/);
    await using fixture = await httpFixture({}, async (query) => {
      await attach.pass(query);
      return undefined;
    });
    await load(fixture.destination, PLAIN, [{ id: 1 }], { pipeline: 'p0' });
    attach.arm();
    const one = outcome(load(fixture.create(), PLAIN, [{ id: 2 }], { pipeline: 'p1' }));
    await attach.arrived;
    await load(fixture.create(), specOf({ id: 'int64', z: 'int64' }), [{ id: 3, z: 3 }], { pipeline: 'p2' });
    attach.open();
    expect(await one).toBe('ok');
    expect((await read(fixture)).map(({ z }) => z)).toEqual([null, null, 3]);
  });

  it('may widen a column while the other publishes, however the server merges what is staged', async () => {
    const [first, second] = [new Gate(/ATTACH PARTITION ALL/), new Gate(/ATTACH PARTITION ALL/)];
    let gate = first;
    await using fixture = await httpFixture({}, async (query) => {
      await gate.pass(query);
      return undefined;
    });
    const narrow = specOf({ id: 'int64', x: 'int64' });
    await load(fixture.destination, narrow, [{ id: 1, x: 1 }], { pipeline: 'p0' });
    first.arm();
    const rows = [
      { id: 2, x: 2 },
      { id: 3, x: 3 },
    ];
    const one = outcome(load(fixture.create({ chunkRows: 1 }), narrow, rows, { pipeline: 'p1' }));
    await first.arrived;
    await load(fixture.create(), specOf({ id: 'int64', x: 'string' }), [{ id: 4, x: 'four' }], { pipeline: 'p2' });
    // Its columns are no longer those of the table: it is refused, brought up to date, and sent again.
    gate = second;
    second.arm();
    first.open();
    await second.arrived;
    const { database } = fixture.options;
    const [staging] = await fixture.query<{ name: string }>(
      `SELECT name FROM system.tables WHERE database = '${database}' AND startsWith(name, '_etl_staging_')`,
    );
    await fixture.query(`OPTIMIZE TABLE ${database}.${staging?.name} FINAL`);
    second.open();
    expect(await one).toBe('ok');
    expect((await read(fixture)).map(({ x }) => x)).toEqual(['1', '2', '3', 'four']);
  });

  it('may not be there when one of them replaces the table', async () => {
    await using fixture = await embeddedFixture();
    await load(fixture.destination, PLAIN, [{ id: 1 }], { pipeline: 'p1' });
    await load(fixture.destination, PLAIN, [{ id: 2 }], { pipeline: 'p2' });
    expect(await outcome(load(fixture.destination, PLAIN, [], { pipeline: 'p1', truncates: true }))).toBe(
      'SCOPE_OWNED',
    );
    expect(await read(fixture)).toHaveLength(2);
  });
});

it('writes nothing of a slice over what the run says of it that took the pipeline over', async () => {
  const claim = new Gate(/^RENAME TABLE .*_etl_number_/);
  await using fixture = await httpFixture({}, async (query) => {
    await claim.pass(query);
    return undefined;
  });
  const entry = { stream: 't', slice: 'a', rows: 0, readAt: '2026-11-01T00:00:00.000Z', attempts: 1 } as const;
  await using session = await fixture.destination.open('p');
  claim.arm();
  const late = outcome(session.writeLedger([{ ...entry, status: 'failed' }]));
  await claim.arrived;
  const successor = fixture.create();
  await successor.unlock?.('p', { force: true });
  await using next = await successor.open('p');
  await next.writeLedger([{ ...entry, status: 'good' }]);
  claim.open();
  expect(await late).toBe('PIPELINE_TAKEN_OVER');
  expect(await next.readLedger('t')).toMatchObject([{ status: 'good' }]);
});

it('never shows a widened column without its new values', async () => {
  let seen: readonly Record<string, unknown>[] | undefined;
  const made: { fixture?: ClickHouseFixture } = {};
  await using fixture = await httpFixture({}, async (query) => {
    if (made.fixture !== undefined && seen === undefined && /^ALTER TABLE .*ATTACH/.test(query))
      seen = await read(made.fixture);
    return undefined;
  });
  await load(fixture.destination, specOf({ id: 'int64', x: 'int64' }), [{ id: 1, x: 1 }]);
  made.fixture = fixture;
  await load(fixture.destination, specOf({ id: 'int64', x: 'string' }), [
    { id: 1, x: 'one' },
    { id: 2, x: 'two' },
  ]);
  expect(seen).toEqual([{ id: 1, x: '1' }]);
  expect(await read(fixture)).toEqual([
    { id: 1, x: 'one' },
    { id: 2, x: 'two' },
  ]);
});

it('takes a schema that comes again after the table was replaced in the same load', async () => {
  await using fixture = await embeddedFixture();
  await load(fixture.destination, specOf({ id: 'int64', x: 'int64' }), [{ id: 1, x: 1 }]);
  const changed = specOf({ id: 'int64', x: 'string' });
  {
    await using session = await fixture.destination.open('p');
    await using open = await session.beginLoad();
    await open.prepare(changed);
    await open.truncate('t');
    await open.write('t', [{ id: 1, x: 'one' }]);
    await open.prepare(changed);
    await open.write('t', [{ id: 2, x: 'two' }]);
    await open.commit([]);
  }
  expect(await read(fixture)).toEqual([
    { id: 1, x: 'one' },
    { id: 2, x: 'two' },
  ]);
});

it('refuses a row that lies outside the scope of its slice', async () => {
  await using fixture = await embeddedFixture();
  const scoped = specOf(
    { id: 'int64', account: 'string' },
    { primaryKey: ['account', 'id'], scope: { keys: ['account'] }, writeDisposition: 'replace' },
  );
  const spec: StreamSpec = { ...scoped, columns: scoped.columns.map((column) => ({ ...column, nullable: false })) };
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(spec);
  await open.write('t', [
    { id: 1, account: 'a' },
    { id: 2, account: 'b' },
  ]);
  const entry = {
    stream: 't',
    slice: 'a',
    status: 'good',
    rows: 2,
    readAt: new Date(0).toISOString(),
    attempts: 1,
  } as const;
  await open.publish('t', { key: 'a', scope: { equals: { account: 'a' } } }, entry);
  await expect(open.commit([])).rejects.toMatchObject({ code: 'SLICE_ROW_OUTSIDE_SCOPE', kind: 'data' });
});

it('looks up long keys and keys of bytes', async () => {
  await using fixture = await embeddedFixture();
  const spec: StreamSpec = {
    ...PLAIN,
    columns: [
      { name: 'id', type: 'binary', nullable: false },
      { name: 'rate', type: 'array', nullable: false, items: { type: 'float64', nullable: true } },
    ],
  };
  const keys = Array.from({ length: 1500 }, (_, index) => ({
    id: new Uint8Array([255, index % 256, index >> 8, ...Array<number>(150).fill(7)]),
  }));
  await using session = await fixture.destination.open('p');
  await using open = await session.beginLoad();
  await open.prepare(spec);
  await open.write(
    't',
    keys.map((row) => ({ ...row, rate: [1.5, 'NaN', '-Infinity'] })),
  );
  const found = await open.lookup('t', [...keys, { id: new Uint8Array([1]) }], ['rate']);
  expect(found.filter((row) => row !== undefined)).toHaveLength(1500);
  expect(found[0]).toEqual({ rate: [1.5, 'NaN', '-Infinity'] });
});
