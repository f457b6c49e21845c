import type { LedgerEntry, LoadPackage } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import type { Slice } from '../slice.ts';
import type { StreamSlices } from '../source.ts';
import { newestEntries, type StateEntry } from '../state.ts';
import type { StreamSpec } from '../stream-spec.ts';
import { dueSlices } from './due-slices.ts';
import { readOptions, type PipelineRun } from './pipeline-run.ts';
import { writeText } from './write-text.ts';

/** Reads what is due, one slice a load: checked, published and recorded on its own. */
export async function runSlices(run: PipelineRun, plan: readonly StreamSlices[]): Promise<void> {
  let state = await run.session.readState();
  for (const { stream, slices } of plan) {
    run.recorder.streamSeen(stream.name);
    const ledger = await run.session.readLedger(stream.name);
    const everything = run.options.days !== undefined || run.options.fullRefresh === true;
    const due = everything ? slices : dueSlices(slices, ledger);
    const misplanned = planProblem(stream, slices);
    if (misplanned !== undefined) {
      run.recorder.streamFailed(stream.name, misplanned);
      continue;
    }
    for (const slice of due) {
      run.signal.throwIfAborted();
      const last = ledger.find((entry) => entry.slice === slice.key);
      const readAt = (run.options.now ?? (() => new Date()))().toISOString();
      const attempts = last?.status === 'failed' ? last.attempts + 1 : 1;
      const entry = { stream: stream.name, slice: slice.key, readAt, attempts };
      try {
        const moved = await loadSlice(run, { stream, slice, state }, entry);
        state = newestEntries([...state, ...moved]);
      } catch (error) {
        run.signal.throwIfAborted();
        const failure = EtlError.from(error);
        const reason = `${failure.code}: ${failure.message}`;
        await run.session.writeLedger([{ ...entry, status: 'failed', rows: 0, reason }]);
        run.recorder.sliceFailed(stream.name, slice.key, failure);
      }
    }
  }
}

// Every slice without a scope would replace the whole table, and only the last one would be left.
function planProblem(stream: StreamSpec, slices: readonly Slice[]): EtlError | undefined {
  const isWhole = slices.some(({ scope }) => scope === undefined);
  if (stream.writeDisposition !== 'replace' || slices.length < 2 || !isWhole) return undefined;
  return new EtlError({
    code: 'STREAM_SLICES_INVALID',
    kind: 'config',
    message: `Stream ${stream.name} replaces its table but has ${slices.length} slices, some of them without a scope.`,
    hint: 'Give every slice a scope, or make one slice of the whole.',
  });
}

interface SliceTask {
  readonly stream: StreamSpec;
  readonly slice: Slice;
  readonly state: readonly StateEntry[];
}

async function loadSlice(
  run: PipelineRun,
  task: SliceTask,
  entry: Pick<LedgerEntry, 'stream' | 'slice' | 'readAt' | 'attempts'>,
): Promise<readonly StateEntry[]> {
  const { stream, slice } = task;
  const load = await run.session.beginLoad({ ...run.options, signal: run.signal });
  try {
    run.recorder.event({ type: 'load-started', loadId: load.id });
    run.recorder.schemaChanged(stream.name, await load.prepare(stream));
    const { rows, moved } = await readSlice(run, load, task);
    await load.publish(stream.name, slice, { ...entry, status: 'good', rows });
    const summary = await load.commit(moved);
    run.recorder.loadCommitted(summary);
    run.recorder.slicePublished(stream.name, slice.key, rows);
    return moved;
  } finally {
    await load[Symbol.asyncDispose]();
  }
}

async function readSlice(
  run: PipelineRun,
  load: LoadPackage,
  { stream, slice, state }: SliceTask,
): Promise<{ rows: number; moved: readonly StateEntry[] }> {
  let rows = 0;
  let completed = false;
  const moved: StateEntry[] = [];
  const asked = `${stream.name} ${slice.key}`;
  const request = { ...readOptions(run), state, slices: { [stream.name]: [slice] }, streams: [stream.name] };
  for await (const message of run.options.source.read(request)) {
    run.signal.throwIfAborted();
    switch (message.type) {
      case 'schema':
        requireAsked(message.stream.name === stream.name, asked);
        run.recorder.schemaChanged(stream.name, await load.prepare(message.stream));
        break;
      case 'records':
        requireAsked(message.stream === stream.name && (message.slice ?? slice.key) === slice.key, asked);
        rows += message.rows.length;
        await load.write(stream.name, message.rows);
        run.recorder.event({ type: 'batch-written', stream: stream.name, rows: message.rows.length });
        break;
      case 'text-records':
        requireAsked(message.stream === stream.name && (message.slice ?? slice.key) === slice.key, asked);
        rows += message.batch.rowCount;
        await writeText(run, load, stream.name, message.batch);
        run.recorder.event({ type: 'batch-written', stream: stream.name, rows: message.batch.rowCount });
        break;
      case 'slice-completed':
        requireAsked(message.stream === stream.name && message.slice.key === slice.key, asked);
        completed = true;
        break;
      case 'truncate':
        requireAsked(false, asked);
        break;
      case 'stream-failed':
        throw message.error;
      case 'checkpoint':
        moved.push(...message.checkpoint.entries);
        break;
      case 'progress':
        run.recorder.event({ ...message, type: 'stream-progressed' });
        break;
    }
  }
  if (!completed) {
    throw new EtlError({
      code: 'SLICE_INCOMPLETE',
      kind: 'internal',
      message: `Reading ${asked} ended without saying that it is complete.`,
    });
  }
  return { rows, moved };
}

function requireAsked(isAsked: boolean, asked: string): void {
  if (isAsked) return;
  throw new EtlError({
    code: 'SOURCE_MESSAGE_UNASKED',
    kind: 'internal',
    message: `The source was asked for ${asked} and answered with something else.`,
  });
}
