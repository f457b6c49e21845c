import type { Tuple } from '../../src/raw-tuple.ts';

/** Messages as the plugin `pgoutput` writes them, for tests that need any that there can be. */
export interface MessageColumn {
  readonly name: string;
  readonly isKey?: boolean;
  readonly typeOid: number;
  readonly typeModifier?: number;
}

export type OldTuple = { readonly kind: 'K' | 'O'; readonly tuple: Tuple };

export function relationMessage(oid: number, table: string, columns: readonly MessageColumn[]): Buffer {
  return Buffer.concat([
    Buffer.from('R'),
    uint32(oid),
    text('public'),
    text(table),
    Buffer.from('d'),
    uint16(columns.length),
    ...columns.flatMap(({ name, isKey = false, typeOid, typeModifier = -1 }) => [
      Buffer.from([isKey ? 1 : 0]),
      text(name),
      uint32(typeOid),
      uint32(typeModifier >>> 0),
    ]),
  ]);
}

export function beginMessage(commitLsn: bigint, xid: number): Buffer {
  return Buffer.concat([Buffer.from('B'), uint64(commitLsn), uint64(0n), uint32(xid)]);
}

export function commitMessage(commitLsn: bigint, endLsn: bigint): Buffer {
  return Buffer.concat([Buffer.from('C'), Buffer.from([0]), uint64(commitLsn), uint64(endLsn), uint64(0n)]);
}

export function insertMessage(oid: number, row: Tuple): Buffer {
  return Buffer.concat([Buffer.from('I'), uint32(oid), Buffer.from('N'), tupleData(row)]);
}

export function updateMessage(oid: number, row: Tuple, old?: OldTuple): Buffer {
  const before = old === undefined ? [] : [Buffer.from(old.kind), tupleData(old.tuple)];
  return Buffer.concat([Buffer.from('U'), uint32(oid), ...before, Buffer.from('N'), tupleData(row)]);
}

export function deleteMessage(oid: number, old: OldTuple): Buffer {
  return Buffer.concat([Buffer.from('D'), uint32(oid), Buffer.from(old.kind), tupleData(old.tuple)]);
}

/** A message in the frames in which a walsender sends it. */
export function xlogFrame(message: Buffer, lsn = 0n): Buffer {
  const body = Buffer.concat([Buffer.from('w'), uint64(lsn), uint64(lsn), uint64(0n), message]);
  return Buffer.concat([Buffer.from('d'), uint32(body.length + 4), body]);
}

function tupleData(tuple: Tuple): Buffer {
  return Buffer.concat([
    uint16(tuple.length),
    ...tuple.map((value) => {
      if (value === null) return Buffer.from('n');
      if (value === undefined) return Buffer.from('u');
      const bytes = Buffer.from(value, 'utf8');
      return Buffer.concat([Buffer.from('t'), uint32(bytes.length), bytes]);
    }),
  ]);
}

function text(value: string): Buffer {
  return Buffer.from(`${value}\0`, 'utf8');
}

function uint16(value: number): Buffer {
  const buffer = Buffer.alloc(2);
  buffer.writeUInt16BE(value);
  return buffer;
}

function uint32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32BE(value);
  return buffer;
}

function uint64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64BE(value);
  return buffer;
}
