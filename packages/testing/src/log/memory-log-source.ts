import {
  EtlError,
  findState,
  type Checkpoint,
  type Row,
  type Source,
  type SourceMessage,
  type SourceReadRequest,
  type StateEntry,
  type StreamSpec,
} from '@etl/core';
import type { LogChange, LogSlot, MemoryLog } from './memory-log.ts';

export interface MemoryLogOptions {
  /** @default 'etl' */
  readonly slot?: string;
  /** Most rows of a message. @default 10 */
  readonly pageRows?: number;
}

/**
 * Reads a {@link MemoryLog} as a replication source reads a database: a copy of each table once, then
 * every transaction, in loads that an engine may cut at any checkpoint. It keeps every promise of
 * `describeReplicationSource`.
 */
export function memoryLogSource(log: MemoryLog, { slot = 'etl', pageRows = 10 }: MemoryLogOptions = {}): Source {
  const readers = new Set<object>();
  const release = (reader: object): void => {
    const held = log.slots.get(slot);
    if (held?.reader === reader) held.reader = undefined;
    readers.delete(reader);
  };
  return {
    specificationVersion: 'v1',
    name: 'memory_log',
    check: async () => undefined,
    discover: async () => log.specs,
    async *read(request = {}) {
      const reader = {};
      readers.add(reader);
      try {
        for await (const message of new LogReading(log, { slot, pageRows, request, reader }).messages()) {
          request.signal?.throwIfAborted();
          if (!readers.has(reader)) throw new Error('The source was disposed.');
          yield message;
        }
      } finally {
        release(reader);
      }
    },
    async acknowledge({ entries }: Checkpoint) {
      const position = findState(entries, '', slot);
      if (typeof position === 'number') log.confirm(slot, position);
    },
    async [Symbol.asyncDispose]() {
      for (const reader of readers) release(reader);
    },
  };
}

interface ReadingOptions {
  readonly slot: string;
  readonly pageRows: number;
  readonly request: SourceReadRequest;
  readonly reader: object;
}

class LogReading {
  readonly #log: MemoryLog;
  readonly #options: ReadingOptions;
  /** Positions of the copies, by table: changes up to them are in the copy. */
  readonly #copies = new Map<string, number>();

  constructor(log: MemoryLog, options: ReadingOptions) {
    this.#log = log;
    this.#options = options;
  }

  async *messages(): AsyncGenerator<SourceMessage> {
    const { request, slot: name } = this.#options;
    request.signal?.throwIfAborted();
    const state = request.state ?? [];
    const stored = findState(state, '', name);
    const isWhole = request.fullRefresh === true && request.streams === undefined;
    const slot = this.#takeSlot(isWhole ? undefined : stored);
    const from = isWhole || typeof stored !== 'number' ? slot.confirmed : stored;
    if (!isWhole) this.#requireHistory(from, slot);
    const chosen = this.#log.specs.filter((spec) => request.streams?.includes(spec.name) ?? true);
    for (const spec of chosen) {
      yield { type: 'schema', stream: spec };
      const copied = request.fullRefresh === true ? undefined : findState(state, spec.name, name);
      if (typeof copied === 'number') this.#copies.set(spec.name, copied);
      else yield* this.#copy(spec, from);
    }
    yield* this.#follow(chosen, from);
  }

  #takeSlot(stored: unknown): LogSlot {
    const { slot: name, reader } = this.#options;
    const known = this.#log.slots.get(name);
    if (known === undefined && stored !== undefined) throw historyGone('its slot is gone');
    const slot = known ?? { confirmed: this.#log.end, reader: undefined };
    if (slot.reader !== undefined) {
      throw new EtlError({
        code: 'MEMORY_LOG_IN_USE',
        kind: 'transient',
        message: `The slot ${name} is being read.`,
        hint: 'Try again when the other reader has ended.',
      });
    }
    slot.reader = reader;
    this.#log.slots.set(name, slot);
    return slot;
  }

  #requireHistory(from: number, slot: LogSlot): void {
    if (slot.confirmed > from) throw historyGone(`the slot is at ${slot.confirmed}, the stored position is ${from}`);
  }

  async *#copy(spec: StreamSpec, from: number): AsyncGenerator<SourceMessage> {
    const { pageRows, slot } = this.#options;
    const position = this.#log.end;
    const rows = this.#log.rows(spec.name);
    yield { type: 'truncate', stream: spec.name };
    for (let start = 0; start < rows.length; start += pageRows) {
      await turn();
      const page = rows
        .slice(start, start + pageRows)
        .map((row) => versioned(spec, row, versionAt(position, 0), false));
      yield { type: 'records', stream: spec.name, rows: page };
    }
    this.#copies.set(spec.name, position);
    const entries: readonly StateEntry[] = [
      { stream: '', partition: slot, value: from },
      { stream: spec.name, partition: slot, value: position },
    ];
    yield { type: 'checkpoint', checkpoint: { entries } };
  }

  async *#follow(chosen: readonly StreamSpec[], from: number): AsyncGenerator<SourceMessage> {
    const end = this.#log.end;
    for (let position = from + 1; position <= end; position += 1) {
      await turn();
      const transaction = this.#log.transaction(position);
      if (transaction === undefined) throw historyGone(`transaction ${position} was forgotten`);
      for (const [ordinal, change] of transaction.changes.entries()) {
        const spec = chosen.find(({ name }) => name === change.table);
        if (spec !== undefined && position > (this.#copies.get(spec.name) ?? 0))
          yield messageOf(spec, change, versionAt(position, ordinal + 1));
      }
      yield this.#checkpoint(chosen, position);
    }
    yield this.#checkpoint(chosen, end);
  }

  /** Tables that are not read have to be copied anew: the log goes on without them. */
  #checkpoint(chosen: readonly StreamSpec[], position: number): SourceMessage {
    const { slot: partition } = this.#options;
    const left = this.#log.specs.filter((spec) => !chosen.includes(spec));
    const entries: readonly StateEntry[] = [
      { stream: '', partition, value: position },
      ...left.map(({ name }) => ({ stream: name, partition, value: null })),
    ];
    return { type: 'checkpoint', checkpoint: { entries } };
  }
}

function messageOf(spec: StreamSpec, change: LogChange, version: bigint): SourceMessage {
  if (change.type === 'truncate') return { type: 'truncate', stream: spec.name };
  const isDeleted = change.type === 'delete';
  const row = versioned(spec, isDeleted ? change.key : change.row, version, isDeleted);
  return { type: 'records', stream: spec.name, rows: [row] };
}

function versioned(spec: StreamSpec, row: Row, version: bigint, isDeleted: boolean): Row {
  const { versionColumn = '_version', deletedColumn = '_deleted' } = spec;
  return { ...row, [versionColumn]: version, [deletedColumn]: isDeleted };
}

function versionAt(position: number, ordinal: number): bigint {
  return BigInt(position) * 1_000_000n + BigInt(ordinal);
}

function historyGone(why: string): EtlError {
  return new EtlError({
    code: 'MEMORY_LOG_HISTORY_GONE',
    kind: 'state',
    message: `The log cannot be gone on with: ${why}.`,
    hint: 'Run a full refresh of all streams.',
  });
}

async function turn(): Promise<void> {
  await new Promise(setImmediate);
}
