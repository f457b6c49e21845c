import { runPipeline, type PipelineOptions, type PipelineReport, type Row } from '@etl/core';
import { startSandbox, type ExportDataset, type Sandbox } from '@etl/sandbox';
import { HastyClock, memoryDestination, type MemoryStore } from '@etl/testing';
import { expect } from 'vitest';
import { esim, type EsimOptions } from '../src/index.ts';

export const ALL: readonly ExportDataset[] = ['users', 'user_merges', 'sessions', 'orders', 'order_line_items'];

export const HASH_KEY = 'a key of the tests';

export const DATASETS: NonNullable<EsimOptions['datasets']> = {
  orders: {
    reviewed: ['1.4'],
    columns: { subtotal_eur: { type: 'decimal(10, 2)' }, profit_eur: { type: 'decimal(10, 2)' } },
  },
  users: { drop: ['ip_address', 'first_name'], hash: ['email'] },
};

/** That the version of orders is none of those reviewed. */
export const ORDERS_DRIFT = {
  type: 'drift-found',
  stream: 'orders',
  table: 'orders',
  property: 'schema version',
  declared: '1.4',
  actual: expect.any(String) as string,
};

export interface EsimFixture extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly store: MemoryStore;
  /** Takes the place of the options with which the next runs read. */
  configure(options: Partial<EsimOptions>): void;
  run(options?: Partial<PipelineOptions>): Promise<PipelineReport>;
}

export async function esimFixture(seed: string, options: Partial<EsimOptions> = {}): Promise<EsimFixture> {
  const sandbox = await startSandbox({ seed, platforms: ['esim'], now: new Date('2026-10-01T00:00:00Z') });
  const { baseUrl, apiKey } = sandbox.esim;
  const sourceOf = (given: Partial<EsimOptions>) =>
    esim({ baseUrl, apiKey, datasets: DATASETS, hashKey: HASH_KEY, clock: new HastyClock({ speed: 4 }), ...given });
  let source = sourceOf(options);
  const destination = memoryDestination();
  return {
    sandbox,
    store: destination.store,
    configure(given) {
      source = sourceOf({ ...options, ...given });
    },
    run: (given = {}) =>
      runPipeline({ name: 'esim_default', source, destination, now: () => new Date(sandbox.control.now()), ...given }),
    async [Symbol.asyncDispose]() {
      await source[Symbol.asyncDispose]();
      await sandbox[Symbol.asyncDispose]();
    },
  };
}

/** The table and the world, written alike; columns that are not kept as they are left out. */
export function sides({ sandbox, store }: EsimFixture, dataset: ExportDataset): { loaded: unknown; world: unknown } {
  return { loaded: canonical(store.rows(dataset)), world: canonical(sandbox.esim.rows(dataset)) };
}

const LEFT_OUT = new Set(['_row', 'email', 'ip_address', 'first_name']);

function canonical(rows: readonly Row[]): readonly string[] {
  return rows
    .map((row) =>
      JSON.stringify(
        Object.entries(row)
          .filter(([name, value]) => !LEFT_OUT.has(name) && value !== null && value !== undefined)
          .map(([name, value]) => [name, plain(value)] as const)
          .toSorted(([one], [other]) => (one < other ? -1 : 1)),
      ),
    )
    .toSorted();
}

function plain(value: unknown): string {
  return String(value).replace(/(\d)\+00:00$/, '$1Z');
}
