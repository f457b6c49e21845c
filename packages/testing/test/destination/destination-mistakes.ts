import type { LedgerEntry, Row, StreamSpec } from '@etl/core';
import { rowsOfBinary, rowsOfText, type MemoryStore } from '../../src/index.ts';
import type { Mistake } from './mistaken.ts';

export const writing = (change: (rows: readonly Row[], stream: string) => readonly Row[]): Mistake => ({
  load: (load) => ({ write: (stream, rows) => load.write(stream, change(rows, stream)) }),
});
export const mapping = (change: (row: Row) => Row): Mistake => writing((rows) => rows.map(change));
export const preparing = (change: (spec: StreamSpec) => StreamSpec): Mistake => ({
  load: (load) => ({ prepare: (spec) => load.prepare(change(spec)) }),
});

export function mapValues(row: Row, change: (value: unknown) => unknown): Row {
  return Object.fromEntries(Object.entries(row).map(([name, value]) => [name, change(value)]));
}

export function keepingStaged(): Mistake {
  return {
    load: (load) => {
      const staged: (readonly [string, readonly Row[]])[] = [];
      return {
        async write(stream, rows) {
          staged.push([stream, rows]);
          await load.write(stream, rows);
        },
        async truncate(stream) {
          await load.truncate(stream);
          for (const [of, rows] of staged) if (of === stream) await load.write(stream, rows);
        },
      };
    },
  };
}

export function publishingOne(): Mistake {
  return {
    load: (load) => {
      let count = 0;
      return {
        async publish(stream, slice, entry) {
          count += 1;
          if (count === 1) await load.publish(stream, slice, entry);
        },
      };
    },
  };
}

/** Tells something else of slices that were published before; `known` is what would be told. */
export function restating(tell: (known: number | undefined, rows: number) => number | undefined): Mistake {
  return {
    load: (load) => {
      const published: LedgerEntry[] = [];
      return {
        async publish(stream, slice, entry, previous) {
          await load.publish(stream, slice, entry, previous);
          if (previous !== undefined) published.push(entry);
        },
        async commit(state) {
          const { restated, ...summary } = await load.commit(state);
          const told = published.flatMap(({ stream, slice, rows: all }) => {
            const rows = tell(restated?.find((known) => known.slice === slice)?.rows, all + 1);
            return rows === undefined ? [] : [{ stream, slice, rows }];
          });
          return told.length === 0 ? summary : { ...summary, restated: told };
        },
      };
    },
  };
}

export function droppingColumns(store: MemoryStore): Mistake {
  return {
    load: (load) => ({
      async prepare(spec) {
        const names = new Set(spec.columns.map(({ name }) => name));
        for (const stored of store.tables.get(spec.name)?.values() ?? []) {
          const row = Object.fromEntries(Object.entries(stored.row).filter(([name]) => names.has(name)));
          Object.assign(stored, { row });
        }
        return load.prepare(spec);
      },
    }),
  };
}

export function textChanged(change: (text: string) => string): Mistake {
  return {
    load: (load) => ({
      writeText: (stream, batch) =>
        load.writeText(stream, { ...batch, bytes: Buffer.from(change(Buffer.from(batch.bytes).toString('utf8'))) }),
    }),
  };
}

export function textAsRows(change: (row: Row) => Row): Mistake {
  return {
    load: (load, specs) => ({
      async writeText(stream, batch) {
        const spec = specs.get(stream);
        if (spec === undefined) return;
        await load.write(stream, rowsOfText(spec, batch).map(change));
      },
    }),
  };
}

export function late(write: 'writeText' | 'writeBinary'): Mistake {
  return {
    load: (load) => {
      const held: (() => Promise<void>)[] = [];
      return {
        async [write](...given: [stream: string, batch: never]) {
          held.push(() => load[write](...given));
        },
        async commit(state) {
          for (const each of held) await each();
          return load.commit(state);
        },
      };
    },
  };
}

export function writingBack(store: MemoryStore): Mistake {
  return {
    load: (load) => {
      const before = new Map(store.tables);
      return {
        async commit(state) {
          for (const [name, table] of before) store.tables.set(name, table);
          return load.commit(state);
        },
      };
    },
  };
}

export function emptyingFirst(store: MemoryStore): Mistake {
  return {
    load: (load) => ({
      async commit(state) {
        store.tables.set('report', new Map());
        for (let turn = 0; turn < 3; turn += 1) await new Promise(setImmediate);
        return load.commit(state);
      },
    }),
  };
}

export function binaryAsRows(change: (row: Row) => Row): Mistake {
  return {
    load: (load, specs) => ({
      async writeBinary(stream, batch) {
        const spec = specs.get(stream);
        if (spec !== undefined) await load.write(stream, rowsOfBinary(spec, batch).map(change));
      },
    }),
  };
}
