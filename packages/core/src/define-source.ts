import { flattenerOf } from './columns-of.ts';
import { EtlError } from './etl-error.ts';
import type { OperationOptions } from './operation-options.ts';
import type { Slice } from './slice.ts';
import { addExpectations, type SliceExpectation } from './slice-gate.ts';
import type { Source, SourceMessage, SourceReadRequest, StreamSlices } from './source.ts';
import type { ReadRequest, Stream } from './stream.ts';
import type { StreamSpec } from './stream-spec.ts';

/** Streams by the name a caller uses in code. `any` rows: each stream keeps its own type. */
// eslint-disable-next-line typescript/no-explicit-any
export type StreamMap = Readonly<Record<string, Stream<any>>>;

export interface SourceDefinition<TStreams extends StreamMap> {
  /** Lowercase noun of the platform. */
  readonly name: string;
  readonly streams: TStreams;
  check(options: OperationOptions): Promise<void>;
  close?(): Promise<void>;
}

/** Builds a {@link Source} from streams, and keeps the typed streams for those who import them. */
export function defineSource<const TStreams extends StreamMap>(
  definition: SourceDefinition<TStreams>,
): Source & { readonly streams: TStreams } {
  const all = Object.values(definition.streams);
  const chosen = (request: SourceReadRequest): readonly Stream[] =>
    all.filter((stream) => request.streams?.includes(stream.spec.name) ?? true);
  return {
    specificationVersion: 'v1',
    name: definition.name,
    streams: definition.streams,
    async check(options = {}) {
      await definition.check(options);
    },
    async discover() {
      return all.map((stream) => stream.spec);
    },
    async plan(request = {}) {
      return Promise.all(
        chosen(request).map(async (stream) => ({
          stream: stream.spec,
          ...(stream.windowDays === undefined ? {} : { windowDays: stream.windowDays }),
          ...(stream.gate === undefined ? {} : { gate: stream.gate }),
          ...(await slicesOf(stream, readRequest(request, stream.spec))),
        })),
      );
    },
    async *read(request = {}) {
      for (const stream of chosen(request)) {
        const asked = readRequest(request, stream.spec);
        const slices =
          request.slices === undefined ? await stream.slices(asked) : (request.slices[stream.spec.name] ?? []);
        if (slices.length > 0) yield { type: 'schema', stream: stream.spec };
        for (const slice of slices) yield* readSlice(stream, slice, asked);
      }
    },
    async [Symbol.asyncDispose]() {
      await definition.close?.();
    },
  };
}

/** A stream that cannot say what it expects must not keep the others from loading. */
async function slicesOf(stream: Stream, request: ReadRequest): Promise<Pick<StreamSlices, 'slices' | 'problem'>> {
  try {
    return { slices: await stream.slices(request) };
  } catch (error) {
    request.signal?.throwIfAborted();
    return { slices: [], problem: EtlError.from(error) };
  }
}

async function* readSlice(stream: Stream, slice: Slice, request: ReadRequest): AsyncIterable<SourceMessage> {
  const name = stream.spec.name;
  const flatten = flattenerOf(stream.schema);
  const flags = new Set<string>();
  let expected: SliceExpectation | undefined;
  for await (const batch of stream.read(slice, request)) {
    for (const flag of batch.flags ?? []) flags.add(flag);
    if (batch.expected !== undefined) expected = addExpectations(expected, batch.expected);
    if (batch.progress !== undefined) yield { type: 'progress', stream: name, phase: batch.progress, rows: 0 };
    if (batch.rows.length > 0) yield { type: 'records', stream: name, slice: slice.key, rows: batch.rows.map(flatten) };
  }
  yield {
    type: 'slice-completed',
    stream: name,
    slice,
    ...(expected === undefined ? {} : { expected }),
    ...(flags.size === 0 ? {} : { flags: [...flags].sort() }),
  };
}

function readRequest(request: SourceReadRequest, stream: StreamSpec): ReadRequest {
  const { signal, logger, tracer, onCall, days, now, deadline, quotaMemory, lookup, whenSettled } = request;
  return {
    signal,
    logger,
    tracer,
    onCall,
    days,
    now,
    deadline,
    quotaMemory,
    memory: request.memory?.(stream.name),
    lookup: lookup === undefined ? undefined : (keys, columns) => lookup(stream.name, keys, columns),
    whenSettled,
  };
}
