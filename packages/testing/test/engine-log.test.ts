import {
  EtlError,
  runPipeline,
  type Checkpoint,
  type Destination,
  type PipelineEvent,
  type Source,
  type SourceMessage,
  type SourceReadRequest,
  type StateEntry,
  type StreamSpec,
} from '@etl/core';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { binaryBatchOf, memoryDestination, MemoryStore, textBatchOf } from '../src/index.ts';

const SPEC: StreamSpec = {
  name: 'orders',
  columns: [
    { name: 'id', type: 'int64', nullable: false },
    { name: 'status', type: 'string', nullable: true },
  ],
  primaryKey: ['id'],
  writeDisposition: 'merge',
  versionColumn: '_version',
  deletedColumn: '_deleted',
};

interface Change {
  readonly id: number;
  readonly status?: string;
}

/** A log in memory: transactions of changes, read from a position that is the number of transactions. */
class TestLog implements Source {
  readonly specificationVersion = 'v1';
  readonly name = 'test';
  readonly transactions: (readonly Change[])[] = [];
  readonly acknowledged: number[] = [];
  before: (position: number) => void = () => undefined;
  /** How rows are given; those that are gone never as bytes. */
  form: (request: SourceReadRequest) => 'rows' | 'text' | 'bytes' = () => 'rows';

  async check(): Promise<void> {}
  async discover(): Promise<readonly StreamSpec[]> {
    return [SPEC];
  }

  async *read(request: SourceReadRequest = {}): AsyncIterable<SourceMessage> {
    yield { type: 'schema', stream: SPEC };
    let position = request.fullRefresh === true ? 0 : positionOf(request.state ?? []);
    if (position === 0) yield { type: 'truncate', stream: 'orders' };
    const end = this.transactions.length;
    for (; position < end; position += 1) {
      this.before(position);
      const rows = (this.transactions[position] ?? []).map(({ id, status }, ordinal) => ({
        id,
        status,
        _version: BigInt(position) * 1000n + BigInt(ordinal),
        _deleted: status === undefined,
      }));
      const form = this.form(request);
      if (form === 'text') yield { type: 'text-records', stream: 'orders', batch: textBatchOf(SPEC, rows) };
      else if (form === 'bytes' && !rows.some(({ _deleted }) => _deleted))
        yield { type: 'binary-records', stream: 'orders', batch: binaryBatchOf(SPEC, rows) };
      else for (const row of rows) yield { type: 'records', stream: 'orders', rows: [row] };
      yield checkpoint(position + 1);
    }
    yield checkpoint(end);
  }

  async acknowledge(given: Checkpoint): Promise<void> {
    this.acknowledged.push(positionOf(given.entries));
  }

  contents(): readonly { id: number; status: string }[] {
    const table = new Map<number, string>();
    for (const { id, status } of this.transactions.flat()) {
      if (status === undefined) table.delete(id);
      else table.set(id, status);
    }
    return [...table].map(([id, status]) => ({ id, status })).sort((a, b) => a.id - b.id);
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function checkpoint(position: number): SourceMessage {
  return { type: 'checkpoint', checkpoint: { entries: [{ stream: '', partition: 'log', value: position }] } };
}

function positionOf(entries: readonly StateEntry[]): number {
  return Number(entries.find(({ partition }) => partition === 'log')?.value ?? 0);
}

function read(store: MemoryStore): readonly unknown[] {
  return store
    .rows('orders')
    .map((row) => ({ id: Number(row['id']), status: row['status'] }))
    .sort((a, b) => a.id - b.id);
}

describe('a log', () => {
  it.each(['rows', 'text', 'bytes'] as const)('gives rows as a destination takes them: as %s', async (form) => {
    const log = new TestLog();
    const asked = new Set<string>();
    log.form = ({ acceptsText, acceptsBinary }) => {
      asked.add(`${String(acceptsText)} ${String(acceptsBinary)}`);
      return form;
    };
    log.transactions.push(
      [
        { id: 1, status: 'a\tb' },
        { id: 2, status: 'x' },
      ],
      [{ id: 2 }],
    );
    const destination = memoryDestination();
    const capabilities = { ...destination.capabilities, text: form === 'text', binary: form === 'bytes' };
    const report = await runPipeline({ name: 'p', source: log, destination: { ...destination, capabilities } });
    expect(report).toMatchObject({ status: 'ok', rows: 3 });
    expect([...asked]).toEqual([`${String(form === 'text')} ${String(form === 'bytes')}`]);
    expect(read(destination.store)).toEqual([{ id: 1, status: 'a\tb' }]);
  });

  it.each([
    ['text', 'SOURCE_TEXT_UNASKED'],
    ['bytes', 'SOURCE_BINARY_UNASKED'],
  ] as const)('that gives rows as %s to a destination that does not take them fails', async (form, code) => {
    const log = new TestLog();
    log.form = () => form;
    log.transactions.push([{ id: 1, status: 'a' }]);
    const destination = memoryDestination();
    const rowsOnly: Destination = {
      ...destination,
      capabilities: { writeDispositions: ['merge'] },
      async open(pipeline, options) {
        const session = await destination.open(pipeline, options);
        const beginLoad = session.beginLoad.bind(session);
        session.beginLoad = async (given) =>
          Object.assign(await beginLoad(given), { writeText: undefined, writeBinary: undefined });
        return session;
      },
    };
    const report = runPipeline({ name: 'p', source: log, destination: rowsOnly });
    await expect(report).rejects.toMatchObject({ code, kind: 'internal' });
    expect(read(destination.store)).toEqual([]);
  });

  it('is read to its end, and from there next time', async () => {
    const log = new TestLog();
    const destination = memoryDestination();
    log.transactions.push(
      [
        { id: 1, status: 'a' },
        { id: 2, status: 'a' },
      ],
      [{ id: 1 }],
    );
    const first = await runPipeline({ name: 'p', source: log, destination });
    expect(first).toMatchObject({ status: 'ok', rows: 3 });
    expect(read(destination.store)).toEqual([{ id: 2, status: 'a' }]);
    const second = await runPipeline({ name: 'p', source: log, destination });
    expect(second).toMatchObject({ status: 'ok', rows: 0, streams: [{ stream: 'orders', rows: 0 }] });
    log.transactions.push([{ id: 3, status: 'b' }]);
    expect(await runPipeline({ name: 'p', source: log, destination })).toMatchObject({ rows: 1 });
    expect(read(destination.store)).toEqual(log.contents());
  });

  it('is committed at the first checkpoint after enough rows, and acknowledged after each commit', async () => {
    const log = new TestLog();
    for (let id = 0; id < 10; id += 1)
      log.transactions.push([
        { id, status: 'a' },
        { id: id + 100, status: 'a' },
      ]);
    const destination = memoryDestination();
    const report = await runPipeline({ name: 'p', source: log, destination, commitEveryRows: 5 });
    expect(report.loads.map(({ rowsWritten }) => rowsWritten['orders'])).toEqual([6, 6, 6, 2]);
    expect(log.acknowledged).toEqual([3, 6, 9, 10]);
  });

  it('keeps the merge of a stream in every load of a run', async () => {
    const log = new TestLog();
    log.transactions.push([{ id: 1, status: 'a' }], [{ id: 1, status: 'b' }], [{ id: 1, status: 'c' }]);
    const destination = memoryDestination();
    await runPipeline({ name: 'p', source: log, destination, commitEveryRows: 1 });
    expect(read(destination.store)).toEqual([{ id: 1, status: 'c' }]);
  });

  it('starts anew on a full refresh, and the table is the whole source again', async () => {
    const log = new TestLog();
    log.transactions.push([{ id: 1, status: 'a' }], [{ id: 2, status: 'a' }]);
    const destination = memoryDestination();
    await runPipeline({ name: 'p', source: log, destination });
    const report = await runPipeline({ name: 'p', source: log, destination, fullRefresh: true });
    expect(report.rows).toBe(2);
    expect(read(destination.store)).toEqual(log.contents());
  });

  it('tells what happens as events, in order', async () => {
    const log = new TestLog();
    log.transactions.push([{ id: 1, status: 'a' }]);
    const events: PipelineEvent['type'][] = [];
    await runPipeline({
      name: 'p',
      source: log,
      destination: memoryDestination(),
      onEvent: ({ type }) => events.push(type),
    });
    expect(events).toEqual([
      'load-started',
      'schema-changed',
      'batch-written',
      'load-committed',
      'checkpoint-acknowledged',
      'loads-ended',
    ]);
  });

  it('lets the pipeline go when the source fails, and counts nothing of the open load', async () => {
    const log = new TestLog();
    log.transactions.push([{ id: 1, status: 'a' }], [{ id: 2, status: 'a' }]);
    log.before = (position) => {
      if (position === 1) throw new EtlError({ code: 'TEST_DOWN', kind: 'transient', message: 'The log is away.' });
    };
    const destination = memoryDestination();
    await expect(runPipeline({ name: 'p', source: log, destination })).rejects.toMatchObject({ code: 'TEST_DOWN' });
    expect(destination.store.held.size).toBe(0);
    expect(read(destination.store)).toEqual([]);
    log.before = () => undefined;
    await runPipeline({ name: 'p', source: log, destination });
    expect(read(destination.store)).toEqual(log.contents());
  });

  it('stops with the signal’s reason, and goes on next time', async () => {
    const log = new TestLog();
    log.transactions.push([{ id: 1, status: 'a' }], [{ id: 2, status: 'a' }]);
    const controller = new AbortController();
    const reason = new Error('enough');
    log.before = (position) => {
      if (position === 1) controller.abort(reason);
    };
    const destination = memoryDestination();
    await expect(runPipeline({ name: 'p', source: log, destination, signal: controller.signal })).rejects.toBe(reason);
    const [record] = await (await destination.inspect()).readRuns('p', 1);
    expect(record).toMatchObject({ status: 'failed', failures: [{ code: 'RUN_STOPPED' }] });
    await runPipeline({ name: 'p', source: log, destination });
    expect(read(destination.store)).toEqual(log.contents());
  });

  it('refuses a source that ends with rows no checkpoint covers', async () => {
    const source: Source = {
      specificationVersion: 'v1',
      name: 'careless',
      check: async () => undefined,
      discover: async () => [SPEC],
      async *read() {
        yield { type: 'schema', stream: SPEC } as const;
        yield { type: 'records', stream: 'orders', rows: [{ id: 1, status: 'a', _version: 1n }] } as const;
      },
      async [Symbol.asyncDispose]() {},
    };
    await expect(runPipeline({ name: 'p', source, destination: memoryDestination() })).rejects.toMatchObject({
      code: 'SOURCE_CHECKPOINT_MISSING',
    });
  });

  it('ends partial when one stream fails, and names it', async () => {
    const other: StreamSpec = { ...SPEC, name: 'other' };
    const error = new EtlError({ code: 'TEST_VALUE', kind: 'data', message: 'A value is wrong.' });
    const source: Source = {
      specificationVersion: 'v1',
      name: 'two',
      check: async () => undefined,
      discover: async () => [SPEC, other],
      async *read(): AsyncIterable<SourceMessage> {
        yield { type: 'schema', stream: SPEC };
        yield { type: 'schema', stream: other };
        yield { type: 'records', stream: 'orders', rows: [{ id: 1, status: 'a', _version: 1n }] };
        yield { type: 'records', stream: 'other', rows: [{ id: 1, status: 'a', _version: 1n }] };
        yield { type: 'stream-failed', stream: 'other', error };
        yield checkpoint(1);
      },
      async [Symbol.asyncDispose]() {},
    };
    const destination = memoryDestination();
    const report = await runPipeline({ name: 'p', source, destination });
    expect(report).toMatchObject({ status: 'partial', failures: [{ stream: 'other', error }] });
    expect(read(destination.store)).toHaveLength(1);
    expect(destination.store.rows('other')).toEqual([]);
  });

  const seed = Number(process.env['ETL_SEED'] ?? Date.now() % 1_000_000);
  it(`ends in the source’s state whatever dies when, and acknowledges only what is durable (seed ${seed})`, async () => {
    const change = fc.record({ id: fc.nat(5), status: fc.option(fc.constantFrom('a', 'b', 'c'), { nil: undefined }) });
    const runs = fc.array(
      fc.record({
        transactions: fc.array(fc.array(change, { minLength: 1, maxLength: 4 }), { maxLength: 6 }),
        diesAt: fc.option(fc.nat(8), { nil: undefined }),
        commitEveryRows: fc.integer({ min: 1, max: 6 }),
      }),
      { minLength: 1, maxLength: 6 },
    );
    await fc.assert(
      fc.asyncProperty(runs, async (history) => {
        const log = new TestLog();
        const store = new MemoryStore();
        for (const { transactions, diesAt, commitEveryRows } of history) {
          log.transactions.push(...(transactions as Change[][]));
          let steps = 0;
          log.before = () => {
            if (steps === diesAt) throw new Error('died');
            steps += 1;
          };
          await runPipeline({ name: 'p', source: log, destination: memoryDestination(store), commitEveryRows }).catch(
            () => undefined,
          );
          expect(log.acknowledged.at(-1) ?? 0).toBeLessThanOrEqual(positionOf(store.state.get('p') ?? []));
        }
        log.before = () => undefined;
        await runPipeline({ name: 'p', source: log, destination: memoryDestination(store) });
        expect(read(store)).toEqual(log.contents());
      }),
      { seed, numRuns: Number(process.env['ETL_RUNS'] ?? 300) },
    );
  });
});

describe('a stream that the destination refuses', () => {
  it('does not stop the others, and is read anew next time', async () => {
    const table = (name: string): StreamSpec => ({ ...SPEC, name });
    const requests: (readonly StateEntry[])[] = [];
    let isWrong = true;
    const source: Source = {
      specificationVersion: 'v1',
      name: 'two',
      check: async () => undefined,
      discover: async () => [table('good'), table('bad')],
      async *read({ state = [], lookup } = {}): AsyncIterable<SourceMessage> {
        requests.push(state);
        for (const name of ['bad', 'good']) {
          yield { type: 'schema', stream: table(name) };
          // It does not know that the destination refused the stream.
          const [found] = (await lookup?.(name, [{ id: 1 }], ['status'])) ?? [];
          if (name === 'bad') expect(found).toBeUndefined();
          yield { type: 'records', stream: name, rows: [{ id: 1, status: 'a', _version: 1n }] };
          const entries = [{ stream: name, partition: '', value: 1 }];
          yield { type: 'checkpoint', checkpoint: { entries } };
        }
        yield checkpoint(1);
      },
      async [Symbol.asyncDispose]() {},
    };
    const memory = memoryDestination();
    const refusing: Destination = {
      ...memory,
      async open(pipeline) {
        const session = await memory.open(pipeline);
        return Object.assign(Object.create(session) as typeof session, {
          lost: session.lost,
          pipeline: session.pipeline,
          rolledForward: session.rolledForward,
          readState: () => session.readState(),
          [Symbol.asyncDispose]: () => session[Symbol.asyncDispose](),
          beginLoad: async () => {
            const load = await session.beginLoad();
            const prepare = load.prepare.bind(load);
            load.prepare = async (spec) => {
              if (isWrong && spec.name === 'bad')
                throw new EtlError({ code: 'TEST_NAME_TAKEN', kind: 'schema', message: 'Taken.' });
              return prepare(spec);
            };
            return load;
          },
        });
      },
    };
    const first = await runPipeline({ name: 'p', source, destination: refusing });
    expect(first).toMatchObject({
      status: 'partial',
      failures: [{ stream: 'bad', error: { code: 'TEST_NAME_TAKEN' } }],
    });
    expect(memory.store.rows('good')).toHaveLength(1);
    isWrong = false;
    expect(await runPipeline({ name: 'p', source, destination: refusing })).toMatchObject({ status: 'ok' });
    expect(requests[1]?.map(({ stream }) => stream).sort()).toEqual(['', 'good']);
    expect(memory.store.rows('bad')).toHaveLength(1);
  });

  it('is read anew although its position was stored earlier in the same run', async () => {
    const requests: (readonly StateEntry[])[] = [];
    const source: Source = {
      specificationVersion: 'v1',
      name: 'one',
      check: async () => undefined,
      discover: async () => [SPEC],
      async *read({ state = [] } = {}): AsyncIterable<SourceMessage> {
        requests.push(state);
        yield { type: 'schema', stream: SPEC };
        yield { type: 'records', stream: 'orders', rows: [{ id: 1, status: 'a', _version: 1n }] };
        const copied = { stream: 'orders', partition: 'table', value: 1 };
        const log = { stream: '', partition: 'log', value: requests.length };
        yield { type: 'checkpoint', checkpoint: { entries: [copied, log] } };
        if (requests.length > 1) return;
        const error = new EtlError({ code: 'TEST_ROW_UNREADABLE', kind: 'data', message: 'Unreadable.' });
        yield { type: 'stream-failed', stream: 'orders', error };
        yield checkpoint(2);
      },
      async [Symbol.asyncDispose]() {},
    };
    const destination = memoryDestination();
    const first = await runPipeline({ name: 'p', source, destination, commitEveryRows: 1 });
    expect(first).toMatchObject({ status: 'failed', failures: [{ stream: 'orders' }] });
    await runPipeline({ name: 'p', source, destination });
    expect(requests[1]?.map(({ stream }) => stream)).toEqual(['']);
  });
});
