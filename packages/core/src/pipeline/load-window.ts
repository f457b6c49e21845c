import type { LedgerEntry, LoadPackage, LoadSummary } from '../destination.ts';
import { EtlError, type ErrorKind } from '../etl-error.ts';
import { reconcile, requirePlausible, requirePlausibleTogether, type SliceExpectation } from '../slice-gate.ts';
import type { Slice } from '../slice.ts';
import type { SourceReadRequest, StreamSlices } from '../source.ts';
import type { StateEntry } from '../state.ts';
import type { WhenSettled } from '../stream.ts';
import type { DueSlice } from './due-slices.ts';
import { callsOf, readOptions, type PipelineRun } from './pipeline-run.ts';
import { recordedDrift } from './recorded-drift.ts';
import type { PublishedSlice } from './published-slice.ts';
import type { SliceWindow } from './slice-window.ts';
import { readSource } from './source-failure.ts';
import { storedReason } from './stored-reason.ts';
import { WindowContent } from './window-content.ts';

/** What may be wrong with one day of a window and not with the others, and with these rows and not with others. */
export const SPLITTING_KINDS: ReadonlySet<ErrorKind> = new Set(['data', 'schema', 'internal']);

/** One window of a stream, on its way through one load. */
export interface WindowTask {
  readonly plan: StreamSlices;
  readonly window: SliceWindow;
  readonly state: readonly StateEntry[];
  /** Whether it only reads again what somebody asked for: positions stay where they are. */
  readonly isBackfill: boolean;
}

/** Reads a window, checks each of its slices and publishes them in one load. Returns the moved positions. */
export async function loadWindow(run: PipelineRun, task: WindowTask): Promise<readonly StateEntry[]> {
  const { plan, window } = task;
  const { stream, gate } = plan;
  const startedAt = performance.now();
  const readAt = run.now().toISOString();
  const load = await run.session.beginLoad({ ...run.options, signal: run.signal });
  const whenSettled: (() => Promise<void>)[] = [];
  try {
    run.recorder.event({ type: 'load-started', loadId: load.id });
    run.recorder.schemaChanged(stream.name, await load.prepare(stream));
    const read = await readWindow(run, load, task, (work) => whenSettled.push(work));
    reconcile(nameOf(stream.name, window), read.content.whole, read.expected, gate);
    const counted = window.members.map((member) => ({ ...member, rows: read.content.rowsOf(member) }));
    if (counted.length > 1 && run.options.acceptShrink !== true)
      requirePlausibleTogether(nameOf(stream.name, window), counted, gate);
    const entries = counted.map(({ rows, ...member }) => {
      const isWhole = member.slice.scope !== undefined || stream.writeDisposition === 'replace';
      if (isWhole && run.options.acceptShrink !== true)
        requirePlausible(`${stream.name} ${member.slice.key}`, rows, member.previous, gate);
      return goodEntry(stream.name, member, rows, readAt, read.flags);
    });
    for (const [index, entry] of entries.entries()) {
      const member = window.members[index];
      // Who reads everything anew wants everything written anew.
      const previous = run.options.fullRefresh === true ? undefined : member?.previous;
      if (member !== undefined) await load.publish(stream.name, member.slice, entry, previous);
    }
    const moved = task.isBackfill ? [] : read.moved;
    const summary = await load.commit(moved);
    run.recorder.loadCommitted(summary);
    await run.calls.committed();
    await doAll(whenSettled);
    const published = window.members.map(({ slice }, index) => {
      const { rows = 0, flags = [] } = entries[index] ?? {};
      return { slice, rows, flags, ...fateOf(summary, stream.name, slice) };
    });
    run.recorder.windowPublished(stream.name, published, performance.now() - startedAt);
    return moved;
  } catch (error) {
    if (!run.signal.aborted && SPLITTING_KINDS.has(EtlError.from(error).kind)) await doAll(whenSettled);
    throw error;
  } finally {
    await giveUp(load);
  }
}

function fateOf(
  { unchanged, restated }: LoadSummary,
  stream: string,
  { key }: Slice,
): Pick<PublishedSlice, 'isUnchanged' | 'restated'> {
  const other = restated?.find((slice) => slice.stream === stream && slice.slice === key);
  return {
    isUnchanged: unchanged?.[stream]?.includes(key) === true,
    ...(other === undefined ? {} : { restated: other.rows === undefined ? {} : { rows: other.rows } }),
  };
}

/** It is for later runs: what of it fails costs them calls, but says nothing of this load. */
async function doAll(works: (() => Promise<void>)[]): Promise<void> {
  for (const work of works.splice(0)) {
    try {
      await work();
    } catch {
      continue;
    }
  }
}

/** What cannot be given up the next opening sweeps; the error that ended the load matters more. */
async function giveUp(load: LoadPackage): Promise<void> {
  try {
    await load[Symbol.asyncDispose]();
  } catch {
    return;
  }
}

function goodEntry(
  stream: string,
  { slice }: DueSlice,
  rows: number,
  readAt: string,
  flags: readonly string[],
): LedgerEntry {
  const entry = { stream, slice: slice.key, status: 'good', rows, readAt, loadedAt: readAt, attempts: 1 } as const;
  return flags.length === 0 ? entry : { ...entry, flags };
}

/** What the ledger keeps of a failed attempt: the table still has the version of the last good one. */
export function failedEntry(stream: string, member: DueSlice, readAt: string, error: EtlError): LedgerEntry {
  const { slice, previous } = member;
  const { code, message } = storedReason(error);
  return {
    stream,
    slice: slice.key,
    status: 'failed',
    rows: previous?.rows ?? 0,
    readAt,
    ...(previous?.loadedAt === undefined ? {} : { loadedAt: previous.loadedAt }),
    ...(previous?.flags === undefined ? {} : { flags: previous.flags }),
    ...(previous?.fingerprint === undefined ? {} : { fingerprint: previous.fingerprint }),
    attempts: previous?.status === 'failed' ? previous.attempts + 1 : 1,
    reason: `${code}: ${message}`,
  };
}

interface WindowRead {
  readonly content: WindowContent;
  readonly expected: SliceExpectation | undefined;
  readonly flags: readonly string[];
  readonly moved: readonly StateEntry[];
}

async function readWindow(
  run: PipelineRun,
  load: LoadPackage,
  task: WindowTask,
  whenSettled: WhenSettled,
): Promise<WindowRead> {
  const { plan, window, state } = task;
  const { stream, gate } = plan;
  const { slice } = window;
  const content = new WindowContent(stream, window, gate?.reconcile);
  let completed: { readonly expected?: SliceExpectation; readonly flags?: readonly string[] } | undefined;
  const moved: StateEntry[] = [];
  const asked = nameOf(stream.name, window);

  const request: SourceReadRequest = {
    ...readOptions(run),
    onCall: callsOf(run, stream.name, slice.lane),
    state,
    slices: { [stream.name]: [slice] },
    streams: [stream.name],
    lookup: (name, keys, columns) => load.lookup(name, keys, columns),
    whenSettled,
  };
  for await (const message of readSource(run.options.source, request)) {
    run.signal.throwIfAborted();
    switch (message.type) {
      case 'schema':
        requireAsked(message.stream.name === stream.name, asked);
        run.recorder.schemaChanged(stream.name, await load.prepare(message.stream));
        break;
      case 'records':
        requireAsked(message.stream === stream.name && (message.slice ?? slice.key) === slice.key, asked);
        content.add(message.rows);
        await load.write(stream.name, message.rows);
        run.recorder.event({ type: 'batch-written', stream: stream.name, rows: message.rows.length });
        break;
      case 'slice-completed':
        requireAsked(message.stream === stream.name && message.slice.key === slice.key, asked);
        completed = message;
        break;
      // Rows of slices are gated one by one, so they are never asked for in another form.
      case 'text-records':
      case 'binary-records':
      case 'truncate':
        requireAsked(false, asked);
        break;
      case 'stream-failed':
        throw message.error;
      case 'drift-found':
        run.recorder.schemaChanged(message.stream, [await recordedDrift(load, message.stream, message.drift)]);
        break;
      case 'checkpoint':
        moved.push(...message.checkpoint.entries);
        break;
      case 'progress':
        run.recorder.event({ ...message, type: 'stream-progressed' });
        break;
    }
  }
  if (completed === undefined) {
    throw new EtlError({
      code: 'SLICE_INCOMPLETE',
      kind: 'internal',
      message: `Reading ${asked} ended without saying that it is complete.`,
    });
  }
  return { content, expected: completed.expected, flags: completed.flags ?? [], moved };
}

function nameOf(stream: string, { slice }: SliceWindow): string {
  return `${stream} ${slice.key}`;
}

function requireAsked(isAsked: boolean, asked: string): void {
  if (isAsked) return;
  throw new EtlError({
    code: 'SOURCE_MESSAGE_UNASKED',
    kind: 'internal',
    message: `The source was asked for ${asked} and answered with something else.`,
  });
}
