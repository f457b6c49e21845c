import type { LedgerEntry, LoadPackage } from '../destination.ts';
import { EtlError } from '../etl-error.ts';
import type { Slice } from '../slice.ts';
import type { StreamSlices } from '../source.ts';
import type { StateEntry } from '../state.ts';
import type { StreamSpec } from '../stream-spec.ts';
import { dueSlices } from './due-slices.ts';
import { readOptions, type PipelineRun } from './pipeline-run.ts';

/** Reads what is due, one slice a load: checked, published and recorded on its own. */
export async function runSlices(run: PipelineRun, plan: readonly StreamSlices[]): Promise<void> {
  for (const { stream, slices } of plan) {
    run.recorder.streamSeen(stream.name);
    const ledger = await run.session.readLedger(stream.name);
    const everything = run.options.days !== undefined || run.options.fullRefresh === true;
    const due = everything ? slices : dueSlices(slices, ledger);
    for (const slice of due) {
      run.signal.throwIfAborted();
      const last = ledger.find((entry) => entry.slice === slice.key);
      const readAt = (run.options.now ?? (() => new Date()))().toISOString();
      const attempts = last?.status === 'failed' ? last.attempts + 1 : 1;
      const entry = { stream: stream.name, slice: slice.key, readAt, attempts };
      try {
        await loadSlice(run, stream, slice, entry);
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

async function loadSlice(
  run: PipelineRun,
  stream: StreamSpec,
  slice: Slice,
  entry: Pick<LedgerEntry, 'stream' | 'slice' | 'readAt' | 'attempts'>,
): Promise<void> {
  const load = await run.session.beginLoad({ ...run.options, signal: run.signal });
  try {
    run.recorder.event({ type: 'load-started', loadId: load.id });
    run.recorder.schemaChanged(stream.name, await load.prepare(stream));
    const { rows, state } = await readSlice(run, load, stream, slice);
    await load.publish(stream.name, slice, { ...entry, status: 'good', rows });
    const summary = await load.commit(state);
    run.recorder.loadCommitted(summary);
    run.recorder.slicePublished(stream.name, slice.key, rows);
  } finally {
    await load[Symbol.asyncDispose]();
  }
}

async function readSlice(
  run: PipelineRun,
  load: LoadPackage,
  stream: StreamSpec,
  slice: Slice,
): Promise<{ rows: number; state: readonly StateEntry[] }> {
  let rows = 0;
  let completed = false;
  const state: StateEntry[] = [];
  const request = { ...readOptions(run), slices: { [stream.name]: [slice] } };
  for await (const message of run.options.source.read({ ...request, streams: [stream.name] })) {
    run.signal.throwIfAborted();
    if (message.type === 'records') {
      rows += message.rows.length;
      await load.write(stream.name, message.rows);
      run.recorder.event({ type: 'batch-written', stream: stream.name, rows: message.rows.length });
    } else if (message.type === 'slice-completed') {
      completed = true;
    } else if (message.type === 'stream-failed') {
      throw message.error;
    } else if (message.type === 'checkpoint') {
      state.push(...message.checkpoint.entries);
    } else if (message.type === 'progress') {
      run.recorder.event({ ...message, type: 'stream-progressed' });
    }
  }
  if (!completed) {
    throw new EtlError({
      code: 'SLICE_INCOMPLETE',
      kind: 'internal',
      message: `Reading ${stream.name} ${slice.key} ended without saying that it is complete.`,
    });
  }
  return { rows, state };
}
