import { EtlError, newestEntries, type Row, type SourceMessage, type SourceReadRequest } from '@etl/core';
import type { MemoryLog } from '../../src/index.ts';
import { replicationChecks } from '../../src/index.ts';
import { CANARY, logFixture, type LogBug } from './log-fixture.ts';

type Messages = AsyncIterable<SourceMessage>;

function reading(change: (messages: Messages, request: SourceReadRequest, log: MemoryLog) => Messages): LogBug {
  return {
    source: (source, log) => ({ ...source, read: (request = {}) => change(source.read(request), request, log) }),
  };
}

function asking(change: (request: SourceReadRequest, log: MemoryLog) => SourceReadRequest): LogBug {
  return { source: (source, log) => ({ ...source, read: (request = {}) => source.read(change(request, log)) }) };
}

function mapping(change: (message: SourceMessage, log: MemoryLog) => SourceMessage | undefined): LogBug {
  return reading(async function* (messages, _request, log) {
    for await (const message of messages) {
      const changed = change(message, log);
      if (changed !== undefined) yield changed;
    }
  });
}

function changingRows(change: (rows: readonly Row[]) => readonly Row[]): LogBug {
  return mapping((message) => (message.type === 'records' ? { ...message, rows: change(message.rows) } : message));
}

/** Positions as a source with a mistake would store them. */
function positions(change: (value: number, stream: string, log: MemoryLog) => unknown): LogBug {
  return mapping((message, log) => {
    if (message.type !== 'checkpoint') return message;
    const entries = message.checkpoint.entries.map((entry) => ({
      ...entry,
      value: change(Number(entry.value), entry.stream, log) as number,
    }));
    return { ...message, checkpoint: { entries } };
  });
}

const isCopied = (row: Row): boolean => (row['_version'] as bigint) % 1_000_000n === 0n;
const FOLLOWS = 'copies what stands, then follows what changes, and does neither twice';
const KEYS = 'takes keys that change, and keys that are taken again';
const TRUNCATES = 'takes a truncation, and only what came after it';
const ORDER = 'says the schema before rows and a checkpoint after them, in JSON';
const CONFIRMS = 'confirms what is acknowledged, and nothing beyond it';
const REFUSES = 'refuses a second reader while there is one';
const STOPS = 'stops with the reason of the signal';

/** Mistakes that authors make, each with the promise that sees it. */
export const LOG_MUTANTS: readonly (readonly [bug: string, promise: string, LogBug])[] = [
  ['copies everything in every run', FOLLOWS, asking((request) => ({ ...request, fullRefresh: true }))],
  ['keeps no NULL', FOLLOWS, changingRows((all) => all.map((row) => ({ ...row, note: row['note'] ?? '' })))],
  ['gives all changes one version', 'takes deletions, and rows that come back', oneVersion()],
  ['loses what is written while it copies', 'loses nothing that is written while it copies', staleCopies()],
  [
    'drops deletions',
    'takes deletions, and rows that come back',
    changingRows((all) => all.filter((row) => row['_deleted'] !== true)),
  ],
  ['leaves the row of an old key', KEYS, { changes: withoutOldKeys }],
  ['drops truncations', TRUNCATES, mapping((message) => (isTruncation(message) ? undefined : message))],
  ['truncates after the rows that followed', TRUNCATES, lateTruncation()],
  ['cuts transactions', 'keeps a transaction whole, however large', cutTransactions()],
  [
    'goes on with a full refresh as always',
    'begins anew on a full refresh, and leaves nothing behind',
    asking((request) => ({ ...request, fullRefresh: false })),
  ],
  [
    'skips a transaction when it goes on',
    'goes on from any checkpoint of changes to the same tables',
    positions((value, stream) => (stream === '' ? value + 1 : value)),
  ],
  [
    'stores the position at the end of a copy',
    'goes on from any checkpoint of a copy to the same tables',
    positions((value, stream, log) => (stream === '' ? value : log.end)),
  ],
  ['counts a copy as done when it begins', 'goes on from any checkpoint of a copy to the same tables', earlyCopies()],
  ['confirms what it reads', 'gives the same changes again until they are acknowledged', eagerConfirmation()],
  ['confirms the end whatever is acknowledged', CONFIRMS, acknowledging((log) => log.confirm('etl', log.end))],
  ['confirms nothing', CONFIRMS, acknowledging(() => undefined)],
  [
    'follows from now when history is gone',
    'refuses a position whose history is gone, and says how to begin anew',
    forgetting(),
  ],
  [
    'does not say how to begin anew',
    'refuses a position whose history is gone, and says how to begin anew',
    failing((error) => new EtlError({ code: error.code, kind: error.kind, message: error.message })),
  ],
  [
    'gives copies in another form than changes',
    'gives values the same in a copy as in changes',
    changingRows((all) =>
      all.map((row) => (isCopied(row) && row['whole'] != null ? { ...row, whole: Number(row['whole']) } : row)),
    ),
  ],
  ['lets a second reader in', REFUSES, takingOver()],
  [
    'refuses a second reader as a defect',
    REFUSES,
    failing((error) => new EtlError({ code: error.code, kind: 'internal', message: error.message })),
  ],
  ['never ends while the upstream goes on', 'ends although the upstream goes on', endless()],
  ['ignores the signal', STOPS, asking((request) => ({ ...request, signal: undefined }))],
  ['throws an error of its own when aborted', STOPS, failing((error) => new Error('aborted', { cause: error }))],
  ['keeps its slot when the reader leaves', 'lets everything go when its reader leaves', leaking()],
  ['gives rows before their schema', ORDER, lateSchema()],
  [
    'ends without a checkpoint',
    ORDER,
    reading(async function* (messages) {
      let held: SourceMessage | undefined;
      for await (const message of messages) {
        if (held !== undefined) yield held;
        held = message;
      }
    }),
  ],
  ['stores positions that are no JSON', ORDER, positions((value) => BigInt(value))],
  [
    'declares no versions',
    'discovers the same plain data twice, with keys and versions',
    {
      source: (source) => ({
        ...source,
        discover: async () => (await source.discover()).map(({ versionColumn: _, ...spec }) => spec),
      }),
    },
  ],
  [
    'needs no right to check',
    'proves access',
    {
      source: (source) => ({ ...source, check: () => Promise.reject(new Error('permission denied for table items')) }),
    },
  ],
  [
    'logs its password',
    'keeps secrets out of errors, logs, events and records',
    {
      source: (source) => ({
        ...source,
        read(request = {}) {
          request.logger?.debug({ connection: `postgres://etl:${CANARY}@db` }, 'connected');
          return source.read(request);
        },
      }),
    },
  ],
];

/** Why the promise says that the bug is one; `undefined` when it does not see it. */
export async function sightOfLogBug(bug: LogBug, promise: string): Promise<string | undefined> {
  const check = replicationChecks.find(({ name }) => name === promise);
  if (check === undefined) throw new Error(`The kit has no promise "${promise}".`);
  await using fixture = await logFixture(bug);
  try {
    await check.run(fixture);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isTruncation(message: SourceMessage): boolean {
  return message.type === 'truncate';
}

/** Whatever arrives later has the lower version: as with a clock that goes back. */
function oneVersion(): LogBug {
  let version = 2n ** 100n;
  return changingRows((all) =>
    all.map((row) => {
      version -= 1n;
      return { ...row, _version: version };
    }),
  );
}

/** All rows are taken when the first table is copied, and each position when its table is. */
function staleCopies(): LogBug {
  return {
    log(log) {
      let taken: ReadonlyMap<string, readonly Row[]> | undefined;
      const rows = (table: string): readonly Row[] => {
        taken ??= new Map(log.specs.map(({ name }) => [name, log.rows(name)]));
        return taken.get(table) ?? [];
      };
      return new Proxy(log, {
        get: (of, name) => {
          if (name === 'rows') return rows;
          const value: unknown = Reflect.get(of, name, of);
          return typeof value === 'function' ? (value.bind(of) as unknown) : value;
        },
      });
    },
  };
}

function earlyCopies(): LogBug {
  return reading(async function* (messages, _request, log) {
    const begun = new Set<string>();
    for await (const message of messages) {
      yield message;
      if (message.type === 'truncate') begun.add(message.stream);
      if (message.type !== 'records' || !begun.delete(message.stream)) continue;
      const entries = [
        { stream: '', partition: 'etl', value: log.slots.get('etl')?.confirmed ?? 0 },
        { stream: message.stream, partition: 'etl', value: log.end },
      ];
      yield { type: 'checkpoint', checkpoint: { entries } };
    }
  });
}

function lateTruncation(): LogBug {
  return reading(async function* (messages) {
    const held: SourceMessage[] = [];
    for await (const message of messages) {
      if (message.type === 'truncate') {
        held.push(message);
        continue;
      }
      if (message.type === 'checkpoint') yield* held.splice(0);
      yield message;
    }
  });
}

function cutTransactions(): LogBug {
  return reading(async function* (messages, { state = [] }) {
    for await (const message of messages) {
      yield message;
      if (message.type === 'records') yield { type: 'checkpoint', checkpoint: { entries: state.slice(0, 1) } };
    }
  });
}

function eagerConfirmation(): LogBug {
  return {
    source: (source) => ({
      ...source,
      async *read(request) {
        for await (const message of source.read(request)) {
          if (message.type === 'checkpoint') await source.acknowledge?.(message.checkpoint);
          yield message;
        }
      },
    }),
  };
}

function acknowledging(confirm: (log: MemoryLog) => void): LogBug {
  return { source: (source, log) => ({ ...source, acknowledge: async () => confirm(log) }) };
}

function forgetting(): LogBug {
  return asking((request, log) => {
    if (log.slots.has('etl')) return request;
    const state = (request.state ?? []).filter(({ stream }) => stream !== '');
    return { ...request, state };
  });
}

function failing(change: (error: EtlError) => Error): LogBug {
  return reading(async function* (messages) {
    try {
      yield* messages;
    } catch (error) {
      throw change(error as EtlError);
    }
  });
}

function takingOver(): LogBug {
  return reading(async function* (messages, _request, log) {
    const slot = log.slots.get('etl');
    if (slot !== undefined) slot.reader = undefined;
    yield* messages;
  });
}

function endless(): LogBug {
  return {
    source: (source, log) => ({
      ...source,
      async *read(request = {}) {
        let state = request.state ?? [];
        for (;;) {
          for await (const message of source.read({ ...request, state })) {
            if (message.type === 'checkpoint') state = newestEntries(state.concat(message.checkpoint.entries));
            yield message;
          }
          const position = state.findLast(({ stream }) => stream === '')?.value;
          if (position === log.end) return;
        }
      },
    }),
  };
}

function leaking(): LogBug {
  return {
    source: (source) => ({
      ...source,
      read: (request) => {
        const messages = source.read(request)[Symbol.asyncIterator]();
        return { [Symbol.asyncIterator]: () => ({ next: () => messages.next() }) };
      },
    }),
  };
}

function lateSchema(): LogBug {
  return reading(async function* (messages) {
    const held: SourceMessage[] = [];
    for await (const message of messages) {
      if (message.type === 'schema') {
        held.push(message);
        continue;
      }
      if (message.type === 'checkpoint') yield* held.splice(0);
      yield message;
    }
  });
}

type Change = Parameters<NonNullable<LogBug['changes']>>[0][number];

/** A new key is taken for a new row. */
function withoutOldKeys(changes: readonly Change[]): readonly Change[] {
  return changes.filter((change, index) => change.type !== 'delete' || changes[index + 1]?.type !== 'insert');
}
