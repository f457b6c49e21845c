import { EtlError } from '@etl/core';
import { formatLsn } from './lsn.ts';

/**
 * Values of a row in the order of its relation's columns, as PostgreSQL's text: `null` is NULL,
 * `undefined` is a value that was left out because it did not change (TOAST).
 */
export type Tuple = readonly (string | null | undefined)[];

export interface RelationColumn {
  readonly name: string;
  /** Part of the replica identity. */
  readonly isKey: boolean;
  readonly typeOid: number;
  readonly typeModifier: number;
}

/** A message of the `pgoutput` plugin, protocol version 1. */
export type PgoutputMessage =
  | { readonly type: 'begin'; readonly commitLsn: bigint; readonly committedAt: bigint; readonly xid: number }
  | { readonly type: 'commit'; readonly commitLsn: bigint; readonly endLsn: bigint; readonly committedAt: bigint }
  | {
      readonly type: 'relation';
      readonly oid: number;
      readonly schema: string;
      readonly table: string;
      readonly identity: string;
      readonly columns: readonly RelationColumn[];
    }
  | { readonly type: 'insert'; readonly relation: number; readonly row: Tuple }
  | {
      readonly type: 'update';
      readonly relation: number;
      /** Old key (`K`, other values NULL), whole old row (`O`), or absent when the key is the same. */
      readonly old: Tuple | undefined;
      readonly oldIsWhole: boolean;
      readonly row: Tuple;
    }
  | { readonly type: 'delete'; readonly relation: number; readonly old: Tuple; readonly oldIsWhole: boolean }
  | { readonly type: 'truncate'; readonly relations: readonly number[] }
  | {
      readonly type: 'message';
      readonly isTransactional: boolean;
      readonly lsn: bigint;
      readonly prefix: string;
      readonly content: string;
    }
  | { readonly type: 'origin' }
  | { readonly type: 'type' };

/** Decodes one message that lies at `buffer[start, end)`. Keeps no part of the buffer. */
export function decodePgoutput(buffer: Buffer, start: number, end: number, lsn: bigint): PgoutputMessage {
  const reader = new Reader(buffer, start + 1);
  const message = decode(reader, buffer[start] ?? 0, lsn);
  if (reader.at > end) throw malformed(lsn, 'a message ends before its content');
  return message;
}

function decode(reader: Reader, tag: number, lsn: bigint): PgoutputMessage {
  switch (tag) {
    case 0x42: // B
      return { type: 'begin', commitLsn: reader.int64(), committedAt: reader.int64(), xid: reader.uint32() };
    case 0x43: // C
      reader.at += 1;
      return { type: 'commit', commitLsn: reader.int64(), endLsn: reader.int64(), committedAt: reader.int64() };
    case 0x52: // R
      return relation(reader);
    case 0x49: {
      // I
      const oid = reader.uint32();
      reader.at += 1;
      return { type: 'insert', relation: oid, row: reader.tuple(lsn) };
    }
    case 0x55: {
      // U
      const oid = reader.uint32();
      const kind = reader.uint8();
      if (kind === NEW)
        return { type: 'update', relation: oid, old: undefined, oldIsWhole: false, row: reader.tuple(lsn) };
      const old = reader.tuple(lsn);
      reader.at += 1;
      return { type: 'update', relation: oid, old, oldIsWhole: kind === OLD, row: reader.tuple(lsn) };
    }
    case 0x44: {
      // D
      const oid = reader.uint32();
      const kind = reader.uint8();
      return { type: 'delete', relation: oid, old: reader.tuple(lsn), oldIsWhole: kind === OLD };
    }
    case 0x54: {
      // T
      const count = reader.uint32();
      reader.at += 1;
      return { type: 'truncate', relations: Array.from({ length: count }, () => reader.uint32()) };
    }
    case 0x4d: {
      // M
      const isTransactional = (reader.uint8() & 1) === 1;
      const position = reader.int64();
      const prefix = reader.string();
      return { type: 'message', isTransactional, lsn: position, prefix, content: reader.text(reader.uint32()) };
    }
    case 0x4f: // O
      return { type: 'origin' };
    case 0x59: // Y
      return { type: 'type' };
    default:
      throw malformed(lsn, `unknown message type ${tag}`);
  }
}

const NEW = 0x4e;
const OLD = 0x4f;

function relation(reader: Reader): PgoutputMessage {
  const oid = reader.uint32();
  const schema = reader.string();
  const table = reader.string();
  const identity = String.fromCharCode(reader.uint8());
  const columns = Array.from({ length: reader.uint16() }, () => ({
    isKey: (reader.uint8() & 1) === 1,
    name: reader.string(),
    typeOid: reader.uint32(),
    typeModifier: reader.int32(),
  }));
  // An empty schema name stands for pg_catalog.
  return { type: 'relation', oid, schema: schema === '' ? 'pg_catalog' : schema, table, identity, columns };
}

function malformed(lsn: bigint, what: string): EtlError {
  return new EtlError({
    code: 'PG_PROTOCOL_UNKNOWN_MESSAGE',
    kind: 'internal',
    message: `The replication stream has ${what} near ${formatLsn(lsn)}.`,
    hint: 'Report it with the version of the server.',
  });
}

class Reader {
  at: number;
  readonly #buffer: Buffer;

  constructor(buffer: Buffer, at: number) {
    this.#buffer = buffer;
    this.at = at;
  }

  uint8(): number {
    const value = this.#buffer.readUInt8(this.at);
    this.at += 1;
    return value;
  }

  uint16(): number {
    const value = this.#buffer.readUInt16BE(this.at);
    this.at += 2;
    return value;
  }

  uint32(): number {
    const value = this.#buffer.readUInt32BE(this.at);
    this.at += 4;
    return value;
  }

  int32(): number {
    const value = this.#buffer.readInt32BE(this.at);
    this.at += 4;
    return value;
  }

  int64(): bigint {
    const value = this.#buffer.readBigUInt64BE(this.at);
    this.at += 8;
    return value;
  }

  text(length: number): string {
    const text = this.#buffer.toString('utf8', this.at, this.at + length);
    this.at += length;
    return text;
  }

  string(): string {
    const end = this.#buffer.indexOf(0, this.at);
    const text = this.#buffer.toString('utf8', this.at, end);
    this.at = end + 1;
    return text;
  }

  tuple(lsn: bigint): Tuple {
    const count = this.uint16();
    const values: (string | null | undefined)[] = [];
    for (let index = 0; index < count; index += 1) {
      const kind = this.uint8();
      if (kind === 0x74) values.push(this.text(this.uint32())); // t
      else if (kind === 0x6e) values.push(null); // n
      else if (kind === 0x75) values.push(undefined); // u
      else throw malformed(lsn, `unknown value kind ${kind}`);
    }
    return values;
  }
}
