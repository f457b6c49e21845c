import {
  MemoryLog,
  memoryLogSource,
  type LogChange,
  type ReplicationFixture,
  type UpstreamChange,
} from '../../src/index.ts';
import type { Row, Source, StreamSpec } from '@etl/core';

export const CANARY = 'canary-77c1d0';

const ITEMS: StreamSpec = {
  name: 'items',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'note', type: 'string', nullable: true },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: '_version',
  deletedColumn: '_deleted',
};
const HARD: readonly Row[] = [
  { whole: '9007199254740993', part: '0.10', text: '', bytes: new Uint8Array([0, 255]) },
  { whole: '-9223372036854775808', part: '-12.50', text: 'a\tb\n\\N', bytes: new Uint8Array() },
  { whole: null, part: null, text: null, bytes: null },
];
const VALUES: StreamSpec = {
  ...ITEMS,
  name: 'values',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'whole', type: 'int64', nullable: true },
    { name: 'part', type: 'decimal', precision: 18, scale: 2, nullable: true },
    { name: 'text', type: 'string', nullable: true },
    { name: 'bytes', type: 'binary', nullable: true },
  ],
};

/** A mistake: what it makes of the source, and of what the log keeps. */
export interface LogBug {
  readonly source?: (source: Source, log: MemoryLog) => Source;
  /** The log as the source sees it. */
  readonly log?: (log: MemoryLog) => MemoryLog;
  readonly changes?: (changes: readonly LogChange[]) => readonly LogChange[];
}

export async function logFixture(bug: LogBug = {}): Promise<ReplicationFixture> {
  const log = new MemoryLog([ITEMS, { ...ITEMS, name: 'lines' }, VALUES]);
  const slot = (): ReturnType<typeof log.slots.get> => log.slots.get('etl');
  return {
    createSource() {
      const source = memoryLogSource(bug.log?.(log) ?? log);
      return bug.source?.(source, log) ?? source;
    },
    async transact(changes) {
      const made = changes.flatMap((change) => logChanges(log, change));
      log.transact(bug.changes?.(made) ?? made);
    },
    confirmed: async () => String(slot()?.confirmed),
    connections: async () => (slot()?.reader === undefined ? 0 : 1),
    values: {
      stream: 'values',
      rows: HARD.length,
      async write(first) {
        log.transact(
          HARD.map((row, index) => ({ type: 'insert', table: 'values', row: { id: first + index, ...row } })),
        );
      },
    },
    async loseHistory() {
      log.slots.delete('etl');
    },
    secrets: [CANARY],
    async [Symbol.asyncDispose]() {},
  };
}

function logChanges(log: MemoryLog, change: UpstreamChange): readonly LogChange[] {
  const { table } = change;
  switch (change.type) {
    case 'truncate':
      return [{ type: 'truncate', table }];
    case 'delete':
      return [{ type: 'delete', table, key: { id: change.id } }];
    case 'rekey': {
      const note = log.row(table, { id: change.id })?.['note'];
      return [
        { type: 'delete', table, key: { id: change.id } },
        { type: 'insert', table, row: { id: change.newId, note } },
      ];
    }
    case 'insert':
    case 'update':
      return [{ type: change.type, table, row: { id: change.id, note: change.note } }];
  }
}
