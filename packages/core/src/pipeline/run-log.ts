import type { LoadPackage } from '../destination.ts';
import { EtlError, type ErrorKind } from '../etl-error.ts';
import type { SourceMessage } from '../source.ts';
import { newestEntries, type Checkpoint, type StateEntry } from '../state.ts';
import type { StreamSpec } from '../stream-spec.ts';
import { readOptions, type PipelineRun } from './pipeline-run.ts';
import { recordedDrift } from './recorded-drift.ts';
import { writeBinary, writeText } from './write-batch.ts';

const COMMIT_EVERY_ROWS = 1_000_000;

const STREAM_KINDS: ReadonlySet<ErrorKind> = new Set(['data', 'schema', 'config']);

/** Reads a log to its end; change batches between checkpoints are the loads. */
export async function runLog(run: PipelineRun): Promise<void> {
  const loads = new LogLoads(run);
  try {
    const state = await run.session.readState();
    loads.known = state;
    const request = {
      ...readOptions(run),
      state,
      lookup: loads.lookup,
      acceptsText: run.options.destination.capabilities.text === true,
      acceptsBinary: run.options.destination.capabilities.binary === true,
    };
    let isCovered = false;
    for await (const message of run.options.source.read(request)) {
      run.signal.throwIfAborted();
      if (isCovered && isOver(run, loads.rowsTaken)) {
        run.recorder.unfinished();
        break;
      }
      if (isCovered && run.options.follow?.stop.aborted === true) break;
      await loads.accept(message);
      isCovered = message.type === 'checkpoint';
    }
    await loads.finish();
  } finally {
    await loads[Symbol.asyncDispose]();
  }
}

function isOver({ options, now }: PipelineRun, rows: number): boolean {
  const { deadline, maxRows } = options;
  return (deadline !== undefined && now() >= deadline) || (maxRows !== undefined && rows >= maxRows);
}

/** The loads of one reading, one after the other. Where only the position moves, it is stored without a load. */
class LogLoads implements AsyncDisposable {
  readonly #run: PipelineRun;
  readonly #specs = new Map<string, StreamSpec>();
  readonly #prepared = new Set<string>();
  /** Streams that failed in this run; what still comes of them is dropped. */
  readonly #failed = new Set<string>();
  /** Stored positions: those of a stream that fails are forgotten, so that it is read anew. */
  known: readonly StateEntry[] = [];
  #load: LoadPackage | undefined;
  #rows = 0;
  #rowsBefore = 0;
  /** Whether anything came since the last checkpoint. */
  #uncovered = false;
  #moved: StateEntry[] = [];

  constructor(run: PipelineRun) {
    this.#run = run;
  }

  // What a source completes of a stream that failed is dropped, so there is nothing to find.
  readonly lookup: LoadPackage['lookup'] = async (stream, keys, columns) => {
    if (this.#failed.has(stream)) return keys.map(() => undefined);
    await this.#prepare(stream);
    return (await this.#current()).lookup(stream, keys, columns);
  };

  /** Rows of all loads of this reading. */
  get rowsTaken(): number {
    return this.#rowsBefore + this.#rows;
  }

  /** The open load, which begins when the first message comes that belongs into it. */
  async #current(): Promise<LoadPackage> {
    if (this.#load !== undefined) return this.#load;
    this.#load = await this.#run.session.beginLoad({ ...this.#run.options, signal: this.#run.signal });
    this.#run.recorder.event({ type: 'load-started', loadId: this.#load.id });
    return this.#load;
  }

  async accept(message: SourceMessage): Promise<void> {
    if (message.type === 'checkpoint') return this.#checkpoint(message.checkpoint);
    if (message.type === 'slice-completed') return;
    const stream = message.type === 'schema' ? message.stream.name : message.stream;
    if (this.#failed.has(stream)) return;
    if (message.type === 'stream-failed') return this.#fail(stream, message.error);
    try {
      await this.#take(message);
    } catch (error) {
      const failure = EtlError.from(error);
      // What only concerns this stream's rows or table must not stop the others.
      if (!STREAM_KINDS.has(failure.kind)) throw error;
      await this.#fail(stream, failure);
    }
  }

  async #take(
    message: Exclude<SourceMessage, { type: 'checkpoint' | 'slice-completed' | 'stream-failed' }>,
  ): Promise<void> {
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
        await (await this.#current()).write(message.stream, message.rows);
        this.#rows += message.rows.length;
        this.#uncovered = true;
        recorder.event({ type: 'batch-written', stream: message.stream, rows: message.rows.length });
        return;
      case 'text-records':
      case 'binary-records': {
        const { stream, batch } = message;
        await this.#prepare(stream);
        const load = await this.#current();
        if (message.type === 'text-records') await writeText(this.#run, load, stream, message.batch);
        else await writeBinary(this.#run, load, stream, message.batch);
        this.#rows += batch.rowCount;
        this.#uncovered = true;
        recorder.event({ type: 'batch-written', stream, rows: batch.rowCount });
        return;
      }
      case 'truncate':
        await this.#prepare(message.stream);
        await (await this.#current()).truncate(message.stream);
        this.#uncovered = true;
        return;
      case 'drift-found': {
        const { stream, drift } = message;
        await this.#prepare(stream);
        recorder.schemaChanged(stream, [await recordedDrift(await this.#current(), stream, drift)]);
        return;
      }
      case 'progress':
        recorder.streamSeen(message.stream);
        recorder.event({ ...message, type: 'stream-progressed' });
        return;
    }
  }

  /** The position of the source moves on without these rows, so the stream has to be read anew. */
  async #fail(stream: string, error: EtlError): Promise<void> {
    this.#failed.add(stream);
    this.#run.recorder.streamSeen(stream);
    this.#run.recorder.streamFailed(stream, error);
    this.#prepared.delete(stream);
    await this.#load?.discard(stream);
    const positions = [...this.known, ...this.#moved].filter((entry) => entry.stream === stream);
    this.#moved.push(...positions.map((entry) => ({ ...entry, value: null })));
  }

  async #checkpoint(checkpoint: Checkpoint): Promise<void> {
    this.#moved.push(...checkpoint.entries.filter(({ stream, value }) => value === null || !this.#failed.has(stream)));
    this.#uncovered = false;
    const { follow, commitEveryRows = COMMIT_EVERY_ROWS } = this.#run.options;
    if (follow === undefined && this.#rows < commitEveryRows) return;
    await this.#commit();
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
    const load = this.#load;
    // An idle log moves its position from time to time, and a load is some ten statements at the destination.
    if (load !== undefined) {
      this.#run.recorder.loadCommitted(await load.commit(entries));
      await this.#run.calls.committed();
    } else if (entries.length > 0) {
      await this.#run.session.writeState(entries);
    }
    this.known = newestEntries([...this.known, ...entries]);
    this.#load = undefined;
    this.#prepared.clear();
    this.#rowsBefore += this.#rows;
    this.#rows = 0;
    this.#moved = [];
    const checkpoint = { entries };
    await this.#run.options.source.acknowledge?.(checkpoint, { ...this.#run.options, signal: this.#run.signal });
    this.#run.recorder.event({ type: 'checkpoint-acknowledged', checkpoint });
  }

  // A new load knows nothing of the streams: each is prepared again before its first rows.
  async #prepare(stream: string): Promise<void> {
    const spec = this.#specs.get(stream);
    if (spec === undefined || this.#prepared.has(stream)) return;
    this.#prepared.add(stream);
    this.#run.recorder.schemaChanged(stream, await (await this.#current()).prepare(spec));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#load?.[Symbol.asyncDispose]();
  }
}
