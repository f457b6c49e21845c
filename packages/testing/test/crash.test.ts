import {
  addDays,
  defineSource,
  defineStream,
  EtlError,
  runPipeline,
  type Destination,
  type DestinationSession,
  type LoadPackage,
  type Slice,
} from '@etl/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { faultyDestination, memoryDestination, MemoryStore, type DestinationCall } from '../src/index.ts';

const FIRST_DAY = '2026-11-01';

/** What happens in the world before a run, and how the run dies. */
const step = fc.record({
  accounts: fc.integer({ min: 1, max: 2 }),
  rows: fc.array(fc.record({ account: fc.nat(1), day: fc.nat(4), ad: fc.nat(2), spend: fc.option(fc.nat(99)) }), {
    maxLength: 6,
  }),
  failing: fc.option(fc.nat(4)),
  isBackfill: fc.boolean(),
  fault: fc.option(
    fc.record({
      at: fc.integer({ min: 1, max: 60 }),
      when: fc.constantFrom('before', 'after'),
      isDeath: fc.boolean(),
    }),
  ),
});

type Step = typeof step extends fc.Arbitrary<infer TStep> ? TStep : never;

class World {
  accounts = 1;
  failing: number | null = null;
  readonly #rows = new Map<string, { account_id: string; day: string; ad_id: string; spend: number }>();

  set({ account, day, ad, spend }: { account: number; day: number; ad: number; spend: number | null }): void {
    const key = `${account}/${day}/${ad}`;
    if (spend === null) this.#rows.delete(key);
    else this.#rows.set(key, { account_id: String(account), day: addDays(FIRST_DAY, day), ad_id: String(ad), spend });
  }

  rows(isWanted: (row: { readonly account_id: string; readonly day: string }) => boolean) {
    return [...this.#rows.values()].filter(isWanted).map((row) => ({ ...row }));
  }

  source() {
    const insights = defineStream({
      name: 'insights',
      schema: z.object({ account_id: z.string(), day: z.iso.date(), ad_id: z.string(), spend: z.int() }),
      primaryKey: ['account_id', 'day', 'ad_id'],
      writeDisposition: 'replace',
      scope: { keys: ['account_id'], day: 'day' },
      windowDays: 2,
      slices: () =>
        Array.from({ length: this.accounts * 5 }, (_, index): Slice => {
          const start = addDays(FIRST_DAY, index % 5);
          const account = String(Math.floor(index / 5));
          const days = { start, end: addDays(start, 1) };
          return { key: `${account}/${start}`, scope: { equals: { account_id: account }, days }, lane: account };
        }),
      read: (slice) => this.#read(slice),
    });
    return defineSource({ name: 'world', streams: { insights }, check: async () => undefined });
  }

  async *#read({ scope }: Slice) {
    const { start = '', end = '' } = scope?.days ?? {};
    const bad = this.failing === null ? '' : addDays(FIRST_DAY, this.failing);
    for (const row of this.rows(
      ({ account_id, day }) => account_id === scope?.equals['account_id'] && day >= start && day < end,
    )) {
      yield { rows: [row] };
    }
    if (bad >= start && bad < end)
      throw new EtlError({ code: 'TEST_DAY_BROKEN', kind: 'data', message: 'A day is broken.' });
  }
}

/** Lives a history, then one healthy run; returns what differs from the truth. */
async function live(history: readonly Step[], wrap: (given: Destination) => Destination) {
  const world = new World();
  const store = new MemoryStore();
  let minutes = 0;
  const met = new Set<DestinationCall>();
  const run = async (destination: Destination, isBackfill = false) => {
    minutes += 1;
    return runPipeline({
      name: 'p',
      source: world.source(),
      destination: wrap(destination),
      acceptShrink: true,
      now: () => new Date(Date.UTC(2026, 10, 10, 0, minutes)),
      ...(isBackfill ? { days: { start: FIRST_DAY, end: addDays(FIRST_DAY, 5) } } : {}),
    });
  };
  for (const { accounts, rows, failing, isBackfill, fault } of history) {
    world.accounts = Math.max(world.accounts, accounts);
    world.failing = failing;
    for (const row of rows) world.set(row);
    const faulty = faultyDestination(memoryDestination(store), (call, count) => {
      if (fault?.at !== count) return undefined;
      met.add(call);
      return { ...fault, error: new EtlError({ code: 'TEST_DIED', kind: 'transient', message: 'The process died.' }) };
    });
    await run(faulty, isBackfill).catch(() => undefined);
  }
  world.failing = null;
  const report = await run(memoryDestination(store));
  const truth = world.rows(({ account_id }) => Number(account_id) < world.accounts);
  const ledger = [...(store.ledger.get('p')?.values() ?? [])];
  const byKey = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);
  const loaded = store.rows('insights').map(({ account_id, day, ad_id, spend }) => ({ account_id, day, ad_id, spend }));
  return {
    status: report.status,
    met,
    loaded: loaded.toSorted(byKey),
    truth: truth.toSorted(byKey),
    counted: ledger.reduce((sum, { rows }) => sum + rows, 0),
    good: ledger.filter(({ status }) => status === 'good').length,
    expected: world.accounts * 5,
  };
}

type Mistake = (load: LoadPackage) => Partial<LoadPackage>;

/** What loading engines and destinations get wrong. */
const MISTAKES: Readonly<Record<string, Mistake>> = {
  'publishes without removing what vanished': (load) => ({
    publish: (stream, { scope: _, ...slice }, entry) => load.publish(stream, slice, entry),
  }),
  'says that it has committed what it has not': () => ({
    commit: async () => ({ loadId: 'never', rowsWritten: {}, durationMs: 0 }),
  }),
  'loses the last row of a batch': (load) => ({ write: (stream, rows) => load.write(stream, rows.slice(0, -1)) }),
  'records fewer rows than it loads': (load) => ({
    publish: (stream, slice, entry) => load.publish(stream, slice, { ...entry, rows: Math.max(entry.rows - 1, 0) }),
  }),
};

function mistaken(destination: Destination, mistake: Mistake): Destination {
  const withMistake = <T extends object>(target: T, changed: Partial<T>): T =>
    new Proxy(target, {
      get(of, name) {
        const value: unknown = Reflect.get(name in changed ? changed : of, name);
        return typeof value === 'function' ? (value.bind(of) as unknown) : value;
      },
    });
  return {
    ...destination,
    async open(pipeline, options) {
      const session = await destination.open(pipeline, options);
      return withMistake<DestinationSession>(session, {
        beginLoad: async (given) => {
          const load = await session.beginLoad(given);
          return withMistake(load, mistake(load));
        },
      });
    },
  };
}

const seed = Number(process.env['SEED'] ?? Date.now());

describe('any history with crashes before and after any call', () => {
  it('ends with the tables of the platform and a ledger that says so', async () => {
    const met = new Set<DestinationCall>();
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (history) => {
        const end = await live(history, (given) => given);
        for (const call of end.met) met.add(call);
        expect(end.status).toBe('ok');
        expect(end.loaded).toEqual(end.truth);
        expect(end).toMatchObject({ counted: end.truth.length, good: end.expected });
      }),
      { seed, numRuns: 300 },
    );
    process.stdout.write(`seed ${seed}, died at ${[...met].toSorted().join(', ')}\n`);
    expect(met.size).toBeGreaterThan(7);
  }, 120_000);

  it.each(Object.entries(MISTAKES))('shows a destination that %s', async (_name, mistake) => {
    const property = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 5 }), async (history) => {
      const end = await live(history, (given) => mistaken(given, mistake));
      return JSON.stringify(end.loaded) === JSON.stringify(end.truth) && end.counted === end.truth.length;
    });
    const { failed } = await fc.check(property, { seed, numRuns: 100, endOnFailure: true });
    expect(failed).toBe(true);
  });
});
