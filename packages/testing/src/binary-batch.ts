import { EtlError, type BinaryBatch, type Row, type StreamSpec, type ValueSpec } from '@etl/core';

/** Rows as bytes, for tests of destinations. All have the version of the first. */
export function binaryBatchOf(stream: StreamSpec, rows: readonly Row[]): BinaryBatch {
  const pieces = rows.flatMap((row) =>
    stream.columns.map((column) => fieldOf(column, isMarked(stream, column), row[column.name] ?? null)),
  );
  const version = rows[0]?.[stream.versionColumn ?? ''];
  return {
    columns: stream.columns.map(({ name }) => name),
    bytes: Buffer.concat(pieces),
    rowCount: rows.length,
    version: typeof version === 'bigint' ? version : 1n,
  };
}

/**
 * The rows that a batch stands for, read as slowly and plainly as its description says.
 *
 * @throws `BINARY_BATCH_INVALID` (data) when it is not what it says it is.
 */
export function rowsOfBinary(stream: StreamSpec, batch: BinaryBatch): readonly Row[] {
  const { versionColumn } = stream;
  const columns = batch.columns.map((name) => stream.columns.find((column) => column.name === name));
  if (versionColumn === undefined || new Set(columns).size !== stream.columns.length || columns.includes(undefined))
    throw invalid(stream, 'has not each column once, or no versions');
  const from = new Reader(batch.bytes);
  const rows: Row[] = [];
  try {
    while (from.left > 0) {
      const row: Record<string, unknown> = { [versionColumn]: batch.version };
      for (const column of columns as StreamSpec['columns'])
        row[column.name] = isMarked(stream, column) && from.mark() ? null : valueOf(column, from);
      rows.push(row);
    }
  } catch (error) {
    throw invalid(stream, `cannot be read behind ${rows.length} rows: ${String(error)}`);
  }
  if (rows.length !== batch.rowCount) throw invalid(stream, `has ${rows.length} rows instead of ${batch.rowCount}`);
  return rows;
}

function invalid(stream: StreamSpec, problem: string): EtlError {
  return new EtlError({ code: 'BINARY_BATCH_INVALID', kind: 'data', message: `A batch of ${stream.name} ${problem}.` });
}

/** Whether a byte in front says if the value is NULL. */
function isMarked(stream: StreamSpec, { name, nullable, type }: StreamSpec['columns'][number]): boolean {
  return nullable && type !== 'array' && !stream.primaryKey.includes(name);
}

class Reader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Buffer {
    if (this.left < count) throw new RangeError('it is cut off');
    this.#at += count;
    return Buffer.from(this.#bytes.subarray(this.#at - count, this.#at));
  }

  mark(): boolean {
    const byte = this.take(1)[0];
    if (byte !== 0 && byte !== 1) throw new RangeError(`${byte} stands where 0 or 1 should`);
    return byte === 1;
  }

  length(): number {
    const [byte = 0] = this.take(1);
    return byte < 128 ? byte : byte - 128 + 128 * this.length();
  }

  text(): string {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(this.take(this.length()));
  }

  integer(width: number, isSigned = true): bigint {
    const value = this.take(width).reduceRight((higher, byte) => higher * 256n + BigInt(byte), 0n);
    return isSigned ? BigInt.asIntN(width * 8, value) : value;
  }
}

function fieldOf(spec: ValueSpec, hasMark: boolean, value: unknown): Buffer {
  if (value === null) return spec.type === 'array' ? lengthOf(0) : Buffer.from([1]);
  const bytes = bytesOf(spec, value);
  return hasMark ? Buffer.concat([Buffer.from([0]), bytes]) : bytes;
}

function lengthOf(length: number): Buffer {
  if (length < 128) return Buffer.from([length]);
  return Buffer.concat([Buffer.from([(length % 128) + 128]), lengthOf(Math.floor(length / 128))]);
}

function integerOf(value: bigint, width: number): Buffer {
  return Buffer.from(Array.from({ length: width }, (_, place) => Number((value >> BigInt(place * 8)) & 255n)));
}

const prefixed = (bytes: Buffer): Buffer => Buffer.concat([lengthOf(bytes.length), bytes]);

function decimalWidth({ precision = 38 }: ValueSpec): number {
  if (precision <= 9) return 4;
  if (precision <= 18) return 8;
  return precision <= 38 ? 16 : 32;
}

function bytesOf(spec: ValueSpec, value: unknown): Buffer {
  const text = String(value);
  switch (spec.type) {
    case 'boolean':
      return Buffer.from([value === true ? 1 : 0]);
    case 'int16':
      return integerOf(BigInt(text), 2);
    case 'int32':
    case 'uint32':
      return integerOf(BigInt(text), 4);
    case 'int64':
    case 'uint64':
      return integerOf(BigInt(text), 8);
    case 'float32':
      return Buffer.from(Float32Array.of(Number(value)).buffer);
    case 'float64':
      return Buffer.from(Float64Array.of(Number(value)).buffer);
    case 'decimal': {
      const [whole = '', part = ''] = text.split('.');
      return integerOf(BigInt(whole + part.padEnd(spec.scale ?? 9, '0')), decimalWidth(spec));
    }
    case 'string':
    case 'json':
    case 'time':
      return prefixed(Buffer.from(text));
    case 'binary':
      return prefixed(Buffer.from(value as Uint8Array));
    case 'uuid':
      return Buffer.from(text.replaceAll('-', ''), 'hex').swap64();
    case 'date':
      return integerOf(BigInt(Date.parse(`${text}T00:00:00Z`) / DAY_MS), 4);
    case 'timestamp': {
      const [, seconds = '', part = ''] = /^(.{19})(?:\.(\d+))?/.exec(text.replace(' ', 'T')) ?? [];
      return integerOf(BigInt(Date.parse(`${seconds}Z`)) * 1000n + BigInt(part.padEnd(6, '0')), 8);
    }
    case 'array': {
      const items = value as readonly unknown[];
      const item = spec.items ?? spec;
      return Buffer.concat([
        lengthOf(items.length),
        ...items.map((each) => fieldOf(item, item.nullable, each ?? null)),
      ]);
    }
    case 'nested':
      throw new TypeError('nested columns have no bytes');
  }
}

const DAY_MS = 86_400_000;

function valueOf(spec: ValueSpec, from: Reader): unknown {
  switch (spec.type) {
    case 'boolean':
      return from.mark();
    case 'int16':
      return String(from.integer(2));
    case 'int32':
      return String(from.integer(4));
    case 'int64':
      return String(from.integer(8));
    case 'uint32':
      return String(from.integer(4, false));
    case 'uint64':
      return String(from.integer(8, false));
    case 'float32':
      return from.take(4).readFloatLE();
    case 'float64':
      return from.take(8).readDoubleLE();
    case 'decimal':
      return decimalText(from.integer(decimalWidth(spec)), spec);
    case 'string':
    case 'json':
    case 'time':
      return from.text();
    case 'binary':
      return new Uint8Array(from.take(from.length()));
    case 'uuid': {
      const hex = from.take(16).swap64().toString('hex');
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
    }
    case 'date':
      return held(new Date(Number(from.integer(4)) * DAY_MS).toISOString().slice(0, 10));
    case 'timestamp': {
      const micros = from.integer(8);
      const part = BigInt.asUintN(64, ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n);
      const seconds = new Date(Number((micros - part) / 1000n)).toISOString().slice(0, 19);
      const digits = String(part).padStart(6, '0').replace(/0+$/, '');
      return held(`${seconds}${digits === '' ? '' : `.${digits}`}Z`);
    }
    case 'array': {
      const item = spec.items ?? spec;
      return Array.from({ length: from.length() }, () => (item.nullable && from.mark() ? null : valueOf(item, from)));
    }
    case 'nested':
      throw new TypeError('nested columns have no bytes');
  }
}

function held(moment: string): string {
  if (moment < '1900' || moment >= '2300') throw new RangeError(`${moment} is out of range`);
  return moment;
}

function decimalText(whole: bigint, { precision = 38, scale = 9 }: ValueSpec): string {
  const digits = String(whole < 0n ? -whole : whole).padStart(scale + 1, '0');
  if (digits.length > Math.max(precision, scale + 1)) throw new RangeError('a decimal beyond its precision');
  const point = digits.length - scale;
  return `${whole < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`;
}
