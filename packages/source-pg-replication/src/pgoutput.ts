import { ByteMemory } from './byte-memory.ts';
import { joinLsn, type SplitLsn } from './lsn.ts';
import { MalformedMessage } from './malformed-message.ts';
import { RawTuple } from './raw-tuple.ts';

export interface RelationColumn {
  readonly name: string;
  /** Part of the replica identity. */
  readonly isKey: boolean;
  readonly typeOid: number;
  readonly typeModifier: number;
}

/** A changed row. Its values lie in the bytes that came: valid until the next message is decoded. */
export class PgoutputChange {
  type: 'insert' | 'update' | 'delete' = 'insert';
  relation = 0;
  /** The row as it is now; of no meaning after a deletion. */
  readonly row = new RawTuple();
  /** The row as it was; see {@link old}. */
  readonly before = new RawTuple();
  hasOld = false;
  /** Whether the old row is whole (`O`), or only its key (`K`), other values being NULL. */
  oldIsWhole = false;

  /** Old row or old key; `undefined` for an insertion, and for an update that left the key as it was. */
  get old(): RawTuple | undefined {
    return this.hasOld ? this.before : undefined;
  }
}

/** Where a transaction begins. */
export class PgoutputBegin implements SplitLsn {
  readonly type = 'begin';
  /** Of the LSN of its commit record. */
  readonly high: number;
  readonly low: number;
  readonly xid: number;

  constructor(high: number, low: number, xid: number) {
    this.high = high;
    this.low = low;
    this.xid = xid;
  }

  get commitLsn(): bigint {
    return joinLsn(this);
  }
}

/** A message of the `pgoutput` plugin, protocol version 1. */
export type PgoutputMessage =
  | PgoutputBegin
  | { readonly type: 'commit'; readonly commitLsn: bigint; readonly endLsn: bigint }
  | {
      readonly type: 'relation';
      readonly oid: number;
      readonly schema: string;
      readonly table: string;
      readonly identity: string;
      readonly columns: readonly RelationColumn[];
    }
  | PgoutputChange
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

/** Decodes messages where they lie. There is one {@link PgoutputChange}, used again for every change. */
export class PgoutputDecoder {
  readonly #change = new PgoutputChange();
  #memory = ByteMemory.empty;

  /**
   * Decodes the message at `buffer[start, end)`.
   *
   * @throws {@link MalformedMessage} when it is of no known type, or cut off.
   */
  decode(buffer: Buffer, start: number, end: number): PgoutputMessage {
    if (buffer !== this.#memory.bytes) this.#memory = new ByteMemory(buffer);
    switch (buffer[start]) {
      case 0x49: // I
        return this.#insert(start + 1, end);
      case 0x55: // U
        return this.#update(start + 1, end);
      case 0x44: // D
        return this.#delete(start + 1, end);
      default:
        return decodeOther(new Reader(this.#memory, start + 1, end), buffer[start] ?? 0);
    }
  }

  #insert(at: number, end: number): PgoutputChange {
    const change = this.#begin('insert', at, end);
    change.row.read(this.#memory, at + 5, end);
    return change;
  }

  #update(at: number, end: number): PgoutputChange {
    const change = this.#begin('update', at, end);
    const kind = this.#memory.bytes[at + 4];
    let next = at + 5;
    if (kind !== NEW) {
      change.hasOld = true;
      change.oldIsWhole = kind === OLD;
      next = change.before.read(this.#memory, next, end) + 1;
    }
    change.row.read(this.#memory, next, end);
    return change;
  }

  #delete(at: number, end: number): PgoutputChange {
    const change = this.#begin('delete', at, end);
    change.hasOld = true;
    change.oldIsWhole = this.#memory.bytes[at + 4] === OLD;
    change.before.read(this.#memory, at + 5, end);
    return change;
  }

  #begin(type: PgoutputChange['type'], at: number, end: number): PgoutputChange {
    if (at + 5 > end) throw new MalformedMessage('a message ends before its content');
    const change = this.#change;
    change.type = type;
    change.relation = this.#memory.view.getUint32(at);
    change.hasOld = false;
    change.oldIsWhole = false;
    return change;
  }
}

const NEW = 0x4e;
const OLD = 0x4f;

function decodeOther(reader: Reader, tag: number): PgoutputMessage {
  switch (tag) {
    case 0x42: // B
      return new PgoutputBegin(reader.uint32(), reader.uint32(), reader.skip(8).uint32());
    case 0x43: {
      // C
      const commit = { type: 'commit', commitLsn: reader.skip(1).int64(), endLsn: reader.int64() } as const;
      reader.skip(8);
      return commit;
    }
    case 0x52: // R
      return relation(reader);
    case 0x54: {
      // T
      const count = reader.uint32();
      reader.uint8();
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
      throw new MalformedMessage(`unknown message type ${tag}`);
  }
}

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

class Reader {
  readonly #memory: ByteMemory;
  readonly #end: number;
  #at: number;

  constructor(memory: ByteMemory, at: number, end: number) {
    this.#memory = memory;
    this.#at = at;
    this.#end = end;
  }

  skip(length: number): this {
    this.#take(length);
    return this;
  }

  uint8(): number {
    return this.#memory.view.getUint8(this.#take(1));
  }

  uint16(): number {
    return this.#memory.view.getUint16(this.#take(2));
  }

  uint32(): number {
    return this.#memory.view.getUint32(this.#take(4));
  }

  int32(): number {
    return this.#memory.view.getInt32(this.#take(4));
  }

  int64(): bigint {
    return this.#memory.view.getBigUint64(this.#take(8));
  }

  text(length: number): string {
    const at = this.#take(length);
    return this.#memory.bytes.toString('utf8', at, at + length);
  }

  string(): string {
    const { bytes } = this.#memory;
    const end = bytes.indexOf(0, this.#at);
    if (end === -1) throw new MalformedMessage('a message ends before its content');
    const at = this.#take(end + 1 - this.#at);
    return bytes.toString('utf8', at, end);
  }

  #take(length: number): number {
    const at = this.#at;
    this.#at += length;
    if (this.#at > this.#end) throw new MalformedMessage('a message ends before its content');
    return at;
  }
}
