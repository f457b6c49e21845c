import { hostname } from 'node:os';
import { readFileSync, readlinkSync } from 'node:fs';
import type { Destination, DestinationSession, Row, StreamSpec } from '@etl/core';
import type { ClickHouseFixture } from './clickhouse-fixture.ts';

const columns: StreamSpec['columns'] = [
  { name: 'id', type: 'int64', nullable: false },
  { name: 'status', type: 'string', nullable: true },
];
const UPSERTED: StreamSpec = { name: 'upserted', columns, primaryKey: ['id'], writeDisposition: 'merge' };
const CHANGED: StreamSpec = { ...UPSERTED, name: 'changed', versionColumn: '_version', deletedColumn: '_deleted' };
const APPENDED: StreamSpec = { ...UPSERTED, name: 'appended', primaryKey: [], writeDisposition: 'append' };

interface Step {
  readonly upserted: readonly Row[];
  readonly changed: readonly Row[];
  readonly truncates: boolean;
  readonly appended: readonly Row[];
}

/** A small history of a source: what every load brings, the truncation of a table among it. */
export const HISTORY: readonly Step[] = [
  {
    upserted: [
      { id: 1, status: 'a' },
      { id: 2, status: 'a' },
    ],
    changed: [
      { id: 1, status: 'a', _version: 1n },
      { id: 2, status: 'a', _version: 2n },
    ],
    truncates: true,
    appended: [{ id: 1, status: 'x' }],
  },
  {
    upserted: [{ id: 2, status: 'b' }],
    changed: [
      { id: 1, _version: 3n, _deleted: true },
      { id: 3, status: 'c', _version: 4n },
    ],
    truncates: false,
    appended: [{ id: 1, status: 'x' }],
  },
  {
    upserted: [{ id: 3, status: 'c' }],
    changed: [{ id: 9, status: 'z', _version: 5n }],
    truncates: true,
    appended: [],
  },
];

/** What the tables must hold after the whole history. */
export const EXPECTED = {
  upserted: ['1:a', '2:b', '3:c'],
  changed: ['9:z'],
  appended: ['1:x', '1:x'],
};

/** Loads what the stored position says is still missing, up to `target` steps. */
export async function catchUp(session: DestinationSession, target: number): Promise<void> {
  for (;;) {
    const done = Number((await session.readState()).find(({ stream }) => stream === '')?.value ?? 0);
    const step = HISTORY[done];
    if (step === undefined || done >= target) return;
    const load = await session.beginLoad();
    for (const spec of [UPSERTED, CHANGED, APPENDED]) await load.prepare(spec);
    if (step.truncates) await load.truncate('changed');
    await load.write('upserted', step.upserted);
    await load.write('changed', step.changed);
    await load.write('appended', step.appended);
    await load.commit([{ stream: '', partition: 'position', value: done + 1 }]);
  }
}

/** A run that ends as it should: catches up and lets the pipeline go. */
export async function runToEnd(destination: Destination, target = HISTORY.length): Promise<void> {
  await using session = await destination.open('p');
  await catchUp(session, target);
}

export async function contents(fixture: ClickHouseFixture): Promise<Record<keyof typeof EXPECTED, readonly string[]>> {
  const read = async (stream: string): Promise<readonly string[]> =>
    (await fixture.readRows(stream)).map((row) => `${String(row['id'])}:${String(row['status'])}`).sort();
  return { upserted: await read('upserted'), changed: await read('changed'), appended: await read('appended') };
}

/** Tables of loads that nobody will ever finish. */
export async function leftovers(fixture: ClickHouseFixture): Promise<readonly string[]> {
  const { database } = fixture.options;
  const tables = await fixture.query<{ name: string }>(
    `SELECT name FROM system.tables WHERE database = '${database}' AND match(name, '^_etl_(manifest|prepared|published|staging|lock)_')`,
  );
  return tables.map(({ name }) => name);
}

/** Makes every lock look as if its process had died on this machine. */
export async function buryHolders(fixture: ClickHouseFixture): Promise<void> {
  const { database } = fixture.options;
  const locks = (await leftovers(fixture)).filter((name) => name.startsWith('_etl_lock_'));
  const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  const dead = {
    instance: 'dead',
    host: hostname(),
    pid: 2 ** 22 - 3,
    namespace: `${boot} ${readlinkSync('/proc/self/ns/pid')}`,
    since: 'before',
  };
  for (const lock of locks) {
    await fixture.query(`ALTER TABLE \`${database}\`.\`${lock}\` MODIFY COMMENT '${JSON.stringify(dead)}'`);
  }
}
