import {
  EtlError,
  newestEntries,
  type ApiCallTotals,
  type Destination,
  type DestinationSession,
  type DestinationView,
  type JsonValue,
  type LedgerEntry,
  type LoadPackage,
  type PipelineHolder,
  type RunRecord,
  type StateEntry,
  type StreamMemory,
} from '@etl/core';
import { MemoryLoad } from './memory-load.ts';
import { MemoryStore } from './memory-store.ts';

/** A destination in memory that keeps every promise of the contract; for tests of sources and of the engine. */
export function memoryDestination(
  store: MemoryStore = new MemoryStore(),
): Destination & { readonly store: MemoryStore } {
  return {
    specificationVersion: 'v1',
    name: 'memory',
    capabilities: { writeDispositions: ['append', 'merge', 'replace'], text: true, binary: true },
    store,
    async check() {},
    async open(pipeline) {
      if (store.held.has(pipeline)) {
        throw new EtlError({
          code: 'PIPELINE_HELD',
          kind: 'transient',
          message: `The pipeline ${pipeline} is being run.`,
        });
      }
      store.held.add(pipeline);
      return new MemorySession(store, pipeline);
    },
    async inspect() {
      return new MemoryView(store);
    },
    async [Symbol.asyncDispose]() {},
  };
}

class MemoryView implements DestinationView {
  readonly #store: MemoryStore;

  constructor(store: MemoryStore) {
    this.#store = store;
  }

  async pipelines(): Promise<readonly string[]> {
    const { state, ledger, runs } = this.#store;
    return [...new Set([...state.keys(), ...ledger.keys(), ...runs.map(({ pipeline }) => pipeline)])].toSorted();
  }

  async readState(pipeline: string): Promise<readonly StateEntry[]> {
    return this.#store.state.get(pipeline) ?? [];
  }

  async readLedger(pipeline: string, stream?: string): Promise<readonly LedgerEntry[]> {
    const entries = [...(this.#store.ledger.get(pipeline)?.values() ?? [])];
    return entries.filter((entry) => stream === undefined || entry.stream === stream);
  }

  async readRuns(pipeline: string, limit: number): Promise<readonly RunRecord[]> {
    return this.#store.runs
      .filter((run) => run.pipeline === pipeline)
      .toReversed()
      .slice(0, limit);
  }

  async readApiCalls(pipeline: string): Promise<readonly ApiCallTotals[]> {
    const asked = [...this.#store.calls].flatMap(([key, calls]) => {
      const [of, run] = JSON.parse(key) as readonly [string, string];
      return of === pipeline && calls.length > 0 ? [{ run, calls }] : [];
    });
    return asked.toSorted((a, b) => (a.run < b.run ? 1 : -1))[0]?.calls ?? [];
  }

  async holder(pipeline: string): Promise<PipelineHolder | undefined> {
    if (!this.#store.held.has(pipeline)) return undefined;
    return { host: 'memory', pid: process.pid, since: new Date(0).toISOString() };
  }
}

class MemorySession implements DestinationSession {
  readonly pipeline: string;
  readonly rolledForward = [];
  readonly lost = new AbortController().signal;
  readonly #store: MemoryStore;

  constructor(store: MemoryStore, pipeline: string) {
    this.#store = store;
    this.pipeline = pipeline;
  }

  async readState(): Promise<readonly StateEntry[]> {
    return this.#store.state.get(this.pipeline) ?? [];
  }

  async writeState(entries: readonly StateEntry[]): Promise<void> {
    // Without waiting between reading and writing: loads of other lanes write theirs.
    const stored = this.#store.state.get(this.pipeline) ?? [];
    const all = newestEntries([...stored, ...structuredClone(entries)]);
    this.#store.state.set(
      this.pipeline,
      all.filter(({ value }) => value !== null),
    );
  }

  async readLedger(stream: string): Promise<readonly LedgerEntry[]> {
    return [...this.#entries().values()].filter((entry) => entry.stream === stream);
  }

  async writeLedger(entries: readonly LedgerEntry[]): Promise<void> {
    for (const entry of entries) this.#entries().set(JSON.stringify([entry.stream, entry.slice]), entry);
  }

  #entries(): Map<string, LedgerEntry> {
    const entries = this.#store.ledger.get(this.pipeline) ?? new Map<string, LedgerEntry>();
    this.#store.ledger.set(this.pipeline, entries);
    return entries;
  }

  async readMemory(stream: string, key: string): Promise<JsonValue | undefined> {
    return this.#store.memory.get(JSON.stringify([this.pipeline, stream, key])) ?? undefined;
  }

  async writeMemory(stream: string, key: string, value: JsonValue): Promise<void> {
    this.#store.memory.set(JSON.stringify([this.pipeline, stream, key]), value);
  }

  readonly shared: StreamMemory = {
    get: async (key) => this.#store.shared.get(key) ?? undefined,
    set: async (key, value) => void this.#store.shared.set(key, value),
  };

  async writeCalls(run: string, calls: readonly ApiCallTotals[]): Promise<void> {
    this.#store.calls.set(JSON.stringify([this.pipeline, run]), calls);
  }

  async writeRun(run: RunRecord): Promise<void> {
    this.#store.runs.push(structuredClone(run));
    await this.writeCalls(run.id, structuredClone(run.calls ?? []));
  }

  async beginLoad(): Promise<LoadPackage> {
    this.#store.number += 1n;
    return new MemoryLoad(this.#store, this, this.#store.number);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#store.held.delete(this.pipeline);
  }
}
