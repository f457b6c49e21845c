import {
  EtlError,
  runPipeline,
  type Destination,
  type OperationOptions,
  type Source,
  type SourceMessage,
  type StreamSpec,
} from '@etl/core';
import { setImmediate } from 'node:timers/promises';
import { expect, test, vi } from 'vitest';
import { loggerInto, memoryDestination } from '../src/index.ts';

const SPEC: StreamSpec = {
  name: 'orders',
  columns: [{ name: 'id', type: 'int64', nullable: false }],
  primaryKey: ['id'],
  writeDisposition: 'append',
};

const problem = (code: string): EtlError => new EtlError({ code, kind: 'state', message: code });

/** A log of one row that says what it is asked for. */
class PreparedLog implements Source {
  readonly specificationVersion = 'v1';
  readonly name = 'test';
  readonly calls: string[] = [];
  prepared: (signal: AbortSignal | undefined) => Promise<void> = async () => undefined;

  async check(): Promise<void> {}
  async discover(): Promise<readonly StreamSpec[]> {
    return [SPEC];
  }

  async prepare(options: OperationOptions = {}): Promise<void> {
    this.calls.push('prepare');
    await this.prepared(options.signal);
    this.calls.push('prepared');
  }

  async *read(): AsyncIterable<SourceMessage> {
    this.calls.push('read');
    yield { type: 'schema', stream: SPEC };
    yield { type: 'records', stream: 'orders', rows: [{ id: 1 }] };
    yield { type: 'checkpoint', checkpoint: { entries: [{ stream: '', partition: 'log', value: 1 }] } };
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Rejects when the signal aborts, as whatever waits for something does. */
const aborted = (signal: AbortSignal | undefined): Promise<never> =>
  new Promise((_, reject) => signal?.addEventListener('abort', () => reject(signal.reason), { once: true }));

test('a source is prepared while the destination is opened, and read after both', async () => {
  const log = new PreparedLog();
  const opened = Promise.withResolvers<void>();
  const destination = memoryDestination();
  log.prepared = () => opened.promise;
  const open: Destination['open'] = async (...given) => {
    log.calls.push('open');
    opened.resolve();
    return destination.open(...given);
  };
  const report = await runPipeline({ name: 'p', source: log, destination: { ...destination, open } });
  expect(report.status).toBe('ok');
  expect(log.calls).toEqual(['prepare', 'open', 'prepared', 'read']);
});

test('a source that is followed is prepared first: its outage costs the destination nothing', async () => {
  const log = new PreparedLog();
  log.prepared = () => Promise.reject(problem('TEST_SLOT_FULL'));
  const destination = memoryDestination();
  const stop = new AbortController().signal;
  const follow = { stop, flushRows: 1, flushBytes: 1, flushAgeMs: 1, roundMs: 1 };
  const open: Destination['open'] = async (...given) => {
    log.calls.push('open');
    return destination.open(...given);
  };
  const failing = runPipeline({ name: 'p', source: log, destination: { ...destination, open }, follow });
  await expect(failing).rejects.toMatchObject({ code: 'TEST_SLOT_FULL' });
  expect(log.calls).toEqual(['prepare']);
});

test.each(['at once', 'later'])(
  'a source that cannot be prepared is not read, and the destination, open %s, keeps why',
  async (when) => {
    const log = new PreparedLog();
    log.prepared = () => Promise.reject(problem('TEST_SLOT_FULL'));
    const destination = memoryDestination();
    const open: Destination['open'] = async (...given) => {
      if (when === 'later') await setImmediate();
      return destination.open(...given);
    };
    const failing = runPipeline({ name: 'p', source: log, destination: { ...destination, open } });
    await expect(failing).rejects.toMatchObject({ code: 'TEST_SLOT_FULL' });
    expect(log.calls).toEqual(['prepare']);
    expect(destination.store.runs).toMatchObject([{ status: 'failed', failures: [{ code: 'TEST_SLOT_FULL' }] }]);
    // Nothing holds the pipeline.
    log.prepared = async () => undefined;
    await expect(runPipeline({ name: 'p', source: log, destination })).resolves.toMatchObject({
      status: 'ok',
      rows: 1,
    });
  },
);

test('a source that cannot be prepared is heard after five seconds when the destination is still not open', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  try {
    const log = new PreparedLog();
    log.prepared = () => Promise.reject(problem('TEST_SLOT_FULL'));
    const heard: unknown[] = [];
    const logger = loggerInto(heard);
    const open: Destination['open'] = async (_, options) => aborted(options?.signal);
    const destination = { ...memoryDestination(), open };
    let outcome: unknown;
    const failing = runPipeline({ name: 'p', source: log, destination, logger }).catch((error: unknown) => {
      outcome = error;
    });
    await vi.advanceTimersByTimeAsync(4999);
    expect(outcome).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    await failing;
    expect(outcome).toMatchObject({ code: 'TEST_SLOT_FULL' });
    expect(JSON.stringify(heard)).not.toContain('the destination');
  } finally {
    vi.useRealTimers();
  }
});

test.each(['before', 'after'])(
  'a source that cannot be prepared leaves no timer behind, whether that shows %s the destination is open',
  async (when) => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    try {
      const log = new PreparedLog();
      const opened = Promise.withResolvers<void>();
      log.prepared = async () => {
        if (when === 'after') await opened.promise.then(() => setImmediate());
        throw problem('TEST_SLOT_FULL');
      };
      const destination = memoryDestination();
      const open: Destination['open'] = async (...given) => {
        if (when === 'before') await setImmediate();
        const session = await destination.open(...given);
        opened.resolve();
        return session;
      };
      const failing = runPipeline({ name: 'p', source: log, destination: { ...destination, open } });
      await expect(failing).rejects.toMatchObject({ code: 'TEST_SLOT_FULL' });
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  },
);

test.each([
  ['a source is prepared although the destination is down', false],
  ['a source that cannot be prepared is heard first when the destination is down as well', true],
])('%s', async (_, isFull) => {
  const log = new PreparedLog();
  const down = Promise.withResolvers<never>();
  log.prepared = async () => {
    down.reject(problem('TEST_DESTINATION_DOWN'));
    await down.promise.catch(() => undefined);
    if (isFull) throw problem('TEST_SLOT_FULL');
  };
  const heard: unknown[] = [];
  const logger = loggerInto(heard);
  const destination = { ...memoryDestination(), open: () => down.promise };
  const failing = runPipeline({ name: 'p', source: log, destination, logger });
  await expect(failing).rejects.toMatchObject({ code: isFull ? 'TEST_SLOT_FULL' : 'TEST_DESTINATION_DOWN' });
  expect(log.calls).toEqual(isFull ? ['prepare'] : ['prepare', 'prepared']);
  expect(JSON.stringify(heard).includes('TEST_DESTINATION_DOWN')).toBe(isFull);
});

test.each([true, false])('preparing is stopped with the run, whether it has failed before (%s)', async (hasFailed) => {
  const log = new PreparedLog();
  log.prepared = (signal) => (hasFailed ? Promise.reject(problem('TEST_SLOT_FULL')) : aborted(signal));
  const stop = new AbortController();
  const open: Destination['open'] = async (_, options) => {
    setTimeout(() => stop.abort(new Error('stopped')));
    return aborted(options?.signal);
  };
  const destination = { ...memoryDestination(), open };
  const failing = runPipeline({ name: 'p', source: log, destination, signal: stop.signal });
  await expect(failing).rejects.toThrow('stopped');
});

test.each(['before', 'after'])(
  'preparing does not outlive a run that is taken over %s it waits for it',
  async (when) => {
    const log = new PreparedLog();
    const lost = new AbortController();
    const destination = memoryDestination();
    const open: Destination['open'] = async (...given) => {
      const session = await destination.open(...given);
      const takeOver = (): void => lost.abort(new Error('taken over'));
      if (when === 'before') takeOver();
      else setTimeout(takeOver);
      return new Proxy(session, {
        get: (target, name) => {
          if (name === 'lost') return lost.signal;
          const value: unknown = Reflect.get(target, name, target);
          return typeof value === 'function' ? value.bind(target) : value;
        },
      });
    };
    let isOver = false;
    log.prepared = async (signal) => {
      try {
        await aborted(signal);
      } finally {
        await setImmediate();
        isOver = true;
      }
    };
    const failing = runPipeline({ name: 'p', source: log, destination: { ...destination, open } });
    await expect(failing).rejects.toThrow('taken over');
    expect([isOver, log.calls]).toEqual([true, ['prepare']]);
  },
);
