import { deepStrictEqual, equal, notEqual, ok } from 'node:assert/strict';
import { inspect } from 'node:util';
import type { Row, Source, SourceMessage, StreamSpec } from '@etl/core';
import { loggerInto } from '../logger-into.ts';
import { textOf } from '../source/read-slice.ts';
import { inserts, replicaCheck, type ReplicationCheck } from './replication-check.ts';
import type { ReplicationFixture } from './replication-fixture.ts';
import { readAll, TABLES, type Replica } from './replica.ts';

async function withSource<T>(fixture: ReplicationFixture, work: (source: Source) => Promise<T>): Promise<T> {
  const source = fixture.createSource();
  try {
    return await work(source);
  } finally {
    await source[Symbol.asyncDispose]();
  }
}

function requireOrder(messages: readonly SourceMessage[]): void {
  const specs = new Map<string, StreamSpec>();
  let isCovered = true;
  for (const message of messages) {
    if (message.type === 'schema') specs.set(message.stream.name, message.stream);
    if (message.type === 'records' || message.type === 'truncate') {
      ok(specs.has(message.stream), `${message.type} of ${message.stream} came before its schema`);
      isCovered = false;
    }
    ok(message.type !== 'text-records', 'rows came as text although nobody takes them');
    ok(message.type !== 'binary-records', 'rows came as bytes although nobody takes them');
    ok(message.type !== 'slice-completed', 'a log has no slices');
    if (message.type !== 'checkpoint') continue;
    isCovered = true;
    const { entries } = message.checkpoint;
    deepStrictEqual(JSON.parse(JSON.stringify(entries)), entries, 'a position does not survive as JSON');
  }
  equal(messages.at(-1)?.type, 'checkpoint', 'the last message is no checkpoint');
  ok(isCovered, 'rows came that no checkpoint covers');
}

/** Rows of the stream without its key and without what says where in the log they were. */
function valuesOf(replica: Replica, stream: string, ids: readonly number[]): readonly string[] {
  const spec = replica.store.specs.get(stream);
  ok(spec !== undefined, `there is no stream ${stream}`);
  const columns = spec.columns.map(({ name }) => name).filter((name) => name !== 'id');
  const rows = new Map<string, Row>(replica.store.rows(stream).map((row) => [String(row['id']), row]));
  return ids.map((id) => {
    const row = rows.get(String(id));
    ok(row !== undefined, `${stream}: the row ${id} is missing`);
    return textOf([row], columns)[0] ?? '';
  });
}

/** What a source says, and in which order. */
export const messageChecks: readonly ReplicationCheck[] = [
  {
    name: 'proves access',
    run: (fixture) => withSource(fixture, (source) => source.check()),
  },
  {
    name: 'discovers the same plain data twice, with keys and versions',
    run: (fixture) =>
      withSource(fixture, async (source) => {
        ok(source.plan === undefined, 'a log has no plan');
        const first = await source.discover();
        deepStrictEqual(JSON.parse(JSON.stringify(first)), first, 'a stream is no plain data');
        deepStrictEqual(await source.discover(), first);
        for (const table of TABLES) {
          const spec = first.find(({ name }) => name === table);
          ok(spec !== undefined, `there is no stream ${table}`);
          deepStrictEqual(spec.primaryKey, ['id']);
          equal(spec.writeDisposition, 'merge');
          notEqual(spec.versionColumn, undefined, 'a stream without versions cannot be read twice');
          notEqual(spec.deletedColumn, undefined, 'a stream without a deleted column keeps what was deleted');
        }
      }),
  },
  replicaCheck('says the schema before rows and a checkpoint after them, in JSON', async (replica) => {
    await replica.transact(...inserts('items', 1, 30, 'old'), ...inserts('lines', 1, 3, null));
    const copy = await withSource(replica.fixture, (source) => readAll(source, replica.position));
    requireOrder(copy.messages);
    await replica.runWell();
    await replica.transact({ type: 'update', table: 'items', id: 1, note: 'new' });
    await replica.transact({ type: 'truncate', table: 'lines' });
    const changes = await withSource(replica.fixture, (source) => readAll(source, replica.position));
    requireOrder(changes.messages);
    const idle = await withSource(replica.fixture, (source) =>
      readAll(source, { ...replica.position, state: changes.state }),
    );
    requireOrder(idle.messages);
  }),
  replicaCheck('gives values the same in a copy as in changes', async (replica) => {
    const { values } = replica.fixture;
    if (values === undefined) return;
    const ids = (first: number): readonly number[] => Array.from({ length: values.rows }, (_, index) => first + index);
    // Once as rows, and once as text, where the source gives text to those who take it.
    const asRows = { faults: () => undefined };
    await values.write(1);
    await replica.runWell(asRows);
    await values.write(1001);
    await replica.runWell(asRows);
    const copied = valuesOf(replica, values.stream, ids(1));
    deepStrictEqual(valuesOf(replica, values.stream, ids(1001)), copied);
    await replica.runWell({ fullRefresh: true });
    deepStrictEqual(valuesOf(replica, values.stream, ids(1001)), copied);
  }),
  replicaCheck('keeps secrets out of errors, logs, events and records', async (replica) => {
    const { secrets, loseHistory } = replica.fixture;
    ok(secrets.length > 0, 'the fixture has planted no secret');
    const heard: unknown[] = [];
    const listen = { logger: loggerInto(heard), onEvent: (event: unknown) => heard.push(event) };
    const run = async (): Promise<void> => {
      try {
        heard.push(await replica.run(listen));
      } catch (error) {
        heard.push(error);
      }
    };
    await replica.transact(...inserts('items', 1, 3, 'old'));
    await run();
    await replica.transact({ type: 'delete', table: 'items', id: 1 });
    await run();
    await loseHistory?.();
    await run();
    const { state, runs, memory } = replica.store;
    const options = { depth: 20, showHidden: true, maxStringLength: null, maxArrayLength: null };
    const text = inspect([heard, state, runs, memory], options);
    for (const secret of secrets) ok(!text.includes(secret), 'a secret shows up');
  }),
];
