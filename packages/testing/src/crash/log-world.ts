import type { Row, Source, SourceMessage, StreamSpec } from '@etl/core';
import { MemoryLog, type LogChange } from '../log/memory-log.ts';
import { memoryLogSource } from '../log/memory-log-source.ts';
import type { CrashStep } from './crash-step.ts';
import type { CrashWorld } from './crash-world.ts';

const ITEMS: StreamSpec = {
  name: 'items',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'value', type: 'int32', nullable: true },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: '_version',
  deletedColumn: '_deleted',
};
const TABLES = ['items', 'lines'] as const;

/**
 * A database with a log that forgets what was acknowledged: whoever acknowledges what is not durable
 * has lost it.
 */
export class LogWorld implements CrashWorld {
  readonly log = new MemoryLog([ITEMS, { ...ITEMS, name: 'lines' }]);
  readonly streams = this.log.specs;
  #minutes = 0;

  readonly now = (): Date => {
    this.#minutes += 1;
    return new Date(Date.UTC(2026, 10, 10, 0, this.#minutes));
  };

  apply({ changes, isTruncated, events }: CrashStep): void {
    if (isTruncated) this.log.transact([{ type: 'truncate', table: 'items' }]);
    // Transactions of up to three changes; events are transactions of their own, over both tables.
    for (let start = 0; start < changes.length; start += 3) {
      this.log.transact(
        changes.slice(start, start + 3).map(({ table, id, value }): LogChange => {
          const name = TABLES[table] ?? 'items';
          if (value === null) return { type: 'delete', table: name, key: { id } };
          return { type: 'update', table: name, row: { id, value } };
        }),
      );
    }
    for (let count = 0; count < events; count += 1) {
      const row = { id: 100 + count, value: this.log.end };
      this.log.transact(TABLES.map((table) => ({ type: 'insert', table, row })));
    }
  }

  heal(): void {}

  truth(stream: string): readonly Row[] {
    return this.log.rows(stream);
  }

  takeNeedlessReads(): number {
    return 0;
  }

  createSource(): Source {
    const source = memoryLogSource(this.log, { pageRows: 2 });
    const held = (): void => {
      const slot = this.log.slots.get('etl');
      if (slot !== undefined) slot.reader = undefined;
    };
    return {
      ...source,
      async *read(request): AsyncGenerator<SourceMessage> {
        // The reader of a life that ended without a word is gone, too.
        held();
        yield* source.read(request);
      },
    };
  }
}
