import type { LoadPackage } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import type { SourceMessage } from '../source.ts';
import { newestEntries, type Checkpoint, type StateEntry } from '../state.ts';
import type { StreamSpec } from '../stream-spec.ts';
import { readOptions, type PipelineRun } from './pipeline-run.ts';

const COMMIT_EVERY_ROWS = 200_000;

/** Reads a log to its end; change batches between checkpoints are the loads. */
export async function runLog(run: PipelineRun): Promise<void> {
  const loads = new LogLoads(run);
  try {
    await loads.begin();
    const state = run.options.fullRefresh === true ? [] : await run.session.readState();
    const request = {
      ...readOptions(run),
      state,
      lookup: loads.lookup,
    };
    for await (const message of run.options.source.read(request)) {
      run.signal.throwIfAborted();
      await loads.accept(message);
    }
    await loads.finish();
  } finally {
    await loads[Symbol.asyncDispose]();
  }
}

/** The loads of one reading, one after the other; the next begins before its rows are read. */
class LogLoads implements AsyncDisposable {
  readonly #run: PipelineRun;
  readonly #specs = new Map<string, StreamSpec>();
  readonly #prepared = new Set<string>();
  #load: LoadPackage | undefined;
  #rows = 0;
  /** Whether anything came since the last checkpoint. */
  #uncovered = false;
  #moved: StateEntry[] = [];

  constructor(run: PipelineRun) {
    this.#run = run;
  }

  readonly lookup: LoadPackage['lookup'] = async (stream, keys, columns) => {
    await this.#prepare(stream);
    return this.#current().lookup(stream, keys, columns);
  };

  async begin(): Promise<void> {
    this.#load = await this.#run.session.beginLoad({ ...this.#run.options, signal: this.#run.signal });
    this.#prepared.clear();
    this.#rows = 0;
    this.#uncovered = false;
    this.#moved = [];
    this.#run.recorder.event({ type: 'load-started', loadId: this.#load.id });
  }

  async accept(message: SourceMessage): Promise<void> {
    const { recorder } = this.#run;
    switch (message.type) {
      case 'schema':
        recorder.streamSeen(message.stream.name);
        this.#specs.set(message.stream.name, message.stream);
        this.#prepared.delete(message.stream.name);
        await this.#prepare(message.stream.name);
        return;
      case 'records':
        await this.#prepare(message.stream);
        await this.#current().write(message.stream, message.rows);
        this.#rows += message.rows.length;
        this.#uncovered = true;
        recorder.event({ type: 'batch-written', stream: message.stream, rows: message.rows.length });
        return;
      case 'truncate':
        await this.#prepare(message.stream);
        await this.#current().truncate(message.stream);
        this.#uncovered = true;
        return;
      case 'stream-failed':
        recorder.streamFailed(message.stream, message.error);
        this.#moved = this.#moved.filter((entry) => entry.stream !== message.stream);
        this.#prepared.delete(message.stream);
        await this.#current().discard(message.stream);
        return;
      case 'progress':
        recorder.streamSeen(message.stream);
        recorder.event({ ...message, type: 'stream-progressed' });
        return;
      case 'checkpoint':
        await this.#checkpoint(message.checkpoint);
        return;
      case 'slice-completed':
        return;
    }
  }

  async #checkpoint(checkpoint: Checkpoint): Promise<void> {
    this.#moved.push(...checkpoint.entries);
    this.#uncovered = false;
    if (this.#rows < (this.#run.options.commitEveryRows ?? COMMIT_EVERY_ROWS)) return;
    await this.#commit();
    await this.begin();
  }

  async finish(): Promise<void> {
    if (this.#uncovered) {
      throw new EtlError({
        code: 'SOURCE_CHECKPOINT_MISSING',
        kind: 'internal',
        message: `The source ${this.#run.options.source.name} ended with rows that no checkpoint covers.`,
      });
    }
    if (this.#moved.length > 0) await this.#commit();
  }

  /** Commits what the last checkpoint covers, then tells the source that it is durable. */
  async #commit(): Promise<void> {
    const entries = newestEntries(this.#moved);
    const summary = await this.#current().commit(entries);
    this.#load = undefined;
    this.#run.recorder.loadCommitted(summary);
    const checkpoint = { entries };
    await this.#run.options.source.acknowledge?.(checkpoint, { ...this.#run.options, signal: this.#run.signal });
    this.#run.recorder.event({ type: 'checkpoint-acknowledged', checkpoint });
  }

  // A new load knows nothing of the streams: each is prepared again before its first rows.
  async #prepare(stream: string): Promise<void> {
    const spec = this.#specs.get(stream);
    if (spec === undefined || this.#prepared.has(stream)) return;
    this.#prepared.add(stream);
    this.#run.recorder.schemaChanged(stream, await this.#current().prepare(spec));
  }

  #current(): LoadPackage {
    if (this.#load === undefined) throw new Error('no load is open');
    return this.#load;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#load?.[Symbol.asyncDispose]();
  }
}
