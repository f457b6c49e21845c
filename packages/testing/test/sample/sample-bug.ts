import { EtlError, type Row, type Source, type SourceMessage } from '@etl/core';
import { TOKEN } from './sample-platform.ts';

/** Mistakes that authors make; see the table of `mutants.ts`. */
export type Bug =
  | 'drops the last row of a page'
  | 'says completed after the first page'
  | 'ignores the slices it is asked for'
  | 'gives a page again after an error'
  | 'reads the day before'
  | 'ends a window a day late'
  | 'makes an error an empty slice'
  | 'trusts a short page'
  | 'leaks the token in an error'
  | 'asks wherever the next link points'
  | 'ignores the signal'
  | 'reads everything before the first row'
  | 'throws errors without a kind'
  | 'settles days that are still restated'
  | 'uses the clock of the machine'
  | 'plans in an order of its own'
  | 'plans a day twice'
  | 'plans its usual days in a backfill'
  | 'plans the end of a backfill too'
  | 'leaves a required column out'
  | 'gives columns that it does not declare'
  | 'declares a key that may be NULL'
  | 'takes rows from its memory'
  | 'lets anybody check'
  | 'lets nobody check'
  | 'discovers its streams in an order of its own'
  | 'gives rows of another account'
  | 'gives a row twice'
  | 'counts how often it read'
  | 'does not say what to do about a token'
  | 'asks for every row by itself'
  | 'goes on asking when its reader has left'
  | 'refuses fields that it does not know'
  | 'takes an empty account for an error'
  | 'skips the row after its cursor'
  | 'moves its cursor before the rows'
  | 'keeps its cursor in a form that JSON does not have';

/** The source with a bug that shows in what it says. */
export function buggySource(source: Source, bug: Bug): Source {
  let count = 0;
  return {
    ...source,
    async check(options) {
      if (bug === 'lets anybody check') return;
      if (bug === 'lets nobody check') throw new EtlError({ code: 'SAMPLE_DENIED', kind: 'auth', message: 'No.' });
      await source.check(options).catch((error: unknown) => {
        const { code, kind, message } = EtlError.from(error);
        throw bug === 'does not say what to do about a token' ? new EtlError({ code, kind, message }) : error;
      });
    },
    async discover(options) {
      const streams = await source.discover(options);
      count += 1;
      if (bug === 'discovers its streams in an order of its own' && count % 2 === 0) return streams.toReversed();
      if (bug !== 'declares a key that may be NULL') return streams;
      return streams.map((stream) => ({
        ...stream,
        columns: stream.columns.map((column) => ({ ...column, nullable: true })),
      }));
    },
    read: (request = {}) => buggyRead(source, request, bug),
  };
}

async function* buggyRead(
  source: Source,
  request: NonNullable<Parameters<Source['read']>[0]>,
  bug: Bug,
): ReturnType<Source['read']> {
  if (bug === 'reads everything before the first row') {
    const messages: SourceMessage[] = [];
    for await (const message of source.read(request)) messages.push(message);
    yield* messages;
    return;
  }
  if (bug === 'goes on asking when its reader has left') {
    yield* readAhead(source.read(request));
    return;
  }
  const asked = bug === 'ignores the slices it is asked for' ? { ...request, slices: undefined } : request;
  const plain = bug === 'ignores the signal' ? { ...asked, signal: undefined } : asked;
  try {
    for await (const message of source.read(plain)) {
      if (message.type === 'records' && bug === 'leaves a required column out')
        yield { ...message, rows: message.rows.map(({ spend: _, ...row }) => row) };
      else if (message.type === 'records' && bug === 'gives columns that it does not declare')
        yield { ...message, rows: message.rows.map((row) => ({ ...row, fetched_at: 'now' })) };
      else if (message.type === 'records' && message.stream === 'insights')
        yield { ...message, rows: buggyRows(message.rows, bug) };
      else yield message;
    }
  } catch (error) {
    if (bug === 'leaks the token in an error')
      throw new EtlError({ code: 'SAMPLE_FAILED', kind: 'auth', message: `Bearer ${TOKEN} was refused.` });
    if (bug === 'throws errors without a kind') throw new Error('request failed', { cause: error });
    const [stream, [slice] = []] = Object.entries(request.slices ?? {})[0] ?? [];
    if (stream === undefined || slice === undefined) throw error;
    if (bug === 'gives a page again after an error') {
      yield* source.read(request);
      return;
    }
    if (bug !== 'makes an error an empty slice') throw error;
    yield { type: 'slice-completed', stream, slice };
  }
}

let reads = 0;

function buggyRows(rows: readonly Row[], bug: Bug): readonly Row[] {
  reads += 1;
  if (bug === 'gives rows of another account') return rows.map((row) => ({ ...row, account_id: '8' }));
  if (bug === 'gives a row twice') return [...rows, ...rows.slice(-1)];
  if (bug === 'counts how often it read') return rows.map((row) => ({ ...row, spend: String(reads) }));
  return rows;
}

/** A reader of its own takes messages as they come, whoever still wants them. */
async function* readAhead(messages: AsyncIterable<SourceMessage>): AsyncGenerator<SourceMessage> {
  const held: SourceMessage[] = [];
  const reading = { isOver: false };
  const read = (async () => {
    try {
      for await (const message of messages) held.push(message);
    } finally {
      reading.isOver = true;
    }
  })();
  read.catch(() => undefined);
  while (!reading.isOver || held.length > 0) {
    const message = held.shift();
    if (message === undefined) await new Promise(setImmediate);
    else yield message;
  }
  await read;
}
