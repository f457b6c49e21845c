import { Readable, pipeline } from 'node:stream';
import type { CsvError } from 'csv-parse';
import { EtlError } from '../etl-error.ts';
import { decodeText, type DecodeOptions } from './decode-text.ts';

export interface CsvOptions extends DecodeOptions {
  /** @default ',' */
  readonly delimiter?: string | undefined;
  /** `false` for files in which a quote is a character like others, as many TSV files have it. @default true */
  readonly quotes?: boolean | undefined;
  /** Columns that must be there; more may be. */
  readonly columns?: readonly string[] | undefined;
  /**
   * A file that does not end with a line break may have been cut short; `optional` for platforms that
   * write none.
   *
   * @default 'required'
   */
  readonly finalNewline?: 'required' | 'optional' | undefined;
  /** Characters of the longest record. @default 1048576 */
  readonly maxRecordLength?: number | undefined;
}

/** One line by the names of the header, values as they are written. */
export type CsvRecord = Readonly<Record<string, string>>;

/**
 * The records of a CSV or TSV file with a header, as they arrive, strictly: each has a value for
 * each column of the header.
 *
 * @throws CSV_MALFORMED, CSV_TRUNCATED, CSV_HEADER_INVALID, CSV_COLUMN_MISSING, TEXT_MALFORMED
 */
export async function* readCsv(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: CsvOptions = {},
): AsyncGenerator<CsvRecord, void, undefined> {
  const { delimiter = ',', quotes = true, finalNewline = 'required', maxRecordLength = 2 ** 20 } = options;
  // Few sources read CSV, and the parser is a package of its own.
  const { CsvError, parse } = await import('csv-parse');
  const parser = parse({
    delimiter,
    quote: quotes ? '"' : null,
    record_delimiter: ['\r\n', '\n'],
    max_record_size: maxRecordLength,
  });
  let last = '';
  const text = async function* (): AsyncGenerator<string> {
    for await (const part of decodeText(source, options)) {
      last = part;
      yield part;
    }
  };
  pipeline(Readable.from(text(), { objectMode: false }), parser, () => undefined);
  let header: readonly string[] | undefined;
  try {
    for await (const values of parser as AsyncIterable<readonly string[]>) {
      if (header === undefined) header = checkedHeader(values, options);
      else yield recordOf(header, values);
    }
  } catch (error) {
    throw error instanceof CsvError ? csvError(error) : error;
  }
  if (header === undefined) throw invalidHeader('has none');
  if (finalNewline === 'required' && !last.endsWith('\n')) throw truncated();
}

function checkedHeader(names: readonly string[], { columns = [] }: CsvOptions): readonly string[] {
  if (names.includes('') || names.includes('__proto__')) throw invalidHeader('has a column without a usable name');
  if (new Set(names).size !== names.length) throw invalidHeader('has two columns of one name');
  const missing = columns.filter((name) => !names.includes(name));
  if (missing.length === 0) return names;
  throw new EtlError({
    code: 'CSV_COLUMN_MISSING',
    kind: 'data',
    message: `A CSV file has no column ${missing.join(', ')}.`,
    hint: 'See whether the platform renamed it; the connector may need an update.',
    context: { missing: missing.join(', '), found: names.length },
  });
}

function recordOf(header: readonly string[], values: readonly string[]): CsvRecord {
  const record: Record<string, string> = {};
  for (const [index, name] of header.entries()) record[name] = values[index] ?? '';
  return record;
}

/** The parser's own errors carry the record they complain about; only place and reason are kept. */
function csvError(error: CsvError): EtlError {
  if (error.code === 'CSV_QUOTE_NOT_CLOSED') return truncated();
  const { lines } = error as unknown as { lines?: unknown };
  return new EtlError({
    code: 'CSV_MALFORMED',
    kind: 'data',
    message: `A CSV file cannot be read at line ${Number(lines)}: ${WORDS[error.code] ?? 'it is not CSV'}.`,
    hint: 'Check delimiter and quoting, and whether the file is what the platform documents.',
    context: { line: Number(lines), reason: error.code },
  });
}

const WORDS: Readonly<Record<string, string>> = {
  CSV_RECORD_INCONSISTENT_FIELDS_LENGTH: 'it has not as many values as the header',
  CSV_INVALID_CLOSING_QUOTE: 'something follows a closing quote',
  INVALID_OPENING_QUOTE: 'a quote stands inside a value without quotes',
  CSV_MAX_RECORD_SIZE: 'a record is too long',
};

function truncated(): EtlError {
  return new EtlError({
    code: 'CSV_TRUNCATED',
    kind: 'transient',
    message: 'A CSV file ends in the middle of a record, or without a line break.',
    hint: 'Run again: the file was cut short on its way, or was not finished yet.',
  });
}

function invalidHeader(what: string): EtlError {
  return new EtlError({
    code: 'CSV_HEADER_INVALID',
    kind: 'data',
    message: `The header of a CSV file ${what}.`,
    hint: 'Check whether the file is what the platform documents.',
  });
}
