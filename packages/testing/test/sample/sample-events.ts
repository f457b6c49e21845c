import { findState, type JsonValue, type SourceMessage, type SourceReadRequest, type StreamSlices } from '@etl/core';
import type { HttpClient } from '@etl/core/http';
import type { Bug } from './sample-bug.ts';
import { pagesOf } from './sample-pages.ts';

export const EVENTS: StreamSlices = {
  stream: {
    name: 'events',
    columns: [
      { name: 'id', type: 'int64', nullable: false },
      { name: 'name', type: 'string', nullable: false },
    ],
    primaryKey: ['id'],
    writeDisposition: 'merge',
  },
  slices: [{ key: 'all' }],
};

/** A list that only grows, read from where the last run ended. */
export async function* readEvents(
  http: HttpClient,
  { state = [], signal }: SourceReadRequest,
  bug: Bug | undefined,
): AsyncGenerator<SourceMessage> {
  const { stream, slices } = EVENTS;
  const [slice = { key: 'all' }] = slices;
  const stored = findState(state, stream.name, '');
  const after =
    (typeof stored === 'number' ? stored : 0) +
    (bug === 'skips the row after its cursor' && stored !== undefined ? 1 : 0);
  yield { type: 'schema', stream };
  const query = { after: String(after) };
  for await (const page of pagesOf({ http, name: 'events', path: 'events', query, signal, bug })) {
    const rows = page.map(({ id, name }) => ({ id, name }));
    const last = Number(rows.at(-1)?.id ?? after);
    const value = bug === 'keeps its cursor in a form that JSON does not have' ? (new Date(last) as never) : last;
    const checkpoint = checkpointAt(value);
    if (bug === 'moves its cursor before the rows') yield checkpoint;
    if (rows.length > 0) yield { type: 'records', stream: stream.name, slice: slice.key, rows };
    if (bug !== 'moves its cursor before the rows') yield checkpoint;
  }
  yield { type: 'slice-completed', stream: stream.name, slice };
}

function checkpointAt(value: JsonValue): SourceMessage {
  return { type: 'checkpoint', checkpoint: { entries: [{ stream: EVENTS.stream.name, partition: '', value }] } };
}
