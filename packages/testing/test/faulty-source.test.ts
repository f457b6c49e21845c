import type { Row, SourceMessage, StreamSpec } from '@etl/core';
import { expect, it } from 'vitest';
import { faultySource, MemoryLog, memoryLogSource, type SourceFaultPlan } from '../src/index.ts';

const SPEC: StreamSpec = {
  name: 'items',
  columns: [{ name: 'id', type: 'int64', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: '_version',
  deletedColumn: '_deleted',
};
const error = new Error('planned');

function logOf(...ids: readonly number[]): MemoryLog {
  const log = new MemoryLog([SPEC]);
  log.transact(ids.map((id) => ({ type: 'insert', table: 'items', row: { id } })));
  return log;
}

/** The messages that came, and what ended them. */
async function read(log: MemoryLog, plan: SourceFaultPlan) {
  const source = faultySource(memoryLogSource(log), plan);
  const types: SourceMessage['type'][] = [];
  const rows: Row[] = [];
  let thrown: unknown;
  try {
    for await (const message of source.read()) {
      types.push(message.type);
      if (message.type === 'records') rows.push(...message.rows);
    }
  } catch (caught) {
    thrown = caught;
  }
  return { source, types, rows, thrown };
}

it('loses the message at which it fails, before it is read or after', async () => {
  for (const when of ['before', 'after'] as const) {
    const { types, thrown } = await read(logOf(1), (call, count) =>
      call === 'message' && count === 3 ? { when, error } : undefined,
    );
    expect(types).toEqual(['schema', 'truncate']);
    expect(thrown).toBe(error);
  }
});

it('carries an acknowledgement out that nobody is told of, and none that never arrives', async () => {
  for (const when of ['before', 'after'] as const) {
    const log = logOf(1);
    const { source } = await read(log, (call) => (call === 'acknowledge' ? { when, error } : undefined));
    log.transact([{ type: 'delete', table: 'items', key: { id: 1 } }]);
    const checkpoint = { entries: [{ stream: '', partition: 'etl', value: 2 }] };
    await expect(source.acknowledge?.(checkpoint)).rejects.toBe(error);
    expect(log.slots.get('etl')?.confirmed).toBe(when === 'after' ? 2 : 1);
  }
});

it('is dead after a death, and lets the upstream go', async () => {
  const log = logOf(1);
  const { source } = await read(log, (_call, count) =>
    count === 2 ? { when: 'before', error, isDeath: true } : undefined,
  );
  await expect(source.check()).rejects.toBe(error);
  expect(log.slots.get('etl')?.reader).toBeUndefined();
});

it('changes nothing where nothing is planned', async () => {
  const { rows, types, thrown } = await read(logOf(1, 2), () => undefined);
  expect(thrown).toBeUndefined();
  expect(rows.map(({ id }) => id)).toEqual([1, 2]);
  expect(types.at(-1)).toBe('checkpoint');
});
