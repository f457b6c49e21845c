import { deepStrictEqual, equal } from 'node:assert/strict';
import {
  newestEntries,
  runPipeline,
  type PipelineOptions,
  type PipelineReport,
  type Source,
  type SourceMessage,
  type SourceReadRequest,
  type StateEntry,
} from '@etl/core';
import { faultyDestination, type DestinationFaultPlan } from '../faulty-destination.ts';
import { memoryDestination } from '../memory-destination.ts';
import { MemoryStore } from '../memory-store.ts';
import type { ReplicationFixture, UpstreamChange, UpstreamTable } from './replication-fixture.ts';
import { rowTexts, UpstreamModel } from './upstream-model.ts';

export const TABLES: readonly UpstreamTable[] = ['items', 'lines'];
const NAME = 'replica';

interface RunOptions extends Pick<PipelineOptions, 'fullRefresh' | 'signal' | 'onEvent' | 'logger'> {
  /** Default 1: a commit at every checkpoint that has rows before it. */
  readonly commitEveryRows?: number;
  /** How the destination fails. */
  readonly faults?: DestinationFaultPlan;
  /** Called before each message is handed on. */
  readonly onMessage?: (message: SourceMessage) => Promise<void>;
}

/** An upstream, the copy that runs of the engine keep of it, and what both must hold. */
export class Replica {
  readonly fixture: ReplicationFixture;
  readonly store = new MemoryStore();
  readonly #model = new UpstreamModel();

  constructor(fixture: ReplicationFixture) {
    this.fixture = fixture;
  }

  async transact(...changes: readonly UpstreamChange[]): Promise<void> {
    await this.fixture.transact(changes);
    this.#model.apply(changes);
  }

  /** One life of a process: a source of its own, a destination over what earlier lives stored. */
  async run({ commitEveryRows = 1, faults, onMessage, ...options }: RunOptions = {}): Promise<PipelineReport> {
    const source = this.fixture.createSource();
    const destination = memoryDestination(this.store);
    try {
      return await runPipeline({
        name: NAME,
        source: onMessage === undefined ? source : watched(source, onMessage),
        destination: faults === undefined ? destination : faultyDestination(destination, faults),
        commitEveryRows,
        ...options,
      });
    } finally {
      await source[Symbol.asyncDispose]();
    }
  }

  /** A run after which nothing may be missing. */
  async runWell(options: RunOptions = {}): Promise<PipelineReport> {
    const report = await this.run(options);
    equal(report.failures.map(({ error }) => error.message).join('; '), '', 'the run has failures');
    return report;
  }

  get state(): readonly StateEntry[] {
    return this.store.state.get(NAME) ?? [];
  }

  /** What a reading without an engine is told so that the runs of the engine can go on from it, and it from them. */
  get position(): Position {
    const { memory } = this.store;
    const keyOf = (stream: string, key: string): string => JSON.stringify([NAME, stream, key]);
    return {
      state: this.state,
      memory: (stream) => ({
        get: async (key) => memory.get(keyOf(stream, key)) ?? undefined,
        set: async (key, value) => void memory.set(keyOf(stream, key), value),
      }),
    };
  }

  rows(table: UpstreamTable): readonly string[] {
    return rowTexts(this.store.rows(table));
  }

  /** Fails unless the copy is what the upstream holds. */
  requireEqual(what: string): void {
    for (const table of TABLES) deepStrictEqual(this.rows(table), this.#model.rows(table), `${what}: ${table}`);
  }
}

type Position = Required<Pick<SourceReadRequest, 'state' | 'memory'>>;

/** All messages of one reading without an engine, and the positions after it. */
export async function readAll(
  source: Source,
  { state = [], memory }: Pick<SourceReadRequest, 'state' | 'memory'>,
): Promise<{ readonly messages: readonly SourceMessage[]; readonly state: readonly StateEntry[] }> {
  const messages: SourceMessage[] = [];
  for await (const message of source.read({ state, memory })) if (message.type !== 'progress') messages.push(message);
  const moved = messages.flatMap((message) => (message.type === 'checkpoint' ? message.checkpoint.entries : []));
  return { messages, state: newestEntries([...state, ...moved]) };
}

function watched(source: Source, onMessage: (message: SourceMessage) => Promise<void>): Source {
  return {
    specificationVersion: 'v1',
    name: source.name,
    check: (options) => source.check(options),
    discover: (options) => source.discover(options),
    async *read(request) {
      for await (const message of source.read(request)) {
        await onMessage(message);
        yield message;
      }
    },
    acknowledge: async (checkpoint, options) => source.acknowledge?.(checkpoint, options),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
