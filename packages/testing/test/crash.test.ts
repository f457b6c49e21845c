import type { LoadPackage, Source } from '@etl/core';
import { describe, expect, it } from 'vitest';
import {
  describeCrashes,
  liveRandomHistories,
  memoryDestination,
  MemoryStore,
  suiteSeed,
  type CrashKind,
  type CrashWrappers,
  type DestinationFixture,
} from '../src/index.ts';
import { mistaken, type Mistake } from './destination/mistaken.ts';

async function memoryFixture(): Promise<DestinationFixture> {
  const store = new MemoryStore();
  return {
    destination: memoryDestination(store),
    restart: async () => memoryDestination(store),
    readRows: async (stream) => store.rows(stream),
    async [Symbol.asyncDispose]() {},
  };
}

const seed = suiteSeed();

describeCrashes(`a destination in memory (ETL_SEED=${seed})`, memoryFixture, { histories: 300, seed });

const loading = (load: (load: Required<LoadPackage>) => Partial<LoadPackage>): CrashWrappers => making({ load });
const making = (mistake: Mistake): CrashWrappers => ({ destination: (destination) => mistaken(destination, mistake) });

/** What engines and destinations get wrong. */
const MISTAKES: readonly (readonly [mistake: string, kind: CrashKind, CrashWrappers])[] = [
  [
    'publishes without removing what vanished',
    'reports',
    loading((load) => ({
      publish: (stream, { scope: _, ...slice }, entry) => load.publish(stream, slice, entry),
    })),
  ],
  [
    'says that it has committed what it has not',
    'reports',
    loading(() => ({ commit: async () => ({ loadId: 'never', rowsWritten: {}, durationMs: 0 }) })),
  ],
  [
    'loses the last row of a batch',
    'reports',
    loading((load) => ({ write: (stream, rows) => load.write(stream, rows.slice(0, -1)) })),
  ],
  [
    'records fewer rows than it loads',
    'reports',
    loading((load) => ({
      publish: (stream, slice, entry) => load.publish(stream, slice, { ...entry, rows: Math.max(entry.rows - 1, 0) }),
    })),
  ],
  ['forgets the cursor of a load', 'reports', loading((load) => ({ commit: () => load.commit([]) }))],
  [
    'stores the cursor before the rows',
    'reports',
    making({
      load: (load, _specs, session) => ({
        async commit(state) {
          await session.writeState(state);
          await new Promise(setImmediate);
          if (state.length > 0 && Math.random() < 0.5) throw new Error('killed between the two');
          return load.commit([]);
        },
      }),
    }),
  ],
  [
    'writes the ledger before the load counts',
    'reports',
    making({
      load: (load, _specs, session) => ({
        async publish(stream, slice, entry) {
          await session.writeLedger([entry]);
          await load.publish(stream, slice, entry);
        },
      }),
    }),
  ],
  [
    'says that it has committed what it has not',
    'log',
    loading(() => ({ commit: async () => ({ loadId: 'never', rowsWritten: {}, durationMs: 0 }) })),
  ],
  [
    'loses the last row of a batch',
    'log',
    loading((load) => ({ write: (stream, rows) => load.write(stream, rows.slice(0, -1)) })),
  ],
  ['forgets the position of a load', 'log', loading((load) => ({ commit: () => load.commit([]) }))],
  ['ignores truncations', 'log', loading(() => ({ truncate: async () => undefined }))],
  ['acknowledges what it has only read', 'log', { source: acknowledgingEarly }],
];

/** Every checkpoint is taken for durable as soon as it is handed on. */
function acknowledgingEarly(source: Source): Source {
  return {
    ...source,
    async *read(request) {
      for await (const message of source.read(request)) {
        if (message.type === 'checkpoint') await source.acknowledge?.(message.checkpoint);
        yield message;
      }
    },
  };
}

describe('random histories show an engine or a destination that', () => {
  it.each(MISTAKES)('%s (%s)', async (_mistake, kind, wrappers) => {
    const { failure } = await liveRandomHistories(kind, memoryFixture, { histories: 500, seed: 1, wrappers });
    expect(failure).toBeDefined();
  });
});

it('random histories end at every kind of call', async () => {
  const reports = await liveRandomHistories('reports', memoryFixture, { histories: 200, seed: 1 });
  const log = await liveRandomHistories('log', memoryFixture, { histories: 200, seed: 1 });
  const expected = ['beginLoad', 'commit', 'message', 'open', 'prepare', 'readState', 'write'];
  expect(reports.met).toEqual(
    expect.arrayContaining([...expected, 'plan', 'publish', 'readLedger', 'writeLedger', 'writeRun']),
  );
  expect(log.met).toEqual(expect.arrayContaining([...expected, 'acknowledge', 'truncate', 'writeRun']));
});
