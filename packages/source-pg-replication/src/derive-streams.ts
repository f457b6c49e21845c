import {
  EtlError,
  findState,
  type Row,
  type RowLookup,
  type SourceMessage,
  type SourceReadRequest,
  type StateEntry,
  type StreamSpec,
} from '@etl/core';
import { DELETED_KEY, derivedSpec, VERSION_KEY, type DerivedStream } from './derived-stream.ts';

type Messages = AsyncGenerator<SourceMessage, void, undefined>;

export interface DeriveOptions {
  readonly derived: readonly DerivedStream[];
  /** Streams that are only made of and not handed on themselves. */
  readonly hidden: ReadonlySet<string>;
  readonly request: SourceReadRequest;
  /** Reads the tables. */
  readonly read: (request: SourceReadRequest) => Messages;
}

/**
 * Adds the rows of derived streams to those that they are made of, and their positions to those of the tables: one
 * that failed, or is made in another way than before, has its table copied anew.
 */
export async function* deriveStreams({ derived, hidden, request, read }: DeriveOptions): Messages {
  const streams = derived.map((stream) => new Derivation(stream, request.lookup));
  for await (const message of read(tableRequest(request, derived))) {
    if (message.type === 'checkpoint') {
      yield { ...message, checkpoint: { entries: withDerived(message.checkpoint.entries, streams) } };
      continue;
    }
    if (message.type === 'slice-completed') continue;
    const stream = message.type === 'schema' ? message.stream.name : message.stream;
    // A failure of a table that nobody sees is still one.
    if (!hidden.has(stream) || message.type === 'stream-failed') yield message;
    for (const each of streams) if (each.from === stream) yield* each.follow(message);
  }
}

/** What has to be read of the tables for a request that may name derived streams. */
export function tableRequest(request: SourceReadRequest, derived: readonly DerivedStream[]): SourceReadRequest {
  const names = new Set(derived.map(({ name }) => name));
  return {
    ...request,
    state: tableState(request.state ?? [], derived, names),
    ...(request.streams === undefined ? {} : { streams: tableStreams(request.streams, derived) }),
  };
}

/** The positions of tables alone; a table has none as long as one of its derived streams has none. */
function tableState(
  state: readonly StateEntry[],
  derived: readonly DerivedStream[],
  names: ReadonlySet<string>,
): readonly StateEntry[] {
  const lost = new Set(derived.filter((each) => !isCurrent(state, each)).map(({ from }) => from));
  return state.filter(({ stream }) => !names.has(stream) && !lost.has(stream));
}

function isCurrent(state: readonly StateEntry[], { name, version }: DerivedStream): boolean {
  const value = findState(state, name, '');
  return typeof value === 'object' && value !== null && 'version' in value && value['version'] === version;
}

function tableStreams(asked: readonly string[], derived: readonly DerivedStream[]): readonly string[] {
  const names = new Map(derived.map(({ name, from }) => [name, from]));
  return [...new Set(asked.map((name) => names.get(name) ?? name))];
}

function withDerived(entries: readonly StateEntry[], streams: readonly Derivation[]): readonly StateEntry[] {
  const own = streams.flatMap((each): StateEntry[] => {
    const table = entries.findLast(({ stream }) => stream === each.from);
    if (table === undefined && !each.isFailed) return [];
    const isGood = !each.isFailed && table?.value != null;
    return [{ stream: each.name, partition: '', value: isGood ? { format: 1, version: each.version } : null }];
  });
  return [...entries, ...own];
}

/** One derived stream during one reading. */
class Derivation {
  readonly from: string;
  readonly name: string;
  readonly version: number;
  isFailed = false;
  readonly #stream: DerivedStream;
  readonly #lookup: RowLookup | undefined;
  #table: StreamSpec | undefined;
  /** The rows that come are those of a copy, behind which there is nothing older. */
  #isCopied = false;

  constructor(stream: DerivedStream, lookup: RowLookup | undefined) {
    this.#stream = stream;
    this.#lookup = lookup;
    this.from = stream.from;
    this.name = stream.name;
    this.version = stream.version;
  }

  /** What follows from a message of the table. */
  async *follow(message: SourceMessage): Messages {
    const { name } = this;
    switch (message.type) {
      case 'schema':
        this.#table = message.stream;
        yield { type: 'schema', stream: derivedSpec(this.#stream) };
        return;
      case 'truncate':
        this.isFailed = false;
        this.#isCopied = true;
        yield { type: 'truncate', stream: name };
        return;
      case 'stream-failed':
        this.isFailed = true;
        yield { ...message, stream: name };
        return;
      case 'records':
        if (!this.isFailed) yield* this.#records(message.rows);
        return;
      case 'progress':
        if (message.phase !== 'snapshot') this.#isCopied = false;
        return;
      case 'text-records':
      case 'binary-records':
      case 'drift-found':
      case 'slice-completed':
      case 'checkpoint':
        return;
    }
  }

  async *#records(rows: readonly Row[]): Messages {
    const made: Row[] = [];
    const ends: { readonly row: Row; readonly count: number }[] = [];
    for (const row of rows) {
      try {
        const isDeleted = row[this.#table?.deletedColumn ?? DELETED_KEY] === true;
        const given = isDeleted ? [] : this.#derive(row);
        given.forEach((values, index) => made.push(this.#row(row, index + 1, values)));
        if (given.length < this.#stream.maxRows) ends.push({ row, count: given.length });
      } catch (error) {
        this.isFailed = true;
        yield { type: 'stream-failed', stream: this.name, error: this.#failure(row, error) };
        return;
      }
    }
    if (!this.#isCopied && this.#lookup !== undefined) made.push(...(await this.#leftOver(ends, this.#lookup)));
    if (made.length > 0) yield { type: 'records', stream: this.name, rows: made };
  }

  #derive(row: Row): readonly Row[] {
    const given = this.#stream.derive(row);
    if (given.length > this.#stream.maxRows) throw new Error(`it gives more than ${this.#stream.maxRows} rows`);
    return given;
  }

  #row(row: Row, position: number, values: Row): Row {
    const version = row[this.#table?.versionColumn ?? VERSION_KEY];
    return { ...values, ...this.#stream.key(row, position), [VERSION_KEY]: version };
  }

  /**
   * Marks for the rows that earlier versions of the rows gave beyond what they give now. Positions have no gaps, so
   * the row behind the last one tells: for most there is none.
   */
  async #leftOver(
    ends: readonly { readonly row: Row; readonly count: number }[],
    lookup: RowLookup,
  ): Promise<readonly Row[]> {
    const marks: Row[] = [];
    let left = ends.map(({ row, count }) => ({ row, position: count + 1 }));
    while (left.length > 0) {
      const keys = left.map(({ row, position }) => this.#stream.key(row, position));
      const found = await lookup(this.name, keys, this.#stream.primaryKey);
      const more = left.filter((_, index) => found[index] !== undefined);
      for (const { row, position } of more) marks.push({ ...this.#row(row, position, {}), [DELETED_KEY]: true });
      left = more
        .map(({ row, position }) => ({ row, position: position + 1 }))
        .filter(({ position }) => position <= this.#stream.maxRows);
    }
    return marks;
  }

  #failure(row: Row, error: unknown): EtlError {
    if (EtlError.isInstance(error)) return error;
    const key = (this.#table?.primaryKey ?? []).map((name) => `${name}=${String(row[name])}`).join(', ');
    return new EtlError({
      code: 'PG_DERIVE_FAILED',
      kind: 'data',
      message: `The row ${key} of ${this.from} does not give rows of ${this.name}: ${error instanceof Error ? error.message : String(error)}.`,
      hint: 'Correct the row at the source or the transform; the table is then copied anew.',
      context: { stream: this.name },
      cause: error,
    });
  }
}
