import { deepStrictEqual, fail, ok } from 'node:assert/strict';
import {
  EtlError,
  type Destination,
  type DestinationSession,
  type LedgerEntry,
  type LoadPackage,
  type Row,
  type Slice,
  type StateEntry,
  type StreamSpec,
} from '@etl/core';
import type { DestinationFixture } from '../destination-fixture.ts';
import { canonicalValue } from '../rows/canonical-value.ts';

export const READ_AT = '2026-11-23T06:08:01.000Z';

const ID = { type: 'int64', nullable: false } as const;

interface LoadOptions {
  /** Default `p`. */
  readonly pipeline?: string;
  readonly truncate?: boolean;
  readonly slice?: Slice;
  readonly lsn?: number;
}

/** A destination in a check: its loads are sessions of their own, as runs are. */
export class DestinationScene {
  readonly fixture: DestinationFixture;
  destination: Destination;

  constructor(fixture: DestinationFixture) {
    this.fixture = fixture;
    this.destination = fixture.destination;
  }

  async session<T>(work: (session: DestinationSession) => Promise<T>, pipeline = 'p'): Promise<T> {
    const session = await this.destination.open(pipeline);
    try {
      return await work(session);
    } finally {
      await session[Symbol.asyncDispose]();
    }
  }

  /** A load that is given up unless the work commits it. */
  async open<T>(work: (load: LoadPackage, session: DestinationSession) => Promise<T>, pipeline = 'p'): Promise<T> {
    return this.session(async (session) => {
      const load = await session.beginLoad();
      try {
        return await work(load, session);
      } finally {
        await load[Symbol.asyncDispose]();
      }
    }, pipeline);
  }

  /** One load of one stream, committed. */
  async load(spec: StreamSpec, rows: readonly Row[], options: LoadOptions = {}): Promise<void> {
    const { pipeline = 'p', slice, lsn } = options;
    const state: readonly StateEntry[] = lsn === undefined ? [] : [{ stream: '', partition: 'slot', value: lsn }];
    await this.open(async (load) => {
      await load.prepare(spec);
      if (options.truncate === true) await load.truncate(spec.name);
      await load.write(spec.name, rows);
      if (slice !== undefined) await load.publish(spec.name, slice, entryOf(spec, slice, rows.length));
      await load.commit(state);
    }, pipeline);
  }

  async restart(): Promise<void> {
    this.destination = await this.fixture.restart();
  }

  /** What a reader sees; a reader may give the `id` of the suite's streams in digits, as 64 bits need. */
  async rows(stream: string): Promise<readonly Row[]> {
    const rows = await this.fixture.readRows(stream);
    return rows.map((row) => ('id' in row ? { ...row, id: canonicalValue(ID, row['id']) } : row));
  }

  async sorted(stream: string): Promise<readonly Row[]> {
    return [...(await this.rows(stream))].toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  }
}

export function entryOf(spec: StreamSpec, slice: Slice, rows: number): LedgerEntry {
  return { stream: spec.name, slice: slice.key, status: 'good', rows, readAt: READ_AT, attempts: 1 };
}

/** Deeply equal, a field that is undefined being as good as none. */
export function same(actual: unknown, expected: unknown, what?: string): void {
  deepStrictEqual(withoutUndefined(actual), withoutUndefined(expected), what);
}

/** Rejected with an error of that code and kind. */
export async function rejectsWith(
  promise: Promise<unknown>,
  { code, kind }: Pick<EtlError, 'code' | 'kind'>,
): Promise<void> {
  let error: unknown;
  try {
    await promise;
  } catch (thrown) {
    error = thrown;
  }
  if (error === undefined) fail(`nothing was refused, ${code} was expected`);
  ok(EtlError.isInstance(error), `the error has no code, ${code} was expected`);
  deepStrictEqual({ code: error.code, kind: error.kind }, { code, kind });
}

function withoutUndefined(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutUndefined);
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const fields = Object.entries(value).filter(([, field]) => field !== undefined);
  return Object.fromEntries(fields.map(([name, field]) => [name, withoutUndefined(field)]));
}

function textOf(row: Row): string {
  return JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value));
}
