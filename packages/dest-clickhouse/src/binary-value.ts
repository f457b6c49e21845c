import type { ValueSpec } from '@etl/core';

/** Reads a value where the cursor stands, and moves it on. */
export type BinaryValue = (from: BinaryCursor) => unknown;

/** Bytes that are read one after the other. @throws `RangeError` behind their end. */
export class BinaryCursor {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  take(count: number): Buffer {
    if (count > this.#bytes.length - this.#at) throw new RangeError('a row that is cut off');
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  byte(): number {
    return this.take(1).readUInt8();
  }

  /** A number as LEB128. */
  length(): number {
    let length = 0;
    for (let factor = 1; ; factor *= 128) {
      const byte = this.byte();
      length += (byte % 128) * factor;
      if (byte < 128) return length;
    }
  }
}

/** How values of a type stand in a `BinaryBatch`; `undefined` for types that have no form in it. */
export function binaryValue(spec: ValueSpec): BinaryValue | undefined {
  switch (spec.type) {
    case 'boolean':
      return (from) => from.byte() !== 0;
    case 'int16':
      return (from) => from.take(2).readInt16LE();
    case 'int32':
      return (from) => from.take(4).readInt32LE();
    case 'int64':
      return (from) => from.take(8).readBigInt64LE();
    case 'uint32':
      return (from) => from.take(4).readUInt32LE();
    case 'uint64':
      return (from) => from.take(8).readBigUInt64LE();
    case 'float32':
      return (from) => shortest(from.take(4).readFloatLE());
    case 'float64':
      return (from) => from.take(8).readDoubleLE();
    case 'decimal':
      return decimal(spec.precision ?? 38, spec.scale ?? 9);
    case 'string':
    case 'json':
    case 'time':
      return text;
    case 'binary':
      return (from) => Buffer.from(from.take(from.length()));
    case 'array':
      return array(spec.items);
    case 'uuid':
      return uuid;
    case 'date':
      return (from) => moment(from.take(4).readInt32LE() * DAY_MS).slice(0, 10);
    case 'timestamp':
      return timestamp;
    case 'nested':
      return undefined;
  }
}

const DAY_MS = 86_400_000;
const moment = (milliseconds: number): string => new Date(milliseconds).toISOString();

/** The number of the fewest digits that is this one among those of 32 bits: what a source prints of it. */
function shortest(value: number): number {
  for (let digits = 1; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits));
    if (Object.is(Math.fround(short), value)) return short;
  }
  return value;
}

function decimal(precision: number, scale: number): BinaryValue {
  const width = precision <= 9 ? 4 : precision <= 18 ? 8 : precision <= 38 ? 16 : 32;
  return (from) => {
    const bits = from.take(width).reduceRight((higher, byte) => higher * 256n + BigInt(byte), 0n);
    const whole = BigInt.asIntN(width * 8, bits);
    const digits = String(whole < 0n ? -whole : whole).padStart(scale + 1, '0');
    const point = digits.length - scale;
    return `${whole < 0n ? '-' : ''}${digits.slice(0, point)}${scale === 0 ? '' : `.${digits.slice(point)}`}`;
  };
}

/** @throws `TypeError` of text that is not UTF-8. */
const text: BinaryValue = (from) => decoder.decode(from.take(from.length()));

function array(items: ValueSpec | undefined): BinaryValue | undefined {
  const read = items === undefined ? undefined : binaryValue(items);
  if (items === undefined || read === undefined) return undefined;
  return (from) =>
    Array.from({ length: from.length() }, () => (items.nullable && from.byte() === 1 ? null : read(from)));
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

const uuid: BinaryValue = (from) => {
  const hex = Buffer.from(from.take(16)).swap64().toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
};

const timestamp: BinaryValue = (from) => {
  const micros = from.take(8).readBigInt64LE();
  const part = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const seconds = moment(Number((micros - part) / 1_000_000n) * 1000).slice(0, 19);
  // Where it is stored as text, it is the same text as that of a source that prints it.
  const digits = String(part).padStart(6, '0').replace(/0+$/, '');
  return `${seconds}${digits === '' ? '' : `.${digits}`}Z`;
};
